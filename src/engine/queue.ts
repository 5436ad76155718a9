/** Waiting: how long it may last, how many may wait, and what those are told whose wait ends without a lease. */

import { assert } from '../assert.ts'
import type { TaxirankError } from '../errors.ts'
import { Deadline, type Deadlines } from '../time.ts'
import type { Lane, Lanes } from './lanes.ts'
import type { Leases } from './leases.ts'
import type { Ledger } from './ledger.ts'
import type { Settings } from './options.ts'
import { queueFull, shed, type Situation, timedOut } from './refusals.ts'
import type { Waiter } from './waiter.ts'

/** What the queue needs of its pool. */
export interface QueueDesk {
  /** Waits are long because there are many callers: not because it is paused, or nothing can be opened. */
  isServing(): boolean
  /** `others`: how many wait beside whoever is told. */
  situation(others: number, now: number): Situation
  /** Nothing is missed that is due then. */
  wakeAt(atMs: number): void
  /** Somebody has left the queue by themselves. */
  left(now: number): void
}

export class Queue<T> {
  readonly #settings: Pick<Settings<T>, 'waitTimeoutMs' | 'shedding'>
  readonly #deadlines: Deadlines
  readonly #lanes: Lanes<T>
  readonly #leases: Leases<T>
  readonly #ledger: Ledger<T>
  readonly #desk: QueueDesk
  readonly #mostWaiting: number
  /** When the first of those who wait as long as the pool says has waited so long. */
  #waitsEndAtMs = Infinity

  constructor(settings: Settings<T>, lanes: Lanes<T>, leases: Leases<T>, ledger: Ledger<T>, desk: QueueDesk) {
    this.#settings = settings
    this.#deadlines = settings.deadlines
    this.#lanes = lanes
    this.#leases = leases
    this.#ledger = ledger
    this.#desk = desk
    this.#mostWaiting = settings.maxWaiting === 0 ? Infinity : settings.maxWaiting
  }

