/** Rules between settings. Each problem stands at the line of the setting that has to change. */

import { databaseEntries, findDatabase } from './config.ts'
import type { Config, DatabaseConfig } from './config.ts'
import { databaseSettings, poolSettings } from './precedence.ts'
import { problemAt } from './problem.ts'
import type { Place, Report } from './problem.ts'
import { consoleName } from './settings-auth.ts'

const plainNeeded =
  'has a SCRAM secret in auth_file, with which nobody can log in: a forced user needs a plain secret there, or password='

/** Reports every rule that the configuration breaks. */
export function checkRules(config: Config, report: Report): void {
  checkListening(config, report)
  checkAuthentication(config, report)
  checkTls(config, report)
  checkGlobalSizes(config, report)
  checkAuthDbname(config, report)
  for (const database of databaseEntries(config).values()) checkDatabase(config, database, report)
}

function checkListening(config: Config, report: Report): void {
  if (config.global.listenAddr.length > 0 || config.global.unixSocketDir !== undefined) return
  report(
    problemAt(
      placeOf(config, 'listen_addr'),
      'listen_addr',
      'empty, as unix_socket_dir is: there is nothing to listen on; for example listen_addr = 127.0.0.1',
    ),
  )
}

function checkAuthentication(config: Config, report: Report): void {
  const { authUser, authQuery } = config.global
  const place = config.origins.settings.get('auth_query')
  const isNamed = authUser !== undefined || [...databaseEntries(config).values()].some((database) => database.authUser)
  if (place && authQuery !== undefined && !isNamed) {
    report(problemAt(place, 'auth_query', 'set, but auth_user is not: say who runs the query'))
  }
  if (authUser !== undefined) checkAuthUser(config, authUser, placeOf(config, 'auth_user'), 'auth_user', report)
}

function checkAuthUser(config: Config, user: string, place: Place, subject: string, report: Report): void {
  if (config.userlist?.get(user)?.kind !== 'scram') return
  report(
    problemAt(
      place,
      subject,
      `"${user}" has a SCRAM secret in auth_file, with which nobody can log in: it needs a plain secret there`,
    ),
  )
}

function checkTls(config: Config, report: Report): void {
  const { global } = config
  const need = (name: string, file: string | undefined, why: string): void => {
    if (file === undefined) report(problemAt(placeOf(config, name, why), name, `not set, and ${why} needs it`))
  }
  if (global.clientTlsSslmode !== 'disable') {
    need('client_tls_key_file', global.clientTlsKeyFile, 'client_tls_sslmode')
    need('client_tls_cert_file', global.clientTlsCertFile, 'client_tls_sslmode')
  }
  if (global.clientTlsSslmode.startsWith('verify')) {
    need('client_tls_ca_file', global.clientTlsCaFile, 'client_tls_sslmode')
  }
  if (global.serverTlsSslmode.startsWith('verify')) {
    need('server_tls_ca_file', global.serverTlsCaFile, 'server_tls_sslmode')
  }
  if (global.serverTlsKeyFile !== undefined) {
    need('server_tls_cert_file', global.serverTlsCertFile, 'server_tls_key_file')
  }
  if (global.serverTlsCertFile !== undefined) {
    need('server_tls_key_file', global.serverTlsKeyFile, 'server_tls_cert_file')
  }
}

function checkAuthDbname(config: Config, report: Report): void {
  const { authDbname } = config.global
  if (!isNoDatabase(config, authDbname)) return
  report(problemAt(placeOf(config, 'auth_dbname'), 'auth_dbname', noDatabase(authDbname)))
}

function checkGlobalSizes(config: Config, report: Report): void {
  const { minPoolSize, defaultPoolSize } = config.global
  if (defaultPoolSize === 0 || minPoolSize <= defaultPoolSize) return
  const text = `${minPoolSize} is more than default_pool_size, which is ${defaultPoolSize}`
  report(problemAt(placeOf(config, 'min_pool_size', 'default_pool_size'), 'min_pool_size', text))
}

/** Whether a database is named that there is not. */
function isNoDatabase(config: Config, name: string | undefined): name is string {
  return name !== undefined && findDatabase(config, name) === undefined
}

function noDatabase(name: string): string {
  return `"${name}" is no database of [databases]`
}

function checkDatabase(config: Config, database: DatabaseConfig, report: Report): void {
  const place = config.origins.databases.get(database.name) ?? config.origins.head
  const tell = (option: string, text: string): void =>
    report(problemAt(place, `[databases] ${database.name}: ${option}`, text))
  const { user } = database
  if (config.global.authType === 'any' && user === undefined) {
    tell('user', 'not set, and auth_type = any needs it: nobody proves who they are')
  }
  if (user !== undefined && database.password === undefined && config.userlist?.get(user)?.kind === 'scram') {
    tell('user', `"${user}" ${plainNeeded}`)
  }
  const resolved = databaseSettings(config, database)
  if (resolved.hosts.length === 0) tell('host', 'not set, and unix_socket_dir is empty: say where PostgreSQL is')
  if (database.authQuery !== undefined && resolved.authUser === undefined) {
    tell('auth_query', 'set, but auth_user is not: say who runs the query')
  }
  if (isNoDatabase(config, database.authDbname)) tell('auth_dbname', noDatabase(database.authDbname))
  if (database.authUser !== undefined) {
    checkAuthUser(config, database.authUser, place, `[databases] ${database.name}: auth_user`, report)
  }
  const { size } = poolSettings(config, database, user ?? '')
  if (database.minPoolSize !== undefined && size !== 0 && database.minPoolSize > size) {
    tell('min_pool_size', `${database.minPoolSize} is more than the pool size, which is ${size}`)
  }
}

/** Where a setting stands; else where the other one does, because of which it matters. */
function placeOf(config: Config, name: string, because = name): Place {
  const { settings, head } = config.origins
  return settings.get(name) ?? settings.get(because) ?? head
}

/** Why a name can't be a database; undefined: it can. */
export function databaseNameProblem(name: string): string | undefined {
  return name === consoleName ? 'this name is reserved for the console' : undefined
}
