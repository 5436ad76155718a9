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
import type { Deadline, Deadlines } from '../time.ts'
import * as build from '../wire/build.ts'
import type { Framer } from '../wire/framer.ts'
import { Backend, Frontend, TransactionStatus } from '../wire/messages.ts'
import { type MessageBytes, readParameterStatus } from '../wire/read.ts'
import type { Holder } from './holder.ts'
import { type ParameterSet, type ParameterSets, setStatement } from './parameters.ts'
import { ReplyQueue } from './reply-queue.ts'
import type { ReplyReader } from './reply-reader.ts'
import { ReplyRouter, type RouterDesk } from './reply-router.ts'
import { ServerCancel } from './server-cancel.ts'
import { ServerSession } from './server-session.ts'
import { Settlement } from './settlement.ts'
import type { Tally } from './tally.ts'
import { ServerSwallow, type Trace } from './trace.ts'

/** What a server needs of the pool that it belongs to. */
export interface ServerOwner {
  /** Where a server that is opened now goes. */
  takeTarget(): ServerTarget
  readonly derivations: Derivations
  /** What is counted in its database. */
  readonly tally: Tally
  readonly connectTimeoutMs: number
  readonly cancelTimeoutMs: number
  readonly deadlines: Deadlines
  readonly now: () => number
  readonly parameterSets: ParameterSets
  readonly trace: Trace
  serverReady(server: PooledServer): void
  serverFailed(server: PooledServer, error: TaxirankError, isFinal: boolean): void
  serverClosed(server: PooledServer): void
  /** The lease has ended and the server may be lent again. */
  release(lease: Lease<PooledServer>, number: number): void
  /** Close it: it may not be lent again. */
  destroy(server: PooledServer, reason: string): void
  settling(server: PooledServer): void
  crashed(error: unknown): void
}

const prepareTag = Buffer.from('PREPARE\0')
const listenTag = Buffer.from('LISTEN\0')
const letterL = 0x4c
const letterP = 0x50
/** The fields for severity come first, and the second of them is never translated. */
const fatalSeverity = /^E[^]{4}S[^\0]*\0V(FATAL|PANIC)\0/

