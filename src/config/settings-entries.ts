/** Rows of [databases] and [users]: what a connection string may say. Unset: what the wider place says. */

import { choice, decimal, list, ownLimit, ownSeconds, ownSize, text } from './setting.ts'
import { authDbnameProblem } from './settings-auth.ts'
import { anyPort } from './settings-listening.ts'
import { largestPool, most, poolModes, sessionStates } from './settings-pools.ts'
import { isSocketDirectory, socketDirectoryProblem } from './socket-path.ts'

const poolMode = choice({ default: undefined, words: poolModes, about: 'Its pool_mode.' })
const sessionState = choice({ default: undefined, words: sessionStates, about: 'Its session_state.' })
const maxPinned = ownSize({ max: largestPool, about: 'Its max_pinned.' })
const poolSize = ownSize({ max: largestPool, about: 'How many servers a pool of it may have; 0: unlimited.' })
const reserveSize = ownSize({ max: largestPool, about: 'Its reserve_pool_size.' })
const queryWait = ownSeconds({ about: 'Its query_wait_timeout.' })

export const databases = {
  dbname: text({ range: 'a database name', about: "PostgreSQL's name of the database; unset: the same name." }),
  host: list({
    range: 'host names, addresses, /DIRECTORY or @NAME of unix sockets, separated by commas; unset: unix_socket_dir',
    problemOf: (host) => (isSocketDirectory(host) ? socketDirectoryProblem(host) : hostProblem(host)),
    about: 'Where PostgreSQL is.',
  }),
  port: decimal({ default: 5432, ...anyPort, about: "PostgreSQL's port." }),
  user: text({ range: 'a user name', about: 'Log in to PostgreSQL as this user, whoever the client is.' }),
  password: text({
    range: 'a plain password',
    isSecret: true,
    about: 'The password for PostgreSQL; unset: the one in auth_file, or the keys of the client.',
  }),
  auth_user: text({ range: 'a user name', about: 'Its auth_user.' }),
  auth_query: text({ range: 'one SELECT of two columns, name and secret', about: 'Its auth_query.' }),
  auth_dbname: text({ range: 'a name of [databases]', problemOf: authDbnameProblem, about: 'Its auth_dbname.' }),
  pool_mode: poolMode,
  session_state: sessionState,
  max_pinned: maxPinned,
  pool_size: poolSize,
  min_pool_size: ownSize({ max: largestPool, about: 'Its min_pool_size.' }),
  reserve_pool_size: reserveSize,
  max_db_connections: ownLimit({ max: most, about: 'Its max_db_connections.' }),
  max_db_client_connections: ownLimit({ max: most, about: 'Its max_db_client_connections.' }),
  server_lifetime: ownSeconds({ about: 'Its server_lifetime.' }),
  query_wait_timeout: queryWait,
  connect_query: text({ range: 'SQL', about: 'What a new server runs before it is lent.' }),
  load_balance_hosts: choice({
    default: 'round-robin',
    words: ['round-robin', 'disable'],
    about: 'Take several hosts in turn, or stay with one until it fails.',
  }),
  application_name: text({ about: 'The application_name to log in with.' }),
  client_encoding: text({ about: 'The client_encoding to log in with.' }),
  datestyle: text({ about: 'The DateStyle to log in with.' }),
  timezone: text({ about: 'The TimeZone to log in with.' }),
}

export const users = {
  pool_mode: poolMode,
  session_state: sessionState,
  max_pinned: maxPinned,
  pool_size: poolSize,
  reserve_pool_size: reserveSize,
  max_user_connections: ownLimit({ max: most, about: 'Its max_user_connections.' }),
  max_user_client_connections: ownLimit({ max: most, about: 'Its max_user_client_connections.' }),
  query_timeout: ownSeconds({ about: 'Its query_timeout.' }),
  query_wait_timeout: queryWait,
  idle_transaction_timeout: ownSeconds({ about: 'Its idle_transaction_timeout.' }),
  transaction_timeout: ownSeconds({ about: 'Its transaction_timeout.' }),
  client_idle_timeout: ownSeconds({ about: 'Its client_idle_timeout.' }),
}

function hostProblem(host: string): string | undefined {
  return /^[^\s/@;'"]+$/.test(host)
    ? undefined
    : `"${host}" is no host; allowed: a name, an address, /DIRECTORY or @NAME`
}
