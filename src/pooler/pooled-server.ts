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
import { Server, type ServerHandler, type SocketWay } from '../server/server.ts'
import type { ServerTarget } from '../server/target.ts'
import type { Effects } from '../sql/effect.ts'
import type { Deadline, Deadlines } from '../time.ts'
import * as build from '../wire/build.ts'
import type { FramingRules } from '../wire/framer.ts'
import { TransactionStatus } from '../wire/messages.ts'
import type { MessageBytes } from '../wire/read.ts'
import type { Chore } from './chore.ts'
import type { Holder } from './holder.ts'
import type { Listeners } from './listeners.ts'
import type { ParameterSet, ParameterSets, TrackedParameters } from './parameters.ts'
import { ReplyQueue } from './reply-queue.ts'
import type { ReplyReader } from './reply-reader.ts'
import { ReplyRouter } from './reply-router.ts'
import type { RequestHead } from './request-reader.ts'
import { ServerCancel } from './server-cancel.ts'
import { type ChoreDesk, ServerChores } from './server-chores.ts'
import { type ReplyDesk, ServerReplies } from './server-replies.ts'
import { type RequestDesk, ServerRequests } from './server-requests.ts'
import type { Replacement, ServerStatements } from './server-statements.ts'
import { type KeeperParts, type KeptServer, SessionKeeper } from './session-keeper.ts'
import type { SessionRules } from './session-rules.ts'
import type { Pin } from './session-watch.ts'
import { Settlement } from './settlement.ts'
import type { Tally } from './tally.ts'
import { ServerSwallow, type Trace, type Traffic } from './trace.ts'

