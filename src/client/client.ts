/**
 * One connection from an application, from its first byte to its last. It reads the packets that open a connection,
 * begins encryption, refuses what no client of ours may send, and after the login is a pipe for bytes: what they mean is
 * its owner's business.
 */

import { TaxirankError } from '../errors.ts'
import type { Socket, SocketHandler } from '../net/socket.ts'
import { type SocketWay, wayOf } from '../net/socket-way.ts'
import type { TlsSession } from '../net/tls-handshake.ts'
import type { AcceptingTls } from '../net/tls.ts'
import type { Traffic } from '../net/traffic.ts'
import * as build from '../wire/build.ts'
import { Framer } from '../wire/framer.ts'
import { frontendLoginRules } from '../wire/messages.ts'
import type { MessageBytes } from '../wire/read.ts'
import { newestMinor, StartupFramer, type StartupPacket } from '../wire/startup.ts'

export type Startup = Extract<StartupPacket, { name: 'startup' }>
export type CancelPacket = Extract<StartupPacket, { name: 'cancel' }>

/** Asked at each SSLRequest, so that a reload counts from the next connection on. Undefined: no. */
export type ClientEncryption = () => AcceptingTls | undefined

export const notEncrypted: ClientEncryption = () => undefined

export interface ClientHandler {
  /** A startup packet came: answer with `ask`, `welcome` or `fail`, now or later. */
  loginRequested(startup: Startup): void
  /** The connection carries a cancel request and nothing else. Close it when the cancel is done. */
  cancelRequested(packet: CancelPacket): void
  /** Bytes after the login. */
  received(bytes: Buffer): void
  blocked(): void
  drained(): void
  /** Exactly once, last. `undefined` for an orderly end. */
  closed(cause: Error | undefined): void
  crashed(error: unknown): void
}

const usedUpByLogin = 1
const mostEarlyBytes = 131_072
const usedUpByClosing = 6
/** Of the cancel key's secret: in protocol 3.0, and since 3.2. */
const shortSecretBytes = 4
const longSecretBytes = 32
const longKeysSince = 2
const nothing: readonly never[] = []

/** What only matters until the login is over: an idle client keeps none of it. */
class Opening {
  readonly encryption: ClientEncryption
  readonly startup = new StartupFramer()
  /** Of the protocol version that it asked for. */
  minor = 0
  /** The kinds of encryption that it has asked for and been refused. */
  refused: readonly StartupPacket['name'][] = nothing
  /** Bytes that came before anybody wanted them: with the startup packet, or while a login is decided. */
  early: readonly Buffer[] = nothing
  #earlyBytes = 0
  /** Answers to what the login asks; undefined until it asks something. */
  answers: Framer | undefined = undefined
  answered: ((answer: MessageBytes) => void) | undefined = undefined

  constructor(encryption: ClientEncryption) {
    this.encryption = encryption
  }

  /** Bytes for later. Thousands may be logging in: throws `protocol_violation` for what is more than any login. */
  keep(bytes: Buffer): void {
    this.#earlyBytes += bytes.length
    if (this.#earlyBytes > mostEarlyBytes) {
      const text = `${this.#earlyBytes} bytes before the login was over; allowed: ${mostEarlyBytes}`
      throw new TaxirankError('protocol_violation', text)
    }
    this.early = [...this.early, bytes]
  }

  takeEarly(): readonly Buffer[] {
    const { early } = this
    this.early = nothing
    this.#earlyBytes = 0
    return early
  }
}

export class Client implements SocketHandler {
  /** Positive, never used again. */
  readonly id: number
  readonly #socket: Socket
  readonly #traffic: Traffic
  #session: TlsSession | undefined
  /** Until it is logged in. */
  #opening: Opening | undefined
  #handler: ClientHandler | undefined
  #phase: 'startup' | 'securing' | 'login' | 'ready' | 'ending' | 'closed' = 'startup'

  constructor(id: number, socket: Socket, traffic: Traffic, encryption: ClientEncryption) {
    this.id = id
    this.#socket = socket
    this.#traffic = traffic
    this.#opening = new Opening(encryption)
  }

  set handler(handler: ClientHandler) {
    this.#handler = handler
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress
  }

  get remotePort(): number {
    return this.#socket.remotePort
  }

  get unsentBytes(): number {
    return this.#socket.pendingBytes
  }

  get isOpen(): boolean {
    const phase = this.#phase
    return phase === 'ready' || phase === 'login' || phase === 'startup' || phase === 'securing'
  }

  get isUnix(): boolean {
    return this.#socket.isUnix
  }

  get isEncrypted(): boolean {
    return this.#session !== undefined
  }

