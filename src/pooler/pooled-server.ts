/**
 * A server as the pool sees it: what it owes and to whom (the reply queue), what state its session is in, and whether
 * it may be lent again.
 *
 * A client's bytes never reach another client. So a server is released only at the counted point: everything owed was
 * received, the last status is idle, nothing is unsent, half sent or half received, no COPY runs, no cancel is under way
 * and nothing was left in the session. Otherwise it stays leased, is settled (read on to that point for a client that is
 * gone), or destroyed.
 */

import { assert } from '../assert.ts'
import type { Derivations } from '../auth/derivations.ts'
import type { Lease } from '../engine/lease.ts'
import type { Slot } from '../engine/slot.ts'
import { TaxirankError } from '../errors.ts'
import { cancelBackend, type CancelOutcome } from '../server/cancel.ts'
import type { Effects } from '../sql/effect.ts'
import { Server, type ServerHandler, type SocketWay } from '../server/server.ts'
import type { ServerTarget } from '../server/target.ts'
import { Deadline, type Deadlines } from '../time.ts'
import * as build from '../wire/build.ts'
import type { Framer, FramingRules } from '../wire/framer.ts'
import { Backend, Frontend, TransactionStatus } from '../wire/messages.ts'
import { isNamedParse, readErrorFields, readParameterStatus } from '../wire/read.ts'
import { statementNameAt } from '../wire/statement-name.ts'
import { Chore, type ChoreFailure, type ChoreOwner } from './chore.ts'
import type { Holder } from './holder.ts'
import { Inquiry } from './inquiry.ts'
import {
  type ParameterSet,
  type ParameterSets,
  resetStatement,
  setStatement,
  type TrackedParameters,
} from './parameters.ts'
import { type Doubts, questionOf, readAnswer } from './pin.ts'
import { CarriedOut, RefusedMessage, ReplacedAnswer } from './replaced-answer.ts'
import { type MessageNote, ReplyQueue } from './reply-queue.ts'
import type { ReplyReader } from './reply-reader.ts'
import { ReplyRouter, type RouterDesk } from './reply-router.ts'
import type { RequestHead } from './request-reader.ts'
import { ServerCancel } from './server-cancel.ts'
import { ServerSession } from './server-session.ts'
import { type Replacement, ServerStatements, type StatementDesk } from './server-statements.ts'
import { resetQueryOf, type SessionRules } from './session-rules.ts'
import { type PinDesk, SessionWatch } from './session-watch.ts'
import { Settlement } from './settlement.ts'
import type { Tally } from './tally.ts'
import { ServerSwallow, type Trace, type Traffic } from './trace.ts'

/** What a server needs of the pool that it belongs to. */
export interface ServerOwner extends PinDesk {
  /** Hot path. What the text that begins at `from` in a Query or Parse does to a session. */
  classify(message: RequestHead, from: number): Effects
  /** A client is about to run something with these effects. */
  noted(effects: Effects, holder: Holder): void
  /** Where a server that is opened now goes. */
  takeTarget(): ServerTarget
  readonly derivations: Derivations
  /** What is counted in its database. */
  readonly tally: Tally
  readonly rules: SessionRules
  readonly tracked: TrackedParameters
  readonly replyRules: FramingRules
  readonly connectTimeoutMs: number
  readonly cancelTimeoutMs: number
  readonly deadlines: Deadlines
  readonly now: () => number
  readonly parameterSets: ParameterSets
  readonly trace: Trace
  serverReady(server: PooledServer): void
  serverFailed(server: PooledServer, error: TaxirankError, isFinal: boolean): void
  serverClosed(server: PooledServer): void
  /** The lease has ended and the server may be lent again; if it is dirty, after it has been reset. */
  release(lease: Lease<PooledServer>, number: number, isDirty: boolean): void
  /** A check is over, or a reset: undefined if all is well. */
  checkEnded(server: PooledServer, failure: string | undefined): void
  resetEnded(server: PooledServer, failure: string | undefined): void
  /** Close it: it may not be lent again. */
  destroy(server: PooledServer, reason: string): void
  settling(server: PooledServer): void
  crashed(error: unknown): void
}

const discardAll = 'DISCARD ALL'
const discardSequences = 'DISCARD SEQUENCES'
/** Fails, whatever stands before it, and in a failed transaction, too. */
const failingQuery = build.query('refused')
const emptyQuery = build.query('')
const noSettings: ReadonlyMap<string, string> = new Map()
const prepareTag = Buffer.from('PREPARE\0')
const listenTag = Buffer.from('LISTEN\0')
const discardAllTag = Buffer.from('DISCARD ALL\0')
const deallocateAllTag = Buffer.from('DEALLOCATE ALL\0')
const deallocateTag = Buffer.from('DEALLOCATE\0')
/** "prepared statement does not exist". */
const noStatement = '\0C26000\0'
/** Where "cached plan must not change result type" comes from. */
const planChanged = '\0RRevalidateCachedQuery\0'
const letterD = 0x44
const letterL = 0x4c
const letterP = 0x50
/** The fields for severity come first, and the second of them is never translated. */
const fatalSeverity = /^E[^]{4}S[^\0]*\0V(FATAL|PANIC)\0/

