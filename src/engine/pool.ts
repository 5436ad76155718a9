/**
 * The pool: lends resources to callers, first come first served, and never has more than `maxSize` of them.
 *
 * State is membership: a slot stands in exactly one of `opening`, `idle`, `leased`, `shared`, `closing`, a caller who
 * waits in `waiting`, and every figure is the size of a list. Opening is decoupled from asking: whoever has waited longest
 * gets whichever resource is free first.
 *
 * The engine has no clock, no timers, no I/O and no randomness: time is handed in, `advance` is called now and then, and
 * the owner does the opening and closing. What a resource is, it doesn't know.
 */

import { assert } from '../assert.ts'
import { TaxirankError } from '../errors.ts'
import { Lease, Slot } from './lease.ts'
import { List } from './list.ts'
import type { Waiter } from './waiter.ts'

export interface PoolOptions<T> {
  /** What a resource is called in messages: 'server'. */
  readonly noun: string
  /** Slots at any instant: opening, idle, leased and closing together. 1 or more. */
  readonly maxSize: number
  /** How long a caller waits at most, in milliseconds; 0: for ever. */
  readonly waitTimeoutMs: number
  /** The longest pause between two attempts to open after failures; the first is `firstRetryMs`, then it doubles. */
  readonly retryMaxMs: number
  /** How many may share one resource. */
  readonly sharedDepth: number
  /** Begin opening; answer later, or at once, with `opened` or `openFailed`. */
  readonly open: (slot: Slot<T>) => void
  /** Close the resource (or give up opening it, if the slot has none yet); answer with `closed`. */
  readonly close: (slot: Slot<T>, reason: string) => void
}

const firstRetryMs = 100
/** How far to look for an idle resource with the right state key, from the most recently used on. */
const affinityDepth = 32

export class Pool<T> {
  readonly #options: PoolOptions<T>
  readonly #waiting = new List<Waiter<T>>()
  readonly #opening = new List<Slot<T>>()
  readonly #idle = new List<Slot<T>>()
  readonly #leased = new List<Slot<T>>()
  readonly #shared = new List<Slot<T>>()
  readonly #closing = new List<Slot<T>>()
  #isServing = false
  #ending: TaxirankError | undefined
  #lastFailure: TaxirankError | undefined
  #retryDelayMs = 0
  #retryAtMs = 0

  constructor(options: PoolOptions<T>) {
    assert(options.maxSize >= 1, 'a pool has room for at least one resource')
    this.#options = options
  }

  get maxSize(): number {
    return this.#options.maxSize
  }

  get waiting(): number {
    return this.#waiting.size
  }

  get opening(): number {
    return this.#opening.size
  }

  get idle(): number {
    return this.#idle.size
  }

  get leased(): number {
    return this.#leased.size + this.#shared.size
  }

  get closing(): number {
    return this.#closing.size
  }

  /** Slots that count against the maximum now. */
  get size(): number {
    return this.#opening.size + this.#idle.size + this.leased + this.#closing.size
  }

  /** Nothing is lent any more. */
  get isEnded(): boolean {
    return this.#ending !== undefined
  }

  isClosing(slot: Slot<T>): boolean {
    return this.#closing.has(slot)
  }

  /** Why the last attempt to open failed; undefined once one has succeeded. */
  get lastFailure(): TaxirankError | undefined {
    return this.#lastFailure
  }

  /** How long the longest waiting caller has been waiting, in milliseconds. */
  longestWaitMs(now: number): number {
    const first = this.#waiting.first
    return first ? now - first.queuedAtMs : 0
  }

