/**
 * A client as the pool sees it: logged in for one database and user, asking for a server when it has something to say,
 * giving it back when everything it said is answered.
 *
 * What it sends is read by a `RequestReader`, which stops while a server is waited for or a cancel is under way. A message
 * that is not complete (or very long) asks for no server.
 */

import { assert } from '../assert.ts'
import type { CancelPacket, Client, ClientHandler, Startup, Traffic } from '../client/client.ts'
import { Node } from '../engine/list.ts'
import { type Caller, Waiter } from '../engine/waiter.ts'
import type { Lease } from '../engine/lease.ts'
import { TaxirankError } from '../errors.ts'
import { Deadline, type Deadlines } from '../time.ts'
import type { LogSubject } from '../log.ts'
import * as build from '../wire/build.ts'
import { commandComplete } from '../wire/build-result.ts'
import { Frontend, TransactionStatus } from '../wire/messages.ts'
import type { MessageBytes } from '../wire/read.ts'
import type { CancelKey, CancelKeys } from './cancel-keys.ts'
import { clientFigures } from './client-figures.ts'
import type { ClientFigures } from './figures.ts'
import type { LiveUser } from './live.ts'
import { clientSubject, textOf } from './names.ts'
import { ClientListening, type ListeningDesk } from './client-listening.ts'
import type { ClientLimits } from './client-limits.ts'
import { ClientStatements } from './client-statements.ts'
import { ClientTiming, isTimed, type TimingOwner } from './client-timing.ts'
import { differences, type ParameterSet } from './parameters.ts'
import type { Holder, ServerLoss } from './holder.ts'
import { type HolderNaming, holderNamingOf } from './holder-naming.ts'
import type { PooledServer } from './pooled-server.ts'
import { type Fate, type ReaderDesk, type RequestHead, RequestReader } from './request-reader.ts'
import type { ServerPool } from './server-pool.ts'
import type { Replacement } from './server-statements.ts'
import { ClientDiscard, WaitEnd } from './trace.ts'

/** What a client needs of the pooler. */
export interface ClientOwner {
  /** Starts watching a client that stopped in the middle of a message. */
  watchHalfMessage(client: PooledClient): void
  /** It has said the rest, or need not. */
  unwatchHalfMessage(client: PooledClient): void
  /** It is told an error of ours. */
  clientFailed(client: PooledClient, error: TaxirankError): void
  clientClosed(client: PooledClient, cause: Error | undefined): void
  crashed(client: PooledClient, error: unknown): void
}

/** A waiting or cancelling client is read on up to this much; then it is paused. */
const backlogBytes = 65_536
/** A message that comes more slowly than this is taken for one that does not come. */
const leastBytesPerMs = 1

const queuedNotice = build.notice('No server connection available in postgres backend, client being queued')