const blockRefused = new TaxirankError(
  'feature_not_supported',
  'transaction blocks not allowed in statement pooling mode',
)

export class PooledServer implements ServerHandler, RouterDesk, StatementDesk {
  readonly id: number
  readonly slot: Slot<PooledServer>
  /** Of settling; undefined until it is first settled. */
  settling: Deadline | undefined = undefined
  readonly target: ServerTarget
  readonly connectedAtMs: number
  /** When what it runs now, or ran last, began: of a pipeline each request when the one before had ended. */
  requestedAtMs: number
  readonly #owner: ServerOwner
  readonly #server: Server
  readonly #tally: Tally
  #transactionAtMs = 0
  /** A lease begins with a request, and each further one when everything has been answered. */
  #isTiming = false
  readonly #queue: ReplyQueue
  #key: Buffer = Buffer.alloc(0)
  readonly #session: ServerSession
  readonly #statements: ServerStatements
  readonly #watch: SessionWatch
  /** What the session is being asked about itself, and what is in doubt. */
  #inquiry: { readonly asked: Inquiry; readonly doubts: Doubts } | undefined
  /** Who held it last, and so has left its state in it where that is not looked at. */
  #lastHolder = 0
  /** Nothing has been sent in this lease. */
  #isFresh = false
  /** Why the message that is looked at must not be sent. */
  #refusal: TaxirankError | undefined
  #status: number = TransactionStatus.idle
  #lease: Lease<PooledServer> | undefined
  #leaseNumber = 0
  readonly #isSession: boolean
  readonly #isStatement: boolean
  /** Who gets the ReadyForQuery behind a BEGIN in statement mode: its client is told what it may not, instead. */
  readonly #blockRefusal: ReplyReader = { id: 0, isReading: true, reply: () => this.#refuseBlock() }
  readonly #resetQuery: string | undefined
  /** Instead, once. */
  #nextReset: string | undefined
  /** Whatever there is of sequences in the session is another client's than the holder's. */
  #hasForeignSequences = false
  readonly #isReset: boolean
  #holder: Holder | undefined
  /** Under way when the holder is gone. */
  #settlement: Settlement | undefined
  readonly #cancel: ServerCancel
  /** What the pooler itself asks of it while nobody holds it. */
  #chore: Chore | undefined
  readonly #router: ReplyRouter
  readonly #traffic: Traffic
  #isFatalTold = false
  #isClosing = false
  #swallowReason: number = ServerSwallow.unsolicited

  constructor(id: number, slot: Slot<PooledServer>, owner: ServerOwner) {
    this.id = id
    this.slot = slot
    this.#owner = owner
    this.#tally = owner.tally
    this.target = owner.takeTarget()
    this.connectedAtMs = this.requestedAtMs = owner.now()
    const { rules } = owner
    // One request at a time in statement mode: what follows a BEGIN must not have been sent when that is refused.
    this.#queue = rules.mode === 'statement' ? new ReplyQueue(1) : new ReplyQueue()
    this.#cancel = new ServerCancel(this.#queue, () => this.#sendCancel())
    this.#isSession = rules.mode === 'session'
    this.#isStatement = rules.mode === 'statement'
    const most = this.#isSession ? 0 : rules.maxPreparedStatements
    this.#statements = new ServerStatements(this.#queue, most, this)
    this.#watch = new SessionWatch(this.#isSession ? 'allow' : rules.sessionState, owner, owner.now)
    this.#resetQuery = resetQueryOf(rules)
    this.#isReset = !this.#isSession && rules.sessionState === 'reset'
    this.#session = new ServerSession(owner.parameterSets, this.#isReset)
    const traffic = (this.#traffic = owner.trace.serverTraffic(id))
    this.#router = new ReplyRouter(this, traffic, owner.replyRules)
    this.#server = new Server(
      {
        target: this.target,
        derivations: owner.derivations,
        connectTimeoutMs: owner.connectTimeoutMs,
        deadlines: owner.deadlines,
        now: owner.now,
        traffic,
      },
      this,
    )
  }

  /** It is closed as soon as nobody holds it, or being closed. */
  get isMarked(): boolean {
    return this.slot.retiring !== undefined
  }

  /** How it is connected; undefined until it is. */
  get way(): SocketWay | undefined {
    return this.#server.way
  }

  /** Bytes that it has not taken yet. */
  get unsentBytes(): number {
    return this.#server.unsentBytes
  }

  get parameters(): ParameterSet {
    return this.#session.parameters
  }

  /** Named statements that are prepared on it. */
  get preparedStatements(): number {
    return this.#statements.size
  }

  get holder(): Holder | undefined {
    return this.#holder
  }

