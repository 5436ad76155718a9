/** A pool's places at the limits that it shares with others: it needs one at each of them for every resource. */

import { TaxirankError } from '../errors.ts'
import type { Lanes } from './lanes.ts'
import type { Limit } from './limit.ts'
import type { LimitMember, Limits } from './limits.ts'
import type { Slots } from './slots.ts'

/** What the places need of their pool. */
export interface PlacesDesk {
  /** How many more than the minimum there are. */
  spare(): number
  /** How many of those that are idle can serve somebody who waits. */
  idleNeeded(): number
  evict(now: number): void
  abandon(now: number): void
  placeFreed(now: number): void
}

export class Places<T> implements LimitMember {
  readonly limits: readonly Limit[]
  readonly #group: Limits | undefined
  readonly #slots: Slots<T>
  readonly #lanes: Lanes<T>
  readonly #desk: PlacesDesk
  #isBlocked = false

  /** Throws `bad_configuration`. */
  constructor(limits: readonly Limit[], slots: Slots<T>, lanes: Lanes<T>, desk: PlacesDesk) {
    this.limits = limits
    this.#group = groupOf(limits)
    this.#slots = slots
    this.#lanes = lanes
    this.#desk = desk
    this.#group?.join(this)
  }

  /** Hot path under load. None of its limits limits anything now. */
  get isFree(): boolean {
    for (const limit of this.limits) if (limit.max !== Infinity) return false
    return true
  }

  /** Callers wait for a place: nothing can be opened for them before there is one. */
  get isBlocked(): boolean {
    return this.#isBlocked
  }

  /** One that leaves those who wait for a place none. */
  get fullLimit(): Limit | undefined {
    return this.#isBlocked ? this.limits.find((limit) => !limit.hasPlace) : undefined
  }

  get hasRoom(): boolean {
    return this.#group?.hasRoomFor(this) ?? true
  }

  /** There are places, though they may be kept for somebody. */
  get arePlaces(): boolean {
    return this.limits.every((limit) => limit.hasPlace)
  }

  /** Hot path under load. */
  get isExceeded(): boolean {
    for (const limit of this.limits) if (limit.isExceeded) return true
    return false
  }

  /** Another pool has had nothing for long: what callers here would get next is closed instead. */
  get isOwing(): boolean {
    return this.#group?.isOwing(this) ?? false
  }

  /** When callers who wait for a place, while the pool has nothing, are owed one; Infinity: there is no such need. */
  get patienceEndsAtMs(): number {
    return this.#group?.patienceEndsAtMs(this) ?? Infinity
  }

  /** How many the pool can ever have: `max`, or less. What lanes have reserved leaves one for those without even then. */
  capacityOf(max: number): number {
    let least = max
    for (const limit of this.limits) least = Math.min(least, limit.max)
    return least < max ? Math.max(least, this.#lanes.leastCapacity) : max
  }

  took(now: number): void {
    this.#isBlocked = false
    this.#group?.took(this)
    this.#group?.attend(now)
  }

  closing(): void {
    this.#group?.closing(this)
  }

  freed(wasClosing: boolean, now: number): void {
    this.#group?.freed(this, wasClosing)
    this.#group?.attend(now)
  }

  /** Waits for places where there are none. True if they have come meanwhile. */
  wait(isForCaller: boolean, now: number): boolean {
    this.#isBlocked = isForCaller
    if (isForCaller) this.#group?.block(this, now)
    else this.#group?.blockMinimum(this)
    this.#group?.attend(now)
    return this.hasRoom
  }

  /** Hot path under load. No place is needed now. */
  waive(now: number): void {
    this.#isBlocked = false
    this.#group?.waive(this)
    this.#group?.attend(now)
  }

  /** What can serve nobody here may make a place for somebody who waits for another pool. */
  offer(now: number): void {
    if (this.isFree || this.evictable === 0) return
    this.#group?.offered(this)
    this.#group?.attend(now)
  }

  /** The pool has ended. */
  leave(now: number): void {
    this.#isBlocked = false
    this.#group?.leave(this)
    this.#group?.attend(now)
  }

  // For its limits.

  get evictable(): number {
    const idle = this.#slots.idle.size + this.#slots.expiring.size
    return idle === 0 ? 0 : Math.max(0, idle - this.#desk.idleNeeded())
  }

  get spare(): number {
    return this.#desk.spare()
  }

  get alive(): number {
    return this.#slots.alive
  }

  get opening(): number {
    return this.#slots.opening.size
  }

  get idleSinceMs(): number {
    return this.#slots.longestIdle?.usedAtMs ?? Infinity
  }

  evict(now: number): void {
    this.#desk.evict(now)
  }

  abandon(now: number): void {
    this.#desk.abandon(now)
  }

  placeFreed(now: number): void {
    this.#desk.placeFreed(now)
  }
}

function groupOf(limits: readonly Limit[]): Limits | undefined {
  const [first, ...others] = limits
  if (new Set(limits).size < limits.length) throw new TaxirankError('bad_configuration', 'pool: a limit is named twice')
  const foreign = others.find(({ group }) => group !== first?.group)
  if (!foreign) return first?.group
  const text = `pool: limits ${first?.name} and ${foreign.name} must belong to one group`
  throw new TaxirankError('bad_configuration', text)
}
