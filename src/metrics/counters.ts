/** What a pool counts from its beginning on: `Counters` while it runs, `PoolCounters` at one instant. */

/** Why a connection was closed. */
export const closeReasons = [
  'idle',
  'lifetime',
  'check',
  'reset',
  'retired',
  'evicted',
  'resized',
  'dirty',
  'destroyed',
  'lost',
  'ended',
] as const

export type CloseReason = (typeof closeReasons)[number]

/** None ever decreases. */
export interface PoolCounters {
  /** Granted. */
  readonly leases: number
  /** Of the leases: granted without waiting. */
  readonly immediate: number
  /** Waits that ended by their time limit. */
  readonly timedOut: number
  /** Waits that their caller gave up. */
  readonly cancelled: number
  /** Refused because too many were waiting. */
  readonly queueFull: number
  /** Refused because the wait would have been too long. */
  readonly shed: number
  /** Refused because the pool had ended, or nothing could be opened. */
  readonly refused: number
  readonly opened: number
  readonly openFailures: number
  /** Attempts to open that were given up, because nobody needed them any more or they took too long. */
  readonly abandoned: number
  /** Whether a connection still works, before a lease or to keep it alive. */
  readonly checks: number
  readonly checkFailures: number
  /** After a lease: the session is put back to what it was. */
  readonly resets: number
  readonly resetFailures: number
  /** Attempts to use or give back a lease that was over. */
  readonly staleUses: number
  /** Leases that were held for too long or did not come back, each once. */
  readonly leaks: number
  readonly closed: Readonly<Record<CloseReason, number>>
}

/** Whoever owns the pool writes, everybody else takes snapshots. */
export class Counters implements PoolCounters {
  leases = 0
  immediate = 0
  timedOut = 0
  cancelled = 0
  queueFull = 0
  shed = 0
  refused = 0
  opened = 0
  openFailures = 0
  abandoned = 0
  checks = 0
  checkFailures = 0
  resets = 0
  resetFailures = 0
  staleUses = 0
  leaks = 0
  readonly closed = Object.fromEntries(closeReasons.map((reason) => [reason, 0])) as Record<CloseReason, number>

  /** A frozen copy. */
  snapshot(): PoolCounters {
    return Object.freeze({ ...(this as PoolCounters), closed: Object.freeze({ ...this.closed }) })
  }
}
