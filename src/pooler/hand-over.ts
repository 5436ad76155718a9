/**
 * Hands over what a session listens to: from the server that a client holds to its pool's listening server. Until that is done the client keeps its
 * server, and hears what comes there.
 */

import type { Marker } from './listeners.ts'
import { quotedName } from './listeners.ts'

/** The server whose session it is. */
export interface HandOverDesk {
  /** Sends a Query of the pooler's own. */
  ask(text: string): void
  /** Nothing more of the holder's is sent until that is answered. */
  holdUntilAnswered(): void
}

/** joining: the listening server does not listen yet. joined: it does. marked: the marker is asked for. leaving: it has come. */
type Phase = 'joining' | 'joined' | 'marked' | 'leaving'

export class HandOver {
  readonly channels: readonly string[]
  readonly #desk: HandOverDesk
  #phase: Phase = 'joining'
  #marker: Marker | undefined

  constructor(channels: readonly string[], desk: HandOverDesk) {
    this.channels = channels
    this.#desk = desk
  }

  /** Its Queries are under way. */
  get isAsking(): boolean {
    return this.#phase === 'marked' || this.#phase === 'leaving'
  }

  joined(marker: Marker): void {
    this.#marker = marker
    this.#phase = 'joined'
  }

  /** The server is at rest. The marker comes before its Query is answered; what comes behind that is heard elsewhere, too. */
  advance(): void {
    if (!this.#marker) return
    const channel = quotedName(this.#marker.channel)
    this.#phase = 'marked'
    this.#desk.ask(`LISTEN ${channel};NOTIFY ${channel},'${this.#marker.payload}'`)
    this.#desk.ask('UNLISTEN *')
    this.#desk.holdUntilAnswered()
  }

  /** True if a marker has come: this one's, or that of another hand-over. */
  isMarker({ channel }: Marker): boolean {
    return this.isAsking && channel === this.#marker?.channel
  }

  isOwn({ payload }: Marker): boolean {
    return payload === this.#marker?.payload
  }

  /** One of its Queries has been answered. True: it is over. */
  answered(): boolean {
    if (this.#phase === 'leaving') return true
    this.#phase = 'leaving'
    return false
  }
}