  /** The backend's; 0: not known yet. */
  get processId(): number {
    return this.#key.length < 4 ? 0 : this.#key.readUInt32BE(0)
  }

  /** Nothing is owed to the holder. */
  get isAnswered(): boolean {
    return this.#queue.isAnswered
  }

  get applicationName(): string {
    return this.#session.isBegun ? (this.parameters.values.get('application_name') ?? '') : ''
  }

  get lease(): Lease<PooledServer> {
    assert(this.#lease !== undefined, 'the server is leased')
    return this.#lease
  }

  /** A cancel connection is open: nothing may be written, and the server may not be lent. */
  get isCancelling(): boolean {
    return this.#cancel.isSent
  }

  /** The holder has so many requests under way that no more are taken until half of them are done with. */
  get isFull(): boolean {
    return this.#queue.isFull
  }

  /** It owes the holder something, or waits for the rest of a group. */
  get isAsked(): boolean {
    return !this.#queue.isAnswered
  }

  /** Copy-in lasts, as far as the client knows: PostgreSQL ignores Sync and Flush. */
  get isCopyingIn(): boolean {
    return this.#queue.copyIn === 'in'
  }

  get isBlocked(): boolean {
    return this.#server.isBlocked
  }

  /** The holder has part of a message, and the rest is still to come. */
  get isMidReply(): boolean {
    return this.#router.isMidReply
  }

  // The lease.

  /**
   * Begins a lease. What the server's session lacks of the client's parameters is sent now, ahead of the client's bytes
   * and in the same write. Throws `parameter_refused`.
   */
  link(lease: Lease<PooledServer>, holder: Holder): void {
    this.#lease = lease
    this.#leaseNumber = lease.number
    this.#holder = holder
    this.#isTiming = true
    this.#statements.leaseBegan()
    this.requestedAtMs = this.#transactionAtMs = lease.grantedAtMs
    this.#tally.assignments++
    this.#tally.waitMs += lease.waitedMs
    const isOther = this.#lastHolder !== holder.id
    this.#isFresh = true
    if (isOther && this.#isReset) this.#wash(holder)
    else if (this.parameters !== holder.parameters) this.#bringTo(holder)
    if (isOther && holder.readsSequences) this.#ask(discardSequences)
    if (isOther) this.#hasForeignSequences = !holder.readsSequences && this.#lastHolder !== 0
    this.#lastHolder = holder.id
  }

  /** What clients leave is removed whenever another one comes. */
  #wash(holder: Holder): void {
    if (this.#lastHolder === 0) return this.parameters === holder.parameters ? undefined : this.#bringTo(holder)
    this.#ask(resetStatement(this.#session.login, holder.parameters, this.#owner.tracked))
    this.#session.settingsKnown(holder.parameters.settings)
  }

  /** Ends a lease in which nothing was sent. */
  unlink(): void {
    this.#giveBack(false)
  }

  #bringTo(holder: Holder): void {
    const statement = setStatement(this.parameters, holder.parameters, this.#owner.tracked)
    if (statement === undefined) return holder.parametersAdopted(this.parameters)
    this.#ask(statement)
    this.#session.settingsKnown(holder.parameters.settings)
  }

  #endLease(): Holder {
    const holder = this.#holder
    assert(holder !== undefined, 'a lease has a holder')
    this.#holder = undefined
    this.#lease = undefined
    this.#settlement = undefined
    return holder
  }

  // From the client.

  /** Hot path. A message that begins here can't just be accounted for and forwarded: it is to be given to `replace` instead. */
  replaces(message: RequestHead): boolean {
    const { type } = message
    if (type === Frontend.query) return this.#replacesQuery(message)
    if (type === Frontend.parse) this.#examineParse(message)
    return this.#statements.concerns(message, this.#theHolder)
  }

  /** Hot path. */
  #replacesQuery(message: RequestHead): boolean {
    const effects = this.#owner.classify(message, message.start + 5)
    if (effects.length === 0) return false
    this.#sequencesNoted(effects)
    if (this.#carriesOut(effects) !== undefined) return true
    this.#refusal = this.running(effects)
    return this.#refusal !== undefined
  }

  /** Hot path. Only a statement without a name is looked at here; the others when they are shared. */
  #examineParse(message: RequestHead): void {
    if (isNamedParse(message)) return
    const effects = this.#owner.classify(message, message.start + 6)
    if (effects.length === 0 && !this.#theHolder.hasStatements) return
    this.#theHolder.statements.unnamedEffects = effects
    if (effects.length > 0) this.#sequencesNoted(effects)
  }

  running(effects: Effects): TaxirankError | undefined {
    this.#owner.noted(effects, this.#theHolder)
    return this.#watch.sent(effects, this.parameters)
  }

  get tally(): Tally {
    return this.#tally
  }

  /** Bytes of the pooler's own. */
  write(bytes: Buffer): void {
    this.#server.write(bytes, 0)
  }

  /** What it reads may not be what another client has drawn. */
  #sequencesNoted(effects: Effects): void {
    if (this.#watch.isOff || !effects.some(({ kind }) => kind === 'read sequence')) return
    this.#theHolder.readsSequences = true
    if (this.#hasForeignSequences && this.#isFresh && this.#queue.isAtRest) this.#ask(discardSequences)
    this.#hasForeignSequences = false
  }

  /** The name of a statement of the protocol's that the holder deallocates in SQL, which doesn't know its name. */
  #carriesOut(effects: Effects): string | undefined {
    const [effect] = effects
    if (effect?.kind !== 'deallocate' || effects.length > 1 || !this.#statements.areNamed) return undefined
    const { name } = effect.statement
    const isKnown = this.#theHolder.hasStatements && this.#theHolder.statements.has(name)
    return isKnown && this.#status !== TransactionStatus.failed ? name : undefined
  }

  /** Hot path. Sends what must go ahead of the message, and tells what goes in place of its beginning. */
  replace(message: RequestHead): Replacement | undefined {
    if (!this.#isTiming) this.#startTiming()
    this.#isFresh = false
    if (message.type === Frontend.query) return this.#replaceQuery(message)
    if (message.type === Frontend.parse) this.#tally.clientParses++
    else if (message.type === Frontend.bind) this.#tally.binds++
    const mustParse = this.#status === TransactionStatus.failed || this.#watch.isTouched
    return this.#statements.replace(message, this.#theHolder, mustParse)
  }

  #replaceQuery(message: RequestHead): Replacement {
    const holder = this.#theHolder
    const count = message.end - message.start
    this.#unnamedDropped(holder)
    const refusal = this.#refusal
    if (refusal) {
      this.#refusal = undefined
      this.#queue.sentNotedQuery(holder, new RefusedMessage(refusal))
      return { count, bytes: failingQuery }
    }
    const name = this.#carriesOut(this.#owner.classify(message, message.start + 5))
    assert(name !== undefined, 'a Query is replaced for a reason')
    const statement = holder.statements.delete(name)
    const undo = (): void => void (statement && holder.statements.set(name, statement))
    this.#queue.sentNotedQuery(holder, new CarriedOut('DEALLOCATE', undo))
    return { count, bytes: emptyQuery }
  }

  /** Hot path. The head of a message of the holder's is about to be forwarded: what will it owe, what does it leave? */
  account(message: RequestHead): void {
    const queue = this.#queue
    const holder = this.#theHolder
    if (!this.#isTiming) this.#startTiming()
    this.#isFresh = false
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
        this.#tally.binds++
        return queue.sentExtended()
      case Frontend.close:
        if (statementNameAt(message) > 0) this.#unnamedDropped(holder)
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

  #unnamedDropped(holder: Holder): void {
    this.#statements.unnamedDropped()
    holder.unnamedDropped()
  }

  #sentQuery(holder: Holder): void {
    if (this.#queue.needsSync) this.#session.ruin('a Query was sent inside an extended group')
    this.#queue.sentQuery(holder)
  }

  /** One whose name, if it has one, is left as it is. */
  #sentParse(message: RequestHead, holder: Holder): void {
    this.#tally.clientParses++
    this.#tally.serverParses++
    if (isNamedParse(message)) {
      this.#session.leave('statements', 'a named statement was prepared on it')
      return this.#queue.sentExtended()
    }
    holder.statements.unnamedParsed(message, message.isTail)
    this.#statements.unnamedParsed(holder)
    this.#queue.sentUnnamedParse()
  }

  /** A request of the holder's begins that is not the lease's first, and if none is open a transaction. */
  #startTiming(): void {
    this.#isTiming = true
    this.requestedAtMs = this.#owner.now()
    if (this.#status === TransactionStatus.idle) this.#transactionAtMs = this.requestedAtMs
  }

  /** Hot path. A request of the holder's was answered with this status. */
  #countRequest(status: number): void {
    const now = this.#owner.now()
    const tally = this.#tally
    tally.queries++
    tally.queryMs += now - this.requestedAtMs
    this.requestedAtMs = now
    this.#isTiming = this.#queue.owed > 0
    if (status !== TransactionStatus.idle) return
    tally.transactions++
    tally.transactionMs += now - this.#transactionAtMs
    this.#transactionAtMs = now
  }

  /** Sends a Query of the pooler's own. */
  #ask(text: string): void {
    this.#statements.unnamedDropped()
    this.#queue.sentOurs()
    this.#server.write(build.query(text), 0)
  }

