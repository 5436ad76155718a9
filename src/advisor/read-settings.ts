/** Of PostgreSQL's settings those that an advice on connections looks at. */

import type { Connection } from './connection.ts'
import type { DatabaseSettings } from './database-reading.ts'
import { readValue } from './read-value.ts'

type Setting = readonly [value: string, unit: string | null]
type Limits = 'databaseConnectionLimit' | 'userConnectionLimit'

const names: Readonly<Record<Exclude<keyof DatabaseSettings, Limits>, string>> = {
  maxConnections: 'max_connections',
  superuserReservedConnections: 'superuser_reserved_connections',
  reservedConnections: 'reserved_connections',
  sharedBuffersBytes: 'shared_buffers',
  workMemBytes: 'work_mem',
  hashMemMultiplier: 'hash_mem_multiplier',
  maintenanceWorkMemBytes: 'maintenance_work_mem',
  effectiveCacheSizeBytes: 'effective_cache_size',
  randomPageCost: 'random_page_cost',
  statementTimeoutMs: 'statement_timeout',
  lockTimeoutMs: 'lock_timeout',
  idleInTransactionSessionTimeoutMs: 'idle_in_transaction_session_timeout',
  idleSessionTimeoutMs: 'idle_session_timeout',
  transactionTimeoutMs: 'transaction_timeout',
  maxWalSenders: 'max_wal_senders',
  maxWorkerProcesses: 'max_worker_processes',
  maxParallelWorkers: 'max_parallel_workers',
  maxParallelWorkersPerGather: 'max_parallel_workers_per_gather',
  autovacuumMaxWorkers: 'autovacuum_max_workers',
  maxPreparedTransactions: 'max_prepared_transactions',
  tracksActivities: 'track_activities',
}

/** `reset_val`: not what our own transaction has set. */
const settings = `json_build_object(
  'settings', (select json_object_agg(name, json_build_array(reset_val, unit)) from pg_settings where name in (${Object.values(
    names,
  )
    .map((name) => `'${name}'`)
    .join(', ')})),
  'databaseConnectionLimit', (select datconnlimit from pg_database where datname = current_database()),
  'userConnectionLimit', (select rolconnlimit from pg_roles where rolname = current_user))`

type Answer = { readonly settings: Readonly<Record<string, Setting>> } & Readonly<Record<Limits, number | null>>

export async function readSettings(connection: Connection): Promise<DatabaseSettings> {
  const { settings: found, ...limits } = await readValue<Answer>(connection, settings)
  return settingsOf(found, limits)
}

/** What this PostgreSQL does not know is absent; so is a limit of -1. */
export function settingsOf(
  found: Readonly<Record<string, Setting>>,
  limits: Readonly<Record<Limits, number | null>>,
): DatabaseSettings {
  const values = Object.entries(names).flatMap(([key, name]) => {
    const setting = found[name]
    return setting === undefined ? [] : [[key, valueOf(setting)]]
  })
  const limited = Object.entries(limits).filter(([, limit]) => limit !== null && limit >= 0)
  return Object.fromEntries([...values, ...limited]) as DatabaseSettings
}

const factors: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1024,
  MB: 1024 ** 2,
  us: 0.001,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** In bytes or milliseconds, where it has a unit such as `8kB`. */
function valueOf([value, unit]: Setting): number | boolean {
  if (value === 'on' || value === 'off') return value === 'on'
  const [, times = '', name = ''] = /^(\d*)(\D*)$/.exec(unit ?? '') ?? []
  return Number(value) * (times === '' ? 1 : Number(times)) * (factors[name] ?? 1)
}
