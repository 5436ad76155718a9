/**
 * A maximum that several pools share: of a database, a user, a process. A pool that finds it full waits for a place, in
 * turn with the others; if another pool has an idle resource to spare, that is evicted to make the place.
 */

import { assert } from '../assert.ts'

/** A pool, as its limits see it. */
export interface LimitMember {
  readonly idle: number
  /** How many more than its minimum it has. */
  readonly spare: number
  /** Since when the one that has been idle longest is; Infinity: none is. */
  readonly idleSinceMs: number
  /** Closes the one that has been idle longest. */
  evict(now: number): void
  /** There may be a place for it now. */
  placeFreed(now: number): void
}

export class Limit {
  /** For reports: `database shop`. */
  readonly name: string
  #max: number
  #taken = 0
  #closing = 0
  readonly #members = new Set<LimitMember>()
  /** Pools that found it full while callers wait, in the order in which they did. */
  readonly #blocked = new Set<LimitMember>()
  /** Those that only have less than their minimum: they take what is left, and nothing is evicted for them. */
  readonly #short = new Set<LimitMember>()

  /** `max`: 1 or more; Infinity: none. */
  constructor(name: string, max: number) {
    assert(max >= 1, 'a limit has room for at least one')
    this.name = name
    this.#max = max
  }

  get max(): number {
    return this.#max
  }

  /** Places taken now, by resources that are being opened, open or being closed. */
  get taken(): number {
    return this.#taken
  }

  /** More are open than it allows now, those left out that are being closed. */
  get isExceeded(): boolean {
    return this.#taken - this.#closing > this.#max
  }

  /** Whether the pool may take a place now: there is one, and nobody is ahead of it. */
  hasRoomFor(pool: LimitMember): boolean {
    if (this.#taken >= this.#max) return false
    const [first] = this.#blocked
    return first === undefined || first === pool
  }

  /** Takes effect at once upwards; downwards, idle ones go now and the others when they are given back. */
  resize(max: number, now: number): void {
    assert(max >= 1, 'a limit has room for at least one')
    this.#max = max
    while (this.isExceeded && this.#evictOne(undefined, now)) {
      // One after the other.
    }
    this.#serve(now)
  }

  // For pools.

  join(pool: LimitMember): void {
    this.#members.add(pool)
  }

  /** The pool has ended, and has no resource any more. */
  leave(pool: LimitMember, now: number): void {
    this.#members.delete(pool)
    this.unblock(pool, now)
  }

  took(pool: LimitMember, now: number): void {
    this.#taken++
    this.unblock(pool, now)
  }

  /** One of those that are taken is being closed: its place will be free. */
  closing(): void {
    this.#closing++
  }

  freed(wasClosing: boolean, now: number): void {
    this.#taken--
    if (wasClosing) this.#closing--
    this.#serve(now)
  }

  /** Callers wait for a place in the pool, and there is none. Another pool's idle resource makes it. */
  block(pool: LimitMember, now: number): void {
    this.#short.delete(pool)
    this.#blocked.add(pool)
    if (this.#closing < this.#blocked.size) this.#evictOne(pool, now)
  }

  /** The pool has less than its minimum, and there is no place. */
  blockMinimum(pool: LimitMember, now: number): void {
    this.unblock(pool, now)
    this.#short.add(pool)
  }

  /** It has a place, or needs none now. */
  unblock(pool: LimitMember, now: number): void {
    this.#short.delete(pool)
    if (this.#blocked.delete(pool)) this.#serve(now)
  }

  /** The pool has an idle resource that it does not need: somebody may be waiting for its place. */
  offered(pool: LimitMember, now: number): void {
    if (this.#blocked.size > this.#closing && !this.#blocked.has(pool)) pool.evict(now)
  }

  /** A pool that is in the middle of something takes its place when it comes to it: nobody gets that meanwhile. */
  #serve(now: number): void {
    for (const pool of this.#blocked) {
      if (this.#taken >= this.#max) return
      pool.placeFreed(now)
      if (this.#blocked.has(pool)) return
    }
    for (const pool of this.#short) {
      if (this.#taken >= this.#max) return
      this.#short.delete(pool)
      pool.placeFreed(now)
    }
  }

  /** Of the pools with most to spare, the one whose resource has been idle longest. A minimum counts for less than a caller who waits. */
  #evictOne(asking: LimitMember | undefined, now: number): boolean {
    let best: LimitMember | undefined
    for (const pool of this.#members) {
      if (pool !== asking && pool.idle > 0 && (!best || isBetter(pool, best))) best = pool
    }
    best?.evict(now)
    return best !== undefined
  }
}

function isBetter(a: LimitMember, b: LimitMember): boolean {
  return a.spare === b.spare ? a.idleSinceMs < b.idleSinceMs : a.spare > b.spare
}