  /** Hot path. Bytes of the holder's. */
  forward(bytes: Uint8Array): void {
    this.#tally.receivedBytes += bytes.length
    this.#server.write(bytes, this.#theHolder.id)
  }

  /** The rest of a message has been forwarded; a release may have waited for it. */
  messageCompleted(): void {
    this.#considerRelease()
  }

  /** Hot path. What the holder sent may owe nothing: a Flush alone, say. Then no answer will ever end the lease. */
  wasRead(): void {
    if (this.#queue.owed === 0) this.#considerRelease()
  }

  pause(): void {
    this.#server.pause()
  }

  resume(): void {
    this.#server.resume()
  }

  get #theHolder(): Holder {
    assert(this.#holder !== undefined, 'only a leased server is written to')
    return this.#holder
  }

  // Cancel.

  /** A cancel waits until a request of the pooler's own is answered. */
  get isCancelHeldBack(): boolean {
    return !this.#cancel.isOver && !this.#cancel.isSent
  }

  /** Cancels what runs for the holder, if anything does. `done` is called when that is over, once. */
  cancel(done: () => void): void {
    this.#cancel.request(done)
  }

  #sendCancel(): void {
    const holder = this.#theHolder
    const client = this.#settlement ? 0 : holder.id
    this.#owner.trace.cancelSent(client, this.id)
    const { cancelTimeoutMs: timeoutMs, deadlines, now } = this.#owner
    cancelBackend({ target: this.target, key: this.#key, timeoutMs, deadlines, now }, (outcome) =>
      this.#cancelDone(outcome, client),
    )
  }

  #cancelDone(outcome: CancelOutcome, client: number): void {
    this.#owner.trace.cancelDone(client, this.id, outcome !== 'delivered')
    if (outcome === 'unknown') this.#session.ruin('a cancel may still be on its way to it')
    this.#cancel.ended()
    if (!this.#holder) return
    this.#holder.mayReadOn()
    this.#considerRelease()
  }

  // From PostgreSQL.

  ready(parameters: ReadonlyMap<string, string>, key: Buffer, rest: Buffer): void {
    this.#key = key
    this.#session.begin(parameters)
    this.slot.stateKey = this.parameters.key
    if (rest.length > 0) this.received(rest)
    if (this.#isClosing) return
    if (this.#owner.rules.connectQuery === '') this.#owner.serverReady(this)
    else this.#introduce(this.#owner.rules.connectQuery)
  }

  loginFailed(error: TaxirankError, isFinal: boolean): void {
    this.#owner.serverFailed(this, error, isFinal)
  }

  // What the pooler asks of it while nobody holds it.

  /** The connect query is part of the login: it has as much time as that once more, and if it fails, the login has. */
  #introduce(text: string): void {
    const { connectTimeoutMs: limitMs, deadlines, now } = this.#owner
    const limit = new Deadline(() => {
      this.#refuse({ reason: `the connect query was not answered within ${limitMs.toLocaleString('en-US')} ms` }, false)
    })
    if (limitMs > 0) deadlines.start(limit, now() + limitMs)
    this.#run('the connect query', text, {
      done: (failure) => {
        deadlines.stop(limit)
        if (failure) this.#refuse(failure, true)
        else this.#owner.serverReady(this)
      },
      lost: (failure) => {
        deadlines.stop(limit)
        this.#owner.serverFailed(this, connectFailure(failure), false)
      },
    })
  }

