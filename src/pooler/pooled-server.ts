/**
 * A server as the pool sees it: what it owes and to whom (the reply queue), what state its session is in, and whether
 * it may be lent again. Its chunks are walked here by header and go to clients in as few writes as there are clients.
 *
 * A client's bytes never reach another client. So a server is released only at the counted point: everything owed was
 * received, the last status is idle, nothing is half sent or half received, no COPY runs, no cancel is under way and
 * nothing was left in the session. Otherwise it stays leased, is settled (read on to that point for a client that is
 * gone), or destroyed.
 */

import { assert } from '../assert.ts'
import { TaxirankError } from '../errors.ts'
import type { Lease, Slot } from '../engine/lease.ts'
import { cancelBackend, type CancelOutcome } from '../server/cancel.ts'
import { Server, type ServerAddress, type ServerHandler, type Traffic } from '../server/server.ts'
import type { Timed } from '../time.ts'
import * as build from '../wire/build.ts'
import { Framer } from '../wire/framer.ts'
import { Backend, backendRules, Frontend, TransactionStatus } from '../wire/messages.ts'
import { isNamedParse, type MessageBytes, readParameterStatus } from '../wire/read.ts'
import { isIdentity, type ParameterSet, type ParameterSets, setStatement } from './parameters.ts'
import { ReplyQueue } from './reply-queue.ts'
import { ServerCancel } from './server-cancel.ts'
import { Settlement } from './settlement.ts'
import type { ReplyReader } from './reply-reader.ts'
import { ServerSwallow, type Trace } from './trace.ts'

/** Who holds the lease. */
export interface Holder extends ReplyReader {
  readonly parameters: ParameterSet
  /** PostgreSQL is telling the client about a changed parameter: these are the values now. */
  parametersReported(parameters: ParameterSet): void
  /** The server has these values, and the client must be told what differs from its own. */
  parametersAdopted(parameters: ParameterSet): void
  /** Part of a message was sent to the server and the rest is still to come from the client. */
  readonly isMidMessage: boolean
  /** The server takes no more, or takes more again. */
  serverBlocked(): void
  serverDrained(): void
  /** The server may be written to again after a cancel. */
  cancelEnded(): void
  /** The lease has ended at the counted point. */
  unlinked(): void
  /** The server is gone and the lease with it. */
  serverLost(loss: ServerLoss): void
}

export interface ServerLoss {
  readonly error: TaxirankError
  /** The client has part of a message and will never get the rest. */
  readonly isMidReply: boolean
  /** PostgreSQL's own FATAL error has reached the client. */
  readonly isTold: boolean
}

/** What a server needs of the pool that it belongs to. */
export interface ServerOwner {
  readonly address: ServerAddress
  readonly startup: ReadonlyMap<string, string>
  readonly connectTimeoutMs: number
  readonly cancelTimeoutMs: number
  readonly parameterSets: ParameterSets
  readonly trace: Trace
  serverReady(server: PooledServer): void
  serverFailed(server: PooledServer, error: TaxirankError, isFinal: boolean): void
  serverClosed(server: PooledServer): void
  /** The lease has ended and the server may be lent again. */
  release(lease: Lease<PooledServer>): void
  /** Close it: it may not be lent again. */
  destroy(server: PooledServer, reason: string): void
  settling(server: PooledServer): void
  crashed(error: unknown): void
}

const prepareTag = Buffer.from('PREPARE\0')
const fatalSeverity = /V(FATAL|PANIC)\0/

export class PooledServer implements ServerHandler, Timed {
  readonly id: number
  readonly slot: Slot<PooledServer>
  timeout: Timed['timeout'] = undefined
  readonly #owner: ServerOwner
  readonly #traffic: Traffic
  readonly #server: Server
  readonly #framer = new Framer(backendRules)
  readonly #queue = new ReplyQueue()
  #key: Buffer = Buffer.alloc(0)
  #parameters: ParameterSet | undefined
  readonly #identity = new Map<string, string>()
  #status: number = TransactionStatus.idle
  #lease: Lease<PooledServer> | undefined
  #holder: Holder | undefined
  /** Under way when the holder is gone. */
  #settlement: Settlement | undefined
  readonly #cancel = new ServerCancel(this.#queue, () => this.#sendCancel())
  /** Why it must be destroyed instead of lent again; undefined: nothing. */
  #unfit: string | undefined
  #isFatalTold = false
  #isClosing = false
  /** The client whose unnamed statement this server has; 0: nobody's. */
  #unnamedOf = 0
  /** Destination of the message being received; undefined: swallowed. */
  #reader: ReplyReader | undefined
  #swallow: number = ServerSwallow.unsolicited

