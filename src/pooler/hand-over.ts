/**
 * Hands over what a session listens to: from the server that a client holds to its pool's listening server. Until that is done the client keeps its
 * server, and hears what comes there.
 */

import { type Marker, quotedName } from './listeners.ts'

/** The server whose session it is. */
export interface HandOverDesk {
  /** Sends a Query of the pooler's own. */
  ask(text: string): void
  /** Nothing more of the holder's is sent until that is answered. */
  holdUntilAnswered(): void
}

export class HandOver {
  readonly channels: readonly string[]
  readonly #desk: HandOverDesk
  #marker: Marker | undefined
  /** Queries of its own that are under way. */
  #owed = 0

  constructor(channels: readonly string[], desk: HandOverDesk) {
    this.channels = channels
    this.#desk = desk
  }

  /** Its Queries are under way. */
  get isAsking(): boolean {
    return this.#owed > 0
  }

  /** Undefined until the listening server listens. */
  get marker(): Marker | undefined {
    return this.#marker
  }

  joined(marker: Marker): void {
    this.#marker = marker
  }

  /** The server is at rest. The marker comes before its Query is answered; what comes behind that is heard elsewhere, too. */
  advance(): void {
    if (!this.#marker) return
    const channel = quotedName(this.#marker.channel)
    this.#owed = 2
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
    return --this.#owed === 0
  }
}