/** What a server needs of the pool that it belongs to. */
export interface ServerOwner extends KeeperParts {
  /** Why nobody gets a server any more; undefined in normal operation. */
  readonly dismissal: TaxirankError | undefined
  /** Hot path. What the text that begins at `from` in a Query or Parse does to a session. */
  classify(message: RequestHead, from: number, isTransparent: boolean): Effects
  /** A client is about to run something with these effects. */
  noted(effects: Effects, holder: Holder): void
  /** A client may have made, changed or dropped what statements are about. */
  defined(): void
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
  readonly listeners: Listeners
  readonly trace: Trace
  /** Another pooler stands between this one and PostgreSQL. */
  readonly isBehindPooler: boolean
  /** Whether that is so is to be found out. */
  readonly asksWhoItIs: boolean
  /** It is PostgreSQL itself, or not. */
  saidWhoItIs(server: PooledServer, isItself: boolean): void
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

export class PooledServer implements ServerHandler, KeptServer, RequestDesk, ReplyDesk, ChoreDesk {
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
  readonly #keeper: SessionKeeper
  readonly #statements: ServerStatements
  readonly #requests: ServerRequests
  readonly #chores: ServerChores
  #status: number = TransactionStatus.idle
  #lease: Lease<PooledServer> | undefined
  #leaseNumber = 0
  readonly #isSession: boolean
  readonly isStatement: boolean
  #holder: Holder | undefined
  /** Under way when the holder is gone. */
  #settlement: Settlement | undefined
  readonly #cancel: ServerCancel
  readonly #router: ReplyRouter
  readonly #traffic: Traffic
  #isFatalTold = false
  #isClosing = false

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
    this.isStatement = rules.mode === 'statement'
    this.#keeper = new SessionKeeper(owner, this)
    const mostPrepared = this.#isSession ? 0 : rules.maxPreparedStatements
    this.#requests = new ServerRequests(this, this.#queue, this.#keeper, mostPrepared)
    this.#statements = this.#requests.statements
    this.#chores = new ServerChores(this, this.#keeper)
    const traffic = (this.#traffic = owner.trace.serverTraffic(id))
    const replies = new ServerReplies(this, this.#queue, this.#keeper, this.#statements, traffic)
    this.#router = new ReplyRouter(replies, traffic, owner.replyRules)
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
    return this.#keeper.parameters
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
    return this.#keeper.session.isBegun ? (this.parameters.values.get('application_name') ?? '') : ''
  }

  /** Why its holder keeps it beyond its transaction; undefined: it doesn't. */
  get pin(): Pin | undefined {
    return this.#keeper.pin
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

  /** No transaction is open, and nothing is on its way to the holder. */
  get isBetweenTransactions(): boolean {
    return this.#status === TransactionStatus.idle && this.isSilent
  }

  /** Nothing is owed or on its way to the holder, nor will be before it asks. */
  get isSilent(): boolean {
    return this.#queue.isAtRest && !this.#router.isMidMessage
  }

  /** What the last ReadyForQuery said. */
  get status(): number {
    return this.#status
  }

  /** What the pooler itself is about to answer stands behind what is owed. True: nothing more is taken until that has come. */
  mustAnswerFirst(): boolean {
    if (this.#queue.owed === 0 || this.isCopyingIn) return false
    this.#queue.holdUntilAnswered()
    return true
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
  link(lease: Lease<PooledServer>, holder: Holder, isUsed = true): void {
    this.#lease = lease
    this.#leaseNumber = lease.number
    this.#holder = holder
    this.#isTiming = true
    this.#requests.leaseBegan(holder)
    this.requestedAtMs = this.#transactionAtMs = lease.grantedAtMs
    this.#tally.assignments++
    this.#tally.waitMs += lease.waitedMs
    if (isUsed) this.#keeper.begin(holder)
  }

  /** Ends a lease in which nothing was sent. */
  unlink(): void {
    this.#giveBack(false)
  }

  #endLease(): Holder {
    const holder = this.#holder
    assert(holder !== undefined, 'a lease has a holder')
    if (this.#requests.hasDefined(false)) this.#owner.defined()
    this.#holder = undefined
    this.#lease = undefined
    this.#settlement = undefined
    return holder
  }

  // From the client.

  /** Hot path. A message that begins here can't just be accounted for and forwarded: it is to be given to `replace` instead. */
  replaces(message: RequestHead): boolean {
    return this.#requests.replaces(message)
  }

  /** Hot path. The message must not be sent before everything in front of it is answered. */
  mustWait(message: RequestHead): boolean {
    return this.#requests.mustWait(message)
  }

  /** Hot path. Sends what must go ahead of the message, and tells what goes in place of its beginning. */
  replace(message: RequestHead): Replacement | undefined {
    if (!this.#isTiming) this.#startTiming()
    return this.#requests.replace(message)
  }

  /** Hot path. The head of a message of the holder's is about to be forwarded. */
  account(message: RequestHead): void {
    if (!this.#isTiming) this.#startTiming()
    this.#requests.account(message)
  }

  /** The next piece of a Query or Parse whose head has been. */
  goesOn(piece: MessageBytes): void {
    this.#requests.goesOn(piece)
  }

  classify(message: RequestHead, from: number, isTransparent: boolean): Effects {
    return this.#owner.classify(message, from, isTransparent)
  }

  noted(effects: Effects, holder: Holder): void {
    this.#owner.noted(effects, holder)
  }

  get tally(): Tally {
    return this.#tally
  }

  get isFailed(): boolean {
    return this.#status === TransactionStatus.failed
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
    // Not only when the transaction is over: COMMIT AND CHAIN begins another one.
    if (this.#requests.hasDefined(status !== TransactionStatus.idle)) this.#owner.defined()
    if (status !== TransactionStatus.idle) return
    tally.transactions++
    tally.transactionMs += now - this.#transactionAtMs
    this.#transactionAtMs = now
  }

  ask(text: string): void {
    this.#statements.unnamedDropped()
    this.#queue.sentOurs()
    this.write(build.query(text))
  }

  statementsDropped(): void {
    this.#statements.expireAll()
  }

  holdUntilAnswered(): void {
    this.#queue.holdUntilAnswered()
  }

  /** Bytes of the pooler's own. */
  write(bytes: Buffer): void {
    this.#server.write(bytes, 0)
  }

  pinChanged(isPinned: boolean): void {
    this.#owner.trace.pinned(this.#holder?.id ?? 0, this.id, isPinned)
  }

  usedUp(count: number): void {
    this.#traffic.usedUp(count, ServerSwallow.ours)
  }

  get isAtRest(): boolean {
    return this.#queue.isAtRest
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
    if (outcome === 'unknown') this.#keeper.session.ruin('a cancel may still be on its way to it')
    this.#cancel.ended()
    if (!this.#holder) return
    this.#holder.mayReadOn()
    this.#considerRelease()
  }

  // From PostgreSQL.

  ready(parameters: ReadonlyMap<string, string>, key: Buffer, rest: Buffer): void {
    this.#key = key
    this.#keeper.session.begin(parameters)
    this.slot.stateKey = this.parameters.key
    if (rest.length > 0) this.received(rest)
    if (this.#isClosing) return
    this.#chores.introduce()
  }

  loginFailed(error: TaxirankError, isFinal: boolean): void {
    this.#owner.serverFailed(this, error, isFinal)
  }

  // What the pooler asks of it while nobody holds it.

  get chore(): Chore | undefined {
    return this.#chores.current
  }

  get asking(): ReplyReader | undefined {
    return this.chore && this.#chores.asking
  }

  get asksWhoItIs(): boolean {
    return this.#owner.asksWhoItIs
  }

  saidWhoItIs(processId: number): void {
    this.#owner.saidWhoItIs(this, processId === this.processId)
  }

  get connectQuery(): string {
    return this.#owner.rules.connectQuery
  }

  get connectTimeoutMs(): number {
    return this.#owner.connectTimeoutMs
  }

  get deadlines(): Deadlines {
    return this.#owner.deadlines
  }

  get now(): () => number {
    return this.#owner.now
  }

  introduced(): void {
    if (this.#owner.isBehindPooler) this.#keeper.letGo()
    this.#owner.serverReady(this)
  }

  introductionFailed(error: TaxirankError, isFinal: boolean): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#owner.serverFailed(this, error, isFinal)
    this.#server.close(false)
  }

  introductionLost(error: TaxirankError): void {
    this.#owner.serverFailed(this, error, false)
  }

  check(text: string): void {
    this.#chores.check(text)
  }

  reset(): void {
    this.#chores.reset()
  }

  checkEnded(failure: string | undefined): void {
    this.#owner.checkEnded(this, failure)
  }

  resetEnded(failure: string | undefined): void {
    this.#owner.resetEnded(this, failure)
  }

  // What it says.

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
    const holder = this.#holder
    this.#considerRelease()
    // Whatever has emptied the pipeline: a holder that still has to wait does.
    if (wasFull) holder?.mayReadOn()
  }

  /** Hot path. */
  requestAnswered(status: number): void {
    const wasOurs = this.#queue.isHeadOurs
    this.#status = status
    this.#queue.gotReady()
    if (wasOurs) {
      this.#keeper.answered()
      this.parametersChanged()
    } else {
      this.#countRequest(status)
      this.#holder?.answered(status, this.#queue.owed)
    }
    this.#cancel.headAnswered()
  }

  parametersChanged(): void {
    this.slot.stateKey = this.parameters.key
  }

  fatalTold(): void {
    this.#isFatalTold = true
    this.#keeper.session.ruin('PostgreSQL is closing it')
  }

  // The end of a lease.

  #considerRelease(): void {
    const holder = this.#holder
    if (!holder) return this.#stayLendable()
    if (this.#settlement) return this.#settle(this.#settlement)
    if (this.#status !== TransactionStatus.idle) return
    if (this.#queue.isUncertain && this.#queue.isAnswered)
      this.#keeper.session.ruin('nobody knows how many replies it owes')
    else if (!this.#queue.isAtRest) return
    const isQuiet = this.#keeper.isQuiet
    if (!isQuiet) this.#keeper.settleUnlistened()
    if (!this.#cancel.isOver || this.#router.isMidMessage || holder.isMidMessage) return
    if (this.#isSession) this.closeIfMarked()
    else if (!isQuiet && this.#isKept(holder)) return
    else this.#giveBackUnlessSampled()
  }

  #giveBackUnlessSampled(): void {
    if (this.#keeper.choosesSample()) this.#keeper.sample()
    else this.#giveBackWhenSent()
  }

  /** What has happened in the session keeps the lease from its end. */
  #isKept(holder: Holder): boolean {
    if (this.#keeper.isLost) this.#owner.destroy(this, `its client's state is lost: ${this.#keeper.session.unusableBy}`)
    else if (this.#keeper.isInDoubt) this.#keeper.inquire()
    else if (this.#keeper.isHandingOver) this.#keeper.advance()
    else if (this.#keeper.isPinned) this.#keepPinned(holder)
    else return false
    return true
  }

  /** Who keeps a server beyond its transaction keeps it no longer than the pool. */
  #keepPinned(holder: Holder): void {
    const { dismissal } = this.#owner
    if (dismissal) holder.fail(dismissal)
    else this.#keeper.rested(holder)
  }

  reconsider(): void {
    this.#considerRelease()
  }

  /** In session mode the client keeps its server; but not one that is marked, if such are closed fast. */
  closeIfMarked(): void {
    const isAtRest = this.#status === TransactionStatus.idle && this.#queue.isAtRest && this.#cancel.isOver
    const isMarked = this.#isSession && this.#owner.rules.closesFast && this.slot.retiring === 'retired'
    if (isMarked && isAtRest && !this.#settlement) this.#owner.destroy(this, 'it is marked, and no transaction is open')
  }

  /** A server without a lease may be lent at any moment: nothing may be half received then, unless it has a chore. */
  #stayLendable(): void {
    if (this.chore && !this.#queue.isAtRest) return
    if (this.#router.isMidMessage) {
      return this.#owner.destroy(this, 'it began to say something that nobody asked for')
    }
    this.#chores.ended(this.#status)
  }

  /** What the holder has said leaves before the next one's lease begins; `drained` comes back here. */
  #giveBackWhenSent(): void {
    if (!this.#server.isBlocked) this.#giveBack(true)
  }

  #giveBack(isUsed: boolean): void {
    this.#server.resume()
    this.#statements.leaseEnded()
    if (this.#statements.isOverfull) this.#keeper.session.ruin('more statements are on it than it may keep', true)
    const { isDirty, reason: spoilt } = this.#keeper.end(isUsed)
    const reason = isUsed && this.#owner.rules.isUsedOnce ? 'it has been used, and is used once' : spoilt
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
    if (step === 'rest') this.#giveBackUnlessSampled()
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
    this.#chores.abandon()
    this.#loseHolder(new TaxirankError('server_lost', `the server was closed: ${reason}`))
    this.#server.close(!isHalfSent && !this.#router.isMidMessage && this.#queue.isAtRest)
  }

  closed(cause: Error | undefined): void {
    const how = cause ? `: ${cause.message}` : ''
    const error = new TaxirankError('server_lost', `the server closed the connection unexpectedly${how}`, { cause })
    this.#loseHolder(error)
    if (!this.#cancel.isSent) this.#cancel.ended()
    this.#chores.lost()
    this.#owner.serverClosed(this)
  }

  crashed(error: unknown): void {
    this.#owner.crashed(error)
  }

  #loseHolder(error: TaxirankError): void {
    if (!this.#holder) return
    const isMidReply = this.isMidReply
    this.#keeper.lost()
    this.#endLease().serverLost({ error, isMidReply, isTold: this.#isFatalTold })
  }
}