  constructor(id: number, slot: Slot<PooledServer>, owner: ServerOwner) {
    this.id = id
    this.slot = slot
    this.#owner = owner
    this.#traffic = owner.trace.serverTraffic(id)
    this.#server = new Server(
      {
        address: owner.address,
        startup: owner.startup,
        connectTimeoutMs: owner.connectTimeoutMs,
        traffic: this.#traffic,
      },
      this,
    )
  }

  get parameters(): ParameterSet {
    assert(this.#parameters !== undefined, 'a server has parameters once it is ready')
    return this.#parameters
  }

  get holder(): Holder | undefined {
    return this.#holder
  }

  get lease(): Lease<PooledServer> {
    assert(this.#lease !== undefined, 'the server is leased')
    return this.#lease
  }

  /** A cancel connection is open: nothing may be written, and the server may not be lent. */
  get isCancelling(): boolean {
    return this.#cancel.isSent
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
    return this.#framer.isTailOutstanding && this.#reader !== undefined
  }

  // The lease.

  /**
   * Begins a lease. What the server's session lacks of the client's parameters is sent now, ahead of the client's bytes
   * and in the same write. Throws `parameter_refused`.
   */
  link(lease: Lease<PooledServer>, holder: Holder): void {
    this.#lease = lease
    this.#holder = holder
    if (this.#parameters !== holder.parameters) this.#bringTo(holder)
  }

  /** Ends the lease at a point where nothing was sent in it. */
  unlink(): void {
    this.#considerRelease()
  }

  #bringTo(holder: Holder): void {
    const statement = setStatement(this.parameters, holder.parameters)
    if (statement === undefined) return holder.parametersAdopted(this.parameters)
    this.#queue.sentOurs()
    this.#server.write(build.query(statement), 0)
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
    const { id } = this.#theHolder
    if (this.#unnamedOf !== id && this.#unnamedOf !== 0) this.#dropUnnamed(message)
    switch (message.bytes[message.start]) {
      case Frontend.query:
        return queue.sentQuery(this.#theHolder)
      case Frontend.functionCall:
        return queue.sentQuery(this.#theHolder)
      case Frontend.sync:
        return queue.sentSync(this.#theHolder)
      case Frontend.parse:
        if (isNamedParse(message)) this.#unfit = 'a named statement was prepared on it'
        else this.#unnamedOf = id
        return queue.sentExtended(false)
      case Frontend.execute:
        return queue.sentExtended(true)
      case Frontend.bind:
      case Frontend.describe:
      case Frontend.close:
        return queue.sentExtended(false)
      case Frontend.copyDone:
      case Frontend.copyFail:
        return queue.sentCopyEnd()
      default:
    }
  }

  /**
   * The unnamed statement on this server is another client's, and this is the first message of a lease. A Query drops
   * such a statement, a Parse of the unnamed one replaces it, even if it fails. Before anything else we send a Query.
   */
  #dropUnnamed(message: MessageBytes): void {
    this.#unnamedOf = 0
    const type = message.bytes[message.start]
    if (type === Frontend.query || (type === Frontend.parse && !isNamedParse(message))) return
    this.#queue.sentOurs()
    this.#server.write(build.query(''), 0)
  }

  /** Hot path. Bytes of the holder's. */
  forward(bytes: Uint8Array): void {
    this.#server.write(bytes, this.#theHolder.id)
  }

  /** The rest of a message has been forwarded; a release may have waited for it. */
  messageCompleted(): void {
    this.#considerRelease()
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
    const client = holder.isReading ? holder.id : 0
    this.#owner.trace.cancelSent(client, this.id)
    cancelBackend(this.#owner.address, this.#key, this.#owner.cancelTimeoutMs, (outcome) =>
      this.#cancelDone(outcome, client),
    )
  }

  #cancelDone(outcome: CancelOutcome, client: number): void {
    this.#owner.trace.cancelDone(client, this.id, outcome !== 'delivered')
    if (outcome === 'unknown') this.#unfit = 'a cancel may still be on its way to it'
    this.#cancel.ended()
    if (!this.#holder) return
    this.#holder.cancelEnded()
    this.#considerRelease()
  }

  // From PostgreSQL.

  ready(parameters: ReadonlyMap<string, string>, key: Buffer, rest: Buffer): void {
    this.#key = key
    for (const [name, value] of parameters) if (isIdentity(name)) this.#identity.set(name, value)
    this.#setParameters(this.#owner.parameterSets.of(parameters))
    if (rest.length > 0) this.received(rest)
    if (!this.#isClosing) this.#owner.serverReady(this)
  }

  loginFailed(error: TaxirankError, isFinal: boolean): void {
    this.#owner.serverFailed(this, error, isFinal)
  }

  /** Hot path: walk the chunk, forward it in runs of neighbouring pieces for one reader. */
  received(bytes: Buffer): void {
    const framer = this.#framer
    let run: Buffer = bytes
    let runStart = 0
    let runEnd = 0
    let runReader: ReplyReader | undefined
    try {
      framer.push(bytes)
      while (framer.next()) {
        if (framer.isHead) this.#route(framer)
        if (this.#reader !== runReader || framer.bytes !== run || framer.start !== runEnd) {
          this.#deliver(run, runStart, runEnd, runReader)
          run = framer.bytes
          runStart = framer.start
          runReader = this.#reader
        }
        runEnd = framer.end
        if (framer.isHead && framer.type === Backend.readyForQuery) {
          this.#deliver(run, runStart, runEnd, runReader)
          runStart = runEnd
          this.#answeredOne(framer.bytes[framer.start + 5] as number)
        }
      }
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      return this.#owner.destroy(this, `it broke the protocol: ${error.message}`)
    }
    this.#deliver(run, runStart, runEnd, runReader)
    this.#considerRelease()
  }

  /** Whom a message is for, and what it means for the queue. */
  #route(framer: Framer): void {
    const queue = this.#queue
    const isOurs = queue.isHeadOurs
    const reader = isOurs ? undefined : (queue.reader ?? this.#holder)
    this.#reader = reader?.isReading ? reader : undefined
    if (!this.#reader) this.#swallow = this.#swallowReason(isOurs)
    switch (framer.type) {
      case Backend.dataRow:
        return
      case Backend.commandComplete:
        if (isPrepareTag(framer)) this.#unfit = 'a statement was prepared on it'
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
      case Backend.errorResponse:
        return this.#gotError(framer, isOurs)
      case Backend.parameterStatus:
        return this.#gotParameter(framer)
      default:
        if (!this.#holder) this.#assertHarmless(framer.type)
    }
  }

  #swallowReason(isOurs: boolean): number {
    if (isOurs) return ServerSwallow.ours
    return this.#holder ? ServerSwallow.clientGone : ServerSwallow.unsolicited
  }

  #deliver(bytes: Buffer, start: number, end: number, reader: ReplyReader | undefined): void {
    if (start === end) return
    if (reader?.isReading) {
      reader.reply(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.id)
      return
    }
    this.#traffic.usedUp(end - start, this.#swallow)
  }

  /** Nobody asked a server without a lease anything: it may report parameters and notices, nothing else. */
  #assertHarmless(type: number): void {
    const isHarmless = type === Backend.noticeResponse || type === Backend.notificationResponse
    if (!isHarmless) throw new TaxirankError('protocol_violation', `unasked message '${String.fromCharCode(type)}'`)
  }

  /** A FATAL error while nothing is owed, or that answers our own request, is the holder's to know: it ends its session. */
  #gotError(framer: Framer, isOurs: boolean): void {
    const isFatal = fatalSeverity.test(framer.bytes.toString('latin1', framer.start, framer.end))
    if (!this.#holder) throw new TaxirankError('protocol_violation', 'PostgreSQL is closing it')
    if (isFatal && this.#holder.isReading) {
      this.#reader = this.#holder
      this.#isFatalTold = true
      this.#unfit = 'PostgreSQL is closing it'
    } else if (isOurs) {
      this.#unfit = 'a statement of the pooler failed on it'
    }
    this.#queue.gotError()
  }

  #gotParameter(framer: Framer): void {
    const { name, value } = readParameterStatus(framer)
    const parameters = this.#owner.parameterSets.with(this.parameters, name, value)
    if (isIdentity(name)) {
      const isChanged = this.#identity.get(name) !== value
      if (isChanged) this.#unfit = `${name} was changed on it`
    }
    this.#setParameters(parameters)
    if (this.#reader) this.#holder?.parametersReported(parameters)
  }

  #setParameters(parameters: ParameterSet): void {
    this.#parameters = parameters
    this.slot.stateKey = parameters.key
  }

  #answeredOne(status: number): void {
    const wasOurs = this.#queue.isHeadOurs
    this.#status = status
    this.#queue.gotReady()
    if (wasOurs && this.#holder?.isReading) this.#holder.parametersAdopted(this.parameters)
    this.#cancel.headAnswered()
  }

  // The end of a lease.

  #considerRelease(): void {
    const holder = this.#holder
    if (!holder) return this.#stayLendable()
    if (this.#settlement) return this.#settle(this.#settlement)
    if (this.#status !== TransactionStatus.idle) return
    if (this.#queue.isUncertain && this.#queue.isAnswered) this.#unfit ??= 'nobody knows how many replies it owes'
    else if (!this.#queue.isAtRest) return
    if (!this.#cancel.isOver || this.#framer.isMidMessage || holder.isMidMessage) return
    this.#giveBack()
  }

  /** A server without a lease may be lent at any moment: nothing may be half received then. */
  #stayLendable(): void {
    if (this.#framer.isMidMessage) this.#owner.destroy(this, 'it began to say something that nobody asked for')
  }

  #giveBack(): void {
    this.#server.resume()
    const unfit = this.#unfit
    const { id } = this.#theHolder
    if (unfit === undefined) {
      this.#owner.trace.leaseReleased(id, this.id)
      const lease = this.lease
      this.#endLease().unlinked()
      this.#owner.release(lease)
      return
    }
    const holder = this.#endLease()
    this.#owner.destroy(this, unfit)
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
    this.#owner.settling(this)
    this.#considerRelease()
  }

  settleTimedOut(limitMs: number): void {
    const reason = `it did not come to rest within ${limitMs.toLocaleString('en-US')} ms of its client's end`
    if (!this.#settlement || this.#cancel.isSent) return this.#owner.destroy(this, reason)
    this.#settlement.giveUp(reason)
    this.#considerRelease()
  }

  #settle(settlement: Settlement): void {
    const step = settlement.advance({ status: this.#status, isMidMessage: this.#framer.isMidMessage })
    if (step === 'rest') this.#giveBack()
    else if (step !== 'wait') this.#owner.destroy(this, step.destroy)
  }

  // The socket.

  blocked(): void {
    this.#holder?.serverBlocked()
  }

  drained(): void {
    this.#holder?.serverDrained()
  }

  /** For the pool: close the socket. A holder is told that its server is lost. */
  close(reason: string): void {
    this.#isClosing = true
    this.#loseHolder(new TaxirankError('server_lost', `the server was closed: ${reason}`))
    this.#server.close(!this.#framer.isMidMessage && this.#queue.isAtRest)
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

function isPrepareTag({ bytes, start, end }: Framer): boolean {
  const tag = start + 5
  if (bytes[tag] !== 0x50) return false
  return end - tag >= prepareTag.length && bytes.compare(prepareTag, 0, 8, tag, tag + 8) === 0
}
