import type { Pooler } from '../pooler/pooler.ts'
import type { PoolFigures } from '../pooler/figures.ts'
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
  const rows = pooler.figures.pools().map(poolRow)
  const own = ['pgbouncer', 'pgbouncer', consoleClients, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'statement', null]
  return { tag: 'SHOW', columns, rows: [...rows, own.map((value) => (value === null ? null : String(value)))] }
}

function poolRow({ database, user, clients, servers, longestWaitMs, mode }: PoolFigures): (string | null)[] {
  const connected = [
    clients.active + clients.idle,
    clients.waiting,
    clients.active_cancel_req,
    clients.waiting_cancel_req,
  ]
  const { active, active_cancel, being_canceled, idle, used, tested, login } = servers
  const microseconds = Math.round(longestWaitMs * 1000)
  const wait = [Math.floor(microseconds / 1_000_000), microseconds % 1_000_000]
  const numbers = [...connected, active, active_cancel, being_canceled, idle, used, tested, login, ...wait]
  return [database, user, ...numbers.map(String), mode, null]
}
