/** Turns a configuration into what the pooler is told. Names in files are UTF-8; on the wire, and in the pooler, byte strings. */

import { createHmac, randomBytes } from 'node:crypto'
import { MadeUpSecrets } from '../auth/made-up-secrets.ts'
import { type Credentials, credentialsOf, NoSecret, parseSecret, type Secret } from '../auth/secret.ts'
import {
  type Config,
  type GlobalConfig,
  databaseFrom,
  type DatabaseConfig,
  findDatabase,
  template,
} from '../config/config.ts'
import { databaseSettings, databaseSizes, forcedSecret, type Host, userSettings } from '../config/precedence.ts'
import type { AuthenticationOptions } from '../pooler/authentication.ts'
import type { ClientLimits } from '../pooler/client-limits.ts'
import { bytesOf } from '../pooler/names.ts'
import type { AuthQuerySource, Database, PoolerOptions, User } from '../pooler/options.ts'
import { notice } from '../wire/build.ts'
import type { ServerAddress } from '../server/target.ts'
import type { TlsSetups } from './tls-setups.ts'

/** Limits that have no setting. */
const fixedLimits = { settleTimeoutMs: 5_000, halfMessageTimeoutMs: 60_000, authQueryTimeoutMs: 5_000 } as const

/** For the life of the process: what was made up for a name stays the same through every reload. */
const madeUpKey = randomBytes(32)

/** `isOpenToAll`: whoever need not prove anything may have any name. */
export function poolerOptions(config: Config, tls: TlsSetups, isOpenToAll: boolean): PoolerOptions {
  const { global, databaseTemplate } = config
  const from = (database: DatabaseConfig): Database => databaseOptions(config, database)
  const { mode } = tls.accepting ?? { mode: 'disable' }
  return {
    databases: new Map([...config.databases].map(([name, database]) => [bytesOf(name), from(database)])),
    ...(databaseTemplate && { databaseTemplate: templateOptions(config, databaseFrom(databaseTemplate, template)) }),
    userOptions: new Map([...config.users.keys()].map((name) => [bytesOf(name), userOptions(config, name)])),
    authentication: authenticationOf(config, isOpenToAll),
    isTlsRequired: mode !== 'disable' && mode !== 'allow' && mode !== 'prefer',
    serverEncryption: tls.connecting,
    serverEncryptionId: tls.connectingId,
    maxClients: global.maxClientConn,
    maxUserServers: global.maxUserConnections,
    maxUserClients: global.maxUserClientConnections,
    ignoredStartupParameters: new Set(global.ignoreStartupParameters.map((name) => name.toLowerCase())),
    logs: {
      connections: global.logConnections,
      disconnections: global.logDisconnections,
      errors: global.logPoolerErrors,
      stats: global.logStats,
    },
    clientLoginTimeoutMs: global.clientLoginTimeoutMs,
    serverConnectTimeoutMs: global.serverConnectTimeoutMs,
    serverLoginRetryMs: global.serverLoginRetryMs,
    cancelWaitTimeoutMs: global.cancelWaitTimeoutMs,
    reserveAfterMs: global.reservePoolTimeoutMs,
    isServerRoundRobin: global.serverRoundRobin,
    serverIdleTimeoutMs: global.serverIdleTimeoutMs,
    autodbIdleTimeoutMs: global.autodbIdleTimeoutMs,
    poolIdleTimeoutMs: global.poolIdleTimeoutMs,
    statsPeriodMs: global.statsPeriodMs,
    suspendTimeoutMs: global.suspendTimeoutMs,
    ...sessionOptions(global),
    clientLimits: clientLimits(global),
    userClientLimits: new Map([...config.users.keys()].map((name) => [bytesOf(name), limitsOfUser(config, name)])),
    trackedExtraParameters: new Set(global.trackExtraParameters.map(bytesOf)),
    ...(global.loginNotifyMessage !== undefined && { loginNotice: notice(global.loginNotifyMessage) }),
    applicationNameAddHost: global.applicationNameAddHost,
    disableQuery: global.disablePqexec,
    maxPacketBytes: global.maxPacketSizeBytes,
    ...fixedLimits,
  }
}

function sessionOptions(global: GlobalConfig) {
  const { serverCheckQuery: check, serverResetQuery: reset } = global
  return {
    poolMode: global.poolMode,
    sessionState: global.sessionState,
    sessionAuditEvery: global.sessionAuditEvery,
    recordingEntries: global.recordingEntries,
    ...(global.maxPinned !== undefined && { maxPinned: global.maxPinned }),
    ...(global.serverIsPooler !== 'auto' && { serverIsPooler: global.serverIsPooler === 'yes' }),
    ...(reset !== undefined && { serverResetQuery: bytesOf(reset) }),
    serverResetQueryAlways: global.serverResetQueryAlways,
    ...(check !== undefined && { serverCheckQuery: check === emptyQuery ? '' : bytesOf(check) }),
    serverCheckDelayMs: global.serverCheckDelayMs,
    serverFastClose: global.serverFastClose,
    maxPreparedStatements: global.maxPreparedStatements,
  } satisfies Partial<PoolerOptions>
}

/** How server_check_query writes a Query without a statement. */
const emptyQuery = '<empty>'

