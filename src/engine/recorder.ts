import type { TaxirankError } from '../errors.ts'
import type { RecordedSettings } from '../metrics/recorded-pool.ts'
import { Recording } from '../metrics/recording.ts'
import type { PoolSnapshot } from '../metrics/snapshot.ts'
import type { Lease } from './lease.ts'
import type { PoolObserver } from './observer.ts'
import type { Waiter } from './waiter.ts'

/**
 * Writes a pool's arrivals into a recording: when each asked, how long it waited, how long it held its lease, and its lane. A
 * caller is written when it gives back, or when it is turned away; so arrivals stand in the order in which they ended. Set
 * it as a pool's observer to begin, and another to stop. What it calls must not call the pool.
 */
export class Recorder<T> implements PoolObserver<T> {
  readonly recording: Recording
  readonly startedAtMs: number

  /** `capacity`: of how many of the newest arrivals, 1 to 10,000,000. */
  constructor(capacity: number, now: number) {
    this.recording = new Recording(capacity)
    this.startedAtMs = now
  }

  /** The format of docs/recording.md. `snapshot`: of the pool, now. */
  toBytes({ lanes, openMs, takenAtMs }: PoolSnapshot, settings: RecordedSettings): Uint8Array {
    const { startedAtMs } = this
    const meanMs = openMs.count === 0 ? 0 : openMs.sumMs / openMs.count
    return this.recording.toBytes(
      lanes.map(({ name }) => name),
      { ...settings, openMs: meanMs, takenAtMs, startedAtMs },
    )
  }

  /** Hot path. */
  ended({ grantedAtMs, waitedMs, lane }: Lease<T>, now: number): void {
    this.recording.add(grantedAtMs - waitedMs, waitedMs, now - grantedAtMs, lane)
  }

  turnedAway({ queuedAtMs, lane }: Waiter<T>, _error: TaxirankError | undefined, now: number): void {
    this.recording.add(queuedAtMs, now - queuedAtMs, Number.NaN, lane)
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
