/**
 * One connection to PostgreSQL: dialled, logged in, then a pipe for bytes. What they mean after the login is the
 * pooler's business; this class only knows how a session begins and how it ends.
 */

import type { Derivations } from '../auth/derivations.ts'
import { TaxirankError } from '../errors.ts'
import type { Connecting } from '../net/connect.ts'
import type { Socket, SocketHandler } from '../net/socket.ts'
import { type SocketWay, wayOf } from '../net/socket-way.ts'
import type { TlsSession } from '../net/tls-handshake.ts'
import type { Traffic } from '../net/traffic.ts'
import { Deadline, type Deadlines } from '../time.ts'
import { startupMessage, terminate } from '../wire/build.ts'
import { dial, type DialHandler } from './dial.ts'
import { type LoginDesk, ServerLogin } from './server-login.ts'
import { addressText, type ServerTarget } from './target.ts'

export interface ServerOptions {
  readonly target: ServerTarget
  /** Connecting and logging in together, in milliseconds; 0: no limit. */
  readonly connectTimeoutMs: number
  readonly derivations: Derivations
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

const usedUpByLogin = 1

type Phase =
  | { readonly name: 'dialling'; readonly dialling: Connecting }
  | { readonly name: 'login'; readonly login: ServerLogin }
  | { readonly name: 'ready' }
  | { readonly name: 'closed' }

export class Server implements SocketHandler, DialHandler, LoginDesk {
  readonly #options: ServerOptions
  readonly #handler: ServerHandler
  readonly #deadline = new Deadline(() => this.#timedOut())
  #socket: Socket | undefined
  #session: TlsSession | undefined
  #phase: Phase
  /** Closed by us during its login. */
  #isGivenUp = false

  constructor(options: ServerOptions, handler: ServerHandler) {
    this.#options = options
    this.#handler = handler
    const { connectTimeoutMs, deadlines, now } = options
    if (connectTimeoutMs > 0) deadlines.start(this.#deadline, now() + connectTimeoutMs)
    this.#phase = { name: 'dialling', dialling: dial(options.target, this) }
  }

  /** Hot path. Bytes of ours (`source` 0, or absent) or of the client with that id. */
  write(bytes: Uint8Array, source = 0): void {
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

  /** Undefined until it is connected. */
  get way(): SocketWay | undefined {
    return this.#socket && wayOf(this.#socket, this.#session)
  }

  pause(): void {
    this.#socket?.pause()
  }

  resume(): void {
    this.#socket?.resume()
  }

  /** Says goodbye if PostgreSQL would understand it now, and closes. `closed` follows. */
  close(isBetweenMessages: boolean): void {
    const phase = this.#phase
    if (phase.name === 'closed') return
    if (phase.name === 'dialling') {
      phase.dialling.abandon()
      queueMicrotask(() => this.closed(undefined))
      return
    }
    this.#isGivenUp = phase.name === 'login'
    if (!isBetweenMessages || this.#isGivenUp) return this.#socket?.reset()
    this.write(terminate)
    this.#socket?.end()
  }

  received(bytes: Buffer): void {
    this.#options.traffic.read(bytes)
    const phase = this.#phase
    if (phase.name === 'ready') this.#handler.received(bytes)
    else if (phase.name === 'login') this.#logIn(phase.login, bytes)
  }

  blocked(): void {
    this.#handler.blocked()
  }

  drained(): void {
    this.#handler.drained()
  }

  closed(cause: Error | undefined): void {
    const phase = this.#phase
    if (phase.name === 'closed') return
    if (phase.name === 'ready') return this.#close(cause)
    // Poolers that don't know of newer protocols hang up.
    const hasHungUp = phase.name === 'login' && !this.#isGivenUp
    const isWorthAnother = hasHungUp && this.#options.target.protocol.refused()
    const hint = isWorthAnother ? '; the next attempt is made with protocol 3.0' : ''
    this.#failed(this.#failure(`closed the connection during login${hint}`, cause), false)
  }

  crashed(error: unknown): void {
    this.#handler.crashed(error)
  }

  // Dialling.

  dialled(socket: Socket, session: TlsSession | undefined): SocketHandler {
    const { target, derivations } = this.#options
    this.#socket = socket
    this.#session = session
    this.#phase = { name: 'login', login: new ServerLogin(target, derivations, this) }
    this.write(startupMessage(target.startup, target.protocol.minor))
    return this
  }

  dialFailed(error: TaxirankError): void {
    this.#failed(error, false)
  }

  // Login.

  #logIn(login: ServerLogin, bytes: Buffer): void {
    try {
      login.received(bytes)
    } catch (cause) {
      if (!(cause instanceof TaxirankError)) throw cause
      this.#failed(this.#failure(`does not speak protocol 3: ${cause.message}`, cause), true)
    }
  }

  usedUp(length: number): void {
    this.#options.traffic.usedUp(length, usedUpByLogin)
  }

  loggedIn(login: ServerLogin): void {
    this.#phase = { name: 'ready' }
    this.#options.deadlines.stop(this.#deadline)
    this.#handler.ready(login.parameters, login.key, login.takeRest())
  }

  refused(error: TaxirankError, isFinal: boolean): void {
    const isAboutProtocol = error.sqlState === '08P01' || error.sqlState === '0A000'
    const isWorthAnother = isAboutProtocol && this.#options.target.protocol.refused()
    this.#failed(error, isFinal && !isWorthAnother)
  }

  #timedOut(): void {
    this.#failed(this.#failure(`did not complete a login within ${this.#options.connectTimeoutMs} ms`), false)
  }

  #failed(error: TaxirankError, isFinal: boolean): void {
    const phase = this.#phase
    if (phase.name === 'closed') return
    this.#phase = { name: 'closed' }
    this.#options.deadlines.stop(this.#deadline)
    if (phase.name === 'dialling') phase.dialling.abandon()
    else if (phase.name === 'login') phase.login.abandon()
    this.#handler.loginFailed(error, isFinal)
    this.#socket?.reset()
    this.#handler.closed(error)
  }

  #close(cause: Error | undefined): void {
    this.#phase = { name: 'closed' }
    this.#handler.closed(cause)
  }

  #failure(what: string, cause?: unknown): TaxirankError {
    const where = addressText(this.#options.target.address)
    return new TaxirankError('server_connect_failed', `server ${where} ${what}`, { cause })
  }
}

export type { SocketWay, Traffic }
