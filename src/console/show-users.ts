import type { UserFigures } from '../pooler/figures.ts'
import { show } from './command.ts'
import { int4, type Row, text } from './result.ts'

const columns = [
  text('name'),
  text('pool_size'),
  text('reserve_pool_size'),
  text('pool_mode'),
  int4('max_user_connections'),
  int4('current_connections'),
  int4('max_user_client_connections'),
  int4('current_client_connections'),
]

/** One row a user. */
export const showUsers = show('USERS', columns, ({ figures }) => figures.users().map(userRow))

function userRow(user: UserFigures): Row {
  return [
    user.name,
    padded(user.poolSize),
    padded(user.reservePoolSize),
    user.mode ?? null,
    user.maxServers,
    user.servers,
    user.maxClients,
    user.clients,
  ]
}

/** PgBouncer's text of such a size is nine characters wide, and empty where it is unset. */
function padded(size: number | undefined): string {
  return size === undefined ? '' : String(size).padStart(9)
}