export class PooledServer implements ServerHandler, RouterDesk {
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
  readonly #queue = new ReplyQueue()
  #key: Buffer = Buffer.alloc(0)
  readonly #session: ServerSession
  #status: number = TransactionStatus.idle
  #lease: Lease<PooledServer> | undefined
  #leaseNumber = 0
  #holder: Holder | undefined
  /** Under way when the holder is gone. */
  #settlement: Settlement | undefined
  readonly #cancel = new ServerCancel(this.#queue, () => this.#sendCancel())
  readonly #router: ReplyRouter
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
    this.#session = new ServerSession(owner.parameterSets)
    const traffic = owner.trace.serverTraffic(id)
    this.#router = new ReplyRouter(this, traffic)
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
    this.requestedAtMs = this.#transactionAtMs = lease.grantedAtMs
    this.#tally.assignments++
    this.#tally.waitMs += lease.waitedMs
    if (this.parameters !== holder.parameters) this.#bringTo(holder)
  }

  /** Ends the lease at a point where nothing was sent in it. */
  unlink(): void {
    this.#considerRelease()
  }

  #bringTo(holder: Holder): void {
    const statement = setStatement(this.parameters, holder.parameters)
    if (statement === undefined) return holder.parametersAdopted(this.parameters)
    this.#ask(statement)
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

  /** Hot path. The head of a message of the holder's is about to be forwarded: what will it owe, what does it leave? */
  account(message: MessageBytes): void {
    const queue = this.#queue
    const holder = this.#theHolder
    if (!this.#isTiming) this.#startTiming()
    if (this.#session.needsUnnamedDropped(message, holder)) this.#ask('')
    switch (message.bytes[message.start]) {
      case Frontend.query:
      case Frontend.functionCall:
        if (queue.needsSync) this.#session.spoil('a Query was sent inside an extended group')
        return queue.sentQuery(holder)
      case Frontend.sync:
        return queue.sentSync(holder)
      case Frontend.parse:
        this.#session.parsed(message, holder)
        this.#tally.clientParses++
        this.#tally.serverParses++
        return queue.sentExtended()
      case Frontend.bind:
        this.#tally.binds++
        return queue.sentExtended()
      case Frontend.execute:
      case Frontend.describe:
      case Frontend.close:
        return queue.sentExtended()
      case Frontend.copyDone:
      case Frontend.copyFail:
        return queue.sentCopyEnd()
      default:
    }
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
    if (outcome === 'unknown') this.#session.spoil('a cancel may still be on its way to it')
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
    if (!this.#isClosing) this.#owner.serverReady(this)
  }

  loginFailed(error: TaxirankError, isFinal: boolean): void {
    this.#owner.serverFailed(this, error, isFinal)
  }

  received(bytes: Buffer): void {
    const wasFull = this.#queue.isFull
    this.#tally.sentBytes += bytes.length
    try {
      this.#router.walk(bytes)
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      return this.#owner.destroy(this, `it broke the protocol: ${error.message}`)
    }
    // Whatever has emptied the pipeline: a holder that still has to wait does.
    if (wasFull) this.#holder?.mayReadOn()
    this.#considerRelease()
  }

  /** Hot path. For the router: whom a message is for, and what it means for the queue. */
  route(framer: Framer): ReplyReader | undefined {
    const isOurs = this.#queue.isHeadOurs
    const reader = isOurs ? undefined : (this.#queue.reader ?? this.#holder)
    if (reader === undefined) this.#swallowReason = isOurs ? ServerSwallow.ours : ServerSwallow.unsolicited
    switch (framer.type) {
      case Backend.dataRow:
        return reader
      case Backend.errorResponse:
        return this.#gotError(framer, isOurs) ? this.#holder : reader
      case Backend.parameterStatus:
        this.#gotParameter(framer, reader)
        return reader
      default:
        this.#count(framer)
        return reader
    }
  }

  swallowReason(): number {
    return this.#swallowReason
  }

  /** Hot path. What a command leaves in the session, where its tag says so. */
  #spoilByTag(framer: Framer): void {
    const letter = framer.bytes[framer.start + 5]
    if (letter === letterP && hasTag(framer, prepareTag)) this.#session.spoil('a statement was prepared on it')
    else if (letter === letterL && hasTag(framer, listenTag)) this.#session.spoil('it listens for a client')
  }

  #count(framer: Framer): void {
    const queue = this.#queue
    switch (framer.type) {
      case Backend.commandComplete:
        this.#spoilByTag(framer)
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
        return queue.gotCopyIn()
      case Backend.readyForQuery:
        if (queue.owed > 0 || (queue.isUncertain && this.#holder)) return
        throw new TaxirankError('protocol_violation', 'a ReadyForQuery that nobody asked for')
      default:
        if (!this.#holder) assertHarmless(framer.type)
    }
  }

  /**
   * A FATAL error ends the session, so it is the holder's to know even while nothing is owed, or where it answers a
   * request of our own: true. Any other error answers the head.
   */
  #gotError(framer: Framer, isOurs: boolean): boolean {
    if (!this.#holder) throw new TaxirankError('protocol_violation', 'PostgreSQL is closing it')
    const isFatal = fatalSeverity.test(framer.bytes.toString('latin1', framer.start, framer.end))
    this.#queue.gotError()
    if (isFatal && this.#holder.isReading) {
      this.#isFatalTold = true
      this.#session.spoil('PostgreSQL is closing it')
      return true
    }
    if (isOurs) this.#session.spoil('a statement of the pooler failed on it')
    return false
  }

  #gotParameter(framer: Framer, reader: ReplyReader | undefined): void {
    const { name, value } = readParameterStatus(framer)
    this.#session.parameterReported(name, value)
    this.slot.stateKey = this.parameters.key
    if (reader?.isReading) this.#holder?.parametersReported(this.parameters)
  }

  /** For the router. */
  answered(status: number): void {
    const wasOurs = this.#queue.isHeadOurs
    this.#status = status
    this.#queue.gotReady()
    if (!wasOurs) this.#countRequest(status)
    if (wasOurs && this.#holder?.isReading) this.#holder.parametersAdopted(this.parameters)
    this.#cancel.headAnswered()
  }

  // The end of a lease.

  #considerRelease(): void {
    const holder = this.#holder
    if (!holder) return this.#stayLendable()
    if (this.#settlement) return this.#settle(this.#settlement)
    if (this.#status !== TransactionStatus.idle) return
    if (this.#queue.isUncertain && this.#queue.isAnswered) this.#session.spoil('nobody knows how many replies it owes')
    else if (!this.#queue.isAtRest) return
    if (!this.#cancel.isOver || this.#router.isMidMessage || holder.isMidMessage) return
    this.#giveBackWhenSent()
  }

  /** A server without a lease may be lent at any moment: nothing may be half received then. */
  #stayLendable(): void {
    if (this.#router.isMidMessage) this.#owner.destroy(this, 'it began to say something that nobody asked for')
  }

  /** What the holder has said leaves before the next one's lease begins; `drained` comes back here. */
  #giveBackWhenSent(): void {
    if (!this.#server.isBlocked) this.#giveBack()
  }

  #giveBack(): void {
    this.#server.resume()
    const { spoiltBy } = this.#session
    const { id } = this.#theHolder
    if (spoiltBy === undefined) {
      this.#owner.trace.leaseReleased(id, this.id)
      const lease = this.lease
      this.#endLease().unlinked()
      this.#owner.release(lease, this.#leaseNumber)
      return
    }
    const holder = this.#endLease()
    this.#owner.destroy(this, spoiltBy)
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
    this.#loseHolder(new TaxirankError('server_lost', `the server was closed: ${reason}`))
    this.#server.close(!isHalfSent && !this.#router.isMidMessage && this.#queue.isAtRest)
  }

  closed(cause: Error | undefined): void {
    const how = cause ? `: ${cause.message}` : ''
    const error = new TaxirankError('server_lost', `the server closed the connection unexpectedly${how}`, { cause })
    this.#loseHolder(error)
    if (!this.#cancel.isSent) this.#cancel.ended()
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

/** Nobody asked a server without a lease anything: it may tell notices and the like, nothing else. */
function assertHarmless(type: number): void {
  if (type === Backend.noticeResponse || type === Backend.notificationResponse) return
  throw new TaxirankError('protocol_violation', `unasked message '${String.fromCharCode(type)}'`)
}

function hasTag({ bytes, start, end }: Framer, tag: Buffer): boolean {
  const at = start + 5
  return end - at >= tag.length && bytes.compare(tag, 0, tag.length, at, at + tag.length) === 0
}
