/** The resources: opening and closing them, having them checked and reset, and looking after those that nobody uses. */

import type { CloseReason } from '../metrics/counters.ts'
import { Deadline } from '../time.ts'
import type { Leases } from './leases.ts'
import type { Ledger } from './ledger.ts'
import type { Settings } from './options.ts'
import type { Places } from './places.ts'
import { Slot } from './slot.ts'
import type { Slots } from './slots.ts'
import { Upkeep } from './upkeep.ts'

const reasons: Readonly<Record<CloseReason, string>> = {
  idle: 'it has been idle for long',
  lifetime: 'its lifetime is over',
  check: 'a check failed',
  reset: 'a reset failed',
  retired: 'it is retired',
  evicted: 'another pool needs its place',
  resized: 'the pool has become smaller',
  dirty: 'it was given back dirty',
  destroyed: 'it was destroyed',
  lost: 'it was lost',
  ended: 'the pool has ended',
}

export class Stock<T> {
  readonly upkeep: Upkeep<T>
  readonly #settings: Settings<T>
  readonly #slots: Slots<T>
  readonly #leases: Leases<T>
  readonly #ledger: Ledger<T>
  readonly #places: Places<T>
  readonly #due: (slot: Slot<T>, now: number) => void

  /** `due`: the deadline of a slot has come. */
  constructor(
    settings: Settings<T>,
    slots: Slots<T>,
    leases: Leases<T>,
    ledger: Ledger<T>,
    places: Places<T>,
    due: (slot: Slot<T>, now: number) => void,
  ) {
    this.#settings = settings
    this.#slots = slots
    this.#leases = leases
    this.#ledger = ledger
    this.#places = places
    this.#due = due
    this.upkeep = new Upkeep(settings)
  }

  open(now: number): void {
    const slot = new Slot<T>((one) => new Deadline((at) => this.#due(one, at)))
    slot.sinceMs = now
    this.#slots.add(slot)
    this.#places.took(now)
    this.#settings.owner.open(slot)
  }

  /** It is there: its life begins. Returns how long that took. */
  opened(slot: Slot<T>, now: number): number {
    const tookMs = now - slot.sinceMs
    this.#ledger.openMs.record(tookMs)
    this.#ledger.counters.opened++
    slot.openedAtMs = slot.usedAtMs = slot.provenAtMs = now
    slot.expiresAtMs = this.upkeep.expiresAtMs(now)
    this.watch(slot, now)
    return tookMs
  }

  /** Times of upkeep have become others. What is checked or reset is looked at when that is over. */
  retimed(isLifetimeNew: boolean, now: number): void {
    const { opening, idle, leased, shared } = this.#slots
    for (const slot of this.#slots.all()) {
      if (opening.has(slot)) continue
      if (isLifetimeNew) slot.expiresAtMs = this.upkeep.expiresAtMs(slot.openedAtMs)
      if (idle.has(slot) || leased.has(slot) || shared.has(slot)) this.watch(slot, now)
    }
  }

  /** Ends its leases and has it closed; nothing, if that has been done. */
  close(slot: Slot<T>, kind: CloseReason, now: number, reason = reasons[kind]): void {
    if (!this.#isAlive(slot)) return
    this.#leases.endAll(slot, now)
    // Whoever was told may have closed it.
    if (!this.#isAlive(slot)) return
    this.#count(slot, kind)
    slot.retiring = kind
    this.#slots.closing.push(slot)
    this.#settings.deadlines.stop(slot.deadline)
    this.#places.closing()
    this.#settings.owner.close(slot, reason)
  }

  #isAlive(slot: Slot<T>): boolean {
    return this.#slots.has(slot) && !this.#slots.closing.has(slot)
  }

  #count(slot: Slot<T>, kind: CloseReason): void {
    const { counters } = this.#ledger
    if (this.#slots.opening.has(slot)) counters.abandoned++
    else counters.closed[kind]++
  }

  /** It is gone, though nobody had asked for that. */
  lost(slot: Slot<T>, now: number): void {
    slot.retiring = 'lost'
    this.#leases.endAll(slot, now)
    if (this.#isAlive(slot)) this.#count(slot, 'lost')
    if (this.#slots.has(slot)) this.remove(slot, now)
  }

  /** It is gone, and nobody holds it. */
  remove(slot: Slot<T>, now: number): void {
    const wasClosing = this.#slots.closing.has(slot)
    this.#slots.remove(slot)
    this.#settings.deadlines.stop(slot.deadline)
    this.#places.freed(wasClosing, now)
  }

  check(slot: Slot<T>, now: number): void {
    const { owner, checkTimeoutMs } = this.#settings
    this.#ledger.counters.checks++
    this.#slots.checking.push(slot)
    slot.provenAtMs = slot.sinceMs = now
    this.#limitTo(slot, checkTimeoutMs, now)
    owner.check?.(slot)
  }

  /** Has it cleaned up; closes it, if the owner can't do that, or it is to be closed anyway. */
  reset(slot: Slot<T>, now: number): void {
    const { owner, resetTimeoutMs } = this.#settings
    if (slot.retiring || !owner.reset) return this.close(slot, slot.retiring ?? 'dirty', now)
    this.#ledger.counters.resets++
    this.#slots.resetting.push(slot)
    this.#limitTo(slot, resetTimeoutMs, now)
    owner.reset(slot)
  }

  /** It has answered a check; but one that fell under suspicion meanwhile may have answered before. */
  proved(slot: Slot<T>, now: number): void {
    if (slot.provenAtMs !== -Infinity) slot.provenAtMs = now
    this.watch(slot, now)
  }

  /** Nothing idle is lent before it has been checked, if it can be. */
  suspectIdle(): void {
    if (!this.#settings.owner.check) return
    const { idle, expiring, checking } = this.#slots
    for (const list of [idle, expiring, checking]) for (const slot of list) slot.provenAtMs = -Infinity
  }

  /** Has the slot looked at when its upkeep is due. */
  watch(slot: Slot<T>, now: number): void {
    const isIdle = slot.holders === 0
    this.#settings.deadlines.start(slot.deadline, this.upkeep.nextAtMs(slot, isIdle, now))
  }

  /** What the owner does now must be over in time. */
  #limitTo(slot: Slot<T>, timeoutMs: number, now: number): void {
    this.#settings.deadlines.start(slot.deadline, timeoutMs > 0 ? now + timeoutMs : Infinity)
  }
}
