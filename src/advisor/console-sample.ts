/**
 * One look at a console: PgBouncer's, or one that speaks like it. Columns are taken by name; what an older release does not have
 * is absent.
 */

import { TaxirankError } from '../errors.ts'
import type { Connection } from './connection.ts'

type Row = Readonly<Record<string, string | null | undefined>>

export interface ConsoleSample {
  /** Monotonic, ours: when it was answered. */
  readonly atMs: number
  /** SHOW POOLS, without the console's own. */
  readonly pools: readonly ConsolePool[]
  /** SHOW STATS, by database. */
  readonly totals: ReadonlyMap<string, ConsoleTotals>
}

export interface ConsolePool {
  readonly database: string
  readonly user: string
  readonly mode: string
  readonly clientsActive: number
  readonly clientsWaiting: number
  readonly serversActive: number
  readonly serversIdle: number
  readonly serversLogin: number
  readonly longestWaitMs: number
}

/** Since the pooler's start. */
export interface ConsoleTotals {
  readonly transactions: number
  /** Leases; absent before PgBouncer 1.23. */
  readonly assignments?: number
  readonly transactionMs: number
  readonly waitMs: number
}

/** SHOW DATABASES. */
export interface ConsoleDatabase {
  readonly name: string
  readonly size: number
  readonly reserve: number
  /** 0: no limit. */
  readonly maxServers: number
  readonly servers: number
}

export interface ConsoleVersion {
  readonly kind: 'taxirank' | 'pgbouncer'
  readonly version: string
}

const consoleDatabase = 'pgbouncer'

/** Rejects with `bad_configuration` if that is no console. */
export async function readConsoleVersion(connection: Connection): Promise<ConsoleVersion> {
  const rows = await connection.query<Row>('SHOW VERSION').catch((error: unknown) => {
    if (connection.isLost) throw error
    return []
  })
  const text = rows[0]?.['version'] ?? ''
  const taxirank = /Taxirank (\S+?)\)?$/.exec(text)?.[1]
  if (taxirank !== undefined) return { kind: 'taxirank', version: taxirank }
  const pgbouncer = /^PgBouncer (\S+)/i.exec(text)?.[1]
  if (pgbouncer !== undefined) return { kind: 'pgbouncer', version: pgbouncer }
  throw new TaxirankError(
    'bad_configuration',
    `${connection.address} is not the console of a pooler: that is the database pgbouncer, at the pooler's own port`,
  )
}

export async function sampleConsole(connection: Connection): Promise<ConsoleSample> {
  const pools = await connection.query<Row>('SHOW POOLS')
  const stats = await connection.query<Row>('SHOW STATS')
  return {
    atMs: performance.now(),
    pools: pools.filter((row) => row['database'] !== consoleDatabase).map(poolOf),
    totals: new Map(stats.map((row) => [row['database'] ?? '', totalsOf(row)])),
  }
}

export async function readConsoleDatabases(connection: Connection): Promise<readonly ConsoleDatabase[]> {
  const rows = await connection.query<Row>('SHOW DATABASES')
  return rows.filter((row) => row['name'] !== consoleDatabase).map(databaseOf)
}

/** SHOW CONFIG: settings by name. */
export async function readConsoleSettings(connection: Connection): Promise<ReadonlyMap<string, string>> {
  const rows = await connection.query<Row>('SHOW CONFIG')
  return new Map(rows.map((row) => [row['key'] ?? '', row['value'] ?? '']))
}

/** 0 for what is not there. */
function number(row: Row, name: string): number {
  const value = Number(row[name] ?? 0)
  return Number.isFinite(value) ? value : 0
}

function poolOf(row: Row): ConsolePool {
  return {
    database: row['database'] ?? '',
    user: row['user'] ?? '',
    mode: row['pool_mode'] ?? '',
    clientsActive: number(row, 'cl_active'),
    clientsWaiting: number(row, 'cl_waiting'),
    serversActive: number(row, 'sv_active') + number(row, 'sv_being_canceled'),
    serversIdle: number(row, 'sv_idle') + number(row, 'sv_used') + number(row, 'sv_tested'),
    serversLogin: number(row, 'sv_login'),
    longestWaitMs: number(row, 'maxwait') * 1_000 + number(row, 'maxwait_us') / 1_000,
  }
}

function totalsOf(row: Row): ConsoleTotals {
  const assignments = 'total_server_assignment_count'
  return {
    transactions: number(row, 'total_xact_count'),
    ...(assignments in row && { assignments: number(row, assignments) }),
    transactionMs: number(row, 'total_xact_time') / 1_000,
    waitMs: number(row, 'total_wait_time') / 1_000,
  }
}

function databaseOf(row: Row): ConsoleDatabase {
  return {
    name: row['name'] ?? '',
    size: number(row, 'pool_size'),
    // Its name until PgBouncer 1.23.
    reserve: number(row, 'reserve_pool_size' in row ? 'reserve_pool_size' : 'reserve_pool'),
    maxServers: number(row, 'max_connections'),
    servers: number(row, 'current_connections'),
  }
}
