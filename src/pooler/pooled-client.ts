/**
 * A client as the pool sees it: logged in for one database and user, asking for a server when it has something to say,
 * giving it back when everything it said is answered.
 *
 * Its framer is pulled: while it waits for a server, or a cancel is under way, its chunks just lie in the backlog. A
 * message that is not complete (or very long) asks for no server.
 */

import { assert } from '../assert.ts'
import type { CancelPacket, Client, ClientHandler, Startup, Traffic } from '../client/client.ts'
import { type Caller, Waiter } from '../engine/waiter.ts'
import type { Lease } from '../engine/lease.ts'
import { TaxirankError } from '../errors.ts'
import { stopTimeout, type Timed } from '../time.ts'
import * as build from '../wire/build.ts'
import { Framer } from '../wire/framer.ts'
import { Frontend, frontendRules, TransactionStatus } from '../wire/messages.ts'
import { differences, type ParameterSet } from './parameters.ts'
import type { Holder, ServerLoss } from './holder.ts'
import type { PooledServer } from './pooled-server.ts'
import type { ServerPool } from './server-pool.ts'
import { ClientDiscard, WaitEnd } from './trace.ts'

/** What a client needs of the pooler. */
export interface ClientOwner {
  /** Why nobody gets a server any more; undefined in normal operation. */
  readonly shutdown: TaxirankError | undefined
  /** Starts watching a client that stopped in the middle of a message. */
  watchHalfMessage(client: PooledClient): void
  clientClosed(client: PooledClient): void
  crashed(client: PooledClient, error: unknown): void
}

/** A waiting or cancelling client is read on up to this much; then it is paused. */
const backlogBytes = 65_536

export class PooledClient implements ClientHandler, Holder, Caller<PooledServer>, Timed {
  timeout: Timed['timeout'] = undefined
  readonly #owner: ClientOwner
  readonly #client: Client
  readonly #traffic: Traffic
  readonly #pool: ServerPool
  readonly #waiter = new Waiter<PooledServer>(this)
  readonly #framer = new Framer(frontendRules)
  #backlog: Buffer[] = []
  #backlogBytes = 0
  #parameters: ParameterSet | undefined
  #server: PooledServer | undefined
  /** What becomes of the message being read; its head decided it. */
  #fate: 'forward' | 'discard' = 'forward'
  #discardReason: number = ClientDiscard.lateCopy
  /** What is left of a cancelled request is used up until a message of this type ends, which gets the ReadyForQuery; 0: nothing. */
  #skipUntil = 0
  /** It has said Terminate. */
  #isLeaving = false
  /** Called at the first grant, when the client waits to log in and not for a request. */
  #login: (() => void) | undefined

  constructor(client: Client, pool: ServerPool, traffic: Traffic, owner: ClientOwner) {
    this.#client = client
    this.#pool = pool
    this.#traffic = traffic
    this.#owner = owner
  }

  get id(): number {
    return this.#client.id
  }

  get pool(): ServerPool {
    return this.#pool
  }

  get isWaiting(): boolean {
    return this.#waiter.isWaiting
  }

  get isLinked(): boolean {
    return this.#server !== undefined
  }

  get isReading(): boolean {
    return this.#client.isOpen
  }

  get isMidMessage(): boolean {
    return this.#framer.isTailOutstanding && this.#fate === 'forward'
  }

