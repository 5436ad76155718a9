/**
 * One connection from an application, from its first byte to its last. It reads the packets that open a connection,
 * refuses what no client of ours may send, and after the login is a pipe for bytes: what they mean is its owner's
 * business.
 */

import { TaxirankError } from '../errors.ts'
import type { Socket, SocketHandler } from '../net/socket.ts'
import type { Traffic } from '../net/traffic.ts'
import * as build from '../wire/build.ts'
import { StartupFramer, type StartupPacket } from '../wire/startup.ts'

export type Startup = Extract<StartupPacket, { name: 'startup' }>
export type CancelPacket = Extract<StartupPacket, { name: 'cancel' }>

export interface ClientHandler {
  /** A startup packet came: answer with `welcome` or `fail`, now or later. */
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
const usedUpByClosing = 6
const newestMinor = 0
const nothing: readonly never[] = []

export class Client implements SocketHandler {
  /** Positive, never used again. */
  readonly id: number
  readonly #socket: Socket
  readonly #traffic: Traffic
  readonly #startup = new StartupFramer()
  /** The kinds of encryption that it has asked for and been refused. */
  #refused: readonly StartupPacket['name'][] = nothing
  #handler: ClientHandler | undefined
  #phase: 'startup' | 'login' | 'ready' | 'ending' | 'closed' = 'startup'
  /** Bytes that came with the startup packet, for after the login. */
  #early: readonly Buffer[] = nothing

  constructor(id: number, socket: Socket, traffic: Traffic) {
    this.id = id
    this.#socket = socket
    this.#traffic = traffic
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
    return phase === 'ready' || phase === 'login' || phase === 'startup'
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

  /** Ends the login well, with a `loginEnd` of wire/ and the client's key: from now on bytes go to the handler. */
  welcome(loginEnd: Buffer, key: { readonly processId: number; readonly secret: Buffer }): void {
    if (this.#phase !== 'login') return
    this.write(build.withKey(loginEnd, key.processId, key.secret), 0)
    this.#phase = 'ready'
    this.#socket.resume()
    if (this.#early.length > 0) this.#handEarly()
  }

  #handEarly(): void {
    const early = this.#early
    this.#early = nothing
    for (const bytes of early) if (this.isOpen) this.#theHandler.received(bytes)
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
        this.#early = [...this.#early, bytes]
        return this.#socket.pause()
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

  #open(bytes: Buffer): void {
    try {
      this.#readOpening(bytes)
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      this.fail(error)
    }
  }

  #readOpening(bytes: Buffer): void {
    const got = this.#startup.push(bytes)
    if (!got) return
    const { packet, length, rest } = got
    this.#traffic.usedUp(length, usedUpByLogin)
    switch (packet.name) {
      case 'ssl-request':
      case 'gss-request':
        return this.#refuseEncryption(packet.name, rest)
      case 'cancel':
        this.#phase = 'login'
        return this.#theHandler.cancelRequested(packet)
      case 'startup':
        return this.#login(packet, rest)
    }
  }

  /** Once each; and what comes behind such a request before our answer may not be taken for something encrypted. */
  #refuseEncryption(request: 'ssl-request' | 'gss-request', rest: Buffer): void {
    if (rest.length > 0) throw new TaxirankError('protocol_violation', `bytes behind an ${request}`)
    if (this.#refused.includes(request)) throw new TaxirankError('protocol_violation', `a second ${request}`)
    this.#refused = [...this.#refused, request]
    this.write(build.sslRefused, 0)
  }

  #login(startup: Startup, rest: Buffer): void {
    const { minor, protocolOptions } = startup
    if (minor > newestMinor || protocolOptions.length > 0) {
      this.write(build.negotiateProtocolVersion(protocolOptions), 0)
    }
    this.#phase = 'login'
    if (rest.length > 0) {
      this.#early = [rest]
      this.#socket.pause()
    }
    this.#theHandler.loginRequested(startup)
  }
}

export type { Traffic }
