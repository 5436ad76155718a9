/**
 * What the holder of a server listens to in its session, as long as the session itself is needed for it: handing it over to whoever listens for the
 * pool's clients, and what the holder does not listen to any more.
 */

import type { Effect, Effects } from '../sql/effect.ts'
import { HandOver, type HandOverDesk } from './hand-over.ts'
import type { Holder } from './holder.ts'
import type { Listeners, Marker } from './listeners.ts'

/** The session. */
export interface SessionListeningDesk extends HandOverDesk {
  /** Nobody can listen for the holder. */
  mustListen(holder: Holder): void
  /** What the session listens to must be asked once more. */
  mustAskAgain(): void
  /** A hand-over can go on, or has failed. */
  reconsider(): void
}

type Unlisten = Extract<Effect, { kind: 'unlisten' }>

function isUnlisten(effect: Effect): effect is Unlisten {
  return effect.kind === 'unlisten'
}

export class SessionListening {
  readonly #listeners: Listeners
  readonly #desk: SessionListeningDesk
  #handOver: HandOver | undefined
  /** What the holder has unlistened to in its transaction; and how often that has been answered, undefined: maybe in vain. */
  #unlistened: Unlisten[] = []
  #unlistenTags: number | undefined = 0
  /** To these it has listened again, behind that. */
  readonly #relistened = new Set<string>()

  constructor(listeners: Listeners, desk: SessionListeningDesk) {
    this.#listeners = listeners
    this.#desk = desk
  }

  /** Hot path. There is nothing to hand over or to settle. */
  get isQuiet(): boolean {
    return this.#unlistenTags === 0 && this.#handOver === undefined
  }

  /** The holder must keep the server until what it listens to is heard elsewhere. */
  get isHandingOver(): boolean {
    return this.#handOver !== undefined
  }

  /** The request of the pooler's own that is answered next is the hand-over's. */
  get isAsking(): boolean {
    return this.#handOver?.isAsking === true
  }

  /** The session listens to these. */
  handOver(channels: readonly string[], holder: Holder): void {
    const handOver = new HandOver(channels, this.#desk)
    this.#handOver = handOver
    this.#listeners.join(holder.listening, channels, (result) => {
      if (this.#handOver !== handOver) return
      if (typeof result === 'string') {
        this.#handOver = undefined
        this.#desk.mustListen(holder)
      } else handOver.joined(result)
      this.#desk.reconsider()
    })
  }

  /** The server is at rest, and a hand-over under way. */
  advance(): void {
    this.#handOver?.advance()
  }

  /** One of the hand-over's requests has been answered. */
  answered(): void {
    const handOver = this.#handOver
    if (!handOver?.answered()) return
    this.#handOver = undefined
    this.#listeners.handedOver(handOver.marker)
  }

  /** True if a marker has come: it is nobody's. */
  takesMarker(notification: Marker, holder: Holder): boolean {
    const handOver = this.#handOver
    if (!handOver?.isMarker(notification)) return false
    if (handOver.isOwn(notification)) for (const each of handOver.channels) holder.listening.channels.add(each)
    return true
  }

  /** The holder is about to run something. */
  running(effects: Effects): void {
    for (const effect of effects) {
      if (isUnlisten(effect)) this.#unlistens(effect)
      else if (effect.kind === 'listen' && this.#unlistened.length > 0) this.#relistened.add(effect.channel)
    }
  }

  #unlistens(effect: Unlisten): void {
    this.#unlistened.push(effect)
    if (effect.channel === undefined) this.#relistened.clear()
    else this.#relistened.delete(effect.channel)
  }

  /** An UNLISTEN has run. */
  unlistened(): void {
    if (this.#unlistenTags !== undefined) this.#unlistenTags++
  }

  /** What the holder runs has failed, or was rolled back: what it has unlistened to it may listen to still. */
  undone(): void {
    this.#unlistenTags = undefined
  }

  /** The holder's transaction is over, and the server at rest. */
  settle(holder: Holder | undefined): void {
    if (this.#unlistened.length === 0 && this.#unlistenTags === 0) return
    // A savepoint may have been rolled back, and what was skipped behind an error is not known: then it goes on hearing.
    if (this.#unlistenTags === this.#unlistened.length) {
      this.startOver()
      if (holder) this.#leaveUnlistened(holder)
    }
    this.#forgetUnlistened()
  }

  /** Of what it listens to again nothing may be missed in between. */
  #leaveUnlistened(holder: Holder): void {
    const named = this.#unlistened.flatMap(({ channel }) => (channel === undefined ? [] : [channel]))
    const isAll = named.length < this.#unlistened.length
    if (isAll && this.#relistened.size === 0) return holder.unlisten()
    const channels = isAll ? [...holder.listening.channels] : named
    holder.unlisten(new Set(channels.filter((channel) => !this.#relistened.has(channel))))
  }

  /** What is being handed over may not be listened to any more. */
  startOver(): void {
    if (!this.#handOver) return
    this.#handOver = undefined
    this.#desk.mustAskAgain()
  }

  leaseEnded(): void {
    this.#handOver = undefined
    this.#forgetUnlistened()
  }

  #forgetUnlistened(): void {
    if (this.#unlistened.length > 0) this.#unlistened = []
    this.#relistened.clear()
    this.#unlistenTags = 0
  }
}
