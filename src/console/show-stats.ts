/**
 * SHOW STATS and its kin: four views of the same counters. Their columns are PgBouncer's, in which each view has names of
 * its own for the same figure.
 */

import type { DatabaseCounters, DatabaseStats } from '../pooler/figures.ts'
import { consoleDatabase, show, type Surroundings } from './command.ts'
import { micros, whole } from './number-values.ts'
import { numeric, type Row, text } from './result.ts'

interface Figure {
  readonly of: (counters: DatabaseCounters) => bigint
  /** In SHOW STATS behind `total_`, and in STATS_TOTALS. */
  readonly total: string
  /** In SHOW STATS behind `avg_`. */
  readonly average: string
  /** In STATS_TOTALS and STATS_AVERAGES, where it isn't `total`. */
  readonly alone?: string
  /** In STATS_AVERAGES, where it has a name of its own. */
  readonly averageAlone?: string
  /** In TOTALS, where it has a name of its own. */
  readonly inTotals?: string
}

const figures: readonly Figure[] = [
  plain('server_assignment_count', ({ assignments }) => whole(assignments)),
  plain('xact_count', ({ transactions }) => whole(transactions)),
  plain('query_count', ({ queries }) => whole(queries)),
  {
    of: ({ receivedBytes }) => whole(receivedBytes),
    total: 'received',
    average: 'recv',
    alone: 'bytes_received',
    inTotals: 'client_bytes',
  },
  {
    of: ({ sentBytes }) => whole(sentBytes),
    total: 'sent',
    average: 'sent',
    alone: 'bytes_sent',
    inTotals: 'server_bytes',
  },
  plain('xact_time', ({ transactionMs }) => micros(transactionMs)),
  plain('query_time', ({ queryMs }) => micros(queryMs)),
  plain('wait_time', ({ waitMs }) => micros(waitMs)),
  late('client_parse_count', ({ clientParses }) => whole(clientParses), 'ps_client_parse_count'),
  late('server_parse_count', ({ serverParses }) => whole(serverParses), 'ps_server_parse_count'),
  late('bind_count', ({ binds }) => whole(binds), 'ps_bind_count'),
  late('client_login_count', ({ logins }) => whole(logins)),
]

function plain(name: string, of: Figure['of']): Figure {
  return { of, total: name, average: name }
}

/** Those that came late to PgBouncer carry avg_ in STATS_AVERAGES. */
function late(name: string, of: Figure['of'], inTotals = name): Figure {
  return { of, total: name, average: name, averageAlone: `avg_${name}`, inTotals }
}

const database = text('database')

export const showStats = show(
  'STATS',
  [
    database,
    ...figures.map(({ total }) => numeric(`total_${total}`)),
    ...figures.map(({ average }) => numeric(`avg_${average}`)),
  ],
  (around) => stats(around).map(({ database: name, total, average }) => [name, ...row(total), ...row(average)]),
)

export const showStatsTotals = show(
  'STATS_TOTALS',
  [database, ...figures.map(({ total, alone }) => numeric(alone ?? total))],
  (around) => stats(around).map(({ database: name, total }) => [name, ...row(total)]),
)

export const showStatsAverages = show(
  'STATS_AVERAGES',
  [database, ...figures.map(({ total, alone, averageAlone }) => numeric(averageAlone ?? alone ?? total))],
  (around) => stats(around).map(({ database: name, average }) => [name, ...row(average)]),
)

/** One row a figure: its sum over all databases. */
export const showTotals = show('TOTALS', [text('name'), numeric('value')], (around) => {
  const all = stats(around)
  const rows = (prefix: string, of: (stats: DatabaseStats) => DatabaseCounters): Row[] =>
    figures.map((figure) => [
      prefix + (figure.inTotals ?? figure.total),
      all.reduce((sum, each) => sum + figure.of(of(each)), 0n),
    ])
  return [...rows('total_', ({ total }) => total), ...rows('avg_', ({ average }) => average)]
})

function row(counters: DatabaseCounters): Row {
  return figures.map(({ of }) => of(counters))
}

/** The console's own last: what was asked of it counts, but it has no averages. */
function stats({ figures: pooler, console }: Surroundings): DatabaseStats[] {
  return [...pooler.stats(), { database: consoleDatabase, total: console.counters(), average: noCounters }]
}

export const noCounters: DatabaseCounters = {
  assignments: 0,
  transactions: 0,
  queries: 0,
  receivedBytes: 0,
  sentBytes: 0,
  transactionMs: 0,
  queryMs: 0,
  waitMs: 0,
  clientParses: 0,
  serverParses: 0,
  binds: 0,
  logins: 0,
}
