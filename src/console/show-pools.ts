import type { PoolFigures } from '../pooler/figures.ts'
import { consoleDatabase, show } from './command.ts'
import { secondsAndMicros } from './number-values.ts'
import { int4, type Row, text } from './result.ts'

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

const columns = [text('database'), text('user'), ...figures.map(int4), text('pool_mode'), text('load_balance_hosts')]

/** One row a pool, the console's own last. */
export const showPools = show('POOLS', columns, ({ figures: pooler, console }) => {
  const nobody = figures.slice(1).map(() => 0)
  const own = [consoleDatabase, consoleDatabase, console.clients().length, ...nobody, 'statement', null]
  return [...pooler.pools().map(poolRow), own]
})

/** Idle clients are active ones in PgBouncer's sense: they don't wait. */
function poolRow({ database, user, clients, servers, longestWaitMs, mode, loadBalanceHosts }: PoolFigures): Row {
  return [
    database,
    user,
    clients.idle + clients.active,
    clients.waiting,
    clients.active_cancel_req,
    clients.waiting_cancel_req,
    servers.active,
    servers.active_cancel,
    servers.being_canceled,
    servers.idle,
    servers.used,
    servers.tested,
    servers.login,
    ...secondsAndMicros(longestWaitMs),
    mode,
    loadBalanceHosts ?? null,
  ]
}
