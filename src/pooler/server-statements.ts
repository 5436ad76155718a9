/**
 * The prepared statements that one server has, and how messages of clients about them must be sent to it.
 *
 * Clients choose names, and each may choose the same; so on servers statements have names of ours, and are shared by all clients with the same text.
 * Every message of a client's has exactly one that is sent in its place, so that PostgreSQL itself decides what is answered, in which order, and
 * what is skipped after an error. What the server lacks goes ahead, in the same group and without a Sync: its completion is swallowed, and if it
 * fails, that answers the message behind it.
 *
 *   Parse     under our name; if the server has it already, a Close of a name that is nobody's, whose completion is given as a ParseComplete
 *   Bind, Describe   with our name
 *   Close     of a name that is nobody's: the statement stays, for others
 *   a Parse of a name that the client has given already: of a statement that is there, so that PostgreSQL says no
 *   a name that the client has not given: as it is; PostgreSQL says that there is none
 *
 * Whether a Parse or Close will run is known when it is answered: an error in front of it makes PostgreSQL skip it. Until then what the server has is
 * unsure, and a later group begins with a Close and a Parse, which is right either way.
 */

import { assert } from '../assert.ts'
import { TaxirankError } from '../errors.ts'
import type { Effect, Effects } from '../sql/effect.ts'
import { nameBytes } from '../sql/statement-effects.ts'
import { dottedNames } from '../sql/function-effects.ts'
import { Frontend } from '../wire/messages.ts'
import type { MessageBytes } from '../wire/read.ts'
import { closeStatement, nameEnd, renamedHead, statementNameAt } from '../wire/statement-name.ts'
import type { ClientStatements } from './client-statements.ts'
import { nobodysName, ourPrefix, type PlanParameters, type PreparedStatement } from './prepared-statements.ts'
import { DuplicateName, ParsedAlready, RefusedMessage, ReplacedAnswer } from './replaced-answer.ts'
import type { MessageNote, ReplyQueue } from './reply-queue.ts'
import type { Tally } from './tally.ts'

/** Bytes that are sent in place of the first `count` of a message. */
export interface Replacement {
  readonly count: number
  readonly bytes: Buffer
}

/** Whose messages these are. */
export interface StatementOwner {
  readonly id: number
  readonly statements: ClientStatements
  readonly parameters: PlanParameters
}

/** Who sends what must be sent. */
export interface StatementDesk {
  readonly tally: Pick<Tally, 'serverParses'>
  /** Bytes of the pooler's own. */
  write(bytes: Buffer): void
  /** A statement is about to run; an error: it must not. */
  running(effects: Effects): TaxirankError | undefined
}

/** What the server has of one statement. */
interface Prepared {
  readonly statement: PreparedStatement
  /** The last Parse or Close of it that has not been answered, or was skipped; undefined: it is there. */
  pending: MessageNote | undefined
  /** A pending Parse was sent in this group; -1: it was no Parse, or has been skipped. */
  group: number
  /** The statement's, when it was prepared. */
  version: number
  /** In which lease. */
  lease: number
  usedAt: number
  /** False while a Close of it is under way and nothing behind that. */
  isKept: boolean
}

/** The beginning of a message, or all of it. */
type MessagePiece = MessageBytes & { readonly isTail: boolean }

const closeNobodys = closeStatement(nobodysName)
const closeUnnamed = closeStatement('')

export class ServerStatements {
  readonly #queue: ReplyQueue
  readonly #most: number
  readonly #desk: StatementDesk
  readonly #prepared = new Map<PreparedStatement, Prepared>()
  /** How many of them. */
  #kept = 0
  #uses = 0
  #lease = 0
  /** The client whose unnamed statement the server has, 0: nobody's; and which of that client's it is. */
  #unnamedOf = 0
  #unnamedParse = 0
  /** In this lease: the names that the client has given to statements or taken back, in which group, and how often it had dropped all by then. */
  readonly #changed = new Map<string, { readonly group: number; readonly drops: number }>()
  /** In which group it may have dropped all of them; -1: in none. How often that was sent, and how often it has run. */
  #allChangedIn = -1
  #drops = 0
  #dropsRun = 0
  /** In this lease something was sent that changes what is analysed behind it: whether it runs, and for how long it holds, nobody knows. */
  #isTouched = false

