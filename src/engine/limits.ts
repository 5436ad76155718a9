/**
 * Limits and the pools that share them. A pool needs a place at each of its limits for every resource. If one is full it
 * waits, in turn with the others; where another pool has an idle resource to spare, that is evicted to make the place.
 *
 * There is one queue for all limits of a group, so no two pools can each keep what the other one needs. Who comes first
 * keeps the places that are free or about to be, unless one that it needs can't be had now: then it keeps nothing, and those
 * behind it go on, for a while.
 *
 * Each event changes one thing; then `attend` does what has become possible, one step after the other. Pools call from
 * within such a step: the loop that runs sees what they have changed, and nothing recurs from pool to pool.
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
  /** How many it has that are not being closed. */
  readonly alive: number
  /** How many of these are being opened. */
  readonly opening: number
  /** Closes the one that has been idle longest. */
  evict(now: number): void
  /** Abandons the newest of those that are being opened. */
  abandon(now: number): void
  /** There may be a place for it now. */
  placeFreed(now: number): void
}

/** Whoever has waited for so long, and is first at each of its limits, is kept what comes at any of them; if it has nothing at all, something does come. */
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

  /** Where somebody found no free place. */
  readonly #short = new Set<Limit>()
  /** Those for whom places are kept. */
  readonly #keepers = new Set<LimitMember>()
  /** Those whose turn it is: the places they need are free. */
  readonly #turn = new Set<LimitMember>()
  /** Places that are kept for somebody in front, free ones or those about to be. */
  readonly #kept = new Map<Limit, number>()
  /** Where no place is free or about to be, nor can be made. */
  readonly #hopeless = new Set<Limit>()
  /** How many pools wait for a place at one of these, at the one where that is most. */
  #mostHopeless = 0
  /** Those that have most where somebody has had nothing for long: each is to give one up. */
  readonly #owing = new Set<LimitMember>()
  /** When somebody who waits in vain has waited for long enough to be kept what comes. */
  #patienceEndsAtMs = Infinity

  /** Internal to `Limit`. What a pool may lend, and to which of its lanes, depends on its limits, too. */
  resized(limit: Limit, now: number): void {
    if (limit.isExceeded) this.#exceeded.add(limit)
    this.#isAsked = true
    this.attend(now)
    for (const pool of this.#members) if (pool.limits.includes(limit)) pool.placeFreed(now)
  }

  /**
   * Whether the pool may open one now: it is its turn, or there are places that nobody in front of it can use. In the middle
   * of a step only whoever's turn it is may.
   */
  hasRoomFor(pool: LimitMember): boolean {
    return this.#turn.has(pool) || (!this.#isAttending && this.#areFree(pool.limits))
  }

  /** It is to give one up, though its callers wait. */
  isOwing(pool: LimitMember): boolean {
    return this.#owing.has(pool)
  }

  /** When a pool that waits for a place, and has nothing, is owed one; Infinity: there is no such need. */
  patienceEndsAtMs(pool: LimitMember): number {
    return pool.alive === 0 ? (this.#blocked.get(pool) ?? Infinity) + patienceMs : Infinity
  }

  // Events. They take effect when the pool calls `attend`; and only those that can have made anything possible cost a look at
  // the pools that wait.

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
    this.#owing.delete(pool)
    this.#askAt(pool)
    for (const limit of pool.limits) limit.closing++
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

  /** Hot path under load, when as a rule nobody waits. It has a place, or needs none now. */
  waive(pool: LimitMember): void {
    if (this.#blocked.size + this.#lacking.size === 0) return
    if (!this.#blocked.delete(pool) && !this.#lacking.delete(pool)) return
    for (const limit of pool.limits) limit.wanting--
    this.#turn.delete(pool)
    if (this.#keepers.has(pool)) this.#isAsked = true
    else if (pool.evictable > 0) this.#askAt(pool)
  }

  /** It may have something evictable. */
  offered(pool: LimitMember): void {
    this.#offering.add(pool)
    this.#askAt(pool)
  }

  /** Where everybody has found a place, one more makes nothing possible. */
  #askAt(pool: LimitMember): void {
    for (const limit of pool.limits) if (this.#short.has(limit) || limit.isExceeded) this.#isAsked = true
  }

  // What has become possible.

  attend(now: number): void {
    if (this.#isAttending || !(this.#isAsked || now >= this.#patienceEndsAtMs)) return
    this.#isAsked = true
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
    this.#forget()
    for (const [pool, sinceMs] of this.#inTurn(now)) {
      this.#help(pool, sinceMs, now)
      if (this.#isAsked) return
      if (this.#mostHopeless === this.#blocked.size + this.#lacking.size) return this.#trim(now)
    }
    for (const pool of this.#lacking) {
      if (this.#missingOf(pool).length === 0) this.#give(pool, now)
      if (this.#isAsked) return
    }
    this.#trim(now)
  }

  /** Who has had nothing at all for long comes first; the others as they came. */
  *#inTurn(now: number): Generator<readonly [LimitMember, sinceMs: number]> {
    for (const [pool, sinceMs] of this.#blocked) {
      if (now - sinceMs < patienceMs) {
        this.#patienceEndsAtMs = sinceMs + patienceMs
        break
      }
      if (pool.alive === 0) yield [pool, sinceMs]
    }
    for (const [pool, sinceMs] of this.#blocked) {
      if (pool.alive > 0 || now - sinceMs < patienceMs) yield [pool, sinceMs]
    }
  }

  #forget(): void {
    this.#turn.clear()
    this.#short.clear()
    this.#kept.clear()
    this.#keepers.clear()
    this.#hopeless.clear()
    this.#owing.clear()
    this.#mostHopeless = 0
    this.#patienceEndsAtMs = Infinity
  }

  /** Gives the pool its places, or makes one that it needs, or keeps for it what there is. */
  #help(pool: LimitMember, sinceMs: number, now: number): void {
    if (this.#isHopeless(pool)) return
    const missing = this.#missingOf(pool)
    if (missing.length === 0) return this.#give(pool, now)
    const uncertain = missing.filter((limit) => !this.#isComing(limit))
    const victim = uncertain.length > 0 ? this.#victimFor(uncertain) : undefined
    if (uncertain.length > 0 && !victim) return this.#keepInVain(pool, uncertain, sinceMs, now)
    this.#keep(pool)
    victim?.evict(now)
  }

  /** Those of its limits at which there is no free place. */
  #missingOf(pool: LimitMember): Limit[] {
    const missing = pool.limits.filter((limit) => !this.#isFree(limit))
    for (const limit of missing) this.#short.add(limit)
    return missing
  }

  /** Keeps for one that can't have all places what it could have, if it has been without for long, and is first at each. */
  #keepInVain(pool: LimitMember, uncertain: readonly Limit[], sinceMs: number, now: number): void {
    const isFirst = pool.limits.every((limit) => this.#keptAt(limit) === 0)
    if (isFirst && now - sinceMs >= patienceMs) {
      for (const limit of uncertain) {
        const evictable = this.#evictableAt(limit)
        if (evictable < 2) this.#loseHope(limit)
        if (evictable === 0 && pool.alive === 0) this.#demand(limit, pool)
      }
      this.#keep(pool)
    } else if (isFirst && pool.limits.length > 1) {
      this.#patienceEndsAtMs = Math.min(this.#patienceEndsAtMs, sinceMs + patienceMs)
    }
  }

  /** Of the pools that have places there, the one with most is to give one up. */
  #demand(limit: Limit, pool: LimitMember): void {
    let richest: LimitMember | undefined
    for (const other of this.#members) {
      const isAble = other !== pool && other.alive > 0 && other.limits.includes(limit)
      if (isAble && (!richest || other.alive > richest.alive)) richest = other
    }
    if (richest) this.#owing.add(richest)
  }

  #evictableAt(limit: Limit): number {
    let sum = 0
    for (const pool of this.#offering)
      if (pool.limits.includes(limit) && !this.#blocked.has(pool)) sum += pool.evictable
    return sum
  }

  /** Who is evicted next so that there is a place at each of these; undefined if there can't be one at each. */
  #victimFor(limits: readonly Limit[]): LimitMember | undefined {
    const forAll = this.#victim(limits)
    if (forAll) return forAll
    const victims = limits.map((limit) => this.#victim([limit]))
    for (const [index, limit] of limits.entries()) if (!victims[index]) this.#loseHope(limit)
    return victims.includes(undefined) ? undefined : victims[0]
  }

  #isHopeless(pool: LimitMember): boolean {
    return this.#hopeless.size > 0 && pool.limits.some((limit) => this.#hopeless.has(limit))
  }

  #loseHope(limit: Limit): void {
    this.#hopeless.add(limit)
    this.#mostHopeless = Math.max(this.#mostHopeless, limit.wanting)
  }

  /** A pool that is in the middle of something takes its places when it comes to it: nobody gets them meanwhile. */
  #give(pool: LimitMember, now: number): void {
    this.#turn.add(pool)
    this.#keepers.add(pool)
    pool.placeFreed(now)
    if (this.#turn.has(pool)) this.#keep(pool)
  }

  #keep(pool: LimitMember): void {
    this.#keepers.add(pool)
    for (const limit of pool.limits) this.#kept.set(limit, this.#keptAt(limit) + 1)
  }

  #keptAt(limit: Limit): number {
    return this.#kept.get(limit) ?? 0
  }

  #areFree(limits: readonly Limit[]): boolean {
    for (const limit of limits) if (!this.#isFree(limit)) return false
    return true
  }

  /** There is a place that is not kept for somebody. */
  #isFree(limit: Limit): boolean {
    return limit.taken + this.#keptAt(limit) < limit.max
  }

  /** There is, or will be. */
  #isComing(limit: Limit): boolean {
    return limit.taken - limit.closing + this.#keptAt(limit) < limit.max
  }

  /** Closes one where more are than may be. */
  #trim(now: number): void {
    for (const limit of this.#exceeded) {
      if (limit.isExceeded) this.#trimAt(limit, now)
      else this.#keptAgain(limit, now)
      if (this.#isAsked) return
    }
  }

  /** It is kept to again: its pools may let callers share once more. */
  #keptAgain(limit: Limit, now: number): void {
    this.#exceeded.delete(limit)
    for (const pool of this.#members) if (pool.limits.includes(limit)) pool.placeFreed(now)
  }

  /** Where nothing is idle, what is being opened goes, of the pool with most to spare. */
  #trimAt(limit: Limit, now: number): void {
    const victim = this.#victim([limit])
    if (victim) return victim.evict(now)
    let opener: LimitMember | undefined
    for (const pool of this.#members) {
      const isAble = pool.opening > 0 && pool.limits.includes(limit)
      if (isAble && (!opener || pool.spare > opener.spare)) opener = pool
    }
    opener?.abandon(now)
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
