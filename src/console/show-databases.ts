import type { DatabaseFigures } from '../pooler/figures.ts'
import { consoleDatabase, show, type Surroundings } from './command.ts'
import { int4, type Row, text } from './result.ts'

const columns = [
  text('name'),
  text('host'),
  int4('port'),
  text('database'),
  text('force_user'),
  int4('pool_size'),
  int4('min_pool_size'),
  int4('reserve_pool_size'),
  int4('server_lifetime'),
  text('pool_mode'),
  text('load_balance_hosts'),
  int4('max_connections'),
  int4('current_connections'),
  int4('max_client_connections'),
  int4('current_client_connections'),
  int4('paused'),
  int4('disabled'),
]

/** One row a database, the console's own last. */
export const showDatabases = show('DATABASES', columns, (around) => [
  ...around.figures.databases().map(databaseRow),
  ownRow(around),
])

function databaseRow(database: DatabaseFigures): Row {
  return [
    database.name,
    database.host ?? null,
    database.port,
    database.database,
    database.forcedUser ?? null,
    database.poolSize,
    database.minPoolSize,
    database.reservePoolSize,
    Math.round(database.serverLifetimeMs / 1_000),
    database.mode ?? null,
    database.loadBalanceHosts ?? null,
    database.maxServers,
    database.servers,
    database.maxClients,
    database.clients,
    database.isPaused ? 1 : 0,
    database.isDisabled ? 1 : 0,
  ]
}

/** PgBouncer gives its console a port, its own, and a pool of 2. */
function ownRow({ process, console }: Surroundings): Row {
  const port = Number(process.settings().find(({ name }) => name === 'listen_port')?.value ?? 0)
  const limits = [2, 0, 0, 0, 'statement', null, 0, 0, 0]
  return [consoleDatabase, null, port, consoleDatabase, consoleDatabase, ...limits, console.clients().length, 0, 0]
}
