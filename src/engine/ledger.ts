/** What a pool remembers of its leases: how many, how long they were waited for and held, and how long they are held now. */

import { Counters, type PoolCounters } from '../metrics/counters.ts'
import { Histogram } from '../metrics/histogram.ts'
import type { PoolSnapshot } from '../metrics/snapshot.ts'
import type { Lease } from './lease.ts'

/** How much of the newest measurement goes into the mean. */
const weight = 1 / 32
/** A mean that only ever shrinks would become so small that computing with it takes a hundred times as long. */
const leastMs = 1e-6

export class Ledger<T> {
  readonly counters = new Counters()
  /** Of every lease, and so their number, too. */
  readonly waitMs = new Histogram()
  /** Of every lease that has ended. */
  readonly holdMs = new Histogram()
  readonly openMs = new Histogram()
  /** Leases that were waited for. */
  waited = 0
  /** The sum of the instants at which those that are held now were granted: it gives their mean age without looking at each. */
  #grantedSumMs = 0
  #meanHoldMs = -1
  /** What the last snapshot said. */
  #heldMs = 0

  /** Hot path. */
  granted(lease: Lease<T>): void {
    if (lease.waitedMs === 0) this.waitMs.recordZero()
    else this.waitMs.record(lease.waitedMs)
    this.#grantedSumMs += lease.grantedAtMs
  }

  /** Hot path. */
  ended(lease: Lease<T>, now: number): void {
    const heldMs = now - lease.grantedAtMs
    this.holdMs.record(heldMs)
    const mean = this.#meanHoldMs < 0 ? heldMs : this.#meanHoldMs + weight * (heldMs - this.#meanHoldMs)
    this.#meanHoldMs = mean < leastMs ? 0 : mean
    this.#grantedSumMs -= lease.grantedAtMs
  }

  snapshot(now: number): Pick<PoolSnapshot, 'counters' | 'heldMs' | 'waitMs' | 'holdMs' | 'openMs'> {
    return {
      counters: this.#countersNow(),
      heldMs: this.#heldUntil(now),
      waitMs: this.waitMs.snapshot(),
      holdMs: this.holdMs.snapshot(),
      openMs: this.openMs.snapshot(),
    }
  }

  /** What the histograms count anyway is not counted twice on the hot path. */
  #countersNow(): PoolCounters {
    this.counters.leases = this.waitMs.count
    this.counters.immediate = this.waitMs.count - this.waited
    return this.counters.snapshot()
  }

  /**
   * The ages of leases are exact, the durations of those that have ended are rounded: the sum may shrink by half a
   * microsecond for each. It doesn't, because who counts by differences would take that for a new beginning.
   */
  #heldUntil(now: number): number {
    const lastingMs = this.#held * now - this.#grantedSumMs
    this.#heldMs = Math.max(this.#heldMs, this.holdMs.sumMs + lastingMs)
    return this.#heldMs
  }

  get #held(): number {
    return this.waitMs.count - this.holdMs.count
  }

  /**
   * How long a lease is held, in milliseconds: the moving mean of those that have ended, or the mean age of those that
   * last if that is more. Nothing has ended when a pool is new, or stuck; but a lease of some age will be held for longer.
   */
  holdEstimateMs(now: number): number {
    const held = this.#held
    const ageMs = held > 0 ? now - this.#grantedSumMs / held : 0
    return Math.max(this.#meanHoldMs, ageMs, 0)
  }
}
