/**
 * What one client listens to without keeping a server for it. As PostgreSQL does, it is notified between transactions only: meanwhile what comes is
 * kept for it, and a client for which too much is kept, or that doesn't read, loses its connection. Silence would be lost notifications.
 */

import { TaxirankError } from '../errors.ts'
import { isAscii } from '../sql/ascii.ts'
import { readNotification } from '../wire/read.ts'
import type { Subscriber } from './listeners.ts'

/** The client. */
export interface ListeningDesk {
  readonly encoding: string
  /** It is there, and between two transactions. */
  readonly mayBeNotified: boolean
  /** Bytes that it has not read yet. */
  readonly unreadBytes: number
  /** Gives it a whole message. */
  tell(message: Buffer): void
  /** It is told so, and its connection ends. */
  fail(error: TaxirankError): void
  /** It has left everything. */
  leaveAll(): void
}

interface Kept {
  readonly message: Buffer
  /** Of its text. */
  readonly encoding: string
  readonly channel: string
}

/** Of a NotificationResponse: behind its header and the process id. */
const textAt = 9
const mostBytes = 1 << 20
/** Replies are among them: a client that reads slowly is not yet one that doesn't. */
const mostUnreadBytes = 8 << 20

export class ClientListening implements Subscriber {
  /** Those that it hears of in this way. */
  readonly channels = new Set<string>()
  readonly #desk: ListeningDesk
  #kept: Kept[] = []
  #keptBytes = 0

  constructor(desk: ListeningDesk) {
    this.#desk = desk
  }

  get encoding(): string {
    return this.#desk.encoding
  }

  notified(message: Buffer, encoding: string): void {
    const isTooMuch = this.#keptBytes + message.length > mostBytes || this.#desk.unreadBytes > mostUnreadBytes
    if (isTooMuch) return this.#end('too many notifications wait for this client')
    this.#kept.push({ message, encoding, channel: channelOf(message) })
    this.#keptBytes += message.length
    if (this.#desk.mayBeNotified) this.rested()
  }

  lost(reason: string): void {
    this.#end(reason)
  }

  #end(reason: string): void {
    this.unlistened()
    this.#desk.leaveAll()
    this.#desk.fail(new TaxirankError('notifications_lost', `notifications may have been missed: ${reason}`))
  }

  /** It is between two transactions. */
  rested(): void {
    if (this.#keptBytes === 0) return
    const kept = this.#kept
    this.#kept = []
    this.#keptBytes = 0
    for (const { message, encoding } of kept) {
      if (encoding !== this.encoding && !isAscii(message, textAt)) return this.#endForEncoding(encoding)
      this.#desk.tell(message)
    }
  }

  #endForEncoding(encoding: string): void {
    this.#end(`a notification came in ${encoding}, and client_encoding is ${this.encoding}`)
  }

  /** It does not listen to these channels any more, undefined: to none, and is not told either what is kept of them. */
  unlistened(
    channels: ReadonlySet<string> = new Set([...this.channels, ...this.#kept.map(({ channel }) => channel)]),
  ): void {
    for (const channel of channels) this.channels.delete(channel)
    this.#kept = this.#kept.filter(({ channel }) => !channels.has(channel))
    this.#keptBytes = this.#kept.reduce((sum, { message }) => sum + message.length, 0)
  }
}

function channelOf(message: Buffer): string {
  return readNotification({ bytes: message, start: 0, end: message.length }).channel
}
