/**
 * The slots of a pool. State is membership: each stands in exactly one of these lists, and every figure is the size of one.
 *
 *   opening ──▶ idle ◀─▶ leased, shared ──▶ resetting ──▶ idle
 *               idle ◀─▶ checking       idle, leased ◀─▶ expiring     any ──▶ closing ──▶ gone
 */

import { type PoolSnapshot, slotStates } from '../metrics/snapshot.ts'
import type { Lease } from './lease.ts'
import { List } from './list.ts'
import type { Reuse } from './options.ts'
import type { Slot } from './slot.ts'

/** How far to look for an idle resource with the right state key, from the first choice on. */
const affinityDepth = 32

export type SlotState = (typeof slotStates)[number]

export class Slots<T> {
  /** The owner is opening them. */
  readonly opening = new List<Slot<T>>()
  /** The owner is finding out whether they live. */
  readonly checking = new List<Slot<T>>()
  /** Whoever was given back last stands last. */
  readonly idle = new List<Slot<T>>()
  /** Idle, too old, and kept until their replacement is open. */
  readonly expiring = new List<Slot<T>>()
  /** Held by one caller. */
  readonly leased = new List<Slot<T>>()
  /** Held by callers who share it. */
  readonly shared = new List<Slot<T>>()
  /** The owner is cleaning up what the last holder left. */
  readonly resetting = new List<Slot<T>>()
  /** The owner is closing them. They count until they are gone. */
  readonly closing = new List<Slot<T>>()
  readonly #lists: readonly List<Slot<T>>[]
  #isLifo: boolean
  #size = 0
  /** The leases that were held when they were last sorted, the oldest last: those granted since are all younger. */
  #byAge: { readonly lease: Lease<T>; readonly number: number }[] = []

  constructor(reuse: Reuse) {
    const { opening, checking, idle, expiring, leased, shared, resetting, closing } = this
    this.#lists = [opening, checking, idle, expiring, leased, shared, resetting, closing]
    this.#isLifo = reuse === 'lifo'
  }

  set reuse(reuse: Reuse) {
    this.#isLifo = reuse === 'lifo'
  }

  /** All, those that are being closed, too. */
  get size(): number {
    return this.#size
  }

  /** Those that are not being closed. */
  get alive(): number {
    return this.#size - this.closing.size
  }

  add(slot: Slot<T>): void {
    this.opening.push(slot)
    this.#size++
  }

  remove(slot: Slot<T>): void {
    this.#byAge = []
    slot.list?.remove(slot)
    this.#size--
  }

  /** False once it is gone, and for what is another pool's. */
  has(slot: Slot<T>): boolean {
    return this.#lists.some((list) => list.has(slot))
  }

  /** Undefined once it is gone. */
  stateOf(slot: Slot<T>): SlotState | undefined {
    if (this.expiring.has(slot)) return 'idle'
    return slotStates.find((name) => this[name].has(slot))
  }

  /** Hot path. Somebody has a lease of it. */
  isHeld(slot: Slot<T>): boolean {
    return this.leased.has(slot) || this.shared.has(slot)
  }

  /** Those that are not being closed, in a list of their own: what is done to one may change the others. */
  all(): Slot<T>[] {
    const { opening, checking, idle, expiring, leased, shared, resetting } = this
    return [...opening, ...checking, ...idle, ...expiring, ...leased, ...shared, ...resetting]
  }

  /** It can go at once: nobody holds it, and it isn't being cleaned up after anybody, or checked. */
  isUnheld(slot: Slot<T>): boolean {
    return this.idle.has(slot) || this.expiring.has(slot) || this.opening.has(slot)
  }

  /**
   * Hot path. The first choice among the idle ones that were heard of at `sinceMs` or later, or one near it whose state key
   * fits.
   */
  bestIdle(stateKey: number, sinceMs: number): Slot<T> | undefined {
    const first = this.firstIdle
    if (!first) return undefined
    const fits = stateKey === 0 || first.stateKey === stateKey
    return fits && first.provenAtMs >= sinceMs ? first : this.#search(first, stateKey, sinceMs)
  }

