/**
 * Who waits. A lane is a queue, strictly first come first served, for a named class of callers, with capacity kept for it:
 * `reserved` slots of the pool's maximum (or of a lower limit, if it shares one) that no other lane may take, however long
 * its queue. What is not reserved is for everybody, and goes to whoever has waited longest. What can't be opened, because
 * the database is down or other pools have taken the places, is kept for nobody. A lane that has all it may have waits until
 * one of its own gives back, even where it could share. A pool without lanes has one, without a name.
 */

import { assert } from '../assert.ts'
import { TaxirankError } from '../errors.ts'
import type { LaneSnapshot } from '../metrics/snapshot.ts'
import { List } from './list.ts'
import { Shedding, type SheddingOptions } from './shedding.ts'
import type { Waiter } from './waiter.ts'

export interface LaneOptions {
  readonly name: string
  /** Slots kept for it, 0 or more. All lanes' together at most the pool's maximum. */
  readonly reserved: number
}

export class Lane<T> {
  readonly name: string
  readonly reserved: number
  readonly waiting = new List<Waiter<T>>()
  /** Undefined: nobody is refused for the sake of others. */
  readonly shedding: Shedding | undefined
  /** Slots that its callers hold; not counted where there is one lane only. */
  leased = 0
  /** Some of those who wait have time-outs of their own, or had: then the first that has none is marked. */
  #isMixed = false
  #firstTimedByPool: Waiter<T> | undefined = undefined
  /** Of those who wait and may share, how many for each state key. */
  readonly #sharing = new Map<number, number>()
  #sparedBySharing = 0

  constructor({ name, reserved }: LaneOptions, shedding: SheddingOptions | undefined) {
    this.name = name
    this.reserved = reserved
    this.shedding = shedding && new Shedding(shedding)
  }

  /** How many slots those who wait need, where that is counted: those with the same state key may share them. */
  get needed(): number {
    return this.waiting.size - this.#sparedBySharing
  }

  count(waiter: Waiter<T>, sharedDepth: number, change: 1 | -1): void {
    if (waiter.mode !== 'shared') return
    const before = this.#sharing.get(waiter.stateKey) ?? 0
    const after = before + change
    if (after === 0) this.#sharing.delete(waiter.stateKey)
    else this.#sharing.set(waiter.stateKey, after)
    this.#sparedBySharing += change - Math.ceil(after / sharedDepth) + Math.ceil(before / sharedDepth)
  }

  /** The first that waits as long as the pool says. */
  get firstTimedByPool(): Waiter<T> | undefined {
    return this.#isMixed ? this.#firstTimedByPool : this.waiting.first
  }

  add(waiter: Waiter<T>): void {
    if (this.#isMixed || waiter.timeoutMs !== undefined) this.#mix(waiter)
    this.waiting.push(waiter)
  }

  #mix(newcomer: Waiter<T>): void {
    if (!this.#isMixed) this.#firstTimedByPool = this.waiting.first
    this.#isMixed = true
    if (newcomer.timeoutMs === undefined) this.#firstTimedByPool ??= newcomer
  }

  remove(waiter: Waiter<T>): void {
    if (this.#isMixed) this.#unmix(waiter)
    this.waiting.remove(waiter)
  }

  #unmix(leaver: Waiter<T>): void {
    if (leaver === this.#firstTimedByPool) this.#firstTimedByPool = this.#nextTimedByPool(leaver)
    this.#isMixed = this.waiting.size > 1
  }

  /** The mark only ever moves on: whoever has a time-out of their own is passed once. */
  #nextTimedByPool(waiter: Waiter<T>): Waiter<T> | undefined {
    let next = this.waiting.after(waiter)
    while (next && next.timeoutMs !== undefined) next = this.waiting.after(next)
    return next
  }
}

export class Lanes<T> {
  readonly all: readonly Lane<T>[]
  readonly #reserved: number
  readonly #sharedDepth: number
  /** The only one, if nothing is reserved or shared: then there is nothing to decide between. */
  readonly #only: Lane<T> | undefined
  readonly #isShedding: boolean
  /** Slots leased beyond what their lanes have reserved. */
  #common = 0
  #waiting = 0
  #tickets = 0
  /** Refusals under way: they nest. */
  #refusals = 0

  constructor(options: readonly LaneOptions[], shedding: SheddingOptions | undefined, sharedDepth = 1) {
    const lanes = options.length === 0 ? [{ name: '', reserved: 0 }] : options
    this.all = lanes.map((lane) => new Lane<T>(lane, shedding))
    this.#isShedding = shedding !== undefined
    this.#reserved = lanes.reduce((sum, { reserved }) => sum + reserved, 0)
    this.#sharedDepth = sharedDepth
    this.#only = this.all.length === 1 && this.#reserved === 0 && sharedDepth === 1 ? this.all[0] : undefined
  }

  get waiting(): number {
    return this.#waiting
  }

  /** Some are about to be refused: whoever queues from now on has a ticket that is not below the one returned. */
  beginRefusal(): number {
    this.#refusals++
    return ++this.#tickets
  }

  endRefusal(): void {
    this.#refusals--
  }

  /** All that is reserved, for whichever lane. */
  get reserved(): number {
    return this.#reserved
  }