  get way(): SocketWay {
    return wayOf(this.#socket, this.#session)
  }

  /** Of the process at the other end of a unix socket. */
  get peerUserId(): number | undefined {
    return this.#socket.peerCredentials?.uid
  }

  /** How long its cancel key's secret must be. */
  get secretBytes(): number {
    return this.#theOpening.minor >= longKeysSince ? longSecretBytes : shortSecretBytes
  }

  /** It doesn't read what we send. */
  get isBlocked(): boolean {
    return this.#socket.isBlocked
  }

  /** Hot path. Bytes of ours (`source` 0) or of the server with that id. False, and nothing written, once it isn't open. */
  write(bytes: Uint8Array, source: number): boolean {
    if (!this.isOpen) return false
    this.#traffic.wrote(bytes, source)
    this.#socket.write(bytes)
    return true
  }

  /**
   * Asks something of the login: sends the bytes, and gives the next message of type `p` to `answered`, which must be read
   * before it returns.
   */
  ask(bytes: Buffer, answered: (answer: MessageBytes) => void): void {
    if (this.#phase !== 'login') return
    this.write(bytes, 0)
    this.#theOpening.answered = answered
    this.#socket.resume()
    for (const chunk of this.#theOpening.takeEarly()) if (this.isOpen) this.#receivedEarly(chunk)
  }

  /** Ends the login well, with a `loginEnd` of wire/ and the client's key: from now on bytes go to the handler. */
  welcome(loginEnd: Buffer, key: { readonly processId: number; readonly secret: Buffer }): void {
    if (this.#phase !== 'login') return
    this.write(build.withKey(loginEnd, key.processId, key.secret), 0)
    const early = this.#theOpening.takeEarly()
    this.#phase = 'ready'
    this.#opening = undefined
    this.#socket.resume()
    for (const bytes of early) if (this.isOpen) this.#theHandler.received(bytes)
  }

  /** Bytes during the login: an answer, if one is wanted, else for later. */
  #receivedEarly(bytes: Buffer): void {
    const opening = this.#theOpening
    if (opening.answered) return this.#guarded(() => this.#readAnswer(opening, bytes))
    this.#guarded(() => opening.keep(bytes))
    if (this.isOpen) this.#socket.pause()
  }

  #readAnswer(opening: Opening, bytes: Buffer): void {
    const answers = (opening.answers ??= new Framer(frontendLoginRules))
    answers.push(bytes)
    if (!answers.next()) return
    const { answered } = opening
    const rest = answers.takeRest()
    opening.answered = undefined
    this.#traffic.usedUp(answers.length, usedUpByLogin)
    if (rest.length > 0) this.#receivedEarly(rest)
    answered?.(answers)
  }

  /** An error of ours; a FATAL one ends the connection. Only between two messages of a reply. */
  fail(error: TaxirankError): void {
    this.write(build.errorResponse(error), 0)
    if (error.severity === 'FATAL') this.end()
  }

  /** Sends what is queued and closes. */
  end(): void {
    if (!this.isOpen) return
    this.#phase = 'ending'
    this.#socket.end()
  }

  /** Closes a connection whose client has said goodbye and expects nothing more. */
  close(): void {
    if (!this.isOpen) return
    this.#phase = 'ending'
    this.#socket.close()
  }

  /** Cuts the connection, so that nobody takes half a reply for a whole one. */
  reset(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'ending'
    this.#socket.reset()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  received(bytes: Buffer): void {
    this.#traffic.read(bytes)
    switch (this.#phase) {
      case 'ready':
        return this.#theHandler.received(bytes)
      case 'startup':
        return this.#open(bytes)
      case 'login':
        return this.#receivedEarly(bytes)
      default:
        this.#traffic.usedUp(bytes.length, usedUpByClosing)
    }
  }

  blocked(): void {
    this.#theHandler.blocked()
  }

  drained(): void {
    this.#theHandler.drained()
  }

  closed(cause: Error | undefined): void {
    this.#phase = 'closed'
    this.#theHandler.closed(cause)
  }

  crashed(error: unknown): void {
    this.#theHandler.crashed(error)
  }

  get #theHandler(): ClientHandler {
    if (!this.#handler) throw new Error('taxirank bug: a client has no handler')
    return this.#handler
  }

  get #theOpening(): Opening {
    if (!this.#opening) throw new Error('taxirank bug: a login is over and goes on')
    return this.#opening
  }

  #open(bytes: Buffer): void {
    this.#guarded(() => this.#readOpening(bytes))
  }

  #guarded(read: () => void): void {
    try {
      read()
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      this.fail(error)
    }
  }

  #readOpening(bytes: Buffer): void {
    const got = this.#theOpening.startup.push(bytes)
    if (!got) return
    const { packet, length, rest } = got
    this.#traffic.usedUp(length, usedUpByLogin)
    switch (packet.name) {
      case 'ssl-request':
        return this.#encrypt(rest)
      case 'gss-request':
        return this.#refuseEncryption(packet.name, rest)
      case 'cancel':
        this.#phase = 'login'
        return this.#theHandler.cancelRequested(packet)
      case 'startup':
        return this.#login(packet, rest)
    }
  }

  #encrypt(rest: Buffer): void {
    const tls = this.#session || this.isUnix ? undefined : this.#theOpening.encryption()
    if (!tls) return this.#refuseEncryption('ssl-request', rest)
    if (rest.length > 0) throw new TaxirankError('protocol_violation', 'bytes behind an ssl-request')
    this.write(build.sslAccepted, 0)
    this.#phase = 'securing'
    this.#socket.startTls({ tls }, (session) => {
      this.#session = session
      this.#phase = 'startup'
    })
  }

  /** Once each; and what comes behind such a request before our answer may not be taken for something encrypted. */
  #refuseEncryption(request: 'ssl-request' | 'gss-request', rest: Buffer): void {
    if (rest.length > 0) throw new TaxirankError('protocol_violation', `bytes behind an ${request}`)
    if (this.#session) throw new TaxirankError('protocol_violation', `an ${request} inside TLS`)
    const opening = this.#theOpening
    if (opening.refused.includes(request)) throw new TaxirankError('protocol_violation', `a second ${request}`)
    opening.refused = [...opening.refused, request]
    this.write(build.sslRefused, 0)
  }

  #login(startup: Startup, rest: Buffer): void {
    const { minor, protocolOptions } = startup
    if (minor > newestMinor || protocolOptions.length > 0) {
      this.write(build.negotiateProtocolVersion(Math.min(minor, newestMinor), protocolOptions), 0)
    }
    this.#theOpening.minor = minor
    this.#phase = 'login'
    if (rest.length > 0) {
      this.#theOpening.keep(rest)
      this.#socket.pause()
    }
    this.#theHandler.loginRequested(startup)
  }
}

export type { Traffic }