  /** Hot path under load. Queues the waiter, or refuses it if too many wait. */
  add(waiter: Waiter<T>, now: number): boolean {
    const { timeoutMs } = waiter
    if (timeoutMs !== undefined) assert(timeoutMs >= 0, 'a time-out is a number of milliseconds from 0 on')
    if (this.#lanes.waiting >= this.#mostWaiting) return this.#refuseAtOnce(waiter, now)
    this.#lanes.add(waiter, now)
    if (timeoutMs !== undefined) this.#startOwnTimeout(waiter, timeoutMs, now)
    else if (this.#waitsEndAtMs === Infinity && this.#settings.waitTimeoutMs > 0) this.#startPoolTimeout(now)
    return true
  }

  #refuseAtOnce(waiter: Waiter<T>, now: number): false {
    waiter.queuedAtMs = now
    this.#ledger.counters.queueFull++
    this.#turnAway(waiter, queueFull(this.#mostWaiting, this.#desk.situation(this.#lanes.waiting, now)), now)
    return false
  }

  /** Hot path under load. Its wait is over, with a lease or because it says so. */
  remove(waiter: Waiter<T>): void {
    this.#lanes.remove(waiter)
    if (waiter.deadline) this.#deadlines.stop(waiter.deadline)
  }

  cancel(waiter: Waiter<T>, now: number): void {
    this.remove(waiter)
    this.#ledger.counters.cancelled++
    this.#leases.observer.turnedAway(waiter, undefined, now)
  }

  /** Refuses somebody who does not wait. */
  refuse(waiter: Waiter<T>, error: TaxirankError, now: number): void {
    waiter.queuedAtMs = now
    this.#ledger.counters.refused++
    this.#turnAway(waiter, error, now)
  }

  /** Refuses those who wait now and have asked by `untilMs`. A caller may ask again at once: then it waits for what comes next. */
  refuseAll(error: TaxirankError, now: number, untilMs = Infinity): void {
    const ticket = this.#lanes.beginRefusal()
    try {
      for (const { waiting } of this.#lanes.all) {
        for (let { first } = waiting; first && first.ticket < ticket; { first } = waiting) {
          if (first.queuedAtMs > untilMs) break
          this.remove(first)
          this.#ledger.counters.refused++
          this.#turnAway(first, error, now)
        }
      }
    } finally {
      this.#lanes.endRefusal()
    }
  }

  /** Refuses one of those who have waited too long under overload. False if there is none. */
  shedOne(now: number): boolean {
    const { shedding: options } = this.#settings
    if (!options || !this.#desk.isServing()) return false
    for (const { waiting, shedding } of this.#lanes.all) {
      const { first } = waiting
      const waitedMs = first ? now - first.queuedAtMs : 0
      if (!first || !shedding || waitedMs < shedding.limitMs(waitedMs, now)) continue
      this.remove(first)
      this.#ledger.counters.shed++
      const situation = this.#desk.situation(this.#lanes.waiting, now)
      this.#turnAway(first, shed(waitedMs, options.targetMs, situation), now)
      return true
    }
    return false
  }

  /** When a wait ends that lasts as long as the pool says. */
  get waitsEndAtMs(): number {
    return this.#waitsEndAtMs
  }

  /** The pool says something else now, also of those who wait already. */
  retimed(): void {
    const atMs = this.#firstEndAtMs()
    this.#waitsEndAtMs = atMs
    this.#desk.wakeAt(atMs)
  }

  #firstEndAtMs(): number {
    const { waitTimeoutMs } = this.#settings
    if (waitTimeoutMs === 0) return Infinity
    return Math.min(...this.#lanes.all.map((lane) => lane.firstTimedByPool?.queuedAtMs ?? Infinity)) + waitTimeoutMs
  }

  /** Ends the waits that have lasted as long as the pool says. Whoever is told may ask again, or take others out. */
  endWaits(now: number): void {
    this.#waitsEndAtMs = Infinity
    try {
      for (const lane of this.#lanes.all) this.#endWaitsOf(lane, now)
    } finally {
      this.#waitsEndAtMs = this.#firstEndAtMs()
    }
  }

  #endWaitsOf(lane: Lane<T>, now: number): void {
    const { waitTimeoutMs } = this.#settings
    let first = lane.firstTimedByPool
    while (first && now - first.queuedAtMs >= waitTimeoutMs) {
      this.#timeOut(first, waitTimeoutMs, now)
      first = lane.firstTimedByPool
    }
  }

  /** When somebody may have to be refused. */
  get nextAtMs(): number {
    let at = this.#waitsEndAtMs
    if (!this.#settings.shedding || !this.#desk.isServing()) return at
    for (const { waiting, shedding } of this.#lanes.all) {
      if (waiting.first && shedding) at = Math.min(at, shedding.nextAtMs(waiting.first.queuedAtMs))
    }
    return at
  }

  /** Those who wait as long as the pool says are in order of time already; only others need a deadline of their own. */
  #startPoolTimeout(now: number): void {
    this.#waitsEndAtMs = now + this.#settings.waitTimeoutMs
    this.#desk.wakeAt(this.#waitsEndAtMs)
  }

  #startOwnTimeout(waiter: Waiter<T>, timeoutMs: number, now: number): void {
    if (timeoutMs === 0) return
    waiter.deadline ??= new Deadline((at) => this.#ownTimeoutEnded(waiter, at))
    this.#deadlines.start(waiter.deadline, now + timeoutMs)
  }

  #ownTimeoutEnded(waiter: Waiter<T>, now: number): void {
    this.#timeOut(waiter, waiter.timeoutMs ?? 0, now)
    this.#desk.left(now)
  }

  #timeOut(waiter: Waiter<T>, limitMs: number, now: number): void {
    this.remove(waiter)
    this.#ledger.counters.timedOut++
    this.#turnAway(waiter, timedOut(limitMs, this.#desk.situation(this.#lanes.waiting, now)), now)
  }

  #turnAway(waiter: Waiter<T>, error: TaxirankError, now: number): void {
    this.#leases.observer.turnedAway(waiter, error, now)
    waiter.caller.refused(error)
  }
}
