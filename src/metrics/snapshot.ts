/** A pool at one instant: what console, monitor, Prometheus and sizing look at. */

import type { PoolCounters } from './counters.ts'
import type { HistogramSnapshot } from './histogram.ts'

export const poolStates = ['open', 'paused', 'draining', 'ended'] as const

/** `leased`: to one caller; `shared`: to several at once. Every slot is in one of them. */
export const slotStates = ['opening', 'checking', 'idle', 'leased', 'shared', 'resetting', 'closing'] as const

/** A plain value: frozen by whoever makes it, but for the pairs in a histogram's `buckets`, and it survives JSON. */
export interface PoolSnapshot {
  /** Unique among the pools that are shown together. */
  readonly name: string
  /** Of the engine's clock: monotonic, not the time of day. */
  readonly takenAtMs: number
  readonly state: (typeof poolStates)[number]
  readonly maxSize: number
  readonly minSize: number
  readonly reserveSize: number
  readonly slots: Readonly<Record<(typeof slotStates)[number], number>>
  readonly waiting: number
  /** How long the longest waiting caller has been waiting; 0 if nobody waits. */
  readonly longestWaitMs: number
  /** Every caller is in one of them: a pool that has no lanes has one without a name. */
  readonly lanes: readonly LaneSnapshot[]
  readonly counters: PoolCounters
  /** How long leases have been held in all, those that last included: twice read, it gives the utilisation. Never decreases. */
  readonly heldMs: number
  /** Of all leases, also those granted at once: how long the caller waited. */
  readonly waitMs: HistogramSnapshot
  /** From grant to release. */
  readonly holdMs: HistogramSnapshot
  /** From the attempt to open to success. */
  readonly openMs: HistogramSnapshot
  /** Why the last attempt to open failed; absent once one has succeeded. */
  readonly lastFailure?: string
}

/** Capacity kept for a named class of callers, and who uses it. */
export interface LaneSnapshot {
  readonly name: string
  readonly reserved: number
  readonly waiting: number
  /** Slots that its callers hold, for themselves or shared. */
  readonly leased: number
}
