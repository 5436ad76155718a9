/**
 * One connection to PostgreSQL: dialled, logged in, then a pipe for bytes. What they mean after the login is the
 * pooler's business; this class only knows how a session begins and how it ends.
 */

import { TaxirankError } from '../errors.ts'
import { connect, type Connecting } from '../net/connect.ts'
import type { Socket, SocketHandler } from '../net/socket.ts'
import type { Traffic } from '../net/traffic.ts'
import { Deadline, type Deadlines } from '../time.ts'
import { startupMessage, terminate } from '../wire/build.ts'
import { Framer } from '../wire/framer.ts'
import { Backend, backendLoginRules } from '../wire/messages.ts'
import { readAuthentication, readBackendKey, readErrorFields, readParameterStatus } from '../wire/read.ts'

export interface ServerAddress {
  readonly host: string
  readonly port: number
}

export interface ServerOptions {
  readonly address: ServerAddress
  /** Startup parameters as byte strings: user, database and what the pool adds. */
  readonly startup: ReadonlyMap<string, string>
  /** Connecting and logging in together, in milliseconds; 0: no limit. */
  readonly connectTimeoutMs: number
  readonly deadlines: Deadlines
  readonly now: () => number
  readonly traffic: Traffic
}

export interface ServerHandler {
  /**
   * Logged in; `parameters` are those reported so far, `key` is what a cancel request must repeat. `rest` is what
   * PostgreSQL has said since, usually nothing.
   */
  ready(parameters: ReadonlyMap<string, string>, key: Buffer, rest: Buffer): void
  /** The login failed. `isFinal`: PostgreSQL answered, and asking again soon would not help. `closed` follows. */
  loginFailed(error: TaxirankError, isFinal: boolean): void
  /** Bytes after the login. */
  received(bytes: Buffer): void
  blocked(): void
  drained(): void
  /** Exactly once, last. */
  closed(cause: Error | undefined): void
  crashed(error: unknown): void
}

/** PostgreSQL is there but can't take us now: starting up or shutting down, or out of connections. */
const temporary = new Set(['57P03', '57P01', '53300'])
const usedUpByLogin = 1

export class Server implements SocketHandler {
  readonly #options: ServerOptions
  readonly #handler: ServerHandler
  readonly #connecting: Connecting
  readonly #login = new Deadline(() => this.#timedOut())
  readonly #framer = new Framer(backendLoginRules)
  readonly #parameters = new Map<string, string>()
  #key: Buffer = Buffer.alloc(0)
  #socket: Socket | undefined
  #phase: 'connecting' | 'login' | 'ready' | 'closed' = 'connecting'

  constructor(options: ServerOptions, handler: ServerHandler) {
    this.#options = options
    this.#handler = handler
    const { address, connectTimeoutMs, deadlines, now } = options
    if (connectTimeoutMs > 0) deadlines.start(this.#login, now() + connectTimeoutMs)
    this.#connecting = connect(
      { host: address.host, port: address.port, timeoutMs: 0 },
      (socket) => this.#connected(socket),
      (error) => this.#failed(error, false),
    )
  }

  /** Hot path. Bytes of ours (`source` 0) or of the client with that id. */
  write(bytes: Uint8Array, source: number): void {
    this.#options.traffic.wrote(bytes, source)
    this.#socket?.write(bytes)
  }

  get unsentBytes(): number {
    return this.#socket?.pendingBytes ?? 0
  }

  /** PostgreSQL doesn't read what we send. */
  get isBlocked(): boolean {
    return this.#socket?.isBlocked ?? false
  }

  pause(): void {
    this.#socket?.pause()
  }

  resume(): void {
    this.#socket?.resume()
  }

  /** Says goodbye if PostgreSQL would understand it now, and closes. `closed` follows. */
  close(isBetweenMessages: boolean): void {
    if (this.#phase === 'closed') return
    if (!this.#socket) {
      this.#connecting.abandon()
      queueMicrotask(() => this.closed(undefined))
      return
    }
    if (!isBetweenMessages) return this.#socket.reset()
    this.write(terminate, 0)
    this.#socket.end()
  }

  received(bytes: Buffer): void {
    this.#options.traffic.read(bytes)
    if (this.#phase === 'ready') this.#handler.received(bytes)
    else this.#logIn(bytes)
  }

  blocked(): void {
    this.#handler.blocked()
  }

  drained(): void {
    this.#handler.drained()
  }

  closed(cause: Error | undefined): void {
    if (this.#phase === 'closed') return
    const wasLoggingIn = this.#phase !== 'ready'
    this.#phase = 'closed'
    this.#options.deadlines.stop(this.#login)
    if (wasLoggingIn) this.#handler.loginFailed(this.#failure(`closed the connection during login`, cause), false)
    this.#handler.closed(cause)
  }

  crashed(error: unknown): void {
    this.#handler.crashed(error)
  }

  #connected(socket: Socket): SocketHandler {
    this.#socket = socket
    this.#phase = 'login'
    this.write(startupMessage(this.#options.startup), 0)
    return this
  }

  #logIn(bytes: Buffer): void {
    const framer = this.#framer
    try {
      framer.push(bytes)
      while (framer.next()) {
        this.#options.traffic.usedUp(framer.length, usedUpByLogin)
        if (this.#step(framer)) return this.#becomeReady()
        if (this.#isClosed) return
      }
    } catch (cause) {
      if (!(cause instanceof TaxirankError)) throw cause
      this.#failed(this.#failure(`does not speak protocol 3: ${cause.message}`, cause), true)
    }
  }

  get #isClosed(): boolean {
    return this.#phase === 'closed'
  }

  /** True at the ReadyForQuery that ends the login. */
  #step(framer: Framer): boolean {
    switch (framer.type) {
      case Backend.authentication:
        this.#authenticate(readAuthentication(framer))
        return false
      case Backend.parameterStatus: {
        const { name, value } = readParameterStatus(framer)
        this.#parameters.set(name, value)
        return false
      }
      case Backend.backendKeyData:
        this.#key = readBackendKey(framer).key
        return false
      case Backend.errorResponse:
        this.#refused(readErrorFields(framer))
        return false
      default:
        return framer.type === Backend.readyForQuery
    }
  }

  #authenticate(request: number): void {
    if (request === 0) return
    this.#failed(this.#failure(`asks for a password (authentication request ${request}); only trust is spoken`), true)
  }

  #refused(fields: ReadonlyMap<string, string>): void {
    const sqlState = fields.get('C') ?? '08006'
    const error = new TaxirankError('server_connect_failed', fields.get('M') ?? 'login refused', { sqlState })
    this.#failed(error, !temporary.has(sqlState))
  }

  #becomeReady(): void {
    this.#phase = 'ready'
    this.#options.deadlines.stop(this.#login)
    this.#handler.ready(this.#parameters, this.#key, this.#framer.takeRest())
  }

  #timedOut(): void {
    this.#failed(this.#failure(`did not complete a login within ${this.#options.connectTimeoutMs} ms`), false)
  }

  #failed(error: TaxirankError, isFinal: boolean): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#options.deadlines.stop(this.#login)
    this.#connecting.abandon()
    this.#handler.loginFailed(error, isFinal)
    this.#socket?.reset()
    this.#handler.closed(error)
  }

  #failure(what: string, cause?: unknown): TaxirankError {
    const { host, port } = this.#options.address
    return new TaxirankError('server_connect_failed', `server ${host}:${port} ${what}`, { cause })
  }
}

export type { Traffic }
