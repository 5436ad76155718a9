import type { TaxirankError } from '../errors.ts'
import type { Lease } from './lease.ts'
import type { Waiter } from './waiter.ts'

/** A lease that has been held for too long, or that would not come back. */
export interface HeldLease {
  /** The name its caller gave. */
  readonly holder: string
  /** The lane's name. */
  readonly lane: string
  readonly heldMs: number
}

/** Hears what happens in a pool, in the very call in which it happens. Must not throw, nor call the pool. */
export interface PoolObserver<T> {
  granted(lease: Lease<T>, now: number): void
  /** It was given back, or its resource was destroyed or lost. Its fields still say whose it was; its number is 0. */
  ended(lease: Lease<T>, now: number): void
  /** Somebody asked and won't get a lease: refused, timed out or, without an error, gone. */
  turnedAway(waiter: Waiter<T>, error: TaxirankError | undefined, now: number): void
  /** Reported once for each lease. */
  leaked(held: HeldLease, lease: Lease<T>, now: number): void
  /** Somebody tried to use or to give back a lease that was not theirs any more. */
  stale(lease: HeldLease | undefined, number: number, now: number): void
}

/** Hears nothing. */
export const noObserver: PoolObserver<unknown> = {
  granted: () => undefined,
  ended: () => undefined,
  turnedAway: () => undefined,
  leaked: () => undefined,
  stale: () => undefined,
}