  /** `most` are kept prepared; 0: names are left as they are. */
  constructor(queue: ReplyQueue, most: number, desk: StatementDesk) {
    this.#queue = queue
    this.#most = most
    this.#desk = desk
  }

  /** Names of clients are not names on the server. */
  get areNamed(): boolean {
    return this.#most > 0
  }

  get size(): number {
    return this.#kept
  }

  leaseBegan(): void {
    this.#lease++
    this.#isTouched = false
    this.#settled()
  }

  /** What is prepared behind this may be analysed otherwise than under the parameters that the owner is known to have. */
  touched(): void {
    this.#isTouched = true
  }

  leaseEnded(): void {
    if (this.#isTouched) this.expireLease()
  }

  #settled(): void {
    this.#changed.clear()
    this.#dropsSettled()
  }

  /** What has not run never will. */
  #dropsSettled(): void {
    this.#allChangedIn = -1
    this.#dropsRun = this.#drops
  }

  /** The client is about to drop all of its statements by SQL. */
  allDropping(): void {
    this.#allChangedIn = this.#queue.group
    this.#drops++
    this.doubt()
  }

  /** The client has dropped it with all others, by a message in front of this one and in its group, without which this one does not run either. */
  isDropped(name: string): boolean {
    return this.#allChangedIn === this.#queue.group && this.#changed.get(name)?.drops !== this.#drops
  }

  /** The next of the messages with which the client drops all has run: those that did not run are the last of their group. */
  allDropped({ statements }: StatementOwner): void {
    const run = ++this.#dropsRun
    statements.clear((name) => (this.#changed.get(name)?.drops ?? -1) >= run)
  }

  /** The client gives the name to a statement, or takes it back. */
  changes(name: string): void {
    this.#changed.set(name, { group: this.#queue.group, drops: this.#drops })
  }

  /**
   * Hot path. What the message means depends on whether an earlier group of the same pipeline has run, and that has not been answered yet: then
   * nothing of it may be sent until everything before it is answered.
   */
  mustWait(message: MessageBytes): boolean {
    if (this.#changed.size === 0 && this.#allChangedIn < 0) return false
    if (this.#queue.owed > 0) return this.#isUnsettled(message)
    if (!this.#queue.needsSync) this.#settled()
    else if (this.#allChangedIn !== this.#queue.group) this.#dropsSettled()
    return false
  }

  #isUnsettled(message: MessageBytes): boolean {
    // In SQL, too, names may be said.
    if (message.bytes[message.start] === Frontend.query) return true
    const from = statementNameAt(message)
    const to = from < 0 ? -1 : nameEnd(message, from)
    if (to < 0) return false
    const { group } = this.#queue
    // The unnamed one may be what drops all once more.
    if (this.#allChangedIn >= 0 && this.#allChangedIn !== group) return true
    const changedIn = this.#changed.get(statementName(message, from, to))?.group
    return changedIn !== undefined && changedIn !== group
  }

  /** What was prepared in this lease was prepared under parameters that nobody knows for sure: it is not used again. */
  expireLease(): void {
    for (const prepared of this.#prepared.values()) if (prepared.lease === this.#lease) prepared.version = -1
  }

  /** Somebody may have dropped any of them by SQL. */
  doubt(): void {
    for (const prepared of this.#prepared.values()) prepared.version = -1
  }

  /** A DISCARD ALL or DEALLOCATE ALL has run. What was sent behind it is still to come. */
  discarded(): void {
    for (const [statement, { pending }] of this.#prepared) {
      if (pending) continue
      this.#prepared.delete(statement)
      this.#kept--
    }
  }

  /** Hot path. A Query drops the unnamed statement. */
  unnamedDropped(): void {
    this.#unnamedOf = 0
  }

  /** A Parse of it has failed, or was skipped: nobody knows what is there. */
  unnamedLost(): void {
    this.#unnamedOf = -1
  }

  /** Hot path. The owner's Parse of the unnamed statement is sent: it replaces what is there, even if it fails. */
  unnamedParsed(owner: StatementOwner): void {
    this.#unnamedOf = owner.id
    this.#unnamedParse = owner.statements.unnamedParses
  }

  /** Hot path. A message can't just be forwarded: `replace` must have its way with it. */
  concerns(message: MessageBytes, owner: StatementOwner): boolean {
    const at = statementNameAt(message)
    if (at < 0) return at === -2
    if (message.bytes[at] !== 0) return this.areNamed
    const type = message.bytes[message.start]
    if (type === Frontend.parse || type === Frontend.close) return false
    const { hasUnnamed, unnamedEffects } = owner.statements
    if (unnamedEffects.length > 0) return true
    return !this.#hasUnnamedOf(owner) && (this.#unnamedOf !== 0 || hasUnnamed)
  }

  /** Hot path. Sends what must go ahead of the message. `mustParse`: no Parse may be spared. Throws `protocol_violation`, `statement_too_long`. */
  replace(message: MessagePiece, owner: StatementOwner, mustParse: boolean): Replacement | undefined {
    // PostgreSQL skips it: nothing of it happens.
    if (this.#queue.isSkipping) return undefined
    const from = statementNameAt(message)
    if (message.bytes[from] === 0) return this.#useUnnamed(message, from, owner)
    const to = from < 0 ? -1 : nameEnd(message, from)
    if (to < 0) return this.#malformed(message)
    const name = statementName(message, from, to)
    switch (message.bytes[message.start]) {
      case Frontend.parse:
        return this.#parse(message, to, name, owner, mustParse || this.#isTouched)
      case Frontend.close:
        return this.#close(message, from, to, name, owner)
      default:
        return this.#use(message, from, to, name, owner)
    }
  }

  /** A whole message is for PostgreSQL to refuse. */
  #malformed({ isTail }: { readonly isTail: boolean }): undefined {
    if (!isTail) throw new TaxirankError('protocol_violation', 'the name of a prepared statement is too long')
    this.#queue.sentExtended()
    return undefined
  }

  // The unnamed statement.

  #hasUnnamedOf({ id, statements }: StatementOwner): boolean {
    return this.#unnamedOf === id && this.#unnamedParse === statements.unnamedParses
  }

  /** A Bind or Describe of it: it may be on another server; the owner may have none, and must not meet somebody else's. */
  #useUnnamed(message: MessagePiece, from: number, owner: StatementOwner): Replacement | undefined {
    const { statements } = owner
    const refusal = this.#refusal(message, statements.unnamedEffects)
    if (refusal) return this.#refuse(message, from, from, refusal)
    if (!this.#hasUnnamedOf(owner)) this.#bringUnnamed(owner)
    this.#queue.sentExtended()
    return undefined
  }

  #bringUnnamed(owner: StatementOwner): void {
    const parse = owner.statements.unnamedParse
    const note: MessageNote = { isOurs: true, completed: nothing, dropped: () => (this.#unnamedOf = -1) }
    if (parse) {
      this.unnamedParsed(owner)
      this.#desk.tally.serverParses++
    } else {
      if (this.#unnamedOf === 0) return
      this.unnamedDropped()
    }
    this.#sendOurs(parse ?? closeUnnamed, note)
  }

  // Bind and Describe.

  /** Hot path. */
  #use(message: MessagePiece, from: number, to: number, name: string, owner: StatementOwner): Replacement | undefined {
    const statement = this.isDropped(name) ? undefined : this.#meant(name, owner)
    const refusal = statement && this.#refusal(message, statement.effects)
    if (refusal) return this.#refuse(message, from, to, refusal)
    if (statement) this.#ensure(statement)
    this.#queue.sentExtended()
    return renamed(message, from, to, statement?.name ?? strangersName(name))
  }

  /** Hot path. Under parameters that are not known for sure it is what PostgreSQL would have: as it was analysed before. */
  #meant(name: string, { statements, parameters }: StatementOwner): PreparedStatement | undefined {
    return this.#isTouched ? statements.asUsed(name) : statements.get(name, parameters)
  }

  /** Hot path. Why what a Bind would run must not. */
  #refusal(message: MessagePiece, effects: Effects): TaxirankError | undefined {
    if (effects.length === 0 || message.bytes[message.start] !== Frontend.bind) return undefined
    const isOpen = effects.some(({ kind }) => kind === 'set unnamed' || kind === 'set given')
    return this.#desk.running(isOpen ? effects.flatMap((effect) => filledIn(effect, message)) : effects)
  }

  #refuse(message: MessageBytes, from: number, to: number, refusal: TaxirankError): Replacement {
    this.#queue.sentNoted(new RefusedMessage(refusal))
    return renamedOnly(message, from, to, nobodysName)
  }

  /** Hot path. Sees to it that the server has the statement when it reads what is sent next. */
  #ensure(statement: PreparedStatement): Prepared {
    const prepared = this.#prepared.get(statement)
    if (prepared && this.#isThere(prepared)) {
      prepared.usedAt = ++this.#uses
      return prepared
    }
    const made = this.#makeRoom(statement)
    this.#sendOurs(statement.parse, this.#parsing(made, true))
    return made
  }

  /** Hot path. */
  #isThere(prepared: Prepared): boolean {
    if (prepared.version !== prepared.statement.version) return false
    return prepared.pending === undefined || prepared.group === this.#queue.group
  }

  /** What may be there of the statement is closed; and if it takes another's place, the one that was not used for longest. */
  #makeRoom(statement: PreparedStatement): Prepared {
    const known = this.#prepared.get(statement)
    const prepared = known ?? {
      statement,
      pending: undefined,
      group: -1,
      version: 0,
      lease: 0,
      usedAt: 0,
      isKept: false,
    }
    // More than that are kept where a Close was skipped.
    if (!prepared.isKept) while (this.#kept >= this.#most) this.#closeOldest()
    if (known) this.#closeOurs(known)
    prepared.isKept = true
    this.#kept++
    prepared.version = statement.version
    prepared.lease = this.#lease
    prepared.usedAt = ++this.#uses
    this.#prepared.set(statement, prepared)
    return prepared
  }

  #closeOldest(): void {
    let oldest: Prepared | undefined
    for (const prepared of this.#prepared.values()) {
      if (prepared.isKept && (!oldest || prepared.usedAt < oldest.usedAt)) oldest = prepared
    }
    assert(oldest !== undefined, 'of those that are kept one is the oldest')
    this.#closeOurs(oldest)
  }

  #closeOurs(prepared: Prepared): void {
    const note: MessageNote = {
      isOurs: true,
      completed: () => {
        if (prepared.pending === note) this.#prepared.delete(prepared.statement)
      },
      dropped: () => {
        if (prepared.pending === note) this.#keep(prepared)
      },
    }
    prepared.pending = note
    prepared.group = -1
    if (prepared.isKept) this.#kept--
    prepared.isKept = false
    this.#sendOurs(closeStatement(prepared.statement.name), note)
  }

  /** It may be there still. */
  #keep(prepared: Prepared): void {
    prepared.isKept = true
    this.#kept++
  }

  /** The note of a Parse. */
  #parsing(prepared: Prepared, isOurs: boolean, dropped = nothing): MessageNote {
    const note: MessageNote = {
      isOurs,
      completed: () => {
        if (prepared.pending === note) prepared.pending = undefined
      },
      dropped: () => {
        if (prepared.pending === note) prepared.group = -1
        dropped()
      },
    }
    prepared.pending = note
    prepared.group = this.#queue.group
    this.#desk.tally.serverParses++
    return note
  }

  #sendOurs(bytes: Buffer, note: MessageNote): void {
    this.#queue.sentNoted(note)
    this.#desk.write(bytes)
  }

  // Parse.

  #parse(message: MessagePiece, to: number, name: string, owner: StatementOwner, mustParse: boolean): Replacement {
    const from = statementNameAt(message)
    const { statements } = owner
    if (!message.isTail) throw tooLong(message)
    const before = this.#meant(name, owner)
    if (before && !this.isDropped(name)) return this.#parseAgain(message, from, to, name, before)
    if (statements.isFull) throw new TaxirankError('too_many_statements', 'too many prepared statements are kept')
    const statement = statements.share(message.bytes.toString('latin1', to + 1, message.end), owner.parameters)
    const forget = statements.give(name, statement)
    this.changes(name)
    const prepared = this.#prepared.get(statement)
    if (prepared && !mustParse && this.#isThere(prepared)) return this.#parseNothing(message, prepared, forget)
    this.#queue.sentNoted(this.#parsing(this.#makeRoom(statement), false, forget))
    return renamedOnly(message, from, to, statement.name)
  }

  /** The server has it. */
  #parseNothing(message: MessageBytes, prepared: Prepared, forget: () => void): Replacement {
    prepared.usedAt = ++this.#uses
    this.#queue.sentNoted(new ParsedAlready(forget))
    return { count: message.end - message.start, bytes: closeNobodys }
  }

  /** The client has given the name already: PostgreSQL says so, but for the name. */
  #parseAgain(message: MessageBytes, from: number, to: number, name: string, known: PreparedStatement): Replacement {
    this.#ensure(known)
    this.#queue.sentNoted(new DuplicateName(name, known.name))
    return renamedOnly(message, from, to, known.name)
  }

  // Close.

  #close(
    message: MessageBytes,
    from: number,
    to: number,
    name: string,
    { statements }: StatementOwner,
  ): Replacement | undefined {
    const statement = this.isDropped(name) ? undefined : statements.delete(name)
    if (!statement) {
      this.#queue.sentExtended()
      return renamed(message, from, to, strangersName(name))
    }
    this.changes(name)
    const restore = (): void => {
      if (!statements.has(name)) statements.set(name, statement)
    }
    this.#queue.sentNoted(new ReplacedAnswer(restore))
    return renamedOnly(message, from, to, nobodysName)
  }
}