  /**
   * Asks for a lease. Hot path: something idle is lent at once, if nobody waits. Otherwise the waiter is queued and its
   * caller is told later, and undefined is returned. A pool that has ended refuses at once, through the caller.
   */
  acquire(waiter: Waiter<T>, now: number): Lease<T> | undefined {
    assert(!waiter.isWaiting, 'a waiter queues once')
    if (this.#ending) {
      waiter.caller.refused(this.#ending)
      return undefined
    }
    if (this.#waiting.size === 0) {
      const slot = this.#choose(waiter)
      if (slot) return this.#lend(slot, waiter, now)
    }
    waiter.queuedAtMs = now
    this.#waiting.push(waiter)
    this.#openAsNeeded(now)
    return undefined
  }

  /** Leaves the queue without an answer. False if the waiter was not in it. */
  cancel(waiter: Waiter<T>, now: number): boolean {
    if (!waiter.isWaiting) return false
    this.#waiting.remove(waiter)
    this.#serve(now)
    return true
  }

  /** Gives a lease back: the resource is ready for the next caller. */
  release(lease: Lease<T>, now: number): void {
    const slot = this.#giveBack(lease)
    if (slot.holders === 0) {
      if (this.#ending) return this.#close(slot, 'the pool has ended')
      this.#idle.push(slot)
    }
    this.#serve(now)
  }

  /** Closes a resource now, whoever holds it: its leases end. */
  destroy(slot: Slot<T>, reason: string): void {
    slot.holders = 0
    this.#close(slot, reason)
  }

  /** The owner has opened what `open` asked for. */
  opened(slot: Slot<T>, resource: T, now: number): void {
    slot.resource = resource
    if (!this.#opening.has(slot)) return
    this.#lastFailure = undefined
    this.#retryDelayMs = 0
    this.#retryAtMs = 0
    if (this.#ending) return this.#close(slot, 'the pool has ended')
    this.#idle.push(slot)
    this.#serve(now)
    this.#openAsNeeded(now)
  }

  /**
   * Opening failed and the place is free again. Whoever waits goes on waiting for the next attempt, unless the failure
   * is `isFinal` (the other side answered, and the answer was no) and nothing else could serve them.
   */
  openFailed(slot: Slot<T>, error: TaxirankError, isFinal: boolean, now: number): void {
    slot.list?.remove(slot)
    this.#lastFailure = error
    if (now >= this.#retryAtMs) this.#pauseOpening(now)
    const isHopeless = isFinal && this.#idle.size + this.leased + this.#opening.size === 0
    if (isHopeless) this.#refuseAll(error)
  }

  /** The owner has closed what `close` asked for, or it was lost: its leases end and the place is free. */
  closed(slot: Slot<T>, now: number): void {
    slot.holders = 0
    slot.list?.remove(slot)
    this.#openAsNeeded(now)
  }

  /** Ends waits whose time is up and begins attempts that are due. To be called every few dozen milliseconds. */
  advance(now: number): void {
    const limit = this.#options.waitTimeoutMs
    if (limit > 0) {
      for (let first = this.#waiting.first; first && now - first.queuedAtMs >= limit; first = this.#waiting.first) {
        this.#waiting.remove(first)
        first.caller.refused(this.#timedOut(now))
      }
    }
    // Whoever wanted a resource alone may have stood in front of somebody who can share one.
    this.#serve(now)
    this.#openAsNeeded(now)
  }

  /** Lends no more: waiters are refused with `error`, what is idle is closed now, what is leased when it comes back. */
  end(error: TaxirankError): void {
    this.#ending = error
    this.#refuseAll(error)
    for (const slot of [...this.#idle, ...this.#opening]) this.#close(slot, 'the pool has ended')
  }

  #choose(waiter: Waiter<T>): Slot<T> | undefined {
    return this.#chooseIdle(waiter.stateKey) ?? (waiter.mode === 'shared' ? this.#chooseShared(waiter) : undefined)
  }

  /** Most recently used first, among those one whose state key fits. */
  #chooseIdle(stateKey: number): Slot<T> | undefined {
    const last = this.#idle.last
    if (!last || stateKey === 0 || last.stateKey === stateKey) return last
    let slot = this.#idle.before(last)
    for (let looked = 1; slot && looked < affinityDepth; looked++) {
      if (slot.stateKey === stateKey) return slot
      slot = this.#idle.before(slot)
    }
    return last
  }

  #chooseShared(waiter: Waiter<T>): Slot<T> | undefined {
    for (const slot of this.#shared) {
      if (slot.stateKey === waiter.stateKey && slot.holders < this.#options.sharedDepth) return slot
    }
    return undefined
  }

  #lend(slot: Slot<T>, waiter: Waiter<T>, now: number): Lease<T> {
    const isShared = waiter.mode === 'shared'
    const lease = isShared ? new Lease(slot) : slot.exclusiveLease
    const list = isShared ? this.#shared : this.#leased
    list.push(slot)
    slot.holders++
    lease.mode = waiter.mode
    lease.grantedAtMs = now
    lease.isGranted = true
    return lease
  }

  /** Lends what is idle to those who wait. A caller may give back at once: that is a turn of this loop, not a recursion. */
  #serve(now: number): void {
    if (this.#isServing) return
    this.#isServing = true
    try {
      for (;;) {
        const waiter = this.#waiting.first
        const slot = waiter && this.#choose(waiter)
        if (!slot) return
        this.#waiting.remove(waiter)
        waiter.caller.granted(this.#lend(slot, waiter, now))
      }
    } finally {
      this.#isServing = false
    }
  }

  #giveBack(lease: Lease<T>): Slot<T> {
    assert(lease.isHeld, 'a lease is given back once')
    lease.isGranted = false
    lease.slot.holders--
    return lease.slot
  }

  #close(slot: Slot<T>, reason: string): void {
    if (slot.list === undefined || this.#closing.has(slot)) return
    this.#closing.push(slot)
    this.#options.close(slot, reason)
  }

  #openAsNeeded(now: number): void {
    if (this.#ending) return
    while (this.#waiting.size > this.#opening.size && this.size < this.#options.maxSize) {
      const isRecovering = this.#lastFailure !== undefined
      if (isRecovering && (this.#opening.size > 0 || now < this.#retryAtMs)) return
      const slot = new Slot<T>()
      this.#opening.push(slot)
      this.#options.open(slot)
    }
  }

  /** Attempts that began together and fail together are one failure: the pause grows once. */
  #pauseOpening(now: number): void {
    this.#retryDelayMs = Math.min(Math.max(this.#retryDelayMs * 2, firstRetryMs), this.#options.retryMaxMs)
    this.#retryAtMs = now + this.#retryDelayMs
  }

  /** Refuses those who wait now. A caller may ask again at once: then it waits for what comes next. */
  #refuseAll(error: TaxirankError): void {
    for (let left = this.#waiting.size; left > 0; left--) {
      const first = this.#waiting.first
      if (!first) return
      this.#waiting.remove(first)
      first.caller.refused(error)
    }
  }

  #timedOut(now: number): TaxirankError {
    const { noun, waitTimeoutMs, maxSize } = this.#options
    const oldest = this.#leased.first
    const held = oldest ? `, oldest lease ${seconds(now - oldest.exclusiveLease.grantedAtMs)} s` : ''
    const figures = `${this.leased} of ${maxSize} leased, ${this.#waiting.size} others waiting${held}`
    const down = this.#lastFailure ? `; the last attempt to open one failed: ${this.#lastFailure.message}` : ''
    const text = `no ${noun} became free within ${waitTimeoutMs.toLocaleString('en-US')} ms: ${figures}${down}`
    return new TaxirankError('acquire_timeout', text, { cause: this.#lastFailure })
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1)
}
