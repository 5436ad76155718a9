/**
 * Limits and the pools that share them. A pool needs a place at each of its limits for every resource. If one is full it
 * waits, in turn with the others; where another pool has an idle resource to spare, that is evicted to make the place.
 *
 * There is one queue for all limits of a group, so no two pools can each keep what the other one needs. Who comes first
 * keeps the places that are free or about to be, unless one that it needs can't be had now: then it keeps nothing, and those
 * behind it go on, for a while. Each event changes one thing; then `attend` does what has become possible, one step after the other.
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
  /** How many are being opened. */
  readonly opening: number
  /** Closes the one that has been idle longest. */
  evict(now: number): void
  /** Gives up the newest of those that are being opened. */
  abandon(now: number): void
  /** There may be a place for it now. */
  placeFreed(now: number): void
}

/** For so long one that waits for places at several limits goes without: then, if it is first, it is kept what comes at any. */
const patienceMs = 1_000

export class Limits {
  readonly #members = new Set<LimitMember>()
  /** Pools with callers that found no place, in the order in which they did, and when that was. */
  readonly #blocked = new Map<LimitMember, number>()
  /** Those that only have less than their minimum: they take what nobody else wants, and nothing is evicted for them. */
  readonly #lacking = new Set<LimitMember>()
  /** Those that had something evictable when they said so last. */
  readonly #offering = new Set<LimitMember>()
  /** Where more were open than may be, when it became lower. */
  readonly #exceeded = new Set<Limit>()
  /** Something may have become possible since it was looked for. */
  #isAsked = false
  #isAttending = false

  // As found by the last step.

  /** Those whose turn it is: the places they need are free. */
  readonly #turn = new Set<LimitMember>()
  /** Places that are kept for somebody in front, free ones or those about to be. */
  readonly #kept = new Map<Limit, number>()
  /** Where no place is free or about to be, nor can be made. */
  readonly #hopeless = new Set<Limit>()
  /** How many pools wait for a place at one of these, at the one where that is most. */
  #mostHopeless = 0

  /** Internal to `Limit`. What a pool may lend, and to which of its lanes, depends on its limits, too. */
  resized(limit: Limit, now: number): void {
    if (limit.isExceeded) this.#exceeded.add(limit)
    this.#isAsked = true
    this.attend(now)
    this.#abandonAt(limit, now)
    for (const pool of this.#members) if (pool.limits.includes(limit)) pool.placeFreed(now)
  }

  /** Whether the pool may open one now: it is its turn, or there are places that nobody in front of it can use. */
  hasRoomFor(pool: LimitMember): boolean {
    return this.#turn.has(pool) || (!this.#isAttending && this.#areFree(pool.limits))
  }

  // Events, each of them at the same cost however many pools and limits there are. They take effect when the pool calls
  // `attend`, if anything has become possible by them.

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
    this.#askAt(pool)
  }

  freed(pool: LimitMember, wasClosing: boolean): void {
    this.#askAt(pool)
    for (const limit of pool.limits) {
      limit.taken--
      if (wasClosing) limit.closing--
    }
  }

