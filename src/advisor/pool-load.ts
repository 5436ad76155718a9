/** What is asked of a pool: out of what a pooler or the database has shown. */

import type { HistogramSnapshot } from '../metrics/histogram.ts'
import type { DatabaseReading } from './database-reading.ts'
import type { PoolerReading, PoolReading } from './pooler-reading.ts'

export interface PoolLoad {
  readonly name: string
  readonly database: string
  readonly user: string
  readonly isSession: boolean
  readonly sizeNow: number | undefined
  /** Connections lent. */
  readonly busyMean: number
  readonly busyPeak: number
  readonly arrivalsPerSecond: number | undefined
  readonly meanHeldMs: number | undefined
  readonly heldScv: number | undefined
  readonly holdMs: HistogramSnapshot | undefined
  readonly waitMs: HistogramSnapshot | undefined
  readonly meanWaitMs: number | undefined
  /** Clients that are there: no more can wait or hold. */
  readonly clients: number
  readonly waitingPeak: number
  readonly openMs: number | undefined
}

/** The busiest first. */
export function loadsOf(database: DatabaseReading, pooler: PoolerReading | undefined): PoolLoad[] {
  if (!pooler) return loadWithoutPooler(database)
  return pooler.pools.map((pool) => loadOfPool(pool, pooler)).toSorted((a, b) => b.busyMean - a.busyMean)
}

function loadOfPool(pool: PoolReading, pooler: PoolerReading): PoolLoad {
  const { database, user, size, utilisation, opening } = pool
  const load = databaseLoad(pool, pooler)
  return {
    name: `${database}/${user}`,
    database,
    user,
    isSession: pool.mode === 'session',
    sizeNow: size > 0 ? size : undefined,
    busyMean: (utilisation?.mean ?? 0) * size,
    busyPeak: (utilisation?.peak ?? 0) * size,
    arrivalsPerSecond: pool.arrivalsPerSecond ?? load?.transactionsPerSecond,
    meanHeldMs: pool.meanHeldMs ?? load?.meanTransactionMs,
    heldScv: pool.heldScv,
    holdMs: pool.holdMs,
    waitMs: pool.waitMs,
    meanWaitMs: pool.meanWaitMs ?? load?.meanWaitMs,
    clients: pool.clientsPeak,
    waitingPeak: pool.waitingPeak,
    openMs: opening?.meanMs,
  }
}

/** The console has sums of databases: they are a pool's if it is the only one. */
function databaseLoad({ database }: PoolReading, { pools, databases }: PoolerReading) {
  const isAlone = pools.filter((pool) => pool.database === database).length === 1
  return isAlone ? databases.find(({ name }) => name === database)?.load : undefined
}

/** All connections as if one pool had lent them: whoever is in a transaction holds one. */
function loadWithoutPooler({ activity, counters, server }: DatabaseReading): PoolLoad[] {
  if (!activity) return []
  const { active, idleInTransaction, connections } = activity
  const busyMean = active.mean + idleInTransaction.mean
  const perSecond = counters?.isReliable ? counters.all.transactionsPerSecond : undefined
  return [
    {
      name: 'all connections',
      database: server?.database ?? '',
      user: server?.user ?? '',
      isSession: false,
      sizeNow: undefined,
      busyMean,
      busyPeak: Math.max(active.p95 + idleInTransaction.p95, busyMean),
      arrivalsPerSecond: perSecond,
      meanHeldMs: perSecond !== undefined && perSecond > 0 ? (busyMean * 1_000) / perSecond : undefined,
      heldScv: undefined,
      holdMs: undefined,
      waitMs: undefined,
      meanWaitMs: undefined,
      clients: connections.max,
      waitingPeak: 0,
      openMs: undefined,
    },
  ]
}

/** Nearly all are lent, or whoever comes waits. */
const fullUtilisation = 0.95

/** Whether more might be asked for than can be seen, because there is always somebody who waits. */
export function isSaturated({ sizeNow, busyMean, meanWaitMs = 0, meanHeldMs = 0, waitingPeak }: PoolLoad): boolean {
  if (sizeNow === undefined || waitingPeak === 0) return false
  return busyMean >= fullUtilisation * sizeNow || meanWaitMs > meanHeldMs / 2
}
