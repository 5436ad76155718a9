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
 *   Bind of a DEALLOCATE   the same of one of our own, which goes ahead with a statement for it: PostgreSQL says whether it runs
 *
 * What a server has, and what of that is sure: server-prepared.ts, server-unnamed.ts.
 * What of the client's names has been changed and not been answered: statement-changes.ts.
 */

import { TaxirankError } from '../errors.ts'
import { type Effect, type Effects, noEffects } from '../sql/effect.ts'
import { dottedNames } from '../sql/dotted-names.ts'
import { givenEffects, namesTempSchema } from '../sql/value-effects.ts'
import { nameBytes } from '../sql/parameter-name.ts'
import { ourPrefix } from '../sql/statement-prefix.ts'
import { Frontend } from '../wire/messages.ts'
import type { MessageBytes } from '../wire/read.ts'
import { closeStatement, nameEnd, parseStatement, renamedHead, statementNameAt } from '../wire/statement-name.ts'
import type { ClientStatements } from './client-statements.ts'
import { nobodysName, type PlanParameters, type PreparedStatement } from './prepared-statements.ts'
import { DuplicateName, ParsedAlready, RefusedMessage, ReplacedAnswer } from './replaced-answer.ts'
import type { MessageNote, ReplyQueue } from './reply-queue.ts'
import { ServerPrepared } from './server-prepared.ts'
import { ServerUnnamed } from './server-unnamed.ts'
import { StatementChanges } from './statement-changes.ts'
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
  /** One is about to be prepared that may do so when it runs. */
  preparing(effects: Effects): void
  /** Those under which what is sent next is prepared. */
  readonly parameters: PlanParameters
}

/** The beginning of a message, or all of it. */
type MessagePiece = MessageBytes & { readonly isTail: boolean }

const closeNobodys = closeStatement(nobodysName)
const closeUnnamed = closeStatement('')
/** Stands for a client's statement that is deallocated in SQL. Where that was bound but never executed, it is there still. */
const doomedName = `${ourPrefix}doomed`
/** It is there, and the unnamed statement deallocates it. */
const deallocation: readonly Buffer[] = [
  closeStatement(doomedName),
  parseStatement(doomedName, textAlone('')),
  parseStatement('', textAlone(`DEALLOCATE ${doomedName}`)),
]

/** Of a message of ours that leaves nothing to be known. */
const ownNote: MessageNote = { isOurs: true, completed: nothing, failed: nothing }

export class ServerStatements {
  readonly #queue: ReplyQueue
  readonly #most: number
  readonly #desk: StatementDesk
  readonly #prepared: ServerPrepared
  readonly #unnamed: ServerUnnamed
  /** Of the client's names, in this lease. */
  readonly #changes: StatementChanges
  /** In this lease something was sent that changes what is analysed behind it: whether it runs, and for how long it holds, nobody knows. */
  #isTouched = false
  /** In this lease the client deallocates in SQL what may be ours. */
  #mayDropOurs = false

  /** `most` are kept prepared; 0: names are left as they are. */
  constructor(queue: ReplyQueue, most: number, desk: StatementDesk) {
    this.#queue = queue
    this.#most = most
    this.#desk = desk
    this.#prepared = new ServerPrepared(queue, most, desk)
    this.#unnamed = new ServerUnnamed(queue)
    this.#changes = new StatementChanges(queue)
  }

  /** Names of clients are not names on the server. */
  get areNamed(): boolean {
    return this.#most > 0
  }

  get size(): number {
    return this.#prepared.size
  }

  /** More than may be, by far: it can't be lent on. */
  get isOverfull(): boolean {
    return this.#prepared.isOverfull
  }

  /** `isTouched`: the session is as the client has left it in an earlier lease, and nobody has asked how. */
  leaseBegan(isTouched: boolean): void {
    this.#prepared.leaseBegan()
    this.#isTouched = isTouched
    this.#mayDropOurs = false
    this.#changes.settled()
  }

  /** Hot path. The parameters may not be those that the owner is known to have. */
  get isTouched(): boolean {
    return this.#isTouched
  }

