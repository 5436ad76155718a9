/**
 * The pool: lends resources to callers, first come first served, and never has more than its maximum of them.
 *
 * State is membership: a slot stands in one of the lists of `slots.ts`, a caller who waits in the queue of its lane
 * (`lanes.ts`). Around them stands policy: how long one may wait (`queue.ts`), who holds what (`leases.ts`), how many
 * there may be and whether one more is wanted (`size.ts`, `opening.ts`, `limit.ts`), and how they are opened, looked
 * after and closed (`stock.ts`, `upkeep.ts`). Here is what happens when: each event changes one thing, and then `#attend`
 * does what has become possible, one step after the other, until nothing is left to do.
 *
 * Opening is decoupled from asking: whoever has waited longest gets whichever resource is free first.
 *
 * The engine has no clock, no timers, no I/O and no randomness: time and a `Deadlines` are handed in, and the owner does
 * the opening and closing. What a resource is, it doesn't know.
 */

import { assert } from '../assert.ts'
import type { TaxirankError } from '../errors.ts'
import type { PoolSnapshot } from '../metrics/snapshot.ts'
import { Deadline } from '../time.ts'
import { Lanes } from './lanes.ts'
import type { Lease } from './lease.ts'
import { Leases } from './leases.ts'
import { Ledger } from './ledger.ts'
import { type DrainOptions, Life } from './life.ts'
import type { HeldLease, PoolObserver } from './observer.ts'
import { Opening } from './opening.ts'
import { type PoolOptions, retune, type Settings, settle, type Sizes, type Tuning } from './options.ts'
import { Places, type PlacesDesk } from './places.ts'
import { Queue, type QueueDesk } from './queue.ts'
import type { Situation } from './refusals.ts'
import { Shrinking } from './shrinking.ts'
import { Size } from './size.ts'
import type { Slot } from './slot.ts'
import { Slots, type SlotState } from './slots.ts'
import { Stock } from './stock.ts'
import type { Waiter } from './waiter.ts'

/**
 * Who is told that an attempt to open has failed: nobody, who shall wait for the next; those who had asked when the latest
 * that failed began, so that nobody is told what was so before they asked; or everybody.
 */
export type Told = 'nobody' | 'earlier' | 'everybody'

/**
 * Lends resources of type T. `now` is everywhere the time in milliseconds, of one clock that never goes back and that the
 * `Deadlines` are advanced by, too. Owner, callers and observer may call the pool from within what it calls; they must not
 * throw.
 */
export class Pool<T> {
  readonly #settings: Settings<T>
  readonly #slots: Slots<T>
  readonly #lanes: Lanes<T>
  readonly #ledger = new Ledger<T>()
  readonly #leases: Leases<T>
  readonly #queue: Queue<T>
  readonly #places: Places<T>
  readonly #opening: Opening
  readonly #size: Size<T>
  readonly #stock: Stock<T>
  readonly #shrinking: Shrinking<T>
  readonly #alarm = new Deadline((now) => this.#wake(now))
  readonly #life = new Life()
  #isAttending = false
  /** Something has happened within a step, maybe after all that looks for it. */
  #isAskedAgain = false
  /** When it last looked there was neither room nor anything idle, and while callers wait nothing has happened since but leases. */
  #isSaturated = false
  /** When the latest of the attempts to open that have failed began. */
  #failedFromMs = -Infinity
  /** Open, no larger than it may be, no reserve, limits, lanes, shedding, sharing, nor a check of everything: less can happen then. */
  #isPlain = false

  /** Throws `bad_configuration`. Its minimum is opened when the deadlines are advanced next. */
  constructor(options: PoolOptions<T>) {
    const settings = settle(options)
    const { lanes, shedding, leakAfterMs, deadlines } = settings
    this.#settings = settings
    this.#slots = new Slots(settings.reuse)
    this.#lanes = new Lanes(lanes, shedding, settings.sharedDepth)
    this.#leases = new Leases(this.#slots, this.#lanes, this.#ledger, settings)
    this.#queue = new Queue(settings, this.#lanes, this.#leases, this.#ledger, this.#queueDesk())
    this.#places = new Places(settings.limits, this.#slots, this.#lanes, this.#placesDesk())
    this.#opening = new Opening(settings.retryMaxMs, settings.random, settings.firstAtOnce)
    this.#size = new Size(settings, this.#slots, this.#lanes, this.#ledger, this.#opening, this.#places)
    this.#stock = new Stock(settings, this.#slots, this.#leases, this.#ledger, this.#places, (slot, now) =>
      this.#slotDue(slot, now),
    )
    this.#shrinking = new Shrinking(this.#slots, this.#size, this.#stock)
    this.#notePlain()
    if ((settings.minSize > 0 && settings.refill) || leakAfterMs > 0) deadlines.start(this.#alarm, 0)
  }