  /** With fewer slots some lane could have none. */
  get leastCapacity(): number {
    return this.#reserved + (this.all.some(({ reserved }) => reserved === 0) ? 1 : 0)
  }

  /** Whether it waits in one of them. */
  has(waiter: Waiter<T>): boolean {
    return this.all.some(({ waiting }) => waiting.has(waiter))
  }

  /** `index` is a waiter's or a lease's, and says nothing where there is one lane only. */
  of(index: number): Lane<T> {
    const lane = this.#only ?? this.all[index]
    assert(lane !== undefined, 'a waiter queues in one of the lanes of its pool')
    return lane
  }

  /** Throws `bad_configuration` if there is none of that name. */
  indexOf(name: string): number {
    const index = this.all.findIndex((lane) => lane.name === name)
    if (index >= 0) return index
    const names = this.all.map((lane) => `"${lane.name}"`).join(', ')
    throw new TaxirankError('bad_configuration', `pool: there is no lane "${name}", only ${names}`)
  }

  /** `leased`: by all of them together. */
  snapshot(leased: number): readonly LaneSnapshot[] {
    const lanes = this.all.map(({ name, reserved, waiting, leased: own }) =>
      Object.freeze({ name, reserved, waiting: waiting.size, leased: this.#only ? leased : own }),
    )
    return Object.freeze(lanes)
  }

  /** Whether the lane may have one more of `capacity` slots. */
  mayTake(index: number, capacity: number): boolean {
    if (this.#reserved === 0) return true
    const lane = this.of(index)
    return lane.leased < lane.reserved || this.#common < capacity - this.#reserved
  }

  /** Hot path under load. Whoever is first, if there is one lane only. */
  get first(): Waiter<T> | undefined {
    return this.#only?.waiting.first
  }

  /** Whoever has waited longest among those who may have a slot. */
  next(capacity: number): Waiter<T> | undefined {
    return this.#only ? this.#only.waiting.first : this.#oldestIf((index) => this.mayTake(index, capacity))
  }

  /** How many slots those who wait could use if there were `capacity`, and none leased but those that are now. */
  needed(capacity: number): number {
    if (this.#only) return this.#waiting
    let own = 0
    let others = 0
    for (const lane of this.all) {
      const { needed, reserved, leased } = lane
      const kept = Math.min(needed, Math.max(0, reserved - leased))
      own += kept
      others += needed - kept
    }
    return this.#reserved === 0 ? others : own + Math.min(others, Math.max(0, capacity - this.#reserved - this.#common))
  }

  /** Whoever has waited longest of all. */
  get oldest(): Waiter<T> | undefined {
    return this.#only ? this.#only.waiting.first : this.#oldestIf(() => true)
  }

  #oldestIf(mayCount: (index: number) => boolean): Waiter<T> | undefined {
    let oldest: Waiter<T> | undefined
    for (let index = 0; index < this.all.length; index++) {
      const { first } = this.of(index).waiting
      if (first && (!oldest || first.ticket < oldest.ticket) && mayCount(index)) oldest = first
    }
    return oldest
  }

  longestWaitMs(now: number): number {
    const { oldest } = this
    return oldest ? now - oldest.queuedAtMs : 0
  }

  /** Hot path under load. */
  add(waiter: Waiter<T>, now: number): void {
    waiter.queuedAtMs = now
    this.#waiting++
    if (this.#only && this.#refusals === 0) this.#only.add(waiter)
    else this.#addWithTicket(waiter)
  }

  /** A ticket for everybody would cost a tenth of a lease where 100,000 wait. */
  #addWithTicket(waiter: Waiter<T>): void {
    waiter.ticket = ++this.#tickets
    const lane = this.of(waiter.lane)
    lane.add(waiter)
    if (!this.#only) lane.count(waiter, this.#sharedDepth, 1)
  }

  /** Hot path under load. */
  remove(waiter: Waiter<T>): void {
    this.#waiting--
    if (this.#only) this.#only.remove(waiter)
    else this.#removeFromItsOwn(waiter)
  }

  #removeFromItsOwn(waiter: Waiter<T>): void {
    const lane = this.of(waiter.lane)
    lane.remove(waiter)
    lane.count(waiter, this.#sharedDepth, -1)
  }

  /** Whoever came first first. */
  waiters(): Waiter<T>[] {
    const waiters = this.all.flatMap(({ waiting }) => [...waiting])
    return this.#only ? waiters : waiters.sort((a, b) => a.ticket - b.ticket)
  }

  /** What was waited for until now was no overload. */
  restartShedding(now: number): void {
    for (const { shedding } of this.all) shedding?.restart(now)
  }

  /** Somebody of the lane was served, maybe after a wait. */
  served(index: number, waitedMs: number, now: number): void {
    if (this.#isShedding) this.of(index).shedding?.served(waitedMs, now)
  }

  /** Hot path. A slot of its callers. */
  took(index: number): void {
    if (!this.#only) this.#countTaken(index)
  }

  #countTaken(index: number): void {
    const lane = this.of(index)
    if (++lane.leased > lane.reserved) this.#common++
  }

  /** Hot path. */
  gaveBack(index: number): void {
    if (!this.#only) this.#countGivenBack(index)
  }

  #countGivenBack(index: number): void {
    const lane = this.of(index)
    if (lane.leased-- > lane.reserved) this.#common--
  }
}