  /** What is prepared behind this may be analysed otherwise than under the parameters that the owner is known to have. */
  touched(): void {
    this.#isTouched = true
  }

  leaseEnded(): void {
    if (this.#isTouched) this.#prepared.expireLease()
  }

  /** The client is about to drop all of its statements by SQL. */
  allDropping(): void {
    this.#changes.allDropping()
    this.expireAll()
  }

  /** The next of the messages with which the client drops all has run. */
  allDropped({ statements }: StatementOwner): void {
    this.#changes.allDropped()
    statements.clear((name) => this.#changes.survives(name))
  }

  /** The client gives the name to a statement, or takes it back. Throws `too_many_statements`. */
  changing(name: string): void {
    this.#changes.changing(name)
  }

  /**
   * Hot path. What the message means depends on whether an earlier group of the same pipeline has run, and that has not been answered yet: then
   * nothing of it may be sent until everything before it is answered.
   */
  mustWait(message: MessageBytes, owner: StatementOwner): boolean {
    if (this.#changes.isEmpty) return false
    if (this.#queue.owed > 0) return this.#isUnsettled(message, owner)
    this.#changes.requestsAnswered()
    return false
  }

  #isUnsettled(message: MessageBytes, { statements }: StatementOwner): boolean {
    // In SQL, too, names may be said.
    const type = message.bytes[message.start]
    if (type === Frontend.query) return true
    const from = statementNameAt(message)
    const to = from < 0 ? -1 : nameEnd(message, from)
    if (to < 0) return false
    // The unnamed one may be what drops all once more.
    if (this.#changes.isAllChangedBefore) return true
    const name = statementName(message, from, to)
    if (this.#changes.isChangedBefore(name)) return true
    if (type !== Frontend.bind) return false
    const [effect] = (name === '' ? statements.unnamedEffects : statements.asUsed(name)?.effects) ?? []
    return effect?.kind === 'deallocate' && this.#changes.isChangedBefore(effect.statement)
  }

  /** What was prepared in this lease was prepared under parameters that nobody knows for sure: it is not used again. */
  expireLease(): void {
    this.#prepared.expireLease()
  }

  /** Somebody may have dropped any of them by SQL. */
  expireAll(): void {
    this.#prepared.expireAll()
  }

  /** The client is about to run something with this effect. */
  runs(effect: Effect): void {
    if (effect.kind === 'deallocate' ? effect.statement.startsWith(ourPrefix) : effect.kind === 'unsure')
      this.#mayDropOurs = true
  }

  /** One was deallocated in SQL. */
  deallocated(): void {
    if (this.#mayDropOurs) this.expireAll()
  }

  /** A DISCARD ALL or DEALLOCATE ALL has run. What was sent behind it is still to come. */
  discarded(): void {
    this.#prepared.discarded()
  }

  /** Hot path. The statement of the protocol's that the owner deallocates in SQL, which doesn't know its name; undefined: none. */
  deallocatedBy([effect]: Effects, { statements }: StatementOwner): string | undefined {
    if (effect?.kind !== 'deallocate' || !effect.isAlone || !this.areNamed) return undefined
    const { statement: name } = effect
    return statements.has(name) && !this.#changes.isDropped(name) ? name : undefined
  }

  /** Hot path. It is a Bind of the unnamed statement, which deallocates one, if its Parse in an earlier group has not failed. */
  isUnsureDeallocation(message: MessageBytes, owner: StatementOwner): boolean {
    const { unnamedEffects } = owner.statements
    if (unnamedEffects.length === 0 || message.bytes[statementNameAt(message)] !== 0) return false
    return this.deallocatedBy(unnamedEffects, owner) !== undefined && !this.#unnamed.isOfGroup(owner)
  }

  /** Hot path. A Query or Close drops the unnamed statement: of the client with that id, or one of the pooler's. */
  unnamedDropped(by?: number): void {
    this.#unnamed.dropped(by)
  }

  /** A Parse of it has failed, or was skipped: nobody knows what is there. */
  unnamedLost(): void {
    this.#unnamed.lost()
  }

  /** Hot path. The owner's Parse of the unnamed statement is sent. */
  unnamedParsed(owner: StatementOwner): void {
    this.#unnamed.parsed(owner)
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
    return !this.#unnamed.isOf(owner) && (!this.#unnamed.isNobodys || hasUnnamed)
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
        return this.#parse(message, to, name, owner, mustParse)
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

  /** A Bind or Describe of it: it may be on another server; the owner may have none, and must not meet somebody else's. */
  #useUnnamed(message: MessagePiece, from: number, owner: StatementOwner): Replacement | undefined {
    const { statements } = owner
    const refusal = this.#refusal(message, statements.unnamedEffects)
    if (refusal) return this.#refuse(message, from, from, refusal)
    const isThere = this.#unnamed.isOf(owner)
    if ((isThere || statements.hasUnnamed) && this.#deallocates(message, statements.unnamedEffects, owner))
      return undefined
    if (!isThere) this.#bringUnnamed(owner)
    this.#queue.sentExtended()
    return undefined
  }

  #bringUnnamed(owner: StatementOwner): void {
    const parse = owner.statements.unnamedParseIn(this.#desk.parameters.encoding)
    if (parse) {
      this.#unnamed.parsed(owner)
      this.#desk.tally.serverParses++
    } else {
      if (this.#unnamed.isNobodys) return
      this.#unnamed.dropped(owner.id)
    }
    const note: MessageNote = { isOurs: true, completed: nothing, failed: () => this.#unnamed.lost() }
    this.#queue.sentNoted(note)
    this.#desk.write(parse ?? closeUnnamed)
  }

  // Bind and Describe.

  /** Hot path. */
  #use(message: MessagePiece, from: number, to: number, name: string, owner: StatementOwner): Replacement | undefined {
    const statement = this.#changes.isDropped(name) ? undefined : this.#meant(name, owner)
    const refusal = statement && (this.#foreign(name, statement) ?? this.#refusal(message, statement.effects))
    if (refusal) return this.#refuse(message, from, to, refusal)
    if (statement && this.#deallocates(message, statement.effects, owner)) return renamedOnly(message, from, to, '')
    if (statement) this.#prepared.ensure(statement, this.#isTouched)
    this.#queue.sentExtended()
    return renamed(message, from, to, statement?.name ?? strangersName(name))
  }

  /** Hot path. Under parameters that are not known for sure it is what PostgreSQL would have: as it was analysed before. */
  #meant(name: string, { statements, parameters }: StatementOwner): PreparedStatement | undefined {
    return this.#isTouched ? statements.asUsed(name) : statements.get(name, parameters)
  }

  /** Hot path. Why it can't be prepared: the server, which lacks it, would read another text. */
  #foreign(name: string, statement: PreparedStatement): TaxirankError | undefined {
    const { encoding } = statement
    if (encoding === undefined || !statement.isForeignIn(this.#desk.parameters.encoding)) return undefined
    if (this.#prepared.has(statement)) return undefined
    const text = `prepared statement "${name}" has characters beyond ASCII, and client_encoding was ${encoding || 'about to change'} when it was prepared: prepare it anew`
    return new TaxirankError('feature_not_supported', text)
  }

  /** Hot path. Why what a Bind would run must not. */
  #refusal(message: MessagePiece, effects: Effects): TaxirankError | undefined {
    if (effects.length === 0 || message.bytes[message.start] !== Frontend.bind) return undefined
    return this.#desk.running(effects.some(isOpen) ? effects.flatMap((effect) => filledIn(effect, message)) : effects)
  }

  #refuse(message: MessageBytes, from: number, to: number, refusal: TaxirankError): Replacement {
    this.#queue.sentNoted(new RefusedMessage(refusal))
    return renamedOnly(message, from, to, nobodysName)
  }

  // DEALLOCATE.

  /** Hot path. True for a Bind of what deallocates a statement of the owner's: then that is gone, and it has to be a Bind of the unnamed one. */
  #deallocates(message: MessagePiece, effects: Effects, owner: StatementOwner): boolean {
    if (effects.length === 0 || message.bytes[message.start] !== Frontend.bind) return false
    const name = this.deallocatedBy(effects, owner)
    if (name === undefined) return false
    this.#unnamed.lost()
    for (const bytes of deallocation) {
      this.#queue.sentNoted(ownNote)
      this.#desk.write(bytes)
    }
    this.#desk.tally.serverParses += 2
    this.#queue.sentNoted(this.#takingBack(name, owner))
    return true
  }

  /** The owner gives its statement up, unless the message fails or is skipped. */
  #takingBack(name: string, { statements }: StatementOwner): MessageNote {
    const undo = statements.takeBack(name)
    this.changing(name)
    return new ReplacedAnswer(undo)
  }

  // Parse.

  #parse(message: MessagePiece, to: number, name: string, owner: StatementOwner, mustParse: boolean): Replacement {
    const from = statementNameAt(message)
    const { statements } = owner
    if (!message.isTail) throw tooLong(message)
    const before = this.#meant(name, owner)
    if (before && !this.#changes.isDropped(name)) return this.#parseAgain(message, from, to, name, before)
    if (statements.isFull) throw new TaxirankError('too_many_statements', 'too many prepared statements are kept')
    const content = message.bytes.toString('latin1', to + 1, message.end)
    const { parameters } = this.#desk
    const statement = this.#isTouched ? statements.alone(content, parameters) : statements.share(content, parameters)
    this.#desk.preparing(statement.effects)
    const forget = statements.give(name, statement, this.#changes.survivalOf(name))
    this.changing(name)
    if (!mustParse && this.#prepared.use(statement, this.#isTouched)) return this.#parseNothing(message, forget)
    this.#queue.sentNoted(this.#prepared.making(statement, false, forget))
    return renamedOnly(message, from, to, statement.name)
  }

  /** The server has it. */
  #parseNothing(message: MessageBytes, forget: () => void): Replacement {
    this.#queue.sentNoted(new ParsedAlready(forget))
    return { count: message.end - message.start, bytes: closeNobodys }
  }

  /** The client has given the name already: PostgreSQL says so, but for the name. */
  #parseAgain(message: MessageBytes, from: number, to: number, name: string, known: PreparedStatement): Replacement {
    this.#prepared.ensure(known, this.#isTouched)
    this.#queue.sentNoted(new DuplicateName(name, known.name))
    return renamedOnly(message, from, to, known.name)
  }

  // Close.

  #close(
    message: MessageBytes,
    from: number,
    to: number,
    name: string,
    owner: StatementOwner,
  ): Replacement | undefined {
    if (this.#changes.isDropped(name) || !owner.statements.has(name)) {
      this.#queue.sentExtended()
      return renamed(message, from, to, strangersName(name))
    }
    this.#queue.sentNoted(this.#takingBack(name, owner))
    return renamedOnly(message, from, to, nobodysName)
  }
}

/** Hot path. As PostgreSQL compares it. */
function statementName({ bytes }: MessageBytes, from: number, to: number): string {
  return bytes.toString('latin1', from, Math.min(to, from + nameBytes))
}

/** Hot path. What it is depends on the values of the Bind. */
function isOpen(effect: Effect): boolean {
  return effect.kind === 'set unnamed' || effect.kind === 'set given' || effect.kind === 'maybe temporary'
}

/** The name of a parameter may be one of the values, or made of some. One without a dot is a parameter that PostgreSQL lists. */
function filledIn(effect: Effect, { bytes, start, end, isTail }: MessagePiece): Effects {
  if (!isOpen(effect)) return [effect]
  const values = bytes.toString('latin1', start, end)
  if (effect.kind === 'maybe temporary')
    return effect.isGiven && isTail && !namesTempSchema(values) ? noEffects : [effect]
  if (effect.kind === 'set given' && isTail) return givenEffects(values, effect.isLocal)
  const mentioned = dottedNames(values)
  return [mentioned.length > 0 ? { kind: 'unsure', mentioned, isSetting: true } : { kind: 'set unnamed' }]
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

/** What stands behind the name in a Parse of a text without parameters. */
function textAlone(text: string): string {
  return `${text}\0\0\0`
}

function nothing(): void {
  return
}
