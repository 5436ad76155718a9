/**
 * Replaces the connection that listens by another of the same database, of which nobody notices anything: a marker comes to both in the same place of
 * the order that PostgreSQL delivers in. What stands before it is heard from the old one, what stands behind it from the new one. Where the new one is
 * of another database, the old one never hears it.
 */

import { randomBytes } from 'node:crypto'
import type { MessageBytes } from '../wire/read.ts'
import type { ListeningServer } from './listening-server.ts'

const mostHeldBytes = 1 << 20

export class Succession {
  readonly next: ListeningServer
  /** Of its marker. */
  readonly payload = randomBytes(12).toString('hex')
  #hasLeftOld = false
  #hasReachedNext = false
  /** What has come from the new one, behind the marker, before that came from the old one. */
  readonly #held: Buffer[] = []
  #heldBytes = 0

  constructor(next: ListeningServer) {
    this.next = next
  }

  /** Nothing more of the old one's is heard. */
  get hasLeftOld(): boolean {
    return this.#hasLeftOld
  }

  /** The marker has come from both. */
  get isDone(): boolean {
    return this.#hasLeftOld && this.#hasReachedNext
  }

  /** More is kept than may be. */
  get isTooMuch(): boolean {
    return this.#heldBytes > mostHeldBytes
  }

  marked(from: ListeningServer): void {
    if (from === this.next) this.#hasReachedNext = true
    else this.#hasLeftOld = true
  }

  /** True if this is to be heard now; what is to be heard later is kept. */
  isHeard({ bytes, start, end }: MessageBytes, from: ListeningServer): boolean {
    if (from !== this.next) return !this.#hasLeftOld
    if (this.#hasReachedNext) {
      this.#held.push(Buffer.from(bytes.subarray(start, end)))
      this.#heldBytes += end - start
    }
    return false
  }

  /** What is to be heard once it is done. */
  takeHeld(): readonly Buffer[] {
    return this.#held.splice(0)
  }
}