  #search(first: Slot<T>, stateKey: number, sinceMs: number): Slot<T> | undefined {
    let best: Slot<T> | undefined
    let slot: Slot<T> | undefined = first
    for (let looked = 0; slot && looked < affinityDepth; looked++) {
      if (slot.provenAtMs >= sinceMs) {
        if (stateKey === 0 || slot.stateKey === stateKey) return slot
        best ??= slot
      }
      slot = this.#worseThan(slot)
    }
    return best
  }

  /** The first choice, heard of or not. */
  get firstIdle(): Slot<T> | undefined {
    return this.#isLifo ? this.idle.last : this.idle.first
  }

  /** The youngest of those that wait for their replacement, if it was heard of at `sinceMs` or later. */
  bestExpiring(sinceMs: number): Slot<T> | undefined {
    let slot = this.expiring.last
    while (slot && slot.provenAtMs < sinceMs) slot = this.expiring.before(slot)
    return slot
  }

  #worseThan(slot: Slot<T>): Slot<T> | undefined {
    return this.#isLifo ? this.idle.before(slot) : this.idle.after(slot)
  }

  /** The one with the fewest holders that may have one more of these. */
  bestShared(stateKey: number, depth: number, now: number): Slot<T> | undefined {
    let best: Slot<T> | undefined
    for (const slot of this.shared) {
      const isYoung = slot.retiring === undefined && now < slot.expiresAtMs
      const fits = isYoung && (stateKey === 0 || slot.stateKey === stateKey) && slot.holders < depth
      if (fits && (!best || slot.holders < best.holders)) best = slot
    }
    return best
  }

  /** Who would be missed least. */
  get longestIdle(): Slot<T> | undefined {
    return this.expiring.first ?? this.idle.first
  }

  /** Any that nobody holds, and that is not being reset after somebody has. */
  get firstUnheld(): Slot<T> | undefined {
    return this.longestIdle ?? this.opening.first ?? this.checking.first
  }

  snapshot(): PoolSnapshot['slots'] {
    return Object.freeze({
      opening: this.opening.size,
      checking: this.checking.size,
      idle: this.idle.size + this.expiring.size,
      leased: this.leased.size,
      shared: this.shared.size,
      resetting: this.resetting.size,
      closing: this.closing.size,
    })
  }

  /** It is lent next, however that is chosen. */
  makeFirst(slot: Slot<T>): void {
    if (this.#isLifo) this.idle.push(slot)
    else this.idle.insertBefore(slot, this.idle.first)
  }

  /** Puts one back that was only looked at: it is as idle as it was, and no first choice. */
  returnIdle(slot: Slot<T>): void {
    let next = this.idle.first
    while (next && next.usedAtMs < slot.usedAtMs) next = this.idle.after(next)
    this.idle.insertBefore(slot, next)
  }

  /** Sorts them now and then, and after that goes on to the next one each time the oldest has ended. */
  oldestLease(): Lease<T> | undefined {
    return this.#nextByAge() ?? this.#sortByAge()
  }

  #nextByAge(): Lease<T> | undefined {
    for (let aged = this.#byAge.at(-1); aged; aged = this.#byAge.at(-1)) {
      if (aged.lease.number === aged.number) return aged.lease
      this.#byAge.pop()
    }
    return undefined
  }

  #sortByAge(): Lease<T> | undefined {
    this.#byAge = this.heldLeases().map((lease) => ({ lease, number: lease.number }))
    this.#byAge.reverse()
    return this.#byAge.at(-1)?.lease
  }

  /** Leases held now, oldest first. */
  heldLeases(): Lease<T>[] {
    const all = [...this.leased, ...this.shared].flatMap((slot) => slot.heldLeases)
    return all.sort((a, b) => a.number - b.number)
  }
}
