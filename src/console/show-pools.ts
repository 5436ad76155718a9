import type { Pooler } from '../pooler/pooler.ts'
import type { ServerPoolFigures } from '../pooler/server-pool.ts'
import { integerColumn, type Result, textColumn } from './result.ts'

const figures = [
  'cl_active',
  'cl_waiting',
  'cl_active_cancel_req',
  'cl_waiting_cancel_req',
  'sv_active',
  'sv_active_cancel',
  'sv_being_canceled',
  'sv_idle',
  'sv_used',
  'sv_tested',
  'sv_login',
  'maxwait',
  'maxwait_us',
]

const columns = [
  textColumn('database'),
  textColumn('user'),
  ...figures.map(integerColumn),
  textColumn('pool_mode'),
  textColumn('load_balance_hosts'),
]

/** SHOW POOLS: one row a pool, the console's own last. */
export function showPools(pooler: Pooler, consoleClients: number): Result {
  const rows = pooler.figures().map(poolRow)
  const own = ['pgbouncer', 'pgbouncer', consoleClients, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'statement', null]
  return { tag: 'SHOW', columns, rows: [...rows, own.map((value) => (value === null ? null : String(value)))] }
}

/** sv_used and sv_tested are servers between two leases that need a check first: there are none yet. */
function poolRow(pool: ServerPoolFigures): (string | null)[] {
  const clients = [pool.clients - pool.waiting, pool.waiting, pool.cancelling, 0]
  const servers = [pool.leased, pool.cancelling, 0, pool.idle, 0, 0, pool.opening]
  const microseconds = Math.round(pool.longestWaitMs * 1000)
  const wait = [Math.floor(microseconds / 1_000_000), microseconds % 1_000_000]
  const names = [pool.database, pool.user].map((name) => Buffer.from(name, 'latin1').toString('utf8'))
  return [...names, ...[...clients, ...servers, ...wait].map(String), 'transaction', null]
}
