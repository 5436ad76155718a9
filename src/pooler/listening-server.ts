/**
 * The connection on which a pool listens for its clients: it runs LISTEN and UNLISTEN, one Query after the other, and hands on what PostgreSQL
 * notifies it of. Nobody is ever lent it.
 */

import { TaxirankError } from '../errors.ts'
import { Server, type ServerHandler, type ServerOptions } from '../server/server.ts'
import type { ServerAddress } from '../server/target.ts'
import { Deadline } from '../time.ts'
import * as build from '../wire/build.ts'
import { Framer } from '../wire/framer.ts'
import { Backend, inquiryRules } from '../wire/messages.ts'
import { type MessageBytes, readErrorFields } from '../wire/read.ts'
import { noTrace } from './trace.ts'

export interface ListeningOwner {
  /** A NotificationResponse has come from this one. */
  notified(message: MessageBytes, from: ListeningServer): void
  /** It is gone, for this reason, or could not be opened. Nothing follows. */
  listeningEnded(reason: string, ended: ListeningServer): void
  crashed(error: unknown): void
}

interface Command {
  readonly text: string
  /** Called once. */
  readonly done: (failure: string | undefined) => void
}

export class ListeningServer implements ServerHandler {
  readonly #owner: ListeningOwner
  readonly #server: Server
  readonly #address: ServerAddress
  readonly #framer = new Framer(inquiryRules)
  /** Those that are not answered yet, oldest first. */
  readonly #commands: Command[] = []
  readonly #options: Omit<ServerOptions, 'traffic'>
  /** Of the oldest's answer: clients keep servers until then. As long as for a login. */
  readonly #deadline = new Deadline(() => this.#hangs())
  #encoding: string | undefined
  #failure: string | undefined
  #reason: string | undefined
  #isOver = false

  constructor(options: Omit<ServerOptions, 'traffic'>, owner: ListeningOwner) {
    this.#owner = owner
    this.#options = options
    this.#address = options.target.address
    this.#server = new Server({ ...options, traffic: noTrace.serverTraffic(0) }, this)
  }

  /** The client_encoding in which it hears what it is notified of; undefined: not known yet. */
  get encoding(): string | undefined {
    return this.#encoding
  }

  /** False if it was opened to this host, and to none of these addresses. */
  isAt(host: string, addresses: readonly string[]): boolean {
    const { way } = this.#server
    return !('host' in this.#address) || this.#address.host !== host || addresses.includes(way?.address ?? '')
  }

  /** `text` is a byte string. */
  run(text: string, done: Command['done']): void {
    this.#commands.push({ text, done })
    if (this.#encoding === undefined) return
    this.#server.write(build.query(text))
    if (this.#commands.length === 1) this.#startTime()
  }

  #startTime(): void {
    const { connectTimeoutMs, deadlines, now } = this.#options
    if (connectTimeoutMs > 0) deadlines.start(this.#deadline, now() + connectTimeoutMs)
  }

  #stopTime(): void {
    this.#options.deadlines.stop(this.#deadline)
  }

  #hangs(): void {
    this.#reason ??= `it gave no answer within ${this.#options.connectTimeoutMs.toLocaleString('en-US')} ms`
    this.#server.close(false)
  }

  /** Another one has run what this one was told, and goes on. */
  succeeded(): void {
    const commands = this.#commands.splice(0)
    this.#stopTime()
    this.#isOver = true
    this.#server.close(commands.length === 0)
    for (const { done } of commands) done(undefined)
  }

  close(): void {
    if (this.#isOver) return
    this.#stopTime()
    this.#isOver = true
    this.#server.close(this.#commands.length === 0)
  }

  ready(parameters: ReadonlyMap<string, string>, _key: Buffer, rest: Buffer): void {
    this.#encoding = parameters.get('client_encoding') ?? ''
    for (const { text } of this.#commands) this.#server.write(build.query(text))
    if (this.#commands.length > 0) this.#startTime()
    if (rest.length > 0) this.received(rest)
  }

  loginFailed({ message }: TaxirankError): void {
    this.#reason ??= message
  }

  received(bytes: Buffer): void {
    if (this.#isOver) return
    try {
      this.#framer.push(bytes)
      while (this.#framer.next()) this.#read(this.#framer)
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      this.#reason ??= `it broke the protocol: ${error.message}`
      this.#server.close(false)
    }
  }

  #read(framer: Framer): void {
    if (this.#isOver) return
    switch (framer.type) {
      case Backend.notificationResponse:
        return this.#owner.notified(framer, this)
      case Backend.errorResponse:
        return this.#gotError(readErrorFields(framer).get('M') ?? 'no message')
      case Backend.parameterStatus:
      case Backend.noticeResponse:
        return
      case Backend.readyForQuery:
        return this.#answered()
      default:
        if (this.#commands.length === 0)
          throw new TaxirankError('protocol_violation', 'an answer that nobody asked for')
    }
  }

  /** To a command, or PostgreSQL's goodbye. */
  #gotError(text: string): void {
    if (this.#commands.length > 0) this.#failure ??= text
    else this.#reason ??= text
  }

  #answered(): void {
    const command = this.#commands.shift()
    if (!command) throw new TaxirankError('protocol_violation', 'a ReadyForQuery that nobody asked for')
    const failure = this.#failure
    this.#failure = undefined
    if (this.#commands.length > 0) this.#startTime()
    else this.#stopTime()
    command.done(failure)
  }

  blocked(): void {}

  drained(): void {}

  closed(cause: Error | undefined): void {
    const reason = this.#reason ?? this.#failure ?? cause?.message ?? 'PostgreSQL closed the connection'
    const isExpected = this.#isOver
    this.#stopTime()
    this.#isOver = true
    for (const { done } of this.#commands.splice(0)) done(reason)
    if (!isExpected) this.#owner.listeningEnded(reason, this)
  }

  crashed(error: unknown): void {
    this.#owner.crashed(error)
  }
}
