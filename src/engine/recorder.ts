import type { TaxirankError } from '../errors.ts'
import type { Recording } from '../metrics/recording.ts'
import type { Lease } from './lease.ts'
import type { PoolObserver } from './observer.ts'
import type { Waiter } from './waiter.ts'

/**
 * Writes a pool's arrivals into a recording: when each asked, how long it waited, how long it held its lease, and its lane. A
 * caller is written when it gives back, or when it is turned away; so arrivals stand in the order in which they ended. Set
 * it as a pool's observer to begin, and another to stop. What it calls must not call the pool.
 */
export class Recorder<T> implements PoolObserver<T> {
  readonly #recording: Recording

  constructor(recording: Recording) {
    this.#recording = recording
  }

  /** Hot path. */
  ended({ grantedAtMs, waitedMs, lane }: Lease<T>, now: number): void {
    this.#recording.add(grantedAtMs - waitedMs, waitedMs, now - grantedAtMs, lane)
  }

  turnedAway({ queuedAtMs, lane }: Waiter<T>, _error: TaxirankError | undefined, now: number): void {
    this.#recording.add(queuedAtMs, now - queuedAtMs, Number.NaN, lane)
  }

  granted(): void {
    // Written when it ends.
  }

  leaked(): void {
    // Written when it ends.
  }

  stale(): void {
    // Nobody arrived.
  }
}
