/**
 * What a look at a live pooler has shown, over a while: plain frozen values that survive JSON. A field that is absent could not
 * be seen, and `missing` says why. Names end with their unit; times of day are milliseconds since the epoch.
 */

import type { PoolCounters } from '../metrics/counters.ts'
import type { HistogramSnapshot } from '../metrics/histogram.ts'
import type { Missing } from './missing.ts'

export type PoolMode = 'session' | 'transaction' | 'statement'

export interface PoolerReading {
  readonly kind: 'taxirank' | 'pgbouncer'
  /** `3.0.0` of Taxirank, `1.25.2` of PgBouncer. */
  readonly version: string
  /** `http` has all figures; the console sums, and no histograms. */
  readonly by: 'http' | 'console'
  /** Without a password. */
  readonly address: string
  /** When the watch began, by our clock. */
  readonly takenAtMs: number
  /** Between the first look and the last one. */
  readonly watchedMs: number
  /** How many times it was looked at. */
  readonly samples: number
  readonly clients: PoolerClients
  readonly pools: readonly PoolReading[]
  readonly databases: readonly PooledDatabase[]
  readonly missing: readonly Missing[]
}

export interface PoolerClients {
  /** The most that were there in a sample. */
  readonly connectedPeak: number
  /** `max_client_conn`; absent: not known. */
  readonly max?: number
}

export interface PooledDatabase {
  readonly name: string
  /** Servers of all its pools at the end. */
  readonly servers: number
  /** Absent: no limit. */
  readonly maxServers?: number
  /** By the console: of all its pools together. */
  readonly load?: DatabaseLoad
}

export interface DatabaseLoad {
  readonly transactionsPerSecond: number
  /** Of transactions that ended in the watch; absent if there were none. */
  readonly meanTransactionMs?: number
  /** Of waits for a server, those that were none included; absent if there were none. */
  readonly meanWaitMs?: number
}

/** The servers of one database and user. */
export interface PoolReading {
  readonly database: string
  readonly user: string
  readonly mode: PoolMode
  /** How many servers it may have, and how many more after a wait. */
  readonly size: number
  readonly reserve: number
  /** At the end of the watch. */
  readonly clients: { readonly connected: number; readonly waiting: number }
  readonly servers: PoolServers
  /** The most of all samples. */
  readonly clientsPeak: number
  readonly serversPeak: number
  readonly waitingPeak: number
  /** Of those who were waiting in a sample and, by `http`, of those whose wait ended in the watch. */
  readonly longestWaitMs: number
  /**
   * Leases that were asked for: a session, a transaction or a statement each, by the mode. By `http` also those that were not
   * granted. Absent in a watch of no time.
   */
  readonly arrivalsPerSecond?: number
  /** Of leases that ended in the watch. Absent if there were none, or they are not known. */
  readonly meanHeldMs?: number
  /** Squared coefficient of variation of the same: 1 as in an exponential distribution; off by at most 1/31 · (1 + itself). */
  readonly heldScv?: number
  /** Of leases that were granted in the watch, also at once. */
  readonly meanWaitMs?: number
  readonly holdMs?: HistogramSnapshot
  readonly waitMs?: HistogramSnapshot
  readonly utilisation?: Utilisation
  readonly opening?: Opening
  /** By `http`: what was counted in the watch. */
  readonly counted?: PoolCounts
}

export interface PoolServers {
  /** Lent to clients. */
  readonly active: number
  /** Free, checked ones and unchecked ones. */
  readonly idle: number
  /** All, also those that are being opened. */
  readonly all: number
}

/** The share of `size` that was lent: above 1, if the reserve was, too. */
export interface Utilisation {
  /**
   * `leases`: lease time over time. `transactions`: time in transactions that have ended, over time, where they are shorter than
   * a tenth of the watch. `samples`: how many servers were lent at the moments of looking.
   */
  readonly from: 'leases' | 'transactions' | 'samples'
  readonly mean: number
  /** Of the steps between two samples, about a second each; from `transactions` and `samples`: of the moments of looking. */
  readonly peak: number
}

/** Connections to PostgreSQL that were opened in the watch. */
export interface Opening {
  readonly opened: number
  readonly failed: number
  readonly perSecond?: number
  /** Connecting with login; absent if none was opened. */
  readonly meanMs?: number
  /** Why the last attempt has failed; absent once one has succeeded. */
  readonly lastFailure?: string
}

/** In the watch. */
export interface PoolCounts extends Pick<
  PoolCounters,
  'leases' | 'immediate' | 'timedOut' | 'cancelled' | 'queueFull' | 'shed' | 'refused'
> {
  /** Servers that were kept beyond a transaction, added up. */
  readonly pinnedMs: number
  /** At the end. */
  readonly pinned: number
  readonly maxPinned: number
}
