/**
 * Limits and the pools that share them. A pool needs a place at each of its limits for every resource. If one is full it
 * waits, in turn with the others; where another pool has an idle resource to spare, that is evicted to make the place.
 *
 * There is one queue for all limits of a group, so no two pools can each keep what the other one needs. Who comes first
 * keeps the places that are free or about to be, unless one that it needs can't be had now: then it keeps nothing, and those
 * behind it go on. Each event changes one thing; then `attend` does what has become possible, one step after the other.
 * Pools call from within such a step: the loop that runs sees what they have changed, and nothing recurs from pool to pool.
 */

import type { Limit } from './limit.ts'

/** A pool, as its limits see it. */
export interface LimitMember {
  readonly limits: readonly Limit[]
  /** Idle resources that can serve nobody who waits for this pool now. */
  readonly evictable: number
  /** How many more than its minimum it has. */
  readonly spare: number
  /** Since when the one that has been idle longest is; Infinity: none is. */
  readonly idleSinceMs: number
  /** Closes the one that has been idle longest. */
  evict(now: number): void
  /** There may be a place for it now. */
  placeFreed(now: number): void
}

export class Limits {
  readonly #limits = new Set<Limit>()
  readonly #members = new Set<LimitMember>()
  /** Pools with callers that found no place, in the order in which they did. */
  readonly #blocked = new Set<LimitMember>()
  /** Those that only have less than their minimum: they take what nobody else wants, and nothing is evicted for them. */
  readonly #lacking = new Set<LimitMember>()
  /** Those that had something evictable when they said so last. */
  readonly #offering = new Set<LimitMember>()
  /** Those whose turn it is: the places they need are free. */
  readonly #turn = new Set<LimitMember>()
  /** As found by the last step: places that are kept for somebody in front, free ones or those about to be. */
  readonly #kept = new Map<Limit, number>()
  #isAttending = false

  /** Internal to `Limit`. */
  add(limit: Limit): void {
    this.#limits.add(limit)
  }

