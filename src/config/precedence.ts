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

/** The values of one pool. */
export interface PoolSettings {
  /** Who logs in to PostgreSQL. */
  readonly user: string
  readonly mode: PoolMode
  /** 0: unlimited. */
  readonly size: number
  /** Never more than size, unless that is 0. */
  readonly minSize: number
  readonly reserveSize: number
  /** 0: no reserve. */
  readonly reserveTimeoutMs: number
  /** 0: for ever. */
  readonly queryWaitTimeoutMs: number
  /** 0: a server is used once. */
  readonly serverLifetimeMs: number
  /** What runs at the end of a session, or at every release where the settings say so; undefined: nothing. */
  readonly resetQuery: string | undefined
  /** 0: named statements are not followed, which they never are in session mode. */
  readonly maxPreparedStatements: number
}

/** The values of one database. */
export interface DatabaseSettings {
  readonly hosts: readonly Host[]
  /** 0: unlimited. */
  readonly maxConnections: number
  /** 0: unlimited. */
  readonly maxClientConnections: number
  readonly authUser: string | undefined
  readonly authQuery: string | undefined
  /** Undefined: the database that the client asks for. */
  readonly authDbname: string | undefined
}

/** The values of one user. Everything that is 0 is off: unlimited, or for ever. */
export interface UserSettings {
  readonly maxConnections: number
  readonly maxClientConnections: number
  readonly queryTimeoutMs: number
  readonly idleTransactionTimeoutMs: number
  readonly transactionTimeoutMs: number
  readonly clientIdleTimeoutMs: number
}

/** What holds for the pool of a database and a client's user. */
export function poolSettings(config: Config, database: DatabaseConfig, clientUser: string): PoolSettings {
  const { global } = config
  const user = database.user ?? clientUser
  const own = config.users.get(user)
  const mode = own?.poolMode ?? database.poolMode ?? global.poolMode
  const size = own?.poolSize ?? database.poolSize ?? global.defaultPoolSize
  const minSize = database.minPoolSize ?? global.minPoolSize
  return Object.freeze({
    user,
    mode,
    size,
    minSize: size === 0 ? minSize : Math.min(minSize, size),
    reserveSize: own?.reservePoolSize ?? database.reservePoolSize ?? global.reservePoolSize,
    reserveTimeoutMs: global.reservePoolTimeoutMs,
    queryWaitTimeoutMs: own?.queryWaitTimeoutMs ?? database.queryWaitTimeoutMs ?? global.queryWaitTimeoutMs,
    serverLifetimeMs: database.serverLifetimeMs ?? global.serverLifetimeMs,
    resetQuery: mode === 'session' || global.serverResetQueryAlways ? global.serverResetQuery : undefined,
    maxPreparedStatements: mode === 'session' ? 0 : global.maxPreparedStatements,
  })
}

/** What holds for a database, whoever its clients are. */
export function databaseSettings(config: Config, database: DatabaseConfig): DatabaseSettings {
  const { global } = config
  return Object.freeze({
    hosts: hostsOf(config, database),
    maxConnections: database.maxDbConnections ?? global.maxDbConnections,
    maxClientConnections: database.maxDbClientConnections ?? global.maxDbClientConnections,
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
    maxConnections: own?.maxUserConnections ?? global.maxUserConnections,
    maxClientConnections: own?.maxUserClientConnections ?? global.maxUserClientConnections,
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