  /** `isFinal`: PostgreSQL answered, and asking again soon would not help. */
  #refuse(failure: ChoreFailure, isFinal: boolean): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#chore = undefined
    this.#owner.serverFailed(this, connectFailure(failure), isFinal)
    this.#server.close(false)
  }

  /** Proves that it still lives. */
  check(text: string): void {
    this.#run('the check', text, {
      done: (failure) => this.#owner.checkEnded(this, failure?.reason ?? this.#session.spoiltBy),
      lost: () => undefined,
    })
  }

  /** Removes what the last lease has left in its session. */
  reset(): void {
    const text = this.#nextReset ?? this.#resetQuery
    assert(text !== undefined, 'what is given back dirty can be reset')
    this.#nextReset = undefined
    this.#run('the reset', text, {
      done: (failure) => this.#owner.resetEnded(this, failure?.reason ?? this.#session.spoiltBy),
      lost: () => undefined,
    })
  }

  #run(what: string, text: string, owner: ChoreOwner): void {
    assert(!this.#holder && !this.#chore, 'a server does one chore at a time, and for nobody')
    this.#chore = new Chore(what, owner)
    this.#ask(text)
  }

  received(bytes: Buffer): void {
    const wasFull = this.#queue.isFull
    this.#tally.sentBytes += bytes.length
    try {
      this.#router.walk(bytes)
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      const how = error.code === 'protocol_violation' ? 'it broke the protocol: ' : ''
      return this.#owner.destroy(this, how + error.message)
    }
    // Whatever has emptied the pipeline: a holder that still has to wait does.
    if (wasFull) this.#holder?.mayReadOn()
    this.#considerRelease()
  }

  /** Hot path. For the router: whom a message is for, and what it means for the queue. */
  route(framer: Framer): ReplyReader | undefined {
    const isOurs = this.#queue.isHeadOurs
    const reader = isOurs ? this.#inquiry?.asked : (this.#queue.reader ?? this.#holder)
    if (reader === undefined) this.#swallow(framer, isOurs)
    switch (framer.type) {
      case Backend.dataRow:
        return reader
      case Backend.errorResponse:
        return this.#gotError(framer, isOurs, reader)
      case Backend.parameterStatus:
        this.#gotParameter(framer, reader)
        return reader
      case Backend.readyForQuery:
        this.#count(framer)
        return this.#refusesBlock(framer) && reader?.isReading ? this.#blockRefusal : reader
      default:
        return this.#replaced(this.#count(framer), reader)
    }
  }

  /** Hot path. Whom the completion of a message with this note is for. */
  #replaced(note: MessageNote | undefined, reader: ReplyReader | undefined): ReplyReader | undefined {
    if (!note) return reader
    note.completed()
    if (note.isOurs) {
      this.#swallowReason = ServerSwallow.ours
      return undefined
    }
    return note instanceof ReplacedAnswer && note.completion && reader ? this.#instead(note.completion, reader) : reader
  }

  /** Gives the reader these bytes for each so many that come. */
  #instead(bytes: Buffer, reader: ReplyReader): ReplyReader {
    const { id } = reader
    return {
      id,
      isReading: reader.isReading,
      reply: (replaced, server) => {
        if (!reader.isReading) return false
        this.#traffic.replaced(replaced.length, bytes)
        return reader.reply(bytes, server)
      },
    }
  }

  /** A message is nobody's: the pooler's own, or unasked. Of the latter a row would be followed by what is taken for an answer. */
  #swallow({ type }: Framer, isOurs: boolean): void {
    if (type === Backend.dataRow && !isOurs)
      throw new TaxirankError('protocol_violation', 'a row that nobody asked for')
    this.#swallowReason = isOurs ? ServerSwallow.ours : ServerSwallow.unsolicited
  }

  /** In statement mode: a transaction block was opened, or one statement has left it open. */
  #refusesBlock({ bytes, end }: Framer): boolean {
    return this.#isStatement && bytes[end - 1] !== TransactionStatus.idle
  }

  swallowReason(): number {
    return this.#swallowReason
  }

  /** Hot path. What a command leaves in the session, where its tag says so; or, if it was the pooler's, removes from it. */
  #noteTag(framer: Framer): void {
    const letter = framer.bytes[framer.start + 5]
    if (letter === letterP && hasTag(framer, prepareTag)) {
      if (this.#watch.isOff || this.#isReset) this.#session.leave('statements', 'a statement was prepared on it')
      else this.#watch.found('SQL PREPARE')
    } else if (letter === letterL && hasTag(framer, listenTag)) {
      if (this.#watch.isOff || this.#isReset) this.#session.leave('listening', 'it listens for a client')
      else this.#watch.found('LISTEN')
    } else if (letter === letterD) {
      this.#noteDiscard(framer)
    }
  }

  #noteDiscard(framer: Framer): void {
    const isEverything = hasTag(framer, discardAllTag)
    if (isEverything || hasTag(framer, deallocateAllTag)) {
      if (this.#chore) this.#session.cleaned('statements', ...(isEverything ? (['listening'] as const) : []))
      else if (!this.#queue.isHeadOurs) this.#holder?.statements.clear()
      this.#statements.discarded()
      if (isEverything) this.#discarded()
    } else if (hasTag(framer, deallocateTag)) {
      this.#statements.doubt()
    }
  }

  /** A DISCARD ALL has run: the session is as at its login, but for what nothing undoes. */
  #discarded(): void {
    this.#session.settingsKnown(noSettings)
    if (this.#chore || this.#queue.isHeadOurs) return
    this.#watch.discarded()
    this.#holder?.parametersReported(this.parameters)
  }

  /** Hot path. What a message means for what is owed; returns the note of the one that it answers. */
  #count(framer: Framer): MessageNote | undefined {
    const queue = this.#queue
    switch (framer.type) {
      case Backend.commandComplete:
        this.#noteTag(framer)
        return queue.gotCommandComplete()
      case Backend.rowDescription:
      case Backend.parseComplete:
      case Backend.bindComplete:
      case Backend.closeComplete:
      case Backend.noData:
      case Backend.emptyQueryResponse:
      case Backend.portalSuspended:
        return queue.gotCompletion()
      case Backend.copyInResponse:
        queue.gotCopyIn()
        return undefined
      case Backend.readyForQuery:
        if (queue.owed > 0 || (queue.isUncertain && this.#holder)) return undefined
        throw new TaxirankError('protocol_violation', 'a ReadyForQuery that nobody asked for')
      default:
        if (!this.#holder && !this.#chore) assertHarmless(framer.type)
        return undefined
    }
  }

  /**
   * Whom an ErrorResponse is for. A FATAL one ends the session, so it is the holder's to know even while nothing is owed, or
   * where it answers a request of our own. Any other answers the head.
   */
  #gotError(framer: Framer, isOurs: boolean, reader: ReplyReader | undefined): ReplyReader | undefined {
    const holder = this.#holder
    if (!holder) return this.#choreFailed(framer)
    const text = framer.bytes.toString('latin1', framer.start, framer.end)
    const { note, isUnnamedLost } = this.#queue.gotError()
    if (fatalSeverity.test(text) && holder.isReading) {
      this.#isFatalTold = true
      this.#session.ruin('PostgreSQL is closing it')
      return holder
    }
    if (isOurs && !this.#inquiry) this.#session.ruin('a statement of the pooler failed on it')
    if (isUnnamedLost) holder.unnamedDropped()
    if (text.includes(noStatement)) this.#statements.doubt()
    else if (text.includes(planChanged)) holder.statements.expire()
    const error = note instanceof ReplacedAnswer && framer.isTail ? note.error(framer) : undefined
    return error && reader ? this.#instead(error, reader) : reader
  }

  #choreFailed(framer: Framer): undefined {
    if (!this.#chore)
      throw new TaxirankError('server_lost', `PostgreSQL ends it: ${readErrorFields(framer).get('M') ?? 'no message'}`)
    this.#queue.gotError()
    this.#chore.gotError(framer, framer.isTail)
    return undefined
  }

  #gotParameter(framer: Framer, reader: ReplyReader | undefined): void {
    const { name, value } = readParameterStatus(framer)
    const { planKey } = this.parameters
    this.#session.parameterReported(name, value)
    this.slot.stateKey = this.parameters.key
    if (reader && this.parameters.planKey !== planKey) this.#statements.expireLease()
    if (reader?.isReading) this.#holder?.parametersReported(this.parameters)
  }

  /** For the router. */
  answered(status: number): void {
    const wasOurs = this.#queue.isHeadOurs
    this.#status = status
    this.#queue.gotReady()
    if (!wasOurs) {
      this.#countRequest(status)
      this.#holder?.answered(status, this.#queue.owed)
    } else if (this.#inquiry) this.#inquiryAnswered(this.#inquiry)
    else if (this.#holder?.isReading) this.#holder.parametersAdopted(this.parameters)
    this.#cancel.headAnswered()
  }

  // What the session says about itself.

  #inquire(): void {
    const doubts = this.#watch.takeDoubts(this.parameters)
    const asked = new Inquiry((count) => this.#traffic.usedUp(count, ServerSwallow.ours))
    this.#ask(questionOf(doubts))
    this.#inquiry = { asked, doubts }
  }

  #inquiryAnswered({ asked, doubts }: { readonly asked: Inquiry; readonly doubts: Doubts }): void {
    this.#inquiry = undefined
    if (asked.isFailed) return this.#watch.failed()
    const settings = this.#watch.answered(doubts, readAnswer(asked.rows), this.parameters)
    if (settings instanceof TaxirankError) return this.#session.ruin(settings.message)
    this.#session.settingsKnown(settings)
    this.slot.stateKey = this.parameters.key
    if (!this.#holder?.isReading) return
    this.#holder.parametersReported(this.parameters)
    const { pin } = this.#watch
    if (pin) this.#holder.pinned([...pin.kinds])
  }

  #refuseBlock(): false {
    this.#holder?.fail(blockRefused)
    return false
  }

  // The end of a lease.

  #considerRelease(): void {
    const holder = this.#holder
    if (!holder) return this.#stayLendable()
    if (this.#settlement) return this.#settle(this.#settlement)
    if (this.#status !== TransactionStatus.idle) return
    if (this.#queue.isUncertain && this.#queue.isAnswered) this.#session.ruin('nobody knows how many replies it owes')
    else if (!this.#queue.isAtRest) return
    if (!this.#cancel.isOver || this.#router.isMidMessage || holder.isMidMessage) return
    if (this.#isSession) this.closeIfMarked()
    else if (this.#watch.isInDoubt && this.#session.ruinedBy === undefined) this.#inquire()
    else if (!this.#watch.isPinned || this.#session.ruinedBy !== undefined) this.#giveBackWhenSent()
  }

  /** In session mode the client keeps its server; but not one that is marked, if such are closed fast. */
  closeIfMarked(): void {
    const isAtRest = this.#status === TransactionStatus.idle && this.#queue.isAtRest && this.#cancel.isOver
    const isMarked = this.#isSession && this.#owner.rules.closesFast && this.slot.retiring === 'retired'
    if (isMarked && isAtRest && !this.#settlement) this.#owner.destroy(this, 'it is marked, and no transaction is open')
  }

  /** A server without a lease may be lent at any moment: nothing may be half received then, unless it has a chore. */
  #stayLendable(): void {
    const chore = this.#chore
    if (chore && !this.#queue.isAtRest) return
    if (this.#router.isMidMessage) {
      return this.#owner.destroy(this, 'it began to say something that nobody asked for')
    }
    this.#chore = undefined
    chore?.end(this.#status)
  }

  /** What the holder has said leaves before the next one's lease begins; `drained` comes back here. */
  #giveBackWhenSent(): void {
    if (!this.#server.isBlocked) this.#giveBack(true)
  }

  #giveBack(isUsed: boolean): void {
    this.#server.resume()
    const { cleaning, isTouched } = this.#watch
    const isDirty = isUsed && (this.#resetQuery !== undefined || cleaning === 'reset')
    const reason = this.#whyNotLendable(isUsed, isDirty)
    if (isTouched) this.#statements.expireLease()
    if (cleaning === 'reset') this.#nextReset = discardAll
    this.#watch.leaseEnded()
    const { id } = this.#theHolder
    if (reason === undefined) {
      this.#owner.trace.leaseReleased(id, this.id, isDirty)
      const lease = this.lease
      this.#endLease().unlinked()
      this.#owner.release(lease, this.#leaseNumber, isDirty)
      return
    }
    const holder = this.#endLease()
    this.#owner.destroy(this, reason)
    holder.unlinked()
  }

  #whyNotLendable(isUsed: boolean, isDirty: boolean): string | undefined {
    if (this.#watch.cleaning === 'destroy') return 'what its client has left in it can not be removed'
    if (isUsed && this.#owner.rules.isUsedOnce) return 'it has been used, and is used once'
    return isDirty ? this.#session.ruinedBy : this.#session.spoiltBy
  }

  /**
   * The holder is gone: the lease goes on until the server has come to rest, or the pool's limit is reached. After an
   * orderly goodbye what the client sent is let finish.
   */
  settle(isOrderly: boolean): void {
    this.#server.resume()
    this.#settlement = new Settlement(isOrderly, this.#queue, this.#cancel, (bytes) => this.#server.write(bytes, 0))
    if (this.#theHolder.isMidMessage) this.#settlement.giveUp('its client left in the middle of a message')
    if (!isOrderly || !this.#theHolder.isReading) this.limitSettling()
    this.#considerRelease()
  }

  /** From now on the pool's limit runs. A client that has said goodbye and still reads may take its time. */
  limitSettling(): void {
    if (this.#settlement) this.#owner.settling(this)
  }

  settleTimedOut(limitMs: number): void {
    const reason = `it did not come to rest within ${limitMs.toLocaleString('en-US')} ms of its client's end`
    if (!this.#settlement || this.#cancel.isSent) return this.#owner.destroy(this, reason)
    this.#settlement.giveUp(reason)
    this.#considerRelease()
  }

  #settle(settlement: Settlement): void {
    const step = settlement.advance({ status: this.#status, isMidMessage: this.#router.isMidMessage })
    if (step === 'rest') this.#giveBackWhenSent()
    else if (step !== 'wait') this.#owner.destroy(this, step.destroy)
  }

  // The socket.

  blocked(): void {
    this.#holder?.serverBlocked()
  }

  drained(): void {
    this.#holder?.serverDrained()
    this.#considerRelease()
  }

  /** For the pool: close the socket. A holder is told that its server is lost. */
  close(reason: string): void {
    const isHalfSent = this.#holder?.isMidMessage ?? false
    this.#isClosing = true
    this.#chore = undefined
    this.#loseHolder(new TaxirankError('server_lost', `the server was closed: ${reason}`))
    this.#server.close(!isHalfSent && !this.#router.isMidMessage && this.#queue.isAtRest)
  }

  closed(cause: Error | undefined): void {
    const how = cause ? `: ${cause.message}` : ''
    const error = new TaxirankError('server_lost', `the server closed the connection unexpectedly${how}`, { cause })
    this.#loseHolder(error)
    if (!this.#cancel.isSent) this.#cancel.ended()
    const chore = this.#chore
    this.#chore = undefined
    chore?.lost()
    this.#owner.serverClosed(this)
  }

  crashed(error: unknown): void {
    this.#owner.crashed(error)
  }

  #loseHolder(error: TaxirankError): void {
    if (!this.#holder) return
    const isMidReply = this.isMidReply
    this.#endLease().serverLost({ error, isMidReply, isTold: this.#isFatalTold })
  }
}

function connectFailure({ reason, sqlState }: ChoreFailure): TaxirankError {
  return new TaxirankError('server_connect_failed', reason, sqlState === undefined ? {} : { sqlState })
}

/** Nobody asked a server without a lease anything: it may tell notices and the like, nothing else. */
function assertHarmless(type: number): void {
  if (type === Backend.noticeResponse || type === Backend.notificationResponse) return
  throw new TaxirankError('protocol_violation', `unasked message '${String.fromCharCode(type)}'`)
}

function hasTag({ bytes, start, end }: Framer, tag: Buffer): boolean {
  const at = start + 5
  return end - at >= tag.length && bytes.compare(tag, 0, tag.length, at, at + tag.length) === 0
}