export class PooledClient
  extends Node
  implements ClientHandler, ReaderDesk, Holder, Caller<PooledServer>, TimingOwner, ListeningDesk
{
  /** Given at login, repeated to cancel. */
  readonly key: CancelKey
  /** Of the rest of a message; undefined until the client first stops in the middle of one. */
  halfMessage: Deadline | undefined = undefined
  connectedAtMs = 0
  readsSequences = false
  namedAs = ''
  #isToldOfPin = false
  /** As whom it logged in: its pool's may be another. */
  readonly user: LiveUser
  readonly pool: ServerPool
  readonly #owner: ClientOwner
  readonly #client: Client
  readonly #waiter = new Waiter<PooledServer>(this)
  readonly #reader: RequestReader
  #limits: ClientLimits
  /** Undefined: it may take as long as it likes for everything, or has not logged in yet. */
  #timing: ClientTiming | undefined
  /** When it is told that it waits; undefined until it first does. */
  #notifying: Deadline | undefined
  #parameters: ParameterSet | undefined
  #initial: ParameterSet | undefined
  /** Made when it first prepares something: most clients never do. */
  #statements: ClientStatements | undefined
  /** Made when it first listens. */
  #listening: ClientListening | undefined
  #server: PooledServer | undefined
  /** What is left of a cancelled request is used up until a message of this type ends, which gets the ReadyForQuery; 0: nothing. */
  #skipUntil = 0
  #logSubject: LogSubject | undefined
  #endReason: string | undefined
  #bytesSinceWatched = 0
  /** It has said Terminate. */
  #isLeaving = false
  /** Nothing is read of it for now. */
  #isSuspended = false
  #requestedAtMs = 0
  /** Called at the first grant, when the client waits to log in and not for a request. */
  #login: (() => void) | undefined

  constructor(
    client: Client,
    pool: ServerPool,
    user: LiveUser,
    keys: CancelKeys,
    traffic: Traffic,
    limits: ClientLimits,
    owner: ClientOwner,
  ) {
    super()
    this.user = user
    user.clients++
    this.#limits = limits
    this.key = keys.issue(this, client.secretBytes)
    this.#client = client
    this.#waiter.holder = `client ${client.id}`
    this.pool = pool
    this.#reader = new RequestReader(this, traffic, pool.requestRules)
    this.#owner = owner
  }

  get id(): number {
    return this.#client.id
  }

  /** Who it is and where it comes from. Remembered: it is asked for when the connection is gone, too. */
  get logSubject(): LogSubject {
    this.#logSubject ??= clientSubject(this.#client, this.pool.database.name, this.user.name)
    return this.#logSubject
  }

  get isEncrypted(): boolean {
    return this.#client.isEncrypted
  }

  /** Why its connection ended, as far as that was not the network's doing. */
  get endReason(): string {
    return this.#endReason ?? (this.#isLeaving ? 'client close request' : 'client unexpected eof')
  }

  get isReading(): boolean {
    return this.#client.isOpen
  }

  get isMidMessage(): boolean {
    return this.#reader.isMidForward
  }

  get parameters(): ParameterSet {
    assert(this.#parameters !== undefined, 'a client has parameters once it is logged in')
    return this.#parameters
  }

  get login(): ParameterSet {
    return this.#initial ?? this.parameters
  }

  get statements(): ClientStatements {
    this.#statements ??= new ClientStatements(this.pool.statements)
    return this.#statements
  }

  unnamedDropped(): void {
    this.#statements?.unnamedDropped()
  }

  unnamedFailed(): void {
    this.#statements?.unnamedFailed()
  }

  // What it listens to.

  get listening(): ClientListening {
    this.#listening ??= new ClientListening(this)
    return this.#listening
  }

  hears(channel: string): boolean {
    return this.#listening?.channels.has(channel) === true
  }

  unlisten(channels?: ReadonlySet<string>): void {
    if (!this.#listening) return
    this.pool.listeners.leave(this.#listening, channels)
    this.#listening.unlistened(channels)
  }

  leaveAll(): void {
    if (this.#listening) this.pool.listeners.leave(this.#listening)
  }

  get encoding(): string {
    return this.parameters.values.get('client_encoding') ?? ''
  }

  get mayBeNotified(): boolean {
    return this.#client.isOpen && (this.#server?.isBetweenTransactions ?? true)
  }

  get unreadBytes(): number {
    return this.#client.unsentBytes
  }

  tell(message: Buffer): void {
    this.#client.write(message, 0)
  }

  rested(): void {
    this.#listening?.rested()
  }

  // Login.

  /**
   * Waits for a server only to learn what the pool's parameters are; `then` is called when they are known. `timeoutMs`: how
   * long at most, if the pool does not say less; 0: as long as the pool says.
   */
  awaitPool(timeoutMs: number, then: () => void): void {
    this.#login = then
    const limitMs = this.pool.waitTimeoutMs
    if (timeoutMs > 0 && (limitMs === 0 || timeoutMs < limitMs)) this.#waiter.timeoutMs = timeoutMs
    this.#acquire()
  }

  /** `notice`: what every client is told. */
  welcome(parameters: ParameterSet, notice: Buffer | undefined): void {
    this.#parameters = this.#initial = parameters
    if (isTimed(this.#limits)) this.#timing = new ClientTiming(this.#limits, this)
    const { loginEnd } = parameters
    this.#client.welcome(notice ? build.withMessage(loginEnd, notice) : loginEnd, this.key)
  }

  /** An error of ours between two replies; FATAL ends the connection, and lets what was sent finish. */
  fail(error: TaxirankError): void {
    this.#tell(error)
    if (error.severity === 'FATAL') this.#leave(true)
  }

  #tell(error: TaxirankError): void {
    if (error.severity === 'FATAL') this.#endReason ??= error.message
    if (this.#server?.isMidReply) this.#client.reset()
    else this.#client.fail(error)
    this.#owner.clientFailed(this, error)
  }

  get hasStatements(): boolean {
    return this.#statements !== undefined
  }

  get applicationName(): string {
    return this.#parameters?.values.get('application_name') ?? ''
  }

  pinned(reasons: readonly string[]): void {
    // That may be known while a message of the server's is half written: then it is told when the client is pinned anew, or never.
    if (this.#isToldOfPin || this.#server?.isMidReply) return
    this.#isToldOfPin = true
    const text = `this connection keeps a server of the pool beyond its transaction: ${reasons.join(', ')}`
    this.#client.write(build.notice(text), 0)
  }

  // Limits of its time.

  get deadlines(): Deadlines {
    return this.pool.deadlines
  }

  get now(): () => number {
    return this.pool.now
  }

  get isAsking(): boolean {
    return this.#waiter.isWaiting || (this.#server?.isAsked ?? false)
  }

  /** What it runs is cancelled, and its transaction rolled back. */
  timedOut(error: TaxirankError): void {
    if (!this.#client.isOpen) return
    if (this.#waiter.isWaiting) this.pool.leaveQueue(this.#waiter, this.id, WaitEnd.timedOut)
    this.#tell(error)
    this.#leave(false)
  }

  /** Other limits count from now on; where there were none, once it is at rest. */
  relimit(limits: ClientLimits): void {
    this.#limits = limits
    const isAtRest = this.#parameters && !this.#server && !this.#waiter.isWaiting
    if (this.#timing) this.#timing.relimit(limits)
    else if (isAtRest && isTimed(limits)) this.#timing = new ClientTiming(limits, this)
  }

  /** A deadline that runs from an earlier wait, and comes too early, does as well: waits are mostly short. */
  #notifyLater(): void {
    const { queryWaitNotifyMs: limitMs } = this.#limits
    if (limitMs === 0 || !this.#parameters) return
    const notifying = (this.#notifying ??= new Deadline((now) => this.#notify(now)))
    if (!notifying.isRunning) this.deadlines.start(notifying, this.now() + limitMs)
  }

  #notify(now: number): void {
    if (!this.#waiter.isWaiting) return
    const atMs = this.#waiter.queuedAtMs + this.#limits.queryWaitNotifyMs
    if (atMs > now) this.deadlines.start(this.#notifying as Deadline, atMs)
    else this.#client.write(queuedNotice, 0)
  }

  loginRequested(_startup: Startup): void {
    throw new Error('taxirank bug: a client logs in once')
  }

  cancelRequested(_packet: CancelPacket): void {
    throw new Error('taxirank bug: a cancel connection does not log in')
  }

  /** The rest of a message did not come in time. A long one may take more, and it may be us who do not read it. */
  halfMessageTimedOut(limitMs: number): void {
    const isComing = this.#bytesSinceWatched >= limitMs * leastBytesPerMs
    if (isComing || !this.#mayRead) return this.#watchHalfMessage()
    const text = `the rest of a message did not come within ${limitMs.toLocaleString('en-US')} ms`
    this.fail(new TaxirankError('message_timeout', text))
  }

  /** An administrator ends it now: what it runs is cancelled. */
  kill(error: TaxirankError): void {
    if (!this.#client.isOpen) return
    if (this.#server?.isMidReply) this.#client.reset()
    else this.#client.fail(error)
    this.#owner.clientFailed(this, error)
    this.#leave(false)
  }

  /** Nothing more is read of it until `unsuspend`. */
  suspend(): void {
    this.#isSuspended = true
    this.#client.pause()
  }

  unsuspend(): void {
    this.#isSuspended = false
    this.#resumeIfFree()
  }

  /** Everything that was read of it has been answered, as far as it is whole, and the answers are on their way. */
  get isAnswered(): boolean {
    return !this.#waiter.isWaiting && (this.#server?.isAnswered ?? true) && this.#client.unsentBytes === 0
  }

  // Figures.

  get state(): 'waiting' | 'active' | 'idle' {
    if (this.#waiter.isWaiting) return 'waiting'
    return this.#server ? 'active' : 'idle'
  }

  /** `epochMs`: when the pooler's clock was at 0. */
  figures(epochMs: number, now: number): ClientFigures {
    const isWaiting = this.#waiter.isWaiting
    const requestedAtMs = isWaiting ? this.#waiter.queuedAtMs : (this.#server?.requestedAtMs ?? this.#requestedAtMs)
    return {
      ...clientFigures(this.#client),
      user: textOf(this.user.name),
      database: textOf(this.pool.database.name),
      state: this.state,
      connectedAtMs: epochMs + this.connectedAtMs,
      requestedAtMs: epochMs + Math.max(requestedAtMs, this.connectedAtMs),
      waitMs: isWaiting ? now - requestedAtMs : 0,
      isMarked: this.pool.dismissal !== undefined,
      linkedTo: this.#server?.id,
      applicationName: textOf(this.applicationName),
      preparedStatements: this.#statements?.size ?? 0,
      heldBytes: this.#reader.backlogBytes,
    }
  }

  /** Its pool lends no more: a client without a server is told so and closed; the others when their transaction is over. */
  shutDown(error: TaxirankError): void {
    if (this.#server) this.#server.reconsider()
    else if (this.#client.isOpen) this.fail(error)
  }

  // From the client.

  /** Hot path. */
  received(bytes: Buffer): void {
    if (this.halfMessage?.isRunning) this.#bytesSinceWatched += bytes.length
    try {
      this.#reader.read(bytes)
    } catch (error) {
      return this.#refuse(error)
    }
    this.#wasRead()
  }

  /** For the reader: what comes now waits for a server, the end of a cancel or of a pipeline, or nobody wants it. */
  get isStopped(): boolean {
    const server = this.#server
    return this.#waiter.isWaiting || this.#isLeaving || (server !== undefined && (server.isCancelling || server.isFull))
  }

  get isOver(): boolean {
    return !this.#client.isOpen
  }

  #refuse(error: unknown): void {
    if (!(error instanceof TaxirankError)) throw error
    this.fail(error)
  }

  #wasRead(): void {
    this.#server?.wasRead()
    const { backlogBytes: held } = this.#reader
    if (held > 0) this.#timing?.asked()
    if (held > backlogBytes) this.#client.pause()
    if (!this.#reader.isMidMessage || this.isStopped) {
      if (this.halfMessage?.isRunning) this.#owner.unwatchHalfMessage(this)
    } else if (!this.halfMessage?.isRunning && this.#client.isOpen) {
      this.#watchHalfMessage()
    }
  }

  #watchHalfMessage(): void {
    this.#bytesSinceWatched = 0
    this.#owner.watchHalfMessage(this)
  }

  /** Hot path. */
  forward(bytes: Uint8Array): void {
    assert(this.#server !== undefined, 'bytes are forwarded to the server that the client holds')
    this.#server.forward(bytes)
  }

  goesOn(piece: MessageBytes): void {
    this.#server?.goesOn(piece)
  }

  completed(): void {
    this.#server?.messageCompleted()
  }

  /** Hot path. Decides what becomes of the message that begins here. `stop`: the client waits, or its pipeline is full. */
  admit(head: RequestHead): Fate {
    if (this.#skipUntil !== 0) return ClientDiscard.cancelled
    this.#timing?.asked()
    const naming = holderNamingOf(head)
    const answered = naming && this.#named(naming)
    if (answered !== undefined) return answered
    if (!this.#server) {
      if (isCopyMessage(head.type)) return ClientDiscard.lateCopy
      if (!this.#acquire()) return 'stop'
    }
    const server = this.#server as PooledServer
    if (server.isFull) return 'stop'
    if (server.isCopyingIn) {
      if (!isCopyMessage(head.type)) return duringCopyIn(head.type)
    } else if (server.mustWait(head)) return 'stop'
    if (server.replaces(head)) return 'replace'
    server.account(head)
    return 'forward'
  }

  /**
   * It says what it is to be called: answered here, behind all that is owed. Undefined: it takes the way of any Query, since PostgreSQL skips it, or
   * something of the server's is half told. The name stays until another comes: who lends by the transaction says it once for several.
   */
  #named({ tag, name }: HolderNaming): Fate | undefined {
    const server = this.#server
    if (server?.mustAnswerFirst()) return 'stop'
    if (server && !server.isSilent) return undefined
    const status = server?.status ?? TransactionStatus.idle
    this.namedAs = name
    this.#waiter.holder = `client ${this.id}${name && ` (${name})`}`
    if (server) server.lease.holder = this.#waiter.holder
    this.#client.write(Buffer.concat([commandComplete(tag), build.readyForQuery(status)]), 0)
    if (server) this.#timing?.answered(status, 0)
    else this.#timing?.rested()
    return ClientDiscard.answered
  }

  /** Hot path. */
  replace(head: RequestHead): Replacement | undefined {
    assert(this.#server !== undefined, 'what is replaced goes to the server that the client holds')
    return this.#server.replace(head)
  }

  discarded(type: number): void {
    if (type !== this.#skipUntil) return
    this.#skipUntil = 0
    this.#timing?.rested()
    this.#client.write(build.readyForQuery(TransactionStatus.idle), 0)
  }

  /** What was sent before Terminate is answered first, as PostgreSQL does; an open transaction is rolled back. */
  saidGoodbye(): void {
    this.#isLeaving = true
    if (this.#server) this.#server.settle(true)
    else this.#client.close()
  }

  // Waiting.

  /** True if a server is linked now. Otherwise `granted` or `refused` comes later, or has come already. */
  #acquire(): boolean {
    const waiter = this.#waiter
    waiter.stateKey = this.#parameters?.key ?? 0
    const lease = this.pool.acquire(waiter, this.id)
    if (waiter.isWaiting) this.#notifyLater()
    if (!lease) return false
    this.#link(lease)
    return this.#server !== undefined
  }

  granted(lease: Lease<PooledServer>): void {
    this.pool.waitEnded(this.id, WaitEnd.granted)
    const isLogin = this.#login !== undefined
    this.#link(lease)
    if (this.#server && !isLogin) this.#resumeReading()
  }

  refused(error: TaxirankError): void {
    this.pool.waitEnded(this.id, refusalEnd(error))
    this.fail(error)
  }

  #link(lease: Lease<PooledServer>): void {
    const server = lease.resource
    this.#server = server
    this.#requestedAtMs = lease.grantedAtMs - lease.waitedMs
    this.pool.leaseGranted(this.id, server)
    const login = this.#login
    if (login) {
      this.#login = undefined
      this.#waiter.timeoutMs = undefined
      this.#parameters = server.parameters
      server.link(lease, this, false)
      server.unlink()
      return login()
    }
    try {
      server.link(lease, this)
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      this.fail(error)
    }
  }

  #resumeReading(): void {
    try {
      this.#reader.resume()
    } catch (error) {
      return this.#refuse(error)
    }
    this.#wasRead()
    this.#resumeIfFree()
  }

  // From the server.

  /** Hot path. */
  reply(bytes: Uint8Array, server: number): boolean {
    return this.#client.write(bytes, server)
  }

  parametersReported(parameters: ParameterSet): void {
    this.#parameters = parameters
  }

  parametersAdopted(parameters: ParameterSet): void {
    for (const [name, value] of differences(this.parameters, parameters)) {
      this.#client.write(build.parameterStatus(name, value), 0)
    }
    this.#parameters = parameters
  }

  serverBlocked(): void {
    this.#client.pause()
  }

  serverDrained(): void {
    this.#resumeIfFree()
  }

  answered(status: number, owed: number): void {
    this.#timing?.answered(status, owed)
  }

  unlinked(): void {
    this.#server = undefined
    this.#timing?.rested()
    if (this.#isLeaving) return this.#client.close()
    this.#listening?.rested()
    this.#resumeIfFree()
    if (this.pool.dismissal && this.#client.isOpen) this.fail(this.pool.dismissal)
  }

  /** Reads on, unless something still stands in the way. */
  #resumeIfFree(): void {
    if (this.#mayRead) this.#client.resume()
  }

  /** Nothing of ours keeps its bytes from being read. */
  get #mayRead(): boolean {
    return !this.isStopped && !this.#client.isBlocked && !this.#server?.isBlocked && !this.#isSuspended
  }

  serverLost({ error, isMidReply, isTold }: ServerLoss): void {
    this.#server = undefined
    if (!this.#client.isOpen) return
    this.#endReason ??= error.message
    if (isMidReply) this.#client.reset()
    else if (isTold) this.#client.end()
    else this.#client.fail(error)
    if (!isTold) this.#owner.clientFailed(this, error)
    this.#reader.discardBacklog()
  }

  // Cancel.

  /** What a cancel request with this client's key does. `done` is called when it is over, once. */
  cancel(done: () => void): void {
    if (this.#server) return this.#server.cancel(done)
    if (this.#waiter.isWaiting && this.#parameters) this.#cancelQueued()
    done()
  }

  /** A cancel with this client's key is on nobody's way to PostgreSQL yet. */
  get isCancelHeldBack(): boolean {
    return this.#server?.isCancelHeldBack === true
  }

  mayReadOn(): void {
    if (this.#client.isOpen && !this.isStopped) this.#resumeReading()
  }

  /** The request at which this client waits is answered without ever having been sent. */
  #cancelQueued(): void {
    const { type, isTail } = this.#reader.head
    this.pool.leaveQueue(this.#waiter, this.id, WaitEnd.cancelled)
    this.#reader.discardHead(ClientDiscard.cancelled)
    this.#timing?.rested()
    // Nothing of a Flush is to be answered.
    if (type !== Frontend.flush) this.#answerCancelled(type, isTail)
    this.#resumeReading()
  }

  #answerCancelled(type: number, isTail: boolean): void {
    const isWhole = type === Frontend.query || type === Frontend.functionCall || type === Frontend.sync
    const error = new TaxirankError('query_canceled', 'canceling statement due to user request, before it was sent')
    this.#client.write(build.errorResponse(error), 0)
    if (isWhole && isTail) this.#client.write(build.readyForQuery(TransactionStatus.idle), 0)
    else this.#skipUntil = isWhole ? type : Frontend.sync
  }

  // Back-pressure, end.

  /** Does not read its replies: no more of them are read from PostgreSQL, and no more requests from it. */
  blocked(): void {
    this.#server?.pause()
    this.#client.pause()
  }

  drained(): void {
    this.#server?.resume()
    this.#resumeIfFree()
  }

  closed(cause: Error | undefined): void {
    this.user.clients--
    this.#statements?.end()
    this.pool.clientClosed(this.id, cause !== undefined)
    this.#leave(false)
    this.#owner.clientClosed(this, cause)
  }

  crashed(error: unknown): void {
    this.#owner.crashed(this, error)
    const server = this.#server
    if (server) this.pool.destroy(server, 'a bug of the pooler met its client')
  }

  /** Gives up what it waits for or holds. After an orderly goodbye what was sent runs to its end. */
  #leave(isOrderly: boolean): void {
    this.#owner.unwatchHalfMessage(this)
    this.#timing?.end()
    this.leaveAll()
    if (this.#notifying) this.deadlines.stop(this.#notifying)
    this.#reader.discardBacklog()
    if (this.#waiter.isWaiting) this.pool.leaveQueue(this.#waiter, this.id, WaitEnd.clientGone)
    const server = this.#server
    this.#server = undefined
    if (this.#isLeaving) server?.limitSettling()
    else server?.settle(isOrderly)
  }
}

/** PostgreSQL ignores Sync and Flush while it reads copy data, and loses its place at anything else. */
function duringCopyIn(type: number): Fate {
  if (type === Frontend.sync || type === Frontend.flush) return ClientDiscard.copyInSync
  const name = String.fromCharCode(type)
  throw new TaxirankError('protocol_violation', `message '${name}' is not allowed during COPY FROM STDIN`)
}

function isCopyMessage(type: number): boolean {
  return type === Frontend.copyData || type === Frontend.copyDone || type === Frontend.copyFail
}

function refusalEnd(error: TaxirankError): number {
  if (error.code === 'acquire_timeout') return WaitEnd.timedOut
  return error.code === 'admin_shutdown' ? WaitEnd.shutdown : WaitEnd.refused
}
