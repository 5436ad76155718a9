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
import { Succession } from './succession.ts'

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

/** A marker has been heard by then on both connections, or they are of different databases. */
const markerWithinMs = 5_000

const paused = 'its database is paused'

interface Join {
  readonly subscriber: Subscriber
  readonly channels: readonly string[]
  /** Grows from one to the next. */
  readonly number: number
  /** Of its marker: nobody can guess it. */
  readonly payload: string
  /** Of its marker, once that has been sent. */
  readonly deadline: Deadline
}

export class Listeners implements ListeningOwner {
  readonly #desk: ListenersDesk
  #server: ListeningServer | undefined
  #succession: Succession | undefined
  /** It was to be replaced by a newer one before the replacement was done. */
  #isOutdated = false
  #isPaused = false
  readonly #deadline = new Deadline(() =>
    this.loseAll('no notification of its successor came to the connection that listens'),
  )
  /** Who listens to each channel, and for the marker of which join, or a later one, they wait before they hear anything; 0: for none. */
  readonly #members = new Map<string, Map<Subscriber, number>>()
  /** The channels of each. */
  readonly #channels = new Map<Subscriber, Set<string>>()
  /** Those whose markers have not come, by its payload. */
  readonly #joins = new Map<string, Join>()
  #markerChannel = ''
  #lastJoin = 0

  constructor(desk: ListenersDesk) {
    this.#desk = desk
  }

  /** How many clients listen. */
  get size(): number {
    return this.#channels.size
  }

  /**
   * Listens to these channels for the subscriber, which hears what comes behind the marker, and what it hears already anyhow. `done` is called once and later,
   * when it is listened to; with a reason if that can't be; not at all if the subscriber is lost.
   */
  join(subscriber: Subscriber, channels: readonly string[], done: (result: Marker | string) => void): void {
    if (this.#isPaused) return queueMicrotask(() => subscriber.lost(paused))
    if (channels.includes(this.#markerChannel))
      return queueMicrotask(() => done('one of the channels is the pooler’s own'))
    this.#server ??= this.#openFirst()
    const number = ++this.#lastJoin
    const { encoding } = subscriber
    const payload = `${number} ${randomBytes(12).toString('hex')}`
    const deadline = new Deadline(() =>
      subscriber.lost('no notification of its server came to the connection that listens'),
    )
    const join = { subscriber, channels, number, payload, deadline }
    this.#joins.set(join.payload, join)
    for (const channel of channels) this.#enter(channel, subscriber, number)
    this.#run(listenTo(channels), (failure) => {
      const own = this.#server?.encoding ?? ''
      const isOther = own !== encoding && failure === undefined
      const reason = isOther ? `its clients' encoding is ${own}` : failure
      if (reason === undefined) return done({ channel: this.#markerChannel, payload: join.payload })
      this.#giveUp(join)
      done(reason)
    })
  }

  /** The marker has been sent, and must come. */
  handedOver(marker: Marker | undefined): void {
    const join = this.#joins.get(marker?.payload ?? '')
    const { deadlines, now } = this.#desk
    if (join) deadlines.start(join.deadline, now() + markerWithinMs)
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
    const servers = [this.#server, this.#succession?.next].filter((server) => server !== undefined)
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
    this.#channelsOf(subscriber).add(channel)
    let members = this.#members.get(channel)
    if (!members) this.#members.set(channel, (members = new Map<Subscriber, number>()))
    if (!members.has(subscriber)) members.set(subscriber, number)
  }

  #channelsOf(subscriber: Subscriber): Set<string> {
    let channels = this.#channels.get(subscriber)
    if (!channels) this.#channels.set(subscriber, (channels = new Set()))
    return channels
  }

  #giveUp(join: Join): void {
    const { subscriber, channels, number } = join
    this.#forgetJoin(join)
    const isItsOwn = (channel: string): boolean => this.#members.get(channel)?.get(subscriber) === number
    this.leave(subscriber, channels.filter(isItsOwn))
  }

  /** And those before, whose markers have come or never will. */
  #forgetJoins(subscriber: Subscriber, last: number): void {
    for (const join of this.#joins.values()) {
      if (join.number <= last && join.subscriber === subscriber) this.#forgetJoin(join)
    }
  }

  #forgetJoin({ payload, deadline }: Join): void {
    this.#joins.delete(payload)
    this.#desk.deadlines.stop(deadline)
  }

  /** Does not listen to these channels any more, as far as it does; undefined: to none. */
  leave(subscriber: Subscriber, channels?: Iterable<string>): void {
    const own = this.#channels.get(subscriber)
    if (channels === undefined) this.#forgetJoins(subscriber, Infinity)
    if (!own) return
    for (const channel of channels ?? [...own]) if (own.delete(channel)) this.#leave(subscriber, channel)
    if (own.size === 0) this.#channels.delete(subscriber)
    if (this.#members.size === 0) this.#close()
  }

  #leave(subscriber: Subscriber, channel: string): void {
    const members = this.#members.get(channel)
    if (!members?.delete(subscriber) || members.size > 0) return
    this.#members.delete(channel)
    if (this.#members.size > 0) this.#run(`UNLISTEN ${quotedName(channel)}`, () => undefined)
  }

  /** Nobody hears anything any more, for this reason. */
  loseAll(reason: string): void {
    this.#close()
    const subscribers = [...this.#channels.keys()]
    this.#members.clear()
    this.#channels.clear()
    for (const subscriber of subscribers) subscriber.lost(reason)
  }

  /** Nobody listens, and nobody may, until it is resumed. */
  pause(): void {
    this.#isPaused = true
    this.loseAll(paused)
  }

  resume(): void {
    this.#isPaused = false
  }

  /**
   * Another connection takes over, opened as all are from now on. Nobody misses anything, if it is of the same database; otherwise, or where that can't
   * be known in time, all are told.
   */
  replace(): void {
    if (!this.#server) return
    if (this.#succession) {
      this.#isOutdated = true
      return
    }
    const succession = new Succession(this.#open())
    this.#succession = succession
    const { next, payload } = succession
    const channels = [...this.#members.keys()]
    let missing = 2
    const listens = (failure: string | undefined): void => {
      if (this.#succession !== succession) return
      if (failure !== undefined) this.#cantReplace(failure)
      else if (--missing === 0) this.#notifyBoth(next, payload)
    }
    next.run(listenTo(channels), listens)
    // Whatever the old one was told before, to LISTEN to the marker's channel among it, it has done by then.
    this.#server.run('', listens)
  }

  #notifyBoth(next: ListeningServer, payload: string): void {
    const { deadlines, now } = this.#desk
    deadlines.start(this.#deadline, now() + markerWithinMs)
    next.run(`NOTIFY ${this.#markerChannel},'${payload}'`, () => undefined)
  }

  #replaced(succession: Succession): void {
    const old = this.#server
    const { next } = succession
    if (old?.encoding !== next.encoding) return this.loseAll(`its encoding is ${next.encoding ?? ''} from now on`)
    this.#server = next
    this.#endSuccession()
    for (const held of succession.takeHeld()) this.#hear({ bytes: held, start: 0, end: held.length })
    old?.succeeded()
    this.#replaceAgain()
  }

  #cantReplace(reason: string): void {
    const succession = this.#succession
    if (!this.#isOutdated || !succession || succession.hasLeftOld) {
      return this.loseAll(`the connection that listens can't be replaced: ${reason}`)
    }
    this.#endSuccession()
    succession.next.close()
    this.#replaceAgain()
  }

  #endSuccession(): void {
    this.#succession = undefined
    this.#desk.deadlines.stop(this.#deadline)
  }

  #replaceAgain(): void {
    if (!this.#isOutdated) return
    this.#isOutdated = false
    this.replace()
  }

  /** The host has other addresses than before. */
  hostMoved(host: string, addresses: readonly string[]): void {
    const servers = [this.#server, this.#succession?.next]
    if (servers.some((server) => server?.isAt(host, addresses) === false)) this.replace()
  }

  #close(): void {
    const servers = [this.#server, this.#succession?.next]
    this.#server = undefined
    this.#endSuccession()
    this.#isOutdated = false
    for (const join of this.#joins.values()) this.#forgetJoin(join)
    for (const server of servers) server?.close()
  }

  // What comes.

  notified(message: MessageBytes, from: ListeningServer): void {
    const succession = this.#succession
    if (!succession) return this.#hear(message)
    const { channel, payload } = readNotification(message)
    if (channel === this.#markerChannel && payload === succession.payload) succession.marked(from)
    else if (succession.isHeard(message, from)) this.#hear(message)
    if (succession.isTooMuch) this.loseAll('too much came while the connection that listens was replaced')
    else if (succession.isDone) this.#replaced(succession)
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
    const join = this.#joins.get(payload)
    if (!join) return
    const { number } = join
    this.#forgetJoins(join.subscriber, number)
    for (const channel of join.channels) {
      const members = this.#members.get(channel)
      if ((members?.get(join.subscriber) ?? Infinity) <= number) members?.set(join.subscriber, 0)
    }
  }

  listeningEnded(reason: string, ended: ListeningServer): void {
    if (ended === this.#succession?.next) this.#cantReplace(reason)
    else this.loseAll(`the connection that listens was lost: ${reason}`)
  }

  crashed(error: unknown): void {
    this.#desk.crashed(error)
  }
}

function listenTo(channels: readonly string[]): string {
  return channels.map((channel) => `LISTEN ${quotedName(channel)}`).join(';')
}

/** Of a channel: a byte string. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