/** Hot path. As PostgreSQL compares it. */
function statementName({ bytes }: MessageBytes, from: number, to: number): string {
  return bytes.toString('latin1', from, Math.min(to, from + nameBytes))
}

/** The name of a parameter may be one of the values, or made of some. One without a dot is a parameter that PostgreSQL lists. */
function filledIn(effect: Effect, { bytes, start, end, isTail }: MessagePiece): Effect {
  if (effect.kind !== 'set unnamed' && effect.kind !== 'set given') return effect
  const mentioned = dottedNames(bytes.toString('latin1', start, end))
  if (mentioned.length > 0) return { kind: 'unsure', mentioned, isSetting: true }
  return effect.kind === 'set given' && isTail ? { kind: 'set unknown' } : { kind: 'set unnamed' }
}

function renamed(message: MessageBytes, from: number, to: number, name: string | undefined): Replacement | undefined {
  return name === undefined ? undefined : renamedOnly(message, from, to, name)
}

/** Hot path. */
function renamedOnly(message: MessageBytes, from: number, to: number, name: string): Replacement {
  return { count: to + 1 - message.start, bytes: renamedHead(message, from, to, name) }
}

/** A name that the client has never given goes as it is, unless something of ours may have it. */
function strangersName(name: string): string | undefined {
  return name.startsWith(ourPrefix) ? nobodysName : undefined
}

function tooLong({ bytes, start }: MessageBytes): TaxirankError {
  const length = bytes.readUInt32BE(start + 1)
  return new TaxirankError(
    'statement_too_long',
    `a named statement of ${length.toLocaleString('en-US')} bytes is too long`,
  )
}

function nothing(): void {
  return
}