  /** Callers wait for a place in the pool, and there is none. */
  block(pool: LimitMember, now: number): void {
    if (this.#blocked.has(pool)) return
    this.#want(pool)
    this.#blocked.set(pool, now)
  }

  /** The pool has less than its minimum, and there is no place. */
  blockMinimum(pool: LimitMember): void {
    if (this.#lacking.has(pool)) return
    this.#want(pool)
    this.#lacking.add(pool)
  }

  #want(pool: LimitMember): void {
    this.waive(pool)
    for (const limit of pool.limits) limit.wanting++
    if (!this.#isHopeless(pool)) this.#isAsked = true
  }

  /** It has a place, or needs none now. */
  waive(pool: LimitMember): void {
    if (!this.#blocked.delete(pool) && !this.#lacking.delete(pool)) return
    for (const limit of pool.limits) limit.wanting--
    this.#turn.delete(pool)
    this.#isAsked = true
  }

  /** It may have something evictable. */
  offered(pool: LimitMember): void {
    this.#offering.add(pool)
    this.#askAt(pool)
  }

  /** Where there are places for all, one more makes nothing possible. */
  #askAt(pool: LimitMember): void {
    for (const limit of pool.limits) if (limit.isTight) this.#isAsked = true
  }

  // What has become possible.

  attend(now: number): void {
    if (this.#isAttending || !this.#isAsked) return
    this.#isAttending = true
    try {
      while (this.#isAsked) {
        this.#isAsked = false
        this.#step(now)
      }
    } finally {
      this.#isAttending = false
    }
  }

  /** Goes on until something has changed. */
  #step(now: number): void {
    this.#turn.clear()
    this.#kept.clear()
    this.#hopeless.clear()
    this.#mostHopeless = 0
    for (const [pool, sinceMs] of this.#blocked) {
      this.#help(pool, now, now - sinceMs >= patienceMs && this.#kept.size === 0)
      if (this.#isAsked) return
      if (this.#mostHopeless === this.#blocked.size + this.#lacking.size) return this.#trim(now)
    }
    for (const pool of this.#lacking) {
      if (this.#areFree(pool.limits)) this.#give(pool, now)
      if (this.#isAsked) return
    }
    this.#trim(now)
  }

  /** Gives the pool its places, or makes one that it needs, or keeps for it what there is: for one that `mayHoard`, even in vain. */
  #help(pool: LimitMember, now: number, mayHoard: boolean): void {
    if (this.#isHopeless(pool)) return
    if (this.#areFree(pool.limits)) return this.#give(pool, now)
    const short = pool.limits.filter((limit) => !this.#isComing(limit))
    const victim = short.length > 0 ? this.#victimFor(short) : undefined
    if (short.length > 0 && !victim && !mayHoard) return
    this.#keep(pool)
    victim?.evict(now)
  }

  /** Who is evicted next so that there is a place at each of these; undefined if there can't be one at each. */
  #victimFor(limits: readonly Limit[]): LimitMember | undefined {
    const forAll = this.#victim(limits)
    if (forAll) return forAll
    const victims = limits.map((limit) => this.#victim([limit]))
    for (const [index, limit] of limits.entries()) if (!victims[index]) this.#giveUp(limit)
    return victims.includes(undefined) ? undefined : victims[0]
  }

  #isHopeless(pool: LimitMember): boolean {
    return this.#hopeless.size > 0 && pool.limits.some((limit) => this.#hopeless.has(limit))
  }

  #giveUp(limit: Limit): void {
    this.#hopeless.add(limit)
    this.#mostHopeless = Math.max(this.#mostHopeless, limit.wanting)
  }

  /** A pool that is in the middle of something takes its places when it comes to it: nobody gets them meanwhile. */
  #give(pool: LimitMember, now: number): void {
    this.#turn.add(pool)
    pool.placeFreed(now)
    if (this.#turn.has(pool)) this.#keep(pool)
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

  /** There is, or will be. */
  #isComing(limit: Limit): boolean {
    return limit.taken - limit.closing + this.#keptAt(limit) < limit.max
  }

  /** Evicts one where more are open than may be. */
  #trim(now: number): void {
    for (const limit of this.#exceeded) {
      if (!limit.isExceeded) this.#exceeded.delete(limit)
      else this.#victim([limit])?.evict(now)
      if (this.#isAsked) return
    }
  }

  /** Gives up what is being opened where more are than may be, of the pools with most to spare. */
  #abandonAt(limit: Limit, now: number): void {
    while (limit.isExceeded) {
      const able = [...this.#members].filter((pool) => pool.opening > 0 && pool.limits.includes(limit))
      const most = able.toSorted((a, b) => b.spare - a.spare)[0]
      if (!most) return
      most.abandon(now)
    }
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
