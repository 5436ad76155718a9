/** What is asked of a pool: out of what a pooler or the database has shown. */

import type { HistogramSnapshot } from '../metrics/histogram.ts'
import { inUse } from '../sizing/littles-law.ts'
import type { ActivityReading, DatabaseReading } from './database-reading.ts'
import { unlimitedSize } from './figures.ts'
import type { Missing } from './missing.ts'
import type { PoolerReading, PoolReading } from './pooler-reading.ts'

/** Means and peaks are over the watch; undefined: it could not be seen. */
export interface PoolLoad {
  readonly name: string
  readonly database: string
  readonly user: string
  /** Clients keep their servers while they do nothing. */
  readonly isSession: boolean
  /** How many it may have; undefined: not known, or no limit. */
  readonly sizeNow: number | undefined
  /** Connections lent. */
  readonly busyMean: number
  readonly busyPeak: number
  /** Of `busyMean`, at most so many were lent to the advisor itself. */
  readonly ownBusyMean: number
  /** Who asked, a second, and how long each held on average. */
  readonly arrivalsPerSecond: number | undefined
  readonly meanHeldMs: number | undefined
  /** Squared coefficient of variation of holds. */
  readonly heldScv: number | undefined
  readonly holdMs: HistogramSnapshot | undefined
  readonly waitMs: HistogramSnapshot | undefined
  readonly meanWaitMs: number | undefined
  /** Clients that are connected: no more can wait or hold at a time. */
  readonly clients: number
  /** Clients that waited, at the moments of looking. */
  readonly waitingPeak: number
  /** How long opening a connection took. */
  readonly openMs: number | undefined
}

export interface PoolLoads {
  /** The busiest first. */
  readonly loads: readonly PoolLoad[]
  readonly missing: readonly Missing[]
}

export function loadsOf(database: DatabaseReading, pooler: PoolerReading | undefined): PoolLoads {
  if (!pooler) return loadWithoutPooler(database)
  const loads = pooler.pools.map((pool) => loadOfPool(pool, pooler, database))
  const missing = pooler.pools.filter((_, index) => loads[index] === undefined).map(unseenPool)
  return {
    loads: loads.filter((load) => load !== undefined).toSorted((a, b) => b.busyMean - a.busyMean),
    missing,
  }
}

function unseenPool({ database, user }: PoolReading): Missing {
  return {
    what: `how much of ${database}/${user} is in use`,
    why: 'it was there for too short a time, or the console does not tell it',
    remedy: 'watch for longer, or read the pooler by http',
  }
}

function loadOfPool(
  pool: PoolReading,
  { databases }: PoolerReading,
  { own, pooler }: DatabaseReading,
): PoolLoad | undefined {
  const { database, user, arrivalsPerSecond, meanHeldMs, opening } = pool
  const most = databases.find(({ name }) => name === database)?.maxServers ?? Infinity
  const size = Math.min(pool.size, most)
  const sizeNow = size > 0 && size < unlimitedSize ? size : undefined
  const busy = busyOf(pool)
  if (!busy) return undefined
  const isAsked = pooler !== undefined && own.database === database && own.user === user
  return {
    name: `${database}/${user}`,
    database,
    user,
    isSession: pool.mode === 'session',
    sizeNow,
    busyMean: busy.mean,
    busyPeak: busy.peak,
    ownBusyMean: isAsked ? own.busyMean : 0,
    arrivalsPerSecond,
    meanHeldMs,
    heldScv: pool.heldScv,
    holdMs: pool.holdMs,
    waitMs: pool.waitMs,
    meanWaitMs: pool.meanWaitMs,
    clients: pool.clientsPeak,
    waitingPeak: pool.waitingPeak,
    openMs: opening?.meanMs,
  }
}

/** Of a pool without a limit no share can be in use: then by Little's law. */
function busyOf({
  size,
  utilisation,
  arrivalsPerSecond,
  meanHeldMs,
}: PoolReading): { mean: number; peak: number } | undefined {
  if (utilisation && size > 0) return { mean: utilisation.mean * size, peak: utilisation.peak * size }
  if (arrivalsPerSecond === undefined || (arrivalsPerSecond > 0 && meanHeldMs === undefined)) return undefined
  const mean = inUse(arrivalsPerSecond, meanHeldMs ?? 0)
  return { mean, peak: mean }
}

/** All connections as if one pool had lent them: whoever is in a transaction holds one. */
function loadWithoutPooler({ activity, counters, server }: DatabaseReading): PoolLoads {
  if (!activity) return { loads: [], missing: [] }
  if (activity.hidden.max > 0) return { loads: [], missing: [hiddenActivity(activity)] }
  const { active, idleInTransaction, connections } = activity
  const busyMean = active.mean + idleInTransaction.mean
  const perSecond = counters?.isReliable ? counters.all.transactionsPerSecond : undefined
  const load: PoolLoad = {
    name: 'all connections',
    database: server?.database ?? '',
    user: server?.user ?? '',
    isSession: false,
    sizeNow: undefined,
    busyMean,
    busyPeak: Math.min(connections.max, Math.max(active.p95 + idleInTransaction.p95, busyMean)),
    ownBusyMean: 0,
    arrivalsPerSecond: perSecond,
    meanHeldMs: perSecond !== undefined && perSecond > 0 ? (busyMean * 1_000) / perSecond : undefined,
    heldScv: undefined,
    holdMs: undefined,
    waitMs: undefined,
    meanWaitMs: undefined,
    clients: connections.max,
    waitingPeak: 0,
    openMs: undefined,
  }
  return { loads: [load], missing: [] }
}

function hiddenActivity({ hidden, connections }: ActivityReading): Missing {
  return {
    what: 'how many connections are in use',
    why: `what ${hidden.max} of ${connections.max} connections do is hidden from this user`,
    remedy: 'GRANT pg_monitor to it (or ask as a user who has it)',
  }
}

/** Nearly all are lent. */
const fullUtilisation = 0.9

/** Whether more might be asked for than can be seen: nearly all are always lent, and somebody waits. */
export function isSaturated({ sizeNow, busyMean, meanWaitMs, waitingPeak }: PoolLoad): boolean {
  const isWaiting = waitingPeak > 0 || (meanWaitMs !== undefined && meanWaitMs > 0)
  return sizeNow !== undefined && isWaiting && busyMean >= fullUtilisation * sizeNow
}
