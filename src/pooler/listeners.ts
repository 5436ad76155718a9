/**
 * Clients of one pool that LISTEN: one connection listens for all of them, so that none has to keep a server.
 *
 * A client's LISTEN runs on the server that it holds, so that PostgreSQL itself decides when it takes effect. Afterwards what that session listens
 * to is handed over (see `HandOver`): the listening server LISTENs, too, and a notification of the pooler's own, the marker, comes to both in the same
 * place of the order that PostgreSQL delivers in. What stands before it the client has from its server; what stands behind it, from here.
 */

import { randomBytes } from 'node:crypto'
import type { ServerOptions } from '../server/server.ts'
import { Deadline, type Deadlines } from '../time.ts'
import { type MessageBytes, readNotification } from '../wire/read.ts'
import { ListeningServer, type ListeningOwner } from './listening-server.ts'
import { Replacement } from './replacement.ts'

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
  readonly deadlines: Deadlines
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
  /** For a connection that is opened now. */
  listeningOptions(): Omit<ServerOptions, 'traffic'>
  crashed(error: unknown): void
}

/** Both connections have heard the marker by then, or are of different databases. */
const replacedWithinMs = 5_000

interface Join {
  readonly subscriber: Subscriber
  readonly channels: readonly string[]
  /** Grows from one to the next; the payload of its marker. */
  readonly number: number
}

export class Listeners implements ListeningOwner {
  readonly #desk: ListenersDesk
  #server: ListeningServer | undefined
  #replacement: Replacement<ListeningServer> | undefined
  /** It was to be replaced by a newer one before the replacement was done. */
  #isOutdated = false
  readonly #deadline = new Deadline(() =>
    this.loseAll('no notification of its successor came to the connection that listens'),
  )
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
    this.#server ??= this.#openFirst()
    const number = ++this.#lastJoin
    const { encoding } = subscriber
    const join = { subscriber, channels, number }
    this.#joins.set(number, join)
    for (const channel of channels) this.#enter(channel, subscriber, number)
    this.#run(listenTo(channels), (failure) => {
      const own = this.#server?.encoding ?? ''
      const isOther = own !== encoding && failure === undefined
      const reason = isOther ? `its clients' encoding is ${own}` : failure
      if (reason === undefined) return done({ channel: this.#markerChannel, payload: String(number) })
      this.#giveUp(join)
      done(reason)
    })
  }

  #openFirst(): ListeningServer {
    this.#markerChannel = `taxirank_${randomBytes(12).toString('hex')}`
    return this.#open()
  }

  #open(): ListeningServer {
    const server = new ListeningServer(this.#desk.listeningOptions(), this)
    // A failure is that of whoever joins next: then the connection is lost.
    server.run(`LISTEN ${this.#markerChannel}`, () => undefined)
    return server
  }

  /** By all that listen. `done` is called once, when all have answered. */
  #run(text: string, done: (failure: string | undefined) => void): void {
    const servers = [this.#server, this.#replacement?.next].filter((server) => server !== undefined)
    let missing = servers.length
    let failed: string | undefined
    for (const server of servers) {
      server.run(text, (failure) => {
        failed ??= failure
        if (--missing === 0) done(failed)
      })
    }
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
      if (this.#members.size > 0) this.#run(`UNLISTEN ${quotedName(each)}`, () => undefined)
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

  /**
   * Another connection takes over, opened as all are from now on. Nobody misses anything, if it is of the same database; otherwise, or where that can't
   * be known in time, all are told.
   */
  replace(): void {
    if (!this.#server) return
    if (this.#replacement) {
      this.#isOutdated = true
      return
    }
    const replacement = new Replacement(this.#open())
    this.#replacement = replacement
    const { deadlines, now } = this.#desk
    const { next, marker } = replacement
    const isListening = (failure: string | undefined): void => {
      if (failure !== undefined && this.#replacement === replacement) this.loseAll(cantReplace(failure))
    }
    next.run(listenTo([...this.#members.keys()]), isListening)
    next.run(`NOTIFY ${this.#markerChannel},'${marker}'`, (failure) => {
      isListening(failure)
      if (this.#replacement === replacement) deadlines.start(this.#deadline, now() + replacedWithinMs)
    })
  }

  #replaced(replacement: Replacement<ListeningServer>): void {
    const old = this.#server
    const { next } = replacement
    if (old?.encoding !== next.encoding) return this.loseAll(`its encoding is ${next.encoding ?? ''} from now on`)
    this.#server = next
    this.#replacement = undefined
    this.#desk.deadlines.stop(this.#deadline)
    old?.close()
    for (const held of replacement.takeHeld()) this.#hear({ bytes: held, start: 0, end: held.length })
    if (this.#isOutdated) this.#replaceAgain()
  }

  #replaceAgain(): void {
    this.#isOutdated = false
    this.replace()
  }

  /** The host has other addresses than before. */
  hostMoved(host: string, addresses: readonly string[]): void {
    if (this.#server?.isAt(host, addresses) === false) this.replace()
  }

  #close(): void {
    const servers = [this.#server, this.#replacement?.next]
    this.#server = undefined
    this.#replacement = undefined
    this.#isOutdated = false
    this.#desk.deadlines.stop(this.#deadline)
    this.#joins.clear()
    for (const server of servers) server?.close()
  }

  // What comes.

  notified(message: MessageBytes, from: ListeningServer): void {
    const replacement = this.#replacement
    if (!replacement) return this.#hear(message)
    const { channel, payload } = readNotification(message)
    if (channel === this.#markerChannel && payload === replacement.marker) replacement.marked(from)
    else if (replacement.isHeard(message, from)) this.#hear(message)
    if (replacement.isTooMuch) this.loseAll('too much came while the connection that listens was replaced')
    else if (replacement.isDone) this.#replaced(replacement)
  }

  #hear(message: MessageBytes): void {
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

  listeningEnded(reason: string, ended: ListeningServer): void {
    const isNext = ended === this.#replacement?.next
    this.loseAll(isNext ? cantReplace(reason) : `the connection that listens was lost: ${reason}`)
  }

  crashed(error: unknown): void {
    this.#desk.crashed(error)
  }
}

function listenTo(channels: readonly string[]): string {
  return channels.map((channel) => `LISTEN ${quotedName(channel)}`).join(';')
}

function cantReplace(reason: string): string {
  return `the connection that listens can't be replaced: ${reason}`
}

/** Of a channel: a byte string. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
