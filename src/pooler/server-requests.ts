/**
 * What a client sends to the server that it holds, message by message: what each will owe, what it leaves in the session, what must go ahead of it or in
 * its place.
 */

import { assert } from '../assert.ts'
import { TaxirankError } from '../errors.ts'
import { isAscii } from '../sql/ascii.ts'
import { changesPlans, type Effect, type Effects, maySetEncoding, noEffects } from '../sql/effect.ts'
import { unsureAbout } from '../sql/code-effects.ts'
import { callEffects } from '../sql/value-effects.ts'
import { LongText } from '../sql/long-text.ts'
import * as build from '../wire/build.ts'
import { Frontend } from '../wire/messages.ts'
import { isNamedParse, type MessageBytes } from '../wire/read.ts'
import { nameEnd, statementNameAt } from '../wire/statement-name.ts'
import type { Holder } from './holder.ts'
import type { PlanParameters } from './prepared-statements.ts'
import { CarriedOut, RefusedMessage } from './replaced-answer.ts'
import type { ReplyQueue } from './reply-queue.ts'
import type { RequestHead } from './request-reader.ts'
import { type Replacement, ServerStatements, type StatementDesk } from './server-statements.ts'
import type { SessionKeeper } from './session-keeper.ts'
import type { Tally } from './tally.ts'

/** The server that they are sent to. */
export interface RequestDesk {
  readonly tally: Tally
  /** Its transaction block has failed, as far as anybody knows. */
  readonly isFailed: boolean
  /** Hot path. What the text that begins at `from` in a Query or Parse does to a session. */
  classify(message: RequestHead, from: number, isTransparent: boolean): Effects
  /** A client is about to run something with these effects. */
  noted(effects: Effects, holder: Holder): void
  /** Bytes of the pooler's own. */
  write(bytes: Buffer): void
}

function dropsStatements(effect: Effect): boolean {
  return effect.kind === 'deallocate all' || (effect.kind === 'discard' && effect.what === 'all')
}

/** By its letter, a comment, or nothing in front of a semicolon. */
const deallocateBegins = new Set(Buffer.from('dD-/;'))

/** Hot path. Most Queries begin with another letter. */
function mayDeallocate({ bytes, start, end }: RequestHead): boolean {
  for (let at = start + header; at < end; at++) {
    const byte = bytes[at] as number
    if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) continue
    return deallocateBegins.has(byte)
  }
  return false
}

/** Fails, whatever stands before it, and in a failed transaction, too. */
const failingQuery = build.query('refused')
const emptyQuery = build.query('')
const failingParse = build.parse('refused')
const header = 5
const oidBytes = 4
/** lo_create, lo_open, lo_close, loread, lowrite, lo_lseek, lo_creat, lo_tell, lo_unlink, lo_truncate, and those of 64 bits. */
const largeObjectFunctions = new Set([715, 952, 953, 954, 955, 956, 957, 958, 964, 1004, 3170, 3171, 3172])

/** A statement of the protocol's that is dropped in place of a Query. */
interface Deallocated {
  readonly deallocated: string
}

/** The rest of it could not be kept from the server. */
function tooLong({ message }: TaxirankError): TaxirankError {
  return new TaxirankError('statement_too_long', `a long statement must not run: ${message}`)
}

export class ServerRequests implements StatementDesk {
  readonly #desk: RequestDesk
  readonly #queue: ReplyQueue
  readonly #keeper: SessionKeeper
  readonly statements: ServerStatements
  #holder: Holder | undefined
  /** Nothing has been sent in this lease. */
  #isFirst = false
  /** In which group of this lease something was sent after which client_encoding may be another one, now or once it is rolled back; -1: none. */
  #reencodedIn = -1
  /** Something was sent that makes, changes or drops what statements may be about, and has not been answered for sure. */
  #isDefining = false
  /** What running those may do that were prepared in this lease under names that are left as they are. */
  readonly #leftEffects = new Set<Effects>()
  readonly #longText = new LongText()
  /** What is to become of the Query, Parse or call that is looked at. */
  #verdict: TaxirankError | Deallocated | undefined

  /** `mostPrepared` named statements are kept prepared; 0: names are left as they are. */
  constructor(desk: RequestDesk, queue: ReplyQueue, keeper: SessionKeeper, mostPrepared: number) {
    this.#desk = desk
    this.#queue = queue
    this.#keeper = keeper
    this.statements = new ServerStatements(queue, mostPrepared, this)
  }

