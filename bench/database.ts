/** The one PostgreSQL both poolers stand in front of: pgbench's tables, in memory, with the disk out of the measure. */

import { Client } from 'pg'
import type { Processes } from './processes.ts'

/** A running PostgreSQL with user and database `postgres`, trust on 127.0.0.1. */
export interface RunningPostgres {
  readonly port: number
  stop(mode: 'immediate'): Promise<void>
}

export type StartPostgres = (options: {
  readonly dataDir: string
  readonly settings: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}) => Promise<RunningPostgres>

export interface Database {
  readonly port: number
  /** `PostgreSQL 18.1`. */
  readonly version: string
  /** Brings the small tables back to what they were, as pgbench would do before a run of its own. */
  tidy(): Promise<void>
  stop(): Promise<void>
}

export const scale = 50

/**
 * 100 connections would do but for the row without a pooler: there backends that are ending still hold their places.
 * Nothing waits for the disk, and nothing runs in the background: what is left is what poolers can differ in.
 */
export const postgresSettings = {
  max_connections: '200',
  shared_buffers: '1GB',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  max_wal_size: '8GB',
  checkpoint_timeout: '1h',
}

const initializeLimitMs = 600_000

/** Starts PostgreSQL in `dataDir`, fills pgbench's tables and reads them into memory. */
export async function openDatabase(
  processes: Processes,
  pgbench: string,
  dataDir: string,
  start: StartPostgres,
): Promise<Database> {
  const postgres = await start({ dataDir, settings: postgresSettings, signal: processes.stopping })
  const { port } = postgres
  try {
    const args = ['-i', '-q', '-s', String(scale), '--unlogged-tables', '-h', '127.0.0.1', '-p', String(port)]
    await processes.run('pgbench -i', pgbench, [...args, '-U', 'postgres', 'postgres'], initializeLimitMs)
    const version = await query(port, [...readIntoMemory, 'checkpoint', 'show server_version'])
    return {
      port,
      version: `PostgreSQL ${version}`,
      tidy: async () => void (await query(port, tidying)),
      stop: () => postgres.stop('immediate'),
    }
  } catch (error) {
    await postgres.stop('immediate')
    throw error
  }
}

/** A sequential scan of a large table passes by shared_buffers; along the index every page goes through them. */
const readIntoMemory = [
  'set enable_seqscan = off',
  'set enable_bitmapscan = off',
  'select sum(abalance) from pgbench_accounts where aid > 0',
]

const tidying = ['vacuum pgbench_branches', 'vacuum pgbench_tellers', 'truncate pgbench_history']

/** Runs the statements one by one on a connection of their own; the first value of the last is returned. */
async function query(port: number, statements: readonly string[]): Promise<string> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  await client.connect()
  try {
    let value = ''
    for (const statement of statements) {
      const { rows } = await client.query<unknown[]>({ text: statement, rowMode: 'array' })
      value = String(rows[0]?.[0])
    }
    return value
  } finally {
    await client.end()
  }
}
