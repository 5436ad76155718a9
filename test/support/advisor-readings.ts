/** Readings of a database and a pooler that might be: quiet ones, to be changed where a test wants something else. */

import type { ActivityReading, DatabaseReading, DatabaseSettings } from '../../src/advisor/database-reading.ts'
import type { Distribution } from '../../src/advisor/distribution.ts'
import type { PoolerReading, PoolReading } from '../../src/advisor/pooler-reading.ts'
import { Histogram } from '../../src/metrics/histogram.ts'

export function evenly(count: number): Distribution {
  return { mean: count, p95: count, max: count }
}

const none = evenly(0)

export const quietActivity: ActivityReading = {
  samples: 60,
  everyMs: 250,
  connections: evenly(10),
  activeOnCpu: none,
  active: none,
  activeWaiting: {},
  idle: evenly(10),
  idleInTransaction: none,
  idleInAbortedTransaction: none,
  hidden: none,
  parallelWorkers: none,
  workersOnCpu: none,
  remote: none,
  walSenders: none,
  preparedTransactions: 0,
  groups: [],
  moreGroups: 0,
}

const settings: DatabaseSettings = {
  maxConnections: 100,
  superuserReservedConnections: 3,
  reservedConnections: 0,
  sharedBuffersBytes: 128 * 1024 ** 2,
  workMemBytes: 4 * 1024 ** 2,
  maintenanceWorkMemBytes: 64 * 1024 ** 2,
  effectiveCacheSizeBytes: 4 * 1024 ** 3,
  randomPageCost: 4,
  statementTimeoutMs: 0,
  lockTimeoutMs: 0,
  idleInTransactionSessionTimeoutMs: 0,
  maxWalSenders: 10,
  maxWorkerProcesses: 8,
  maxParallelWorkers: 8,
  maxParallelWorkersPerGather: 2,
  autovacuumMaxWorkers: 3,
  maxPreparedTransactions: 0,
  tracksActivities: true,
}

export function databaseReading(changes: Partial<DatabaseReading> = {}): DatabaseReading {
  return {
    address: 'postgres://postgres@db:5432/shop',
    takenAtMs: 0,
    watchedMs: 15_000,
    own: { database: 'shop', user: 'postgres', busyMean: 0.04 },
    server: {
      versionNumber: 180_004,
      version: '18.4',
      startedAtMs: 0,
      isStandby: false,
      database: 'shop',
      user: 'postgres',
      seesAll: true,
      isLocal: false,
    },
    settings,
    activity: quietActivity,
    missing: [],
    ...changes,
  }
}

export function withSettings(
  changes: Partial<DatabaseSettings>,
  others: Partial<DatabaseReading> = {},
): DatabaseReading {
  return databaseReading({ ...others, settings: { ...settings, ...changes } })
}

/** What was held for how long: in milliseconds. */
export interface Held {
  readonly perSecond: number
  readonly heldMs: number
  /** Of those who waited; else nobody did. */
  readonly waitMs?: number
}

/** `changes` last: of the pool. */
export function poolReading(
  size: number,
  { perSecond, heldMs, waitMs = 0 }: Held,
  changes: Partial<PoolReading> = {},
): PoolReading {
  const busy = Math.min(1, (perSecond * heldMs) / 1_000 / size)
  return {
    database: 'shop',
    user: 'app',
    mode: 'transaction',
    size,
    reserve: 0,
    clients: { connected: 30, waiting: 0 },
    servers: { active: 0, idle: size, all: size },
    clientsPeak: 30,
    serversPeak: size,
    waitingPeak: waitMs > 0 ? 5 : 0,
    longestWaitMs: waitMs,
    arrivalsPerSecond: perSecond,
    meanHeldMs: heldMs,
    heldScv: 1,
    meanWaitMs: waitMs,
    holdMs: spread(heldMs),
    waitMs: spread(waitMs),
    utilisation: { from: 'leases', mean: busy, peak: busy },
    ...changes,
  }
}

/** From a tenth of the mean to four times that. */
function spread(meanMs: number) {
  const histogram = new Histogram()
  for (let at = 0.5; at < 100; at++) histogram.record(-meanMs * Math.log(1 - at / 100))
  return histogram.snapshot()
}

export function poolerReading(pools: readonly PoolReading[]): PoolerReading {
  return {
    kind: 'taxirank',
    version: '3.0.0',
    by: 'http',
    address: 'http://127.0.0.1:6433',
    takenAtMs: 0,
    watchedMs: 15_000,
    samples: 15,
    clients: { connectedPeak: 30, max: 100 },
    pools,
    databases: [],
    missing: [],
  }
}
