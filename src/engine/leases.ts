/** Granting and ending leases, and who holds them. */

import { assert } from '../assert.ts'
import type { TaxirankError } from '../errors.ts'
import type { Lanes } from './lanes.ts'
import type { Lease } from './lease.ts'
import type { Ledger } from './ledger.ts'
import { type HeldLease, noObserver, type PoolObserver } from './observer.ts'
import type { Settings } from './options.ts'
import { stale } from './refusals.ts'
import type { Slot } from './slot.ts'
import type { Slots } from './slots.ts'
import type { Waiter } from './waiter.ts'

export class Leases<T> {
  observer: PoolObserver<T>
  readonly #slots: Slots<T>
  readonly #lanes: Lanes<T>
  readonly #ledger: Ledger<T>
  readonly #leakAfterMs: number
  /** How long ago what was used just now counts as heard of: 0; Infinity, if everything is to be checked before it is lent. */
  readonly #heardAgoMs: number
  #grants = 0
  #leaksDueAtMs: number

  constructor(
    slots: Slots<T>,
    lanes: Lanes<T>,
    ledger: Ledger<T>,
    { observer, leakAfterMs, checkAfterMs }: Settings<T>,
  ) {
    this.#slots = slots
    this.#lanes = lanes
    this.#ledger = ledger
    this.observer = observer ?? noObserver
    this.#leakAfterMs = leakAfterMs
    this.#heardAgoMs = checkAfterMs > 0 ? 0 : Infinity
    this.#leaksDueAtMs = leakAfterMs > 0 ? 0 : Infinity
  }

  /** Hot path. Takes the slot for the waiter, or lets it share it. */
  grant(slot: Slot<T>, waiter: Waiter<T>, waitedMs: number, now: number): Lease<T> {
    const lease = slot.freeLease(waiter.mode)
    if (slot.holders++ === 0) this.#take(slot, waiter)
    this.#begin(lease, waiter, waitedMs, now)
    return lease
  }

  /** Hot path under load. Grants one that is finished to the next: its slot stays where it is. */
  pass(lease: Lease<T>, waiter: Waiter<T>, waitedMs: number, now: number): void {
    lease.slot.lane = waiter.lane
    this.#begin(lease, waiter, waitedMs, now)
  }

  /** Hot path. */
  #begin(lease: Lease<T>, waiter: Waiter<T>, waitedMs: number, now: number): void {
    lease.number = ++this.#grants
    lease.grantedAtMs = now
    lease.waitedMs = waitedMs
    lease.holder = waiter.holder
    lease.lane = waiter.lane
    this.#ledger.granted(lease)
    this.observer.granted(lease, now)
  }

  #take(slot: Slot<T>, waiter: Waiter<T>): void {
    slot.lane = waiter.lane
    this.#lanes.took(waiter.lane)
    const list = waiter.mode === 'exclusive' ? this.#slots.leased : this.#slots.shared
    list.push(slot)
  }

  /** Hot path. True if nobody holds the slot any more. */
  end(lease: Lease<T>, now: number): boolean {
    assert(this.#slots.isHeld(lease.slot), 'a lease goes back to the pool that has granted it')
    this.finish(lease, now)
    return this.vacate(lease.slot, now)
  }

  /** Hot path. Its holder has it no more; its slot counts as held until `pass` or `vacate`. */
  finish(lease: Lease<T>, now: number): void {
    lease.number = 0
    this.#ledger.ended(lease, now)
    this.observer.ended(lease, now)
  }

  /** Hot path. One holder fewer. True if nobody holds the slot any more. */
  vacate(slot: Slot<T>, now: number): boolean {
    slot.holders--
    if (slot.holders > 0) return this.#vacateToOthers(slot)
    slot.usedAtMs = now
    slot.provenAtMs = now - this.#heardAgoMs
    this.#lanes.gaveBack(slot.lane)
    return true
  }

  /** It belongs to the lane of one of those who still share it. */
  #vacateToOthers(slot: Slot<T>): false {
    const lanes = slot.heldLeases.map(({ lane }) => lane)
    const [lane] = lanes
    if (lane === undefined || lanes.includes(slot.lane)) return false
    this.#lanes.gaveBack(slot.lane)
    this.#lanes.took(lane)
    slot.lane = lane
    return false
  }

  /** Ends all that hold the slot: it is being closed, or gone. */
  endAll(slot: Slot<T>, now: number): void {
    if (slot.holders === 0) return
    // Whoever is told of one may give back another.
    for (const lease of slot.heldLeases) if (lease.isHeld) this.end(lease, now)
  }

  /** Reports who came with the number of a lease that is over, and returns what they are told. */
  stale(lease: Lease<T>, number: number, now: number): TaxirankError {
    const held = lease.isHeld ? this.#held(lease, now) : undefined
    this.#ledger.counters.staleUses++
    this.observer.stale(held, number, now)
    return stale(number, held)
  }

  /** Oldest first. */
  holders(now: number): HeldLease[] {
    return this.#slots.heldLeases().map((lease) => this.#held(lease, now))
  }

  oldest(now: number): HeldLease | undefined {
    const lease = this.#slots.oldestLease()
    return lease && this.#held(lease, now)
  }

  /** When a lease may have been held for too long. */
  get leaksDueAtMs(): number {
    return this.#leaksDueAtMs
  }

  /** Reports every lease that has been held for too long, once. To be called when one may be. */
  reportLeaks(now: number): void {
    this.#leaksDueAtMs = now + this.#leakAfterMs
    for (const lease of this.#slots.heldLeases()) {
      const dueAtMs = lease.grantedAtMs + this.#leakAfterMs
      if (now < dueAtMs) {
        this.#leaksDueAtMs = dueAtMs
        return
      }
      if (lease.leakNumber === lease.number) continue
      lease.leakNumber = lease.number
      this.#ledger.counters.leaks++
      this.observer.leaked(this.#held(lease, now), lease, now)
    }
  }

  #held(lease: Lease<T>, now: number): HeldLease {
    return { holder: lease.holder, lane: this.#lanes.of(lease.lane).name, heldMs: now - lease.grantedAtMs }
  }
}
