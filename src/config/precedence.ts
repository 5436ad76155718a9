/**
 * What holds where several places speak of the same thing. As in PgBouncer: the user goes before the database, and
 * that before [pgbouncer]. The user is the pool's, so behind a forced user it is the forced user's entry that counts.
 * Unset is undefined; a size of 0 is a value (unlimited), while limits and times of 0 were read as unset.
 */

import type { Config, DatabaseConfig } from './config.ts'
import { isSocketDirectory, socketPath } from './socket-path.ts'

export type PoolMode = Config['global']['poolMode']

/** One place where PostgreSQL may be. */
export type Host =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A path that begins with `@` is a name in the abstract namespace. */
  | { readonly kind: 'unix'; readonly path: string }

/** What the number of servers of one pool depends on. */
export interface PoolSettings {
  readonly mode: PoolMode
  /** 0: unlimited. */
  readonly size: number
  readonly reserveSize: number
}

export interface DatabaseSizes {
  /** 0: unlimited. */
  readonly poolSize: number
  readonly minPoolSize: number
  readonly reservePoolSize: number
  /** 0: for ever. */
  readonly queryWaitTimeoutMs: number
  /** 0: a server is used once. */
  readonly serverLifetimeMs: number
  /** 0: unlimited. */
  readonly maxServers: number
  /** 0: unlimited. */
  readonly maxClients: number
}

export interface DatabaseSettings {
  readonly hosts: readonly Host[]
  readonly authUser: string | undefined
  readonly authQuery: string | undefined
  /** Undefined: the database that the client asks for. */
  readonly authDbname: string | undefined
}

/** The values of one user. Everything that is 0 is off: unlimited, or for ever. */
export interface UserSettings {
  readonly maxServers: number
  readonly maxClients: number
  readonly queryTimeoutMs: number
  readonly idleTransactionTimeoutMs: number
  readonly transactionTimeoutMs: number
  readonly clientIdleTimeoutMs: number
}

/** What holds for the pool of a database and a client's user. */
export function poolSettings(config: Config, database: DatabaseConfig, clientUser: string): PoolSettings {
  const own = config.users.get(database.user ?? clientUser)
  const { poolSize, reservePoolSize } = databaseSizes(config, database)
  return Object.freeze({
    mode: own?.poolMode ?? database.poolMode ?? config.global.poolMode,
    size: own?.poolSize ?? poolSize,
    reserveSize: own?.reservePoolSize ?? reservePoolSize,
  })
}

/** The numbers of a database, whoever its clients are. */
export function databaseSizes({ global }: Config, database: DatabaseConfig): DatabaseSizes {
  return Object.freeze({
    poolSize: database.poolSize ?? global.defaultPoolSize,
    minPoolSize: database.minPoolSize ?? global.minPoolSize,
    reservePoolSize: database.reservePoolSize ?? global.reservePoolSize,
    queryWaitTimeoutMs: database.queryWaitTimeoutMs ?? global.queryWaitTimeoutMs,
    serverLifetimeMs: database.serverLifetimeMs ?? global.serverLifetimeMs,
    maxServers: database.maxDbConnections ?? global.maxDbConnections,
    maxClients: database.maxDbClientConnections ?? global.maxDbClientConnections,
  })
}

/** Where a database is, and how its users are looked up. */
export function databaseSettings(config: Config, database: DatabaseConfig): DatabaseSettings {
  const { global } = config
  return Object.freeze({
    hosts: hostsOf(config, database),
    authUser: database.authUser ?? global.authUser,
    authQuery: database.authQuery ?? global.authQuery,
    authDbname: database.authDbname ?? global.authDbname,
  })
}

/**
 * What holds for a user in every database. Its time-outs are for this user alone: they say nothing of any other. For
 * the limits of servers and of what runs on them it is the pool's user who counts, for the client's the client's own.
 */
export function userSettings(config: Config, user: string): UserSettings {
  const { global } = config
  const own = config.users.get(user)
  return Object.freeze({
    maxServers: own?.maxUserConnections ?? global.maxUserConnections,
    maxClients: own?.maxUserClientConnections ?? global.maxUserClientConnections,
    queryTimeoutMs: own?.queryTimeoutMs ?? global.queryTimeoutMs,
    idleTransactionTimeoutMs: own?.idleTransactionTimeoutMs ?? global.idleTransactionTimeoutMs,
    transactionTimeoutMs: own?.transactionTimeoutMs ?? global.transactionTimeoutMs,
    clientIdleTimeoutMs: own?.clientIdleTimeoutMs ?? global.clientIdleTimeoutMs,
  })
}

/**
 * The secret with which a database's forced user logs in: its password, else the one of auth_file. Undefined: no user
 * is forced, or there is none, or it has none. Never to be logged.
 */
export function forcedSecret(config: Config, database: DatabaseConfig): string | undefined {
  if (database.password !== undefined) return database.password
  if (database.user === undefined) return undefined
  const secret = config.userlist?.get(database.user)?.secret
  return secret === '' ? undefined : secret
}

function hostsOf(config: Config, database: DatabaseConfig): readonly Host[] {
  const { unixSocketDir } = config.global
  const written = database.host.length > 0 || unixSocketDir === undefined ? database.host : [unixSocketDir]
  return Object.freeze(
    written.map((host): Host =>
      Object.freeze(
        isSocketDirectory(host)
          ? { kind: 'unix', path: socketPath(host, database.port) }
          : { kind: 'tcp', host, port: database.port },
      ),
    ),
  )
}
