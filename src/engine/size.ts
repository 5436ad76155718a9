/** How many resources there may be now, whether one more is wanted, and which one is too many. */

import type { Lanes } from './lanes.ts'
import type { Ledger } from './ledger.ts'
import type { Opening } from './opening.ts'
import { checkSizes, type Settings, type Sizes } from './options.ts'
import type { Places } from './places.ts'
import type { Slot } from './slot.ts'
import type { Slots } from './slots.ts'

export class Size<T> {
  readonly #settings: Settings<T>
  readonly #slots: Slots<T>
  readonly #lanes: Lanes<T>
  readonly #ledger: Ledger<T>
  readonly #opening: Opening
  readonly #places: Places<T>
  #max: number
  #min: number
  #reserve: number

  constructor(
    settings: Settings<T>,
    slots: Slots<T>,
    lanes: Lanes<T>,
    ledger: Ledger<T>,
    opening: Opening,
    places: Places<T>,
  ) {
    this.#settings = settings
    this.#slots = slots
    this.#lanes = lanes
    this.#ledger = ledger
    this.#opening = opening
    this.#places = places
    this.#max = settings.maxSize
    this.#min = settings.minSize
    this.#reserve = settings.reserveSize
  }

  get max(): number {
    return this.#max
  }

  get min(): number {
    return this.#min
  }

  get reserve(): number {
    return this.#reserve
  }

