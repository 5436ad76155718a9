/**
 * Clients of one pool that LISTEN: one connection listens for all of them, so that none has to keep a server.
 *
 * A client's LISTEN runs on the server that it holds, so that PostgreSQL itself decides when it takes effect. Afterwards what that session listens
 * to is handed over (see `HandOver`): the listening server LISTENs, too, and a notification of the pooler's own, the marker, comes to both in the same
 * place of the order that PostgreSQL delivers in. What stands before it the client has from its server; what stands behind it, from here.
 */

import { randomBytes } from 'node:crypto'
import type { ServerOptions } from '../server/server.ts'
import { type MessageBytes, readNotification } from '../wire/read.ts'
import { ListeningServer, type ListeningOwner } from './listening-server.ts'

/** A client that listens. */
export interface Subscriber {
  /** In which it wants to hear. */
  readonly encoding: string
  /** A whole NotificationResponse, whose text is in this encoding. It may leave. */
  notified(message: Buffer, encoding: string): void
  /** It will hear nothing more, and may have missed something. */
  lost(reason: string): void
}

/** A notification of the pooler's own. */
export interface Marker {
  readonly channel: string
  readonly payload: string
}

export interface ListenersDesk {
  /** For a connection that is opened now. */
  listeningOptions(): Omit<ServerOptions, 'traffic'>
  crashed(error: unknown): void
}

interface Join {
  readonly subscriber: Subscriber
  readonly channels: readonly string[]
  /** Grows from one to the next; the payload of its marker. */
  readonly number: number
}

export class Listeners implements ListeningOwner {
  readonly #desk: ListenersDesk
  #server: ListeningServer | undefined
  /** Who listens to each channel, and for the marker of which join, or a later one, they wait before they hear anything; 0: for none. */
  readonly #members = new Map<string, Map<Subscriber, number>>()
  readonly #joins = new Map<number, Join>()
  #markerChannel = ''
  #lastJoin = 0

  constructor(desk: ListenersDesk) {
    this.#desk = desk
  }

  /** How many clients listen. */
  get size(): number {
    return this.#subscribers.size
  }

  get #subscribers(): Set<Subscriber> {
    return new Set([...this.#members.values()].flatMap((members) => [...members.keys()]))
  }

  /**
   * Listens to these channels for the subscriber, which hears what comes behind the marker, and what it hears already anyhow. `done` is called once,
   * when it is listened to; with a reason if that can't be.
   */
  join(subscriber: Subscriber, channels: readonly string[], done: (result: Marker | string) => void): void {
    const server = (this.#server ??= this.#open())
    const number = ++this.#lastJoin
    const { encoding } = subscriber
    const join = { subscriber, channels, number }
    this.#joins.set(number, join)
    for (const channel of channels) this.#enter(channel, subscriber, number)
    server.run(channels.map((channel) => `LISTEN ${quotedName(channel)}`).join(';'), (failure) => {
      const isOther = server.encoding !== encoding && failure === undefined
      const reason = isOther ? `its clients' encoding is ${server.encoding ?? ''}` : failure
      if (reason === undefined) return done({ channel: this.#markerChannel, payload: String(number) })
      this.#giveUp(join)
      done(reason)
    })
  }

  #open(): ListeningServer {
    const server = new ListeningServer(this.#desk.listeningOptions(), this)
    this.#markerChannel = `taxirank_${randomBytes(12).toString('hex')}`
    // A failure is that of whoever joins next: then the connection is lost.
    server.run(`LISTEN ${this.#markerChannel}`, () => undefined)
    return server
  }

  /** The marker of an earlier join may still be on its way: what comes behind it the subscriber has from nowhere else. */
  #enter(channel: string, subscriber: Subscriber, number: number): void {
    let members = this.#members.get(channel)
    if (!members) this.#members.set(channel, (members = new Map<Subscriber, number>()))
    if (!members.has(subscriber)) members.set(subscriber, number)
  }

  #giveUp({ subscriber, channels, number }: Join): void {
    this.#joins.delete(number)
    for (const channel of channels) {
      if (this.#members.get(channel)?.get(subscriber) === number) this.leave(subscriber, channel)
    }
  }

  /** And those before, whose markers have come or never will. */
  #forgetJoins(subscriber: Subscriber, last: number): void {
    for (const [number, join] of this.#joins) {
      if (number <= last && join.subscriber === subscriber) this.#joins.delete(number)
    }
  }

  /** Does not listen to this channel any more; without one, to none. */
  leave(subscriber: Subscriber, channel?: string): void {
    if (channel === undefined) this.#forgetJoins(subscriber, Infinity)
    const channels = channel === undefined ? [...this.#members.keys()] : [channel]
    for (const each of channels) {
      const members = this.#members.get(each)
      if (!members?.delete(subscriber) || members.size > 0) continue
      this.#members.delete(each)
      if (this.#members.size > 0) this.#server?.run(`UNLISTEN ${quotedName(each)}`, () => undefined)
    }
    if (this.#members.size === 0) this.#close()
  }

  /** Nobody hears anything any more, for this reason. */
  loseAll(reason: string): void {
    this.#close()
    const subscribers = this.#subscribers
    this.#members.clear()
    for (const subscriber of subscribers) subscriber.lost(reason)
  }

  /** The host has other addresses than before: whoever listens at one of the old is told. */
  hostMoved(host: string, addresses: readonly string[]): void {
    if (this.#server?.isAt(host, addresses) === false) this.loseAll(`${host} has another address`)
  }

  #close(): void {
    const server = this.#server
    this.#server = undefined
    this.#joins.clear()
    server?.close()
  }

  // What comes.

  notified(message: MessageBytes): void {
    const { channel, payload } = readNotification(message)
    if (channel === this.#markerChannel) return this.#marked(payload)
    const members = this.#members.get(channel)
    if (!members) return
    const copy = Buffer.from(message.bytes.subarray(message.start, message.end))
    const encoding = this.#server?.encoding ?? ''
    for (const [subscriber, awaited] of members) if (awaited === 0) subscriber.notified(copy, encoding)
  }

  /** From here on what comes is for whoever has joined with this marker. */
  #marked(payload: string): void {
    const number = Number(payload)
    const join = this.#joins.get(number)
    if (!join) return
    this.#forgetJoins(join.subscriber, number)
    for (const channel of join.channels) {
      const members = this.#members.get(channel)
      if ((members?.get(join.subscriber) ?? Infinity) <= number) members?.set(join.subscriber, 0)
    }
  }

  listeningEnded(reason: string): void {
    this.#server = undefined
    this.loseAll(`the connection that listens was lost: ${reason}`)
  }

  crashed(error: unknown): void {
    this.#desk.crashed(error)
  }
}

/** Of a channel: a byte string. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