  // For callers.

  /**
   * Asks for a lease. Hot path: something idle is lent at once, if nobody waits for it. Otherwise the waiter is queued and
   * its caller is told later (or within this call, if what it waits for comes in it), and undefined is returned. A pool
   * that has ended, or whose queue is full, refuses at once, through the caller.
   */
  acquire(waiter: Waiter<T>, now: number): Lease<T> | undefined {
    assert(waiter.list === undefined, 'a waiter queues once')
    if (this.#isPlain ? this.#lanes.waiting === 0 : this.#isFirst(waiter)) {
      const slot = this.#choose(waiter, now)
      if (slot) return this.#lend(slot, waiter, now)
      this.#isSaturated = false
    }
    this.#wait(waiter, now)
    return undefined
  }

  /** Leaves the queue without an answer. False if the waiter was not in it. */
  cancel(waiter: Waiter<T>, now: number): boolean {
    if (!this.#lanes.has(waiter)) return false
    this.#queue.cancel(waiter, now)
    this.#attend(now)
    return true
  }

  /**
   * Gives a lease back. `number` is the lease's as it was granted: throws `stale_lease`, and reports it, if that is over.
   * `isDirty`: the resource must be reset before it is lent on; if the owner can't, or others still share it, it is closed
   * when nobody holds it.
   */
  release(lease: Lease<T>, number: number, now: number, isDirty = false): void {
    if (lease.number !== number || number === 0) throw this.#leases.stale(lease, number, now)
    if (!isDirty && this.#mayPass(lease.slot, now)) this.#pass(lease, now)
    else if (this.#leases.end(lease, now) && !isDirty) this.#putBack(lease.slot, now)
    else this.#giveBack(lease.slot, isDirty, now)
  }

  #giveBack(slot: Slot<T>, isDirty: boolean, now: number): void {
    if (slot.holders === 0) this.#stock.reset(slot, now)
    else if (isDirty) slot.retiring = 'dirty'
    this.#attend(now)
  }

  /** The resource of a lease. Throws `stale_lease`, and reports it, if the lease with that number is over. */
  use(lease: Lease<T>, number: number, now: number): T {
    if (lease.number !== number || number === 0) throw this.#leases.stale(lease, number, now)
    return lease.slot.resource
  }

  // For the owner.

  /** What `open` asked for is there. */
  opened(slot: Slot<T>, resource: T, now: number): void {
    slot.resource = resource
    if (!this.#slots.opening.has(slot)) return
    if (!this.#isAnyOpen) this.#lanes.restartShedding(now)
    this.#opening.succeeded(this.#stock.opened(slot, now))
    this.#putBack(slot, now)
    this.#attend(now)
  }

  /**
   * Opening failed, or was given up, and the place is free again. `told` are refused with the error if nothing else could
   * serve them; whoever else waits goes on waiting for the next attempt. While the pool is paused all go on in any case.
   */
  openFailed(slot: Slot<T>, error: TaxirankError, told: Told, now: number): void {
    const wasWanted = this.#slots.opening.has(slot)
    if (!wasWanted && !this.#slots.closing.has(slot)) return
    if (wasWanted) {
      this.#opening.failed(error, now)
      this.#ledger.counters.openFailures++
      this.#failedFromMs = Math.max(this.#failedFromMs, slot.sinceMs)
    }
    this.#stock.remove(slot, now)
    try {
      if (wasWanted && !this.#life.isPaused && this.#slots.alive === 0) this.#tell(told, error, now)
    } finally {
      this.#attend(now)
    }
  }

  #tell(told: Told, error: TaxirankError, now: number): void {
    if (told !== 'nobody') this.#queue.refuseAll(error, now, told === 'earlier' ? this.#failedFromMs : Infinity)
  }

  /** What `close` asked for is done, or the resource was lost: its leases end and the place is free. */
  closed(slot: Slot<T>, now: number): void {
    if (!this.#slots.has(slot)) return
    if (this.#slots.closing.has(slot)) this.#stock.remove(slot, now)
    else this.#stock.lost(slot, now)
    this.#attend(now)
  }

  /** Closes a resource now, whoever holds it: its leases end. */
  destroy(slot: Slot<T>, reason: string, now: number): void {
    this.#stock.close(slot, 'destroyed', now, reason)
    this.#attend(now)
  }

  /** What `check` asked for: it lives. */
  checked(slot: Slot<T>, now: number): void {
    if (!this.#slots.checking.has(slot)) return
    this.#stock.proved(slot, now)
    if (slot.retiring || this.#size.isExceeded) this.#putBack(slot, now)
    else if (this.#lanes.waiting > 0) this.#slots.makeFirst(slot)
    else this.#slots.returnIdle(slot)
    this.#attend(now)
  }

  /** What `check` asked for: it doesn't. It is closed, and all that are idle are under suspicion. */
  checkFailed(slot: Slot<T>, reason: string, now: number): void {
    if (!this.#slots.checking.has(slot)) return
    this.#ledger.counters.checkFailures++
    this.#stock.close(slot, 'check', now, reason)
    this.#stock.suspectIdle()
    this.#attend(now)
  }

  /** What `reset` asked for is done. */
  resetDone(slot: Slot<T>, now: number): void {
    if (!this.#slots.resetting.has(slot)) return
    slot.usedAtMs = slot.provenAtMs = now
    this.#stock.watch(slot, now)
    this.#putBack(slot, now)
    this.#attend(now)
  }

  resetFailed(slot: Slot<T>, reason: string, now: number): void {
    if (!this.#slots.resetting.has(slot)) return
    this.#ledger.counters.resetFailures++
    this.#stock.close(slot, 'reset', now, reason)
    this.#attend(now)
  }

  /** Nothing idle is lent before it has been checked, if the owner can: process or machine were stopped for a while. */
  suspectIdle(): void {
    this.#stock.suspectIdle()
  }

  // For whoever runs it.

  /** Hears what happens; may be changed at any time. */
  set observer(observer: PoolObserver<T>) {
    this.#leases.observer = observer
  }

  /** Takes effect now. What is too many is closed: idle ones at once, leased ones when they are given back. Throws `bad_configuration`. */
  resize(sizes: Partial<Sizes>, now: number): void {
    this.#shrinking.resized(this.#size.change(sizes), now)
    this.#notePlain()
    this.#attend(now)
  }

  /**
   * Takes effect now, also for who waits and for what is open; but a pause after failures that has begun lasts as long as it
   * was to. Throws `bad_configuration`.
   */
  retune(tuning: Partial<Tuning>, now: number): void {
    const { lifetimeMs } = this.#settings
    retune(this.#settings, tuning)
    this.#slots.reuse = this.#settings.reuse
    this.#opening.retryMaxMs = this.#settings.retryMaxMs
    this.#queue.retimed()
    this.#stock.retimed(lifetimeMs !== this.#settings.lifetimeMs, now)
    this.#attend(now)
  }

  /** It is closed: now, if it is idle or being opened, else when it is given back. */
  retire(slot: Slot<T>, now: number): void {
    if (!this.#slots.has(slot)) return
    slot.retiring = 'retired'
    if (this.#slots.isUnheld(slot)) this.#stock.close(slot, 'retired', now)
    this.#attend(now)
  }

  /** Everything that this call finds is closed: what is idle or being opened now, the rest when it is given back. */
  retireAll(now: number): void {
    const all = this.#slots.all()
    for (const slot of all) slot.retiring = 'retired'
    for (const slot of all) if (this.#slots.isUnheld(slot)) this.#stock.close(slot, 'retired', now)
    this.#attend(now)
  }

  /** Opening is tried again now, whatever has failed before: something has changed. */
  retryNow(now: number): void {
    this.#opening.forgive()
    this.#attend(now)
  }

  /** Callers queue from now on, and nothing is lent. What is idle stays, unless another pool needs its place. */
  pause(now: number): void {
    this.#life.move({ name: 'paused' })
    this.#notePlain()
    this.#attend(now)
  }

  resume(now: number): void {
    if (this.#life.move({ name: 'open' })) this.#lanes.restartShedding(now)
    this.#notePlain()
    this.#attend(now)
  }

  /** Takes no more callers, and closes what nobody holds. Nothing happens if that has begun before. */
  drain(options: DrainOptions, now: number): void {
    if (!this.#life.move({ name: 'draining', ...options })) return
    this.#notePlain()
    try {
      if (options.waiting === 'refuse') this.#queue.refuseAll(options.error, now)
    } finally {
      this.#attend(now)
    }
  }

  /** Drains without a limit: waiters are refused with `error`, what is idle is closed now, what is leased when it comes back. */
  end(error: TaxirankError, now: number): void {
    this.drain({ error, waiting: 'refuse', untilMs: Infinity, done: () => undefined }, now)
  }

  // Figures.

  get maxSize(): number {
    return this.#size.max
  }

  get minSize(): number {
    return this.#size.min
  }

  get waiting(): number {
    return this.#lanes.waiting
  }

  get opening(): number {
    return this.#slots.opening.size
  }

  get idle(): number {
    return this.#slots.idle.size + this.#slots.expiring.size
  }

  get leased(): number {
    return this.#slots.leased.size + this.#slots.shared.size
  }

  get closing(): number {
    return this.#slots.closing.size
  }

  /** Slots that count against the maximum now. */
  get size(): number {
    return this.#slots.size
  }

  /** It takes no more callers. */
  get isOver(): boolean {
    return this.#life.isOver
  }

  /** Until when no attempt to open is made, because one has failed; it may have passed. */
  get retryAtMs(): number {
    return this.#opening.retryAtMs
  }

  /** Undefined once it is gone. */
  stateOf(slot: Slot<T>): SlotState | undefined {
    return this.#slots.stateOf(slot)
  }

  isClosing(slot: Slot<T>): boolean {
    return this.#slots.closing.has(slot)
  }

  /** How long the longest waiting caller has been waiting, in milliseconds. */
  longestWaitMs(now: number): number {
    return this.#lanes.longestWaitMs(now)
  }

  /** Who holds a lease, and for how long: the oldest first. */
  holders(now: number): HeldLease[] {
    return this.#leases.holders(now)
  }

  /** Who waits, whoever came first first. */
  waiters(): Waiter<T>[] {
    return this.#lanes.waiters()
  }

  /** The place of a lane among the options, for `Waiter.lane`. Throws `bad_configuration` if there is none of that name. */
  laneIndex(name: string): number {
    return this.#lanes.indexOf(name)
  }

  snapshot(now: number): PoolSnapshot {
    const { lastFailure } = this.#opening
    return Object.freeze({
      name: this.#settings.name,
      takenAtMs: now,
      state: this.#life.name,
      maxSize: this.#size.max,
      minSize: this.#size.min,
      reserveSize: this.#size.reserve,
      slots: this.#slots.snapshot(),
      waiting: this.waiting,
      longestWaitMs: this.longestWaitMs(now),
      lanes: this.#lanes.snapshot(this.leased),
      ...this.#ledger.snapshot(now),
      ...(lastFailure && { lastFailure: lastFailure.message }),
    })
  }

  // For its parts.

  #queueDesk(): QueueDesk {
    return {
      isServing: () => !this.#life.isPaused && this.#isAnyOpen,
      situation: (others, now) => this.#situation(others, now),
      wakeAt: (atMs) => this.#wakeAt(atMs),
      left: (now) => this.#attend(now),
    }
  }

  get #isAnyOpen(): boolean {
    return this.#slots.alive > this.#slots.opening.size
  }

  #situation(others: number, now: number): Situation {
    return {
      noun: this.#settings.noun,
      maxSize: this.#size.max,
      leased: this.leased,
      waiting: others,
      oldest: this.#leases.oldest(now),
      isPaused: this.#life.isPaused,
      fullLimit: this.#places.fullLimit,
      lastFailure: this.#opening.lastFailure,
    }
  }

  #placesDesk(): PlacesDesk {
    return {
      spare: () => this.#slots.alive - this.#size.min,
      idleNeeded: () => (this.#life.isPaused ? 0 : Math.max(0, this.#size.needed - this.#slots.checking.size)),
      evict: (now) => this.#evict(this.#slots.longestIdle, now),
      abandon: (now) => this.#evict(this.#slots.opening.last, now),
      placeFreed: (now) => this.#placeFreed(now),
    }
  }

  /** Or a limit limits now, or none does any more. */
  #placeFreed(now: number): void {
    this.#notePlain()
    this.#attend(now)
  }

  #evict(slot: Slot<T> | undefined, now: number): void {
    if (slot) this.#stock.close(slot, 'evicted', now)
    this.#attend(now)
  }

  #slotDue(slot: Slot<T>, now: number): void {
    const { checking, resetting, idle, leased, shared } = this.#slots
    if (checking.has(slot)) this.checkFailed(slot, 'it did not answer a check in time', now)
    else if (resetting.has(slot)) this.resetFailed(slot, 'it could not be reset in time', now)
    else if (idle.has(slot)) this.#upkeepOfIdle(slot, now)
    else if (leased.has(slot) || shared.has(slot)) this.#upkeepOfLeased(slot, now)
  }

  #upkeepOfIdle(slot: Slot<T>, now: number): void {
    const due = this.#stock.upkeep.due(slot, this.#size.isSpare, now)
    if (due === 'lifetime') this.#expire(slot, now)
    else if (due === 'idle') this.#stock.close(slot, due, now)
    else if (due === 'check') this.#stock.check(slot, now)
    else this.#stock.watch(slot, now)
    if (due) this.#attend(now)
  }

  /** It goes when its replacement is there, if it is needed and there is room for both; otherwise now. */
  #expire(slot: Slot<T>, now: number): void {
    slot.retiring ??= 'lifetime'
    if (this.#settings.refill && this.#size.isLastIdle && this.#size.hasRoom) this.#slots.expiring.push(slot)
    else this.#stock.close(slot, 'lifetime', now)
  }

  /** It goes when it is given back; if nothing would be idle then, one is opened ahead. */
  #upkeepOfLeased(slot: Slot<T>, now: number): void {
    if (now < slot.expiresAtMs) return this.#stock.watch(slot, now)
    slot.retiring ??= 'lifetime'
    const isAhead = this.#settings.refill && this.#life.isOpen && this.idle === 0 && this.#size.hasRoom
    if (!isAhead || !this.#size.mayOpen(now)) return
    this.#stock.open(now)
    this.#attend(now)
  }

  // Lending.

  /** Whether it may be served at once: nobody who could be has come before. */
  #isFirst(waiter: Waiter<T>): boolean {
    // Throws if there is no such lane: now, before anything has changed.
    this.#lanes.of(waiter.lane)
    if (!this.#life.isOpen) return false
    const { capacity } = this.#size
    if (this.#lanes.waiting > 0 && this.#lanes.next(capacity)) return false
    return this.#lanes.mayTake(waiter.lane, capacity)
  }

  /** Hot path. What would be lent next to this caller: nothing that must be checked first. */
  #choose(waiter: Waiter<T>, now: number): Slot<T> | undefined {
    const sinceMs = now - this.#settings.checkAfterMs
    return this.#slots.bestIdle(waiter.stateKey, sinceMs) ?? this.#chooseOther(waiter, sinceMs, now)
  }

  #chooseOther(waiter: Waiter<T>, sinceMs: number, now: number): Slot<T> | undefined {
    const slot = this.#slots.bestExpiring(sinceMs)
    if (slot || waiter.mode === 'exclusive' || this.#size.isExceeded) return slot
    return this.#slots.bestShared(waiter.stateKey, this.#settings.sharedDepth, now)
  }

  #lend(slot: Slot<T>, waiter: Waiter<T>, now: number): Lease<T> {
    if (!this.#isPlain) this.#lanes.served(waiter.lane, 0, now)
    return this.#leases.grant(slot, waiter, 0, now)
  }

  #wait(waiter: Waiter<T>, now: number): void {
    const refusal = this.#isPlain ? undefined : this.#life.refusal
    if (refusal) return this.#queue.refuse(waiter, refusal, now)
    if (this.#queue.add(waiter, now) && !this.#isSaturated) this.#attend(now)
  }

  #grant(waiter: Waiter<T>, slot: Slot<T>, now: number): void {
    const waitedMs = now - waiter.queuedAtMs
    this.#queue.remove(waiter)
    this.#ledger.waited++
    if (!this.#isPlain) this.#lanes.served(waiter.lane, waitedMs, now)
    waiter.caller.granted(this.#leases.grant(slot, waiter, waitedMs, now))
  }

  /** Hot path. Nobody uses it any more: it is idle, unless there is a reason to close it. */
  #putBack(slot: Slot<T>, now: number): void {
    if (!this.#isPlain || slot.retiring !== undefined || now >= slot.expiresAtMs) this.#putBackWithCare(slot, now)
    else {
      this.#slots.idle.push(slot)
      if (this.#lanes.waiting > 0) this.#attend(now)
    }
  }

  /** Hot path. Nothing becomes possible with the slot but to serve whoever has waited longest. */
  #mayPass(slot: Slot<T>, now: number): boolean {
    if (!this.#isSaturated || this.#isAttending || this.#lanes.waiting === 0) return false
    return this.#slots.leased.has(slot) && slot.retiring === undefined && now < slot.expiresAtMs
  }

  /** Hot path under load. Whoever has waited longest gets what is given back. */
  #pass(lease: Lease<T>, now: number): void {
    this.#isAttending = true
    try {
      this.#leases.finish(lease, now)
      this.#passToNext(lease, now)
    } catch (error) {
      this.#isAttending = this.#isSaturated = false
      throw error
    }
    this.#isAttending = false
    if (!this.#isSaturated) this.#attend(now)
  }

  #passToNext(lease: Lease<T>, now: number): void {
    // Whoever was told may have changed all that, and a shared lease is another one.
    const waiter = this.#isSaturated ? this.#lanes.first : undefined
    if (waiter?.mode !== 'exclusive') return this.#vacateInstead(lease.slot, now)
    const waitedMs = now - waiter.queuedAtMs
    this.#queue.remove(waiter)
    this.#ledger.waited++
    this.#leases.pass(lease, waiter, waitedMs, now)
    waiter.caller.granted(lease)
  }

  #vacateInstead(slot: Slot<T>, now: number): void {
    this.#leases.vacate(slot, now)
    this.#putBackWithCare(slot, now)
  }

  #putBackWithCare(slot: Slot<T>, now: number): void {
    const isOld = now >= slot.expiresAtMs
    if (isOld) slot.retiring ??= 'lifetime'
    if (slot.retiring === 'lifetime' && this.#size.isReplacementComing) this.#slots.expiring.push(slot)
    else if (slot.retiring) this.#stock.close(slot, slot.retiring, now)
    else if (this.#places.isExceeded || this.#isOwed(slot)) this.#stock.close(slot, 'evicted', now)
    else if (this.#size.isExceeded) this.#stock.close(slot, 'resized', now)
    else this.#slots.idle.push(slot)
    this.#attend(now)
  }

  /** What nobody waits for here becomes idle, and may be evicted then; and what has just been opened is not closed at once. */
  #isOwed(slot: Slot<T>): boolean {
    return this.#places.isOwing && this.#lanes.waiting > 0 && !this.#slots.opening.has(slot)
  }

  // What has become possible.

  /**
   * Does what has become possible, one step after the other. What happens in a step is seen by the next one. Hot path under
   * load: the pool is full and everything is leased, so there is nothing to do but to serve.
   */
  #attend(now: number): void {
    this.#isSaturated = false
    this.#isAskedAgain = true
    if (this.#isAttending) return
    this.#isAttending = true
    try {
      while (this.#isAnythingDone(now)) {
        // One step after the other.
      }
    } finally {
      this.#isAttending = false
      this.#isSaturated = this.#isFull
      this.#wakeAt(this.#nextAtMs(now))
    }
    if (!this.#isSaturated) this.#attended(now)
  }

  /** Also true if something has happened while nothing was found to do: then it is worth another look. */
  #isAnythingDone(now: number): boolean {
    this.#isAskedAgain = false
    return this.#serveOne(now) || (!this.#isFull && this.#doOne(now)) || this.#isAskedAgain
  }

  /** There is neither room nor anything idle. */
  get #isFull(): boolean {
    const { size, idle, expiring } = this.#slots
    return this.#isPlain && size === this.#size.max && idle.size + expiring.size === 0
  }

  #notePlain(): void {
    const { shedding, sharedDepth, checkAfterMs } = this.#settings
    const isAlone =
      this.#places.isFree && this.#lanes.all.length === 1 && this.#lanes.reserved === 0 && sharedDepth === 1
    const isWithin = this.#size.reserve === 0 && this.#slots.size <= this.#size.max
    this.#isPlain = this.#life.isOpen && isAlone && isWithin && !shedding && checkAfterMs > 0
  }

  /** Lends what is idle to whoever has waited longest, or refuses them, if they have waited too long under overload. */
  #serveOne(now: number): boolean {
    if (this.#lanes.waiting === 0) return false
    if (this.#queue.shedOne(now)) return true
    const waiter = this.#life.isPaused ? undefined : this.#lanes.next(this.#size.capacity)
    const slot = waiter && this.#choose(waiter, now)
    if (!slot) return false
    this.#grant(waiter, slot, now)
    return true
  }

  #doOne(now: number): boolean {
    // Before anything is closed, or its place would be kept for somebody who does not wait any more.
    if (this.#places.isBlocked && this.#lanes.waiting === 0) this.#places.waive(now)
    return this.#shrinking.ended() || this.#trimOne(now) || this.#checkOne(now) || this.#openOne(now)
  }

  /** Closes what is too many. */
  #trimOne(now: number): boolean {
    const isEnding = this.isOver && this.#lanes.waiting === 0
    const slot = isEnding ? this.#slots.firstUnheld : this.#size.surplus(now)
    if (slot) this.#stock.close(slot, slot.retiring ?? (isEnding ? 'ended' : 'resized'), now)
    return slot !== undefined
  }

  /** Has an idle one that was not heard of for long checked for whoever waits. */
  #checkOne(now: number): boolean {
    if (this.#life.isPaused || this.#size.needed <= this.#size.promisingChecks(now)) return false
    const slot = this.#slots.firstIdle ?? this.#slots.expiring.last
    if (!slot || slot.provenAtMs >= now - this.#settings.checkAfterMs) return false
    this.#stock.check(slot, now)
    return true
  }

  #openOne(now: number): boolean {
    const isForCaller = !this.#life.isPaused && this.#size.isWorthIt(now)
    const isWanted = isForCaller || (this.#life.isOpen && this.#size.isMissing)
    if (!isWanted || !this.#size.mayOpen(now)) {
      this.#places.waive(now)
      return false
    }
    if (!this.#places.hasRoom) return this.#places.wait(isForCaller, now)
    this.#stock.open(now)
    return true
  }

  /** Nothing is possible any more: is it the end, or could an idle one serve another pool's callers? */
  #attended(now: number): void {
    this.#notePlain()
    if (this.isOver && this.#slots.size === 0 && this.#lanes.waiting === 0) this.#leave([], now)
    this.#places.offer(now)
  }

  // Time.

  #wake(now: number): void {
    try {
      if (now >= this.#queue.waitsEndAtMs) this.#queue.endWaits(now)
      if (now >= this.#leases.leaksDueAtMs) this.#leases.reportLeaks(now)
      if (now >= this.#life.drainEndsAtMs) this.#cutDrain(now)
    } finally {
      this.#attend(now)
    }
  }

  /** The alarm rings at `atMs` or before, maybe for nothing. */
  #wakeAt(atMs: number): void {
    if (atMs < this.#alarm.atMs) this.#settings.deadlines.start(this.#alarm, atMs)
  }

  #nextAtMs(now: number): number {
    if (this.#life.isEnded) return Infinity
    const at = Math.min(this.#queue.nextAtMs, this.#leases.leaksDueAtMs)
    if (this.#isSaturated) return at
    const patienceAtMs = this.#places.patienceEndsAtMs
    const owedAtMs = patienceAtMs > now ? patienceAtMs : Infinity
    return Math.min(at, owedAtMs, this.#life.drainEndsAtMs, this.#size.nextAtMs(this.#life.isPaused, now))
  }

  /** The time of a drain is over: who still waits is told, and who still holds a lease loses it. */
  #cutDrain(now: number): void {
    const { refusal } = this.#life
    if (refusal) this.#queue.refuseAll(refusal, now)
    this.#leave(this.holders(now), now)
    for (const slot of this.#slots.all()) this.#stock.close(slot, 'ended', now)
  }

  #leave(stragglers: readonly HeldLease[], now: number): void {
    this.#places.leave(now)
    this.#life.end(stragglers)
  }
}