  get parameters(): ParameterSet {
    assert(this.#parameters !== undefined, 'a client has parameters once it is logged in')
    return this.#parameters
  }

  // Login.

  /** Waits for a server only to learn what the pool's parameters are; `then` is called with the lease held. */
  awaitPool(then: () => void): void {
    this.#login = then
    this.#acquire()
  }

  welcome(parameters: ParameterSet, key: { processId: number; secret: Buffer }): void {
    this.#parameters = parameters
    this.#client.welcome(parameters.report, key)
  }

  /** An error of ours between two replies; FATAL ends the connection. */
  fail(error: TaxirankError): void {
    if (this.#server?.isMidReply) this.#client.reset()
    else this.#client.fail(error)
    if (error.severity === 'FATAL') this.#leave(true)
  }

  loginRequested(_startup: Startup): void {
    throw new Error('taxirank bug: a client logs in once')
  }

  cancelRequested(_packet: CancelPacket): void {
    throw new Error('taxirank bug: a cancel connection does not log in')
  }

  /** The rest of a message did not come in time. It may be us who do not read it. */
  halfMessageTimedOut(limitMs: number): void {
    if (this.#server?.isBlocked || this.#client.isBlocked) return this.#owner.watchHalfMessage(this)
    const text = `the rest of a message did not come within ${limitMs.toLocaleString('en-US')} ms`
    this.fail(new TaxirankError('message_timeout', text))
  }

  /** The pooler stops: a client without a server is told so and closed; the others when they give theirs back. */
  shutDown(error: TaxirankError): void {
    if (!this.#server && this.#client.isOpen) this.fail(error)
  }

  // From the client.

  /** Hot path. */
  received(bytes: Buffer): void {
    if (this.#isStopped) return this.#keep(bytes)
    if (this.timeout) stopTimeout(this)
    this.#framer.push(bytes)
    this.#read()
  }

  /** What comes now has to wait: for a server, or for the end of a cancel. */
  get #isStopped(): boolean {
    const isCancelling = this.#server?.isCancelling ?? false
    return this.#waiter.isWaiting || this.#backlog.length > 0 || isCancelling || this.#isLeaving
  }

  #keep(bytes: Buffer): void {
    this.#backlog.push(bytes)
    this.#backlogBytes += bytes.length
    if (this.#backlogBytes > backlogBytes) this.#client.pause()
  }

  /** Reads on in the current chunk, then in the backlog, for as long as nothing stops it. */
  #read(): void {
    try {
      for (;;) {
        if (!this.#readChunk()) return
        const next = this.#backlog.shift()
        if (!next) break
        this.#backlogBytes -= next.length
        this.#framer.push(next)
      }
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      return this.fail(error)
    }
    if (this.#framer.isMidMessage) this.#owner.watchHalfMessage(this)
  }

  /** Hot path: the chunk's pieces, forwarded in runs. False if reading has to stop before its end. */
  #readChunk(): boolean {
    const framer = this.#framer
    let run: Buffer = framer.bytes
    let runStart = 0
    let runEnd = 0
    while (this.#nextPiece(run, runStart, runEnd)) {
      if (framer.isHead && !this.#admit(run, runStart, runEnd)) return false
      if (this.#fate === 'discard') {
        this.#forward(run, runStart, runEnd)
        runStart = runEnd
        this.#traffic.usedUp(framer.end - framer.start, this.#discardReason)
        if (framer.isTail) this.#discarded()
        if (!this.#client.isOpen) return false
        continue
      }
      if (framer.bytes !== run || framer.start !== runEnd || runStart === runEnd) {
        this.#forward(run, runStart, runEnd)
        run = framer.bytes
        runStart = framer.start
      }
      runEnd = framer.end
      if (framer.isTail && !framer.isHead) {
        this.#forward(run, runStart, runEnd)
        runStart = runEnd
        this.#server?.messageCompleted()
      }
    }
    this.#forward(run, runStart, runEnd)
    return true
  }

  /** Hot path. What stands in front of a piece that is refused has been promised to the server: it is forwarded first. */
  #nextPiece(run: Buffer, runStart: number, runEnd: number): boolean {
    try {
      return this.#framer.next()
    } catch (error) {
      this.#forward(run, runStart, runEnd)
      throw error
    }
  }

  #forward(bytes: Buffer, start: number, end: number): void {
    if (start === end) return
    assert(this.#server !== undefined, 'bytes are forwarded to the server that the client holds')
    this.#server.forward(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
  }

  /** Hot path. Decides what becomes of the message that begins here. False: the client waits for a server. */
  #admit(run: Buffer, runStart: number, runEnd: number): boolean {
    const framer = this.#framer
    this.#fate = 'forward'
    if (framer.type === Frontend.terminate) {
      this.#forward(run, runStart, runEnd)
      this.#traffic.usedUp(framer.length, ClientDiscard.terminate)
      this.#goodbye()
      return false
    }
    if (this.#skipUntil !== 0) return this.#discardMessage(ClientDiscard.cancelled)
    if (!this.#server) {
      if (isCopyMessage(framer.type)) return this.#discardMessage(ClientDiscard.lateCopy)
      if (!this.#acquire()) return false
    }
    const server = this.#server as PooledServer
    if (server.isCopyingIn && !isCopyMessage(framer.type)) return this.#duringCopyIn(framer.type)
    server.account(framer)
    return true
  }

  #discardMessage(reason: number): true {
    this.#fate = 'discard'
    this.#discardReason = reason
    return true
  }

  /** PostgreSQL ignores Sync and Flush while it reads copy data, and loses its place at anything else. */
  #duringCopyIn(type: number): true {
    if (type === Frontend.sync || type === Frontend.flush) return this.#discardMessage(ClientDiscard.copyInSync)
    const name = String.fromCharCode(type)
    throw new TaxirankError('protocol_violation', `message '${name}' is not allowed during COPY FROM STDIN`)
  }

  /** A discarded message is used up to its end. */
  #discarded(): void {
    if (this.#skipUntil === 0 || this.#framer.type !== this.#skipUntil) return
    this.#skipUntil = 0
    this.#client.write(build.readyForQuery(TransactionStatus.idle), 0)
  }

  /** What was sent before Terminate is answered first, as PostgreSQL does; an open transaction is rolled back. */
  #goodbye(): void {
    this.#isLeaving = true
    if (this.#server) this.#server.settle(true)
    else this.#client.close()
  }

  // Waiting.

  /** True if a server is linked now. Otherwise `granted` or `refused` comes later, or has come already. */
  #acquire(): boolean {
    const waiter = this.#waiter
    waiter.stateKey = this.#parameters?.key ?? 0
    const lease = this.#pool.acquire(waiter, this.id)
    if (!lease) return false
    this.#link(lease)
    return this.#server !== undefined
  }

  granted(lease: Lease<PooledServer>): void {
    this.#pool.waitEnded(this.id, WaitEnd.granted)
    const isLogin = this.#login !== undefined
    this.#link(lease)
    if (this.#server && !isLogin) this.#resumeReading(true)
  }

  refused(error: TaxirankError): void {
    this.#pool.waitEnded(this.id, refusalEnd(error))
    this.fail(error)
  }

  #link(lease: Lease<PooledServer>): void {
    const server = lease.resource
    this.#server = server
    this.#pool.leaseGranted(this.id, server)
    const login = this.#login
    if (login) {
      this.#login = undefined
      this.#parameters = server.parameters
      server.link(lease, this)
      login()
      server.unlink()
      return
    }
    try {
      server.link(lease, this)
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      this.fail(error)
    }
  }

  /** Goes on with the message at which reading stopped, and with what came since. */
  #resumeReading(isAtMessage: boolean): void {
    this.#client.resume()
    if (isAtMessage) this.#framer.again()
    else this.#framer.push(this.#backlog.shift() ?? noBytes)
    this.#backlogBytes = this.#backlog.reduce((sum, bytes) => sum + bytes.length, 0)
    this.#read()
  }

  // From the server.

  /** Hot path. */
  reply(bytes: Uint8Array, server: number): void {
    this.#client.write(bytes, server)
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

  unlinked(): void {
    this.#server = undefined
    if (this.#isLeaving) return this.#client.close()
    this.#resumeIfFree()
    if (this.#owner.shutdown && this.#client.isOpen) this.fail(this.#owner.shutdown)
  }

  /** Reads on, unless something still stands in the way. */
  #resumeIfFree(): void {
    if (!this.#isStopped && !this.#client.isBlocked && !this.#server?.isBlocked) this.#client.resume()
  }

  serverLost({ error, isMidReply, isTold }: ServerLoss): void {
    this.#server = undefined
    if (!this.#client.isOpen) return
    if (isMidReply) this.#client.reset()
    else if (isTold) this.#client.end()
    else this.#client.fail(error)
    this.#discardBacklog()
  }

  // Cancel.

  /** What a cancel request with this client's key does. `done` is called when it is over, once. */
  cancel(done: () => void): void {
    if (this.#server) return this.#server.cancel(done)
    if (this.#waiter.isWaiting && this.#parameters) this.#cancelQueued()
    done()
  }

  cancelEnded(): void {
    if (!this.#client.isOpen) return
    if (this.#backlog.length > 0) this.#resumeReading(false)
    else this.#resumeIfFree()
  }

  /** The request at which this client waits is answered without ever having been sent. */
  #cancelQueued(): void {
    const { type, start, end, isTail } = this.#framer
    this.#pool.leaveQueue(this.#waiter, this.id, WaitEnd.cancelled)
    this.#discardMessage(ClientDiscard.cancelled)
    this.#traffic.usedUp(end - start, ClientDiscard.cancelled)
    const isWhole = type === Frontend.query || type === Frontend.functionCall || type === Frontend.sync
    const error = new TaxirankError('query_canceled', 'canceling statement due to user request, before it was sent')
    this.#client.write(build.errorResponse(error), 0)
    if (isWhole && isTail) this.#client.write(build.readyForQuery(TransactionStatus.idle), 0)
    else this.#skipUntil = isWhole ? type : Frontend.sync
    this.#client.resume()
    this.#read()
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
    this.#pool.clientClosed(this.id, cause !== undefined)
    this.#leave(false)
    this.#owner.clientClosed(this)
  }

  crashed(error: unknown): void {
    this.#owner.crashed(this, error)
    const server = this.#server
    if (server) this.#pool.destroy(server, 'a bug of the pooler met its client')
  }

  /** Gives up what it waits for or holds. After an orderly goodbye what was sent runs to its end. */
  #leave(isOrderly: boolean): void {
    stopTimeout(this)
    this.#discardBacklog()
    if (this.#waiter.isWaiting) this.#pool.leaveQueue(this.#waiter, this.id, WaitEnd.clientGone)
    const server = this.#server
    this.#server = undefined
    if (!this.#isLeaving) server?.settle(isOrderly)
  }

  #discardBacklog(): void {
    this.#backlog = []
    this.#backlogBytes = 0
  }
}

const noBytes = Buffer.alloc(0)

function isCopyMessage(type: number): boolean {
  return type === Frontend.copyData || type === Frontend.copyDone || type === Frontend.copyFail
}

function refusalEnd(error: TaxirankError): number {
  if (error.code === 'acquire_timeout') return WaitEnd.timedOut
  return error.code === 'admin_shutdown' ? WaitEnd.shutdown : WaitEnd.refused
}
