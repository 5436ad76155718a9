/** pg_stat_database, read at the beginning of a watch and at its end: what has grown. */

import type { Connection } from './connection.ts'
import type { CountersReading, DatabaseCounts, DatabaseGrowth, NamedGrowth } from './database-reading.ts'
import { readValue } from './read-value.ts'

/** How late backends report: PGSTAT_MIN_INTERVAL from 15 on, PGSTAT_STAT_INTERVAL before. */
const lagMs = 1_000
const reliableAfterMs = 10 * lagMs
const mostShown = 50

/** Since the statistics were reset. */
export interface DatabaseTotals extends DatabaseCounts {
  readonly name: string
}

export interface CountersSample {
  readonly atMs: number
  readonly current: string
  readonly databases: readonly DatabaseTotals[]
}

const columns = `'name', datname, 'commits', xact_commit, 'rollbacks', xact_rollback, 'blocksHit', blks_hit, 'blocksRead', blks_read,
  'deadlocks', deadlocks`
const sessionColumns = `'sessions', sessions, 'sessionMs', session_time, 'activeMs', active_time, 'idleInTransactionMs', idle_in_transaction_time`
const sessionsSince = 140_000

export function sampleCounters(connection: Connection, versionNumber: number): Promise<CountersSample> {
  const known = versionNumber >= sessionsSince ? `${columns}, ${sessionColumns}` : columns
  return readValue<CountersSample>(
    connection,
    `json_build_object('atMs', extract(epoch from clock_timestamp()) * 1000, 'current', current_database(),
      'databases', (select json_agg(json_build_object(${known})) from pg_stat_database where datname is not null))`,
  )
}

/** Undefined if statistics were reset in between, for one database or all. */
export function growthBetween(
  before: CountersSample,
  after: CountersSample,
  ownTransactions: number,
): CountersReading | undefined {
  const overMs = after.atMs - before.atMs
  const earlier = new Map(before.databases.map((totals) => [totals.name, totals]))
  const grown = after.databases.map((later) => growthOf(later, earlier.get(later.name)))
  if (grown.some((one) => one.commits < 0 || one.rollbacks < 0)) return undefined
  const finished = grown.map(({ name, ...growth }): NamedGrowth => {
    return { name, ...withRates(growth, overMs, name === after.current ? ownTransactions : 0) }
  })
  const current = finished.find(({ name }) => name === after.current)
  return {
    overMs,
    lagMs,
    isReliable: overMs >= reliableAfterMs,
    ownTransactions,
    all: withRates(sumOf(grown), overMs, ownTransactions),
    ...(current && { current }),
    databases: finished.sort((one, other) => transactionsOf(other) - transactionsOf(one)).slice(0, mostShown),
  }
}

/** A database that is new began with nothing. */
function growthOf({ name, ...later }: DatabaseTotals, earlier: DatabaseTotals | undefined): DatabaseTotals {
  const grown = Object.entries(later).map(([key, value]) => [
    key,
    value - ((earlier?.[key as keyof DatabaseTotals] as number | undefined) ?? 0),
  ])
  return { name, ...(Object.fromEntries(grown) as DatabaseCounts) }
}

function sumOf(all: readonly DatabaseTotals[]): DatabaseCounts {
  const sums: Record<string, number> = { commits: 0, rollbacks: 0, blocksHit: 0, blocksRead: 0, deadlocks: 0 }
  for (const { name: _, ...one } of all) {
    for (const [key, value] of Object.entries(one)) sums[key] = (sums[key] ?? 0) + value
  }
  return sums as unknown as DatabaseCounts
}

/** Our own may not be reported yet: then there are fewer than none, and that is none. */
function withRates(growth: DatabaseCounts, overMs: number, ownTransactions: number): DatabaseGrowth {
  if (overMs <= 0) return growth
  const perSecond = (count: number): number => (Math.max(0, count) * 1_000) / overMs
  return {
    ...growth,
    transactionsPerSecond: perSecond(transactionsOf(growth) - ownTransactions),
    rollbacksPerSecond: perSecond(growth.rollbacks),
    ...(growth.sessions !== undefined && { sessionsPerSecond: perSecond(growth.sessions) }),
  }
}

function transactionsOf({ commits, rollbacks }: Pick<DatabaseGrowth, 'commits' | 'rollbacks'>): number {
  return commits + rollbacks
}