  get #theHolder(): Holder {
    assert(this.#holder !== undefined, 'only a leased server is written to')
    return this.#holder
  }

  /** Whoever holds the server from now on. */
  leaseBegan(holder: Holder): void {
    const isAsLeft = this.#keeper.leavesState && this.#holder === holder && this.statements.isTouched
    this.#holder = holder
    this.#isFirst = true
    this.#reencodedIn = -1
    if (this.#leftEffects.size > 0) this.#leftEffects.clear()
    this.statements.leaseBegan(isAsLeft)
    if (holder.hasStatements) holder.statements.unnamedSettled()
  }

  // For the statements.

  get tally(): Tally {
    return this.#desk.tally
  }

  write(bytes: Buffer): void {
    this.#desk.write(bytes)
  }

  /** Hot path. It can't be known yet what the message means. */
  mustWait(message: RequestHead): boolean {
    const isUnsettled =
      this.statements.mustWait(message, this.#theHolder) ||
      this.#isUnsettledUnnamed(message) ||
      this.#isUnsettledDeallocate(message) ||
      this.#isUnsettledText(message)
    if (!isUnsettled) return false
    this.#queue.holdUntilAnswered()
    return true
  }

  /** Hot path. What its Bind runs depends on whether its newest Parse, in an earlier group, was skipped. */
  #isUnsettledUnnamed(message: RequestHead): boolean {
    const holder = this.#theHolder
    if (!holder.hasStatements || !holder.statements.isUnnamedUnsure(this.#queue.group)) return false
    if (this.#queue.owed > 0) {
      const isUse = message.type === Frontend.bind || message.type === Frontend.describe
      return isUse && message.bytes[statementNameAt(message)] === 0
    }
    holder.statements.unnamedSettled()
    return false
  }

  /** What is done instead of it depends on whether the holder's transaction has failed by then, and its Parse. */
  #isUnsettledDeallocate(message: RequestHead): boolean {
    const holder = this.#theHolder
    if (this.#isFirst || this.#queue.owed === 0 || !holder.hasStatements) return false
    if (message.type === Frontend.bind) return this.statements.isUnsureDeallocation(message, holder)
    if (message.type !== Frontend.query || !mayDeallocate(message)) return false
    return this.#deallocated(this.#classify(message, message.start + header)) !== undefined
  }

  /** What it says depends on an encoding that is about to change, maybe. */
  #isUnsettledText(message: RequestHead): boolean {
    if (this.#reencodedIn < 0 || this.#queue.owed === 0) return false
    const isText = message.type === Frontend.query || message.type === Frontend.parse
    return isText && !(message.isTail && isAscii(message.bytes, message.start + header, message.end))
  }

  /** Hot path. Those of the holder; behind what may change the encoding, and in its group, nobody knows which that is. */
  get parameters(): PlanParameters {
    const { parameters } = this.#theHolder
    if (this.#reencodedIn !== this.#queue.group) return parameters
    return { planKey: parameters.planKey, encoding: '', isTransparent: false }
  }

  /** Hot path. In a group a rollback, too, may have changed the encoding back. */
  get #isTransparent(): boolean {
    if (this.#reencodedIn >= 0 && this.#queue.mayBeSkipped) return false
    return this.parameters.isTransparent
  }

  preparing(effects: Effects): void {
    if (effects.length > 0) this.#sequencesNoted(effects)
  }

  running(effects: Effects): TaxirankError | undefined {
    this.#sequencesNoted(effects)
    if (effects.some(maySetEncoding)) this.#reencodedIn = this.#queue.group
    if (effects.some(dropsStatements)) this.statements.allDropping()
    for (const effect of effects) this.statements.runs(effect)
    if (effects.some(changesPlans)) this.statements.touched()
    if (effects.some((effect) => effect.kind === 'definition' && !this.#isTemporary(effect))) this.#isDefining = true
    this.#desk.noted(effects, this.#theHolder)
    return this.#keeper.running(effects)
  }

  /** What is dropped by who has temporary objects is one of these, as a rule. */
  #isTemporary({ isDrop }: Extract<Effect, { kind: 'definition' }>): boolean {
    return isDrop === true && this.#keeper.pin?.kinds.has('temporary objects') === true
  }

  /** Hot path. A request is answered, or the lease is over: true if something may have been defined. `isOpen`: its transaction is. */
  hasDefined(isOpen: boolean): boolean {
    if (!this.#isDefining) return false
    this.#isDefining = isOpen || !this.#queue.isAnswered
    return true
  }

  // What can't just be forwarded.

  /** Hot path. A message that begins here can't just be accounted for and forwarded: it is to be given to `replace` instead. */
  replaces(message: RequestHead): boolean {
    const { type } = message
    if (type === Frontend.query) return this.#replacesQuery(message)
    if (type === Frontend.parse) this.#examineParse(message)
    else if (type === Frontend.functionCall) return this.#refusesCall(message)
    else if (type === Frontend.bind && this.#leftEffects.size > 0)
      for (const effects of this.#leftEffects) this.#keeper.running(effects)
    if (this.#verdict) return true
    return this.statements.concerns(message, this.#theHolder)
  }

  /** Hot path. */
  #replacesQuery(message: RequestHead): boolean {
    const effects = this.#classify(message, message.start + header)
    if (effects.length === 0) return false
    this.#verdict = this.#deallocatedBy(effects) ?? this.running(effects)
    return this.#verdict !== undefined
  }

  /** Nothing shows what a function does to the session, but for those that large objects are read and written with. */
  #refusesCall({ bytes, start, end, isTail }: RequestHead): boolean {
    const at = start + header
    if (isTail && end - at >= oidBytes && largeObjectFunctions.has(bytes.readUInt32BE(at))) return false
    this.#verdict = this.running(callEffects(bytes, at, end, isTail))
    return this.#verdict !== undefined
  }

  /** Hot path. Only a statement without a name is looked at here; the others when they are shared. */
  #examineParse(message: RequestHead): void {
    if (isNamedParse(message)) return this.statements.areNamed ? undefined : this.#examineNamed(message)
    if (this.#queue.isSkipping) return
    const effects = this.#classify(message, message.start + header + 1)
    const holder = this.#theHolder
    if (effects.length === 0 && !holder.hasStatements) return
    holder.statements.unnamedEffects = effects
    if (effects.length > 0) this.#sequencesNoted(effects)
  }

  /** One whose name is left as it is: it must not be prepared, if it must not run; what it does it may do at any Bind behind it. */
  #examineNamed(message: RequestHead): void {
    if (this.#queue.isSkipping) return
    const end = nameEnd(message, message.start + header)
    const effects = end < 0 ? noEffects : this.#classify(message, end + 1)
    if (effects.length === 0) return
    this.#verdict = this.running(effects)
    if (!this.#keeper.isOff) this.#leftEffects.add(effects)
  }

  /** Hot path. */
  #classify(message: RequestHead, from: number): Effects {
    if (!message.isTail) return this.#classifyLong(message, from)
    return this.#desk.classify(message, from, this.#isTransparent)
  }

  /** More of it is to come. */
  #classifyLong({ bytes, end }: RequestHead, from: number): Effects {
    return [...unsureAbout(bytes, from, end), ...this.#longText.begin(bytes, from, end)]
  }

  /** The next piece of a Query or Parse whose beginning has been sent: what must not run can't be refused any more, so its server is not lent on. */
  goesOn({ bytes, start, end }: MessageBytes): void {
    if (this.#keeper.isOff) return
    const refusal = this.running(this.#longText.goOn(bytes, start, end))
    if (refusal) this.#keeper.session.ruin(refusal.message, true)
  }

  #sequencesNoted(effects: Effects): void {
    for (const effect of effects)
      if (effect.kind === 'read sequence')
        this.#keeper.readsSequence(this.#theHolder, this.#isFirst, effect.isMaybe !== true)
  }

  /** A statement of the protocol's that the holder deallocates in SQL, which doesn't know its name. */
  #deallocatedBy(effects: Effects): Deallocated | undefined {
    const deallocated = this.#desk.isFailed ? undefined : this.#deallocated(effects)
    return deallocated === undefined ? undefined : { deallocated }
  }

  #deallocated(effects: Effects): string | undefined {
    const holder = this.#theHolder
    return holder.hasStatements ? this.statements.deallocatedBy(effects, holder) : undefined
  }

  /** Hot path. Sends what must go ahead of the message, and tells what goes in place of its beginning. */
  replace(message: RequestHead): Replacement | undefined {
    const replacement = this.#replace(message)
    this.#isFirst = false
    return replacement
  }

  /** Hot path. */
  #replace(message: RequestHead): Replacement | undefined {
    if (message.type === Frontend.query || message.type === Frontend.functionCall) return this.#replaceQuery(message)
    if (message.type === Frontend.parse) {
      this.#desk.tally.clientParses++
      if (this.#verdict) return this.#refuseParse(message, this.#verdict)
    } else if (message.type === Frontend.bind) this.#desk.tally.binds++
    return this.statements.replace(message, this.#theHolder, this.#mayHaveFailed)
  }

  /** Hot path. The transaction block that the message will run in has failed, or may fail before. */
  get #mayHaveFailed(): boolean {
    return this.#desk.isFailed || this.#queue.owed > 0
  }

  /** Throws `statement_too_long`. */
  #refuseParse({ start, end, isTail }: RequestHead, verdict: TaxirankError | Deallocated): Replacement {
    assert(verdict instanceof TaxirankError, 'a Parse deallocates nothing')
    this.#verdict = undefined
    if (!isTail) throw tooLong(verdict)
    // It is one without a name.
    this.statements.unnamedLost()
    this.#queue.sentNoted(new RefusedMessage(verdict))
    return { count: end - start, bytes: failingParse }
  }

  /** Throws `statement_too_long`. */
  #replaceQuery(message: RequestHead): Replacement {
    const holder = this.#theHolder
    const verdict = this.#verdict
    assert(verdict !== undefined, 'a Query is replaced for a reason')
    this.#verdict = undefined
    this.#unnamedDropped(holder)
    const count = message.end - message.start
    if (!('deallocated' in verdict)) {
      if (!message.isTail) throw tooLong(verdict)
      this.#queue.sentNotedQuery(holder, new RefusedMessage(verdict))
      return { count, bytes: failingQuery }
    }
    const { deallocated: name } = verdict
    const undo = holder.statements.takeBack(name)
    // Behind an error of the same group it is skipped.
    if (this.#queue.needsSync) this.statements.changing(name)
    this.#queue.sentNotedQuery(holder, new CarriedOut('DEALLOCATE', undo))
    return { count, bytes: emptyQuery }
  }

  // What is forwarded.

  /** Hot path. The head of a message of the holder's is about to be forwarded: what will it owe, what does it leave? */
  account(message: RequestHead): void {
    const queue = this.#queue
    const holder = this.#theHolder
    this.#isFirst = false
    switch (message.type) {
      case Frontend.query:
        this.#unnamedDropped(holder)
        return this.#sentQuery(holder)
      case Frontend.functionCall:
        return this.#sentQuery(holder)
      case Frontend.sync:
        return queue.sentSync(holder)
      case Frontend.parse:
        return this.#sentParse(message, holder)
      case Frontend.bind:
        this.#desk.tally.binds++
        return queue.sentExtended()
      case Frontend.close:
        if (message.bytes[statementNameAt(message)] === 0) this.#unnamedClosed(message, holder)
        return queue.sentExtended()
      case Frontend.execute:
      case Frontend.describe:
        return queue.sentExtended()
      case Frontend.copyDone:
      case Frontend.copyFail:
        return queue.sentCopyEnd()
      default:
    }
  }

  /** PostgreSQL doesn't, if it skips the message. */
  #unnamedDropped(holder: Holder): void {
    if (this.#queue.isSkipping) return
    // Behind an error of the same group it is there still: nobody's then.
    if (this.#queue.mayBeSkipped) this.statements.unnamedLost()
    else this.statements.unnamedDropped(holder.id)
    holder.unnamedDropped()
  }

  /** PostgreSQL doesn't, if there are bytes behind the name. */
  #unnamedClosed(message: RequestHead, holder: Holder): void {
    this.#unnamedDropped(holder)
    if (statementNameAt(message) + 1 !== message.end) this.statements.unnamedLost()
  }

  #sentQuery(holder: Holder): void {
    if (this.#queue.needsSync) this.#keeper.session.ruin('a Query was sent inside an extended group', true)
    this.#queue.sentQuery(holder)
  }

  /** One whose name, if it has one, is left as it is. */
  #sentParse(message: RequestHead, holder: Holder): void {
    this.#desk.tally.clientParses++
    this.#desk.tally.serverParses++
    if (isNamedParse(message)) {
      this.#keeper.session.leave('statements', 'a named statement was prepared on it')
      return this.#queue.sentExtended()
    }
    if (this.#queue.isSkipping) return
    const unsureGroup = this.#queue.mayBeSkipped ? this.#queue.group : -1
    holder.statements.unnamedParsed(message, message.isTail, unsureGroup, this.parameters.encoding)
    this.statements.unnamedParsed(holder)
    this.#queue.sentUnnamedParse()
  }
}