  /** True if the maximum has become lower. Throws `bad_configuration`, and then changes nothing. */
  change({ maxSize = this.#max, minSize = this.#min, reserveSize = this.#reserve }: Partial<Sizes>): boolean {
    checkSizes({ ...this.#settings, maxSize, minSize, reserveSize })
    const isLower = maxSize < this.#max
    this.#max = maxSize
    this.#min = minSize
    this.#reserve = reserveSize
    return isLower
  }

  /** How many may be leased at once. What is open beyond the maximum was opened for those who wait. */
  get capacity(): number {
    return Math.max(this.#places.capacityOf(this.#max), this.#slots.alive)
  }

  /** How many resources those who wait could use, if there were enough. */
  get needed(): number {
    return this.#lanes.needed(this.capacity)
  }

  /** One more may be opened without the reserve. */
  get hasRoom(): boolean {
    return this.#slots.size < this.#max && this.#places.hasRoom
  }

  /** One more may be opened now, as far as this pool's own maximum and recent failures are concerned. */
  mayOpen(now: number): boolean {
    return this.#slots.size < this.#maxNow(now) && this.#opening.mayBegin(this.#slots.opening.size, now)
  }

  /** With the reserve, if somebody has waited long enough for it. */
  #maxNow(now: number): number {
    if (this.#reserve === 0 || this.#lanes.waiting === 0) return this.#max
    return this.#lanes.longestWaitMs(now) >= this.#settings.reserveAfterMs ? this.#max + this.#reserve : this.#max
  }

  /** As `needed`, with the reserve, if somebody has waited long enough for it. */
  #neededWithReserve(now: number): number {
    return this.#lanes.needed(Math.max(this.#places.capacityOf(this.#maxNow(now)), this.#slots.alive))
  }

  /** One more would serve those who wait sooner. */
  isWorthIt(now: number): boolean {
    if (this.#lanes.waiting === 0) return false
    const { alive, opening } = this.#slots
    return this.#opening.isWorthIt({
      needed: this.#neededWithReserve(now) - this.promisingChecks(now),
      resources: alive,
      opening: opening.size,
      holdMs: this.#ledger.holdEstimateMs(now),
      longestWaitMs: this.#lanes.longestWaitMs(now),
    })
  }

  /** How many are being checked that may soon be lent. One whose check takes longer than opening would may well be dead. */
  promisingChecks(now: number): number {
    const { checking } = this.#slots
    let stuck = 0
    for (let slot = checking.first; slot && now >= this.#stuckAtMs(slot); slot = checking.after(slot)) stuck++
    return checking.size - stuck
  }

  /** When the next of them will have taken too long. */
  #nextStuckAtMs(now: number): number {
    const { checking } = this.#slots
    let slot = checking.first
    while (slot && now >= this.#stuckAtMs(slot)) slot = checking.after(slot)
    return slot ? this.#stuckAtMs(slot) : Infinity
  }

  #stuckAtMs(slot: Slot<T>): number {
    return slot.sinceMs + Math.max(this.#opening.learntMs ?? Infinity, 1)
  }

  /** There are fewer than the minimum, or one that is too old waits for its replacement. */
  get isMissing(): boolean {
    const { alive, expiring, opening } = this.#slots
    return (this.#settings.refill && alive < this.#min) || expiring.size > opening.size
  }

  /** Another is being opened, more than the expiring ones need, and nothing else is idle meanwhile. */
  get isReplacementComing(): boolean {
    const { opening, expiring, idle } = this.#slots
    return this.#settings.refill && opening.size > expiring.size && idle.size === 0
  }

  /** Something would be missed if this idle one went now. */
  get isLastIdle(): boolean {
    return this.#slots.idle.size === 1 || this.#slots.alive <= this.#min
  }

  /** There is more than the minimum. */
  get isSpare(): boolean {
    return this.#slots.alive > this.#min
  }

  /** There are more than ever allowed, here or together with others: what is given back is closed. */
  get isExceeded(): boolean {
    return this.#slots.alive > this.#max + this.#reserve || this.#places.isExceeded
  }

  /** One that must go now, though nobody asks for that. */
  surplus(now: number): Slot<T> | undefined {
    const { idle, expiring, opening, alive } = this.#slots
    const isReplaced = idle.size > 0 && this.isSpare
    const isHopeless = opening.size < expiring.size && !this.#canReplace
    if (expiring.first && (isReplaced || isHopeless)) return expiring.first
    if (alive > this.#max + this.#reserve) return idle.first ?? opening.last
    const isLeftOver = alive > this.#max && idle.first && now >= this.#reserveIdleAtMs(idle.first)
    return isLeftOver ? idle.first : undefined
  }

  /** There is a place for a replacement, though the limits may be about to decide who gets it: unlike `hasRoom`. */
  get #canReplace(): boolean {
    return this.#slots.size < this.#max && this.#places.arePlaces
  }

  /** When one of these may have another answer. While it is paused nothing is opened for those who wait. */
  nextAtMs(isPaused: boolean, now: number): number {
    const { retryAtMs } = this.#opening
    const at = retryAtMs > now ? retryAtMs : Infinity
    const oldest = isPaused ? undefined : this.#lanes.oldest
    const patienceAtMs = oldest
      ? Math.min(this.#patienceEndsAtMs(oldest.queuedAtMs, now), this.#nextStuckAtMs(now))
      : Infinity
    const { idle, alive } = this.#slots
    const reserveAtMs = alive > this.#max && idle.first ? this.#reserveIdleAtMs(idle.first) : Infinity
    return Math.min(at, patienceAtMs, reserveAtMs)
  }

  /** When whoever is first has waited long enough for one more to be opened, or for the reserve. */
  #patienceEndsAtMs(queuedAtMs: number, now: number): number {
    const { size, opening } = this.#slots
    const { learntMs, retryAtMs } = this.#opening
    const reserveAtMs = queuedAtMs + this.#settings.reserveAfterMs
    const at = this.#reserve > 0 && reserveAtMs > now ? reserveAtMs : Infinity
    const mayOpen = opening.size === 0 && size < this.#maxNow(now) && now >= retryAtMs
    if (!mayOpen || this.#places.isBlocked || learntMs === undefined) return at
    if (this.#neededWithReserve(now) <= this.promisingChecks(now)) return at
    const nextMs = queuedAtMs + learntMs > now ? queuedAtMs + learntMs : now + Math.max(learntMs, 1)
    return Math.min(at, nextMs)
  }

  /** Until when one of the reserve stays idle. */
  #reserveIdleAtMs(slot: Slot<T>): number {
    return slot.usedAtMs + this.#settings.reserveAfterMs
  }
}