function clientLimits(said: TimeLimits & Pick<GlobalConfig, 'queryWaitNotifyMs'>): ClientLimits {
  const { queryTimeoutMs, idleTransactionTimeoutMs, transactionTimeoutMs, clientIdleTimeoutMs, queryWaitNotifyMs } =
    said
  return { queryTimeoutMs, idleTransactionTimeoutMs, transactionTimeoutMs, clientIdleTimeoutMs, queryWaitNotifyMs }
}

type TimeLimits = Pick<
  GlobalConfig,
  'queryTimeoutMs' | 'idleTransactionTimeoutMs' | 'transactionTimeoutMs' | 'clientIdleTimeoutMs'
>

function limitsOfUser(config: Config, name: string): ClientLimits {
  return clientLimits({ ...userSettings(config, name), queryWaitNotifyMs: config.global.queryWaitNotifyMs })
}

/** What `*` says: the name is the client's. */
function templateOptions(config: Config, database: DatabaseConfig): Database {
  const { name: _, ...options } = databaseOptions(config, database)
  const { dbname } = config.databaseTemplate ?? {}
  return { ...options, ...(dbname !== undefined && { name: bytesOf(dbname) }) }
}

function databaseOptions(config: Config, database: DatabaseConfig): Database {
  const { hosts } = databaseSettings(config, database)
  const authQuery = authQueryOf(config, database)
  const secret = forcedSecret(config, database)
  return {
    addresses: hosts.map(addressOf),
    loadBalanceHosts: database.loadBalanceHosts,
    name: bytesOf(database.dbname),
    ...(database.user !== undefined && { user: bytesOf(database.user) }),
    parameters: startupParameters(database),
    ...(secret !== undefined && { credentials: credentialsFrom(secret), credentialsId: idOf(secret) }),
    ...(authQuery && { authQuery }),
    ...databaseSizes(config, database),
    ...ownRules(database),
    ...(database.connectQuery !== undefined && { connectQuery: bytesOf(database.connectQuery) }),
  }
}

/** What [users] says of one, and nothing else. */
function userOptions(config: Config, name: string): User {
  const said = config.users.get(name) ?? ({} as Record<string, undefined>)
  const { maxServers, maxClients } = userSettings(config, name)
  return {
    ...(said.poolSize !== undefined && { poolSize: said.poolSize }),
    ...(said.reservePoolSize !== undefined && { reservePoolSize: said.reservePoolSize }),
    ...ownRules(said),
    ...(said.queryWaitTimeoutMs !== undefined && { queryWaitTimeoutMs: said.queryWaitTimeoutMs }),
    maxServers,
    maxClients,
  }
}

/** What a database or a user says of how its servers are shared. */
function ownRules({ poolMode, sessionState, maxPinned }: OwnRules) {
  return {
    ...(poolMode !== undefined && { poolMode }),
    ...(sessionState !== undefined && { sessionState }),
    ...(maxPinned !== undefined && { maxPinned }),
  }
}

type OwnRules = { readonly [Name in 'poolMode' | 'sessionState' | 'maxPinned']?: DatabaseConfig[Name] }

function startupParameters(database: DatabaseConfig): ReadonlyMap<string, string> {
  const { applicationName, clientEncoding, datestyle, timezone } = database
  const named = { application_name: applicationName, client_encoding: clientEncoding, DateStyle: datestyle, timezone }
  return new Map(Object.entries(named).flatMap(([name, value]) => (value ? [[name, bytesOf(value)] as const] : [])))
}

function addressOf(host: Host): ServerAddress {
  return host.kind === 'unix' ? { unix: host.path } : { host: host.host, port: host.port }
}

// Secrets.

/** Even trust lets in only those who are known: in auth_file, in [users], or by auth_query. */
function authenticationOf(config: Config, isOpenToAll: boolean): AuthenticationOptions {
  const { authType: method, scramIterations } = config.global
  const madeUp = new MadeUpSecrets(scramIterations, madeUpKey)
  return isOpenToAll ? { method, madeUp } : { method, madeUp, secrets: secretsOf(config) }
}

/** Everybody in auth_file, and those in [users], of whom nothing is stored but that they are there. */
function secretsOf(config: Config): ReadonlyMap<string, Secret> {
  const unstored = new NoSecret('[users] names this user, and auth_file does not')
  const named = [...config.users.keys()].map((name) => [bytesOf(name), unstored] as const)
  const stored = [...(config.userlist ?? [])].map(
    ([name, { secret }]) => [bytesOf(name), parseSecret(Buffer.from(secret))] as const,
  )
  return new Map<string, Secret>([...named, ...stored])
}

function credentialsFrom(secret: string): Credentials {
  return credentialsOf(parseSecret(Buffer.from(secret)), undefined)
}

/** Tells whether two secrets are the same, and nothing else about them. */
function idOf(secret: string): string {
  return createHmac('sha256', madeUpKey).update(`id\0${secret}`).digest('base64')
}

/** Undefined: users who are not in auth_file are not looked up. */
function authQueryOf(config: Config, database: DatabaseConfig): AuthQuerySource | undefined {
  const { authUser, authQuery, authDbname, hosts } = databaseSettings(config, database)
  if (authUser === undefined || authQuery === undefined) return undefined
  const where = authDbname === undefined ? undefined : findDatabase(config, authDbname)
  const secret = config.userlist?.get(authUser)?.secret ?? ''
  return {
    addresses: (where ? databaseSettings(config, where).hosts : hosts).map(addressOf),
    ...(where && { database: bytesOf(where.dbname) }),
    user: bytesOf(authUser),
    credentials: credentialsFrom(secret),
    query: bytesOf(authQuery),
  }
}