  /** Internal to `Limit`. What a pool may lend, and to which of its lanes, depends on its limits, too. */
  resized(limit: Limit, now: number): void {
    this.attend(now)
    for (const pool of this.#members) if (pool.limits.includes(limit)) pool.placeFreed(now)
  }

  /** Whether the pool may open one now: it is its turn, or there are places that nobody in front of it can use. */
  hasRoomFor(pool: LimitMember): boolean {
    return this.#turn.has(pool) || (!this.#isAttending && this.#areFree(pool.limits))
  }

  // Events. They take effect when the pool calls `attend`.

  join(pool: LimitMember): void {
    this.#members.add(pool)
  }

  /** It has ended: it asks for nothing any more, and what it still has goes by itself. */
  leave(pool: LimitMember): void {
    this.waive(pool)
    this.#offering.delete(pool)
    this.#members.delete(pool)
  }

  took(pool: LimitMember): void {
    this.waive(pool)
    for (const limit of pool.limits) limit.taken++
  }

  /** One of its resources is being closed: its places will be free. */
  closing(pool: LimitMember): void {
    for (const limit of pool.limits) limit.closing++
  }

  freed(pool: LimitMember, wasClosing: boolean): void {
    for (const limit of pool.limits) {
      limit.taken--
      if (wasClosing) limit.closing--
    }
  }

  /** Callers wait for a place in the pool, and there is none. */
  block(pool: LimitMember): void {
    this.#lacking.delete(pool)
    this.#blocked.add(pool)
  }

  /** The pool has less than its minimum, and there is no place. */
  blockMinimum(pool: LimitMember): void {
    this.waive(pool)
    this.#lacking.add(pool)
  }

  /** It has a place, or needs none now. */
  waive(pool: LimitMember): void {
    this.#lacking.delete(pool)
    this.#blocked.delete(pool)
    this.#turn.delete(pool)
  }

  /** It may have something evictable. */
  offered(pool: LimitMember): void {
    this.#offering.add(pool)
  }

  // What has become possible.

  attend(now: number): void {
    if (this.#isAttending) return
    this.#isAttending = true
    this.#kept.clear()
    this.#turn.clear()
    try {
      while (this.#isAnythingPossible && this.#step(now)) {
        // One step after the other.
      }
    } finally {
      this.#isAttending = false
    }
  }

  get #isAnythingPossible(): boolean {
    if (this.#blocked.size === 0 && this.#lacking.size === 0 && this.#offering.size === 0) return false
    for (const { hasRoom, closing } of this.#limits) if (hasRoom || closing > 0) return true
    return this.#offering.size > 0
  }

  /** True if something has changed. */
  #step(now: number): boolean {
    this.#kept.clear()
    this.#turn.clear()
    for (const pool of this.#blocked) if (this.#helped(pool, now)) return true
    return this.#served(now) || this.#trimmed(now)
  }

  /** Gives the pool its places, or makes one that it needs, or keeps for it what there is. */
  #helped(pool: LimitMember, now: number): boolean {
    const missing = pool.limits.filter((limit) => !this.#isFree(limit))
    if (missing.length === 0) return this.#gave(pool, now)
    const short = missing.filter((limit) => !this.#isComing(limit))
    const victim = short.length > 0 ? this.#victimFor(short) : undefined
    if (short.length > 0 && !victim) return false
    this.#keep(pool)
    victim?.evict(now)
    return victim !== undefined
  }

  /** Who is evicted next so that there is a place at each of these; undefined if there can't be one at each. */
  #victimFor(limits: readonly Limit[]): LimitMember | undefined {
    const forAll = this.#victim(limits)
    if (forAll || limits.length === 1) return forAll
    const victims = limits.map((limit) => this.#victim([limit]))
    return victims.includes(undefined) ? undefined : victims[0]
  }

  /** A pool that is in the middle of something takes its places when it comes to it: nobody gets them meanwhile. */
  #gave(pool: LimitMember, now: number): boolean {
    this.#turn.add(pool)
    pool.placeFreed(now)
    if (!this.#turn.has(pool)) return true
    this.#keep(pool)
    return false
  }

  #keep(pool: LimitMember): void {
    for (const limit of pool.limits) this.#kept.set(limit, this.#keptAt(limit) + 1)
  }

  #keptAt(limit: Limit): number {
    return this.#kept.get(limit) ?? 0
  }

  #areFree(limits: readonly Limit[]): boolean {
    return limits.every((limit) => this.#isFree(limit))
  }

  /** There is a place that is not kept for somebody. */
  #isFree(limit: Limit): boolean {
    return limit.taken + this.#keptAt(limit) < limit.max
  }

  /** There will be. */
  #isComing(limit: Limit): boolean {
    return limit.taken - limit.closing + this.#keptAt(limit) < limit.max
  }

  /** Lets one that has less than its minimum have what nobody keeps. */
  #served(now: number): boolean {
    for (const pool of this.#lacking) if (this.#areFree(pool.limits) && this.#gave(pool, now)) return true
    return false
  }

  /** Evicts one where more are open than may be. */
  #trimmed(now: number): boolean {
    for (const limit of this.#limits) {
      const victim = limit.isExceeded ? this.#victim([limit]) : undefined
      if (!victim) continue
      victim.evict(now)
      return true
    }
    return false
  }

  /** Of the pools that have places at all of these and most to spare, the one whose resource has been idle longest. A minimum counts for less than a caller who waits. */
  #victim(limits: readonly Limit[]): LimitMember | undefined {
    let best: LimitMember | undefined
    for (const pool of this.#offering) {
      const isInAll = limits.every((limit) => pool.limits.includes(limit))
      if (pool.evictable === 0) this.#offering.delete(pool)
      else if (isInAll && !this.#blocked.has(pool) && (!best || isBetter(pool, best))) best = pool
    }
    return best
  }
}

function isBetter(a: LimitMember, b: LimitMember): boolean {
  return a.spare === b.spare ? a.idleSinceMs < b.idleSinceMs : a.spare > b.spare
}
