/**
 * The table of settings. The parser, the types of Config and the documents all come from here: to add a setting, add a
 * row, and take its name off the list in unsupported.ts. Names, defaults and units in files are PgBouncer's; inside,
 * `query_wait_timeout` is `queryWaitTimeoutMs`.
 */

import { boolean, choice, decimal, integer, list, requiredText, seconds, text } from './setting.ts'
import type { Setting } from './setting.ts'

/** Durations end up as timer delays, and beyond 2^31 − 1 ms those fire at once. */
const longestSeconds = 2_147_483
const largestPool = 100_000
const anyPort = { min: 1, max: 65_535 }
const duration = { min: 0, max: longestSeconds }
const unlimited = '0 (unlimited) is not supported in this version'

const pgbouncer = {
  listen_addr: list({
    range: 'addresses or host names separated by commas, * for all',
    restartOnly: true,
    required: 'not set, and this version has no unix sockets: say where to listen, for example listen_addr = 127.0.0.1',
    about: 'Addresses to listen on.',
  }),
  listen_port: integer({ default: 6432, ...anyPort, restartOnly: true, about: 'The TCP port to listen on.' }),
  listen_backlog: integer({
    default: 128,
    min: 1,
    max: 65_535,
    restartOnly: true,
    about: 'How many connections the kernel queues before they are accepted.',
  }),
  unix_socket_dir: text({
    range: 'empty',
    restartOnly: true,
    problemOf: () => 'unix sockets are not supported in this version: leave it out or empty',
    about: 'The directory of the listening unix socket.',
  }),
  pool_mode: choice(['session', 'transaction', 'statement'], {
    default: 'session',
    supported: ['transaction'],
    about: 'When a server goes back to its pool.',
  }),
  max_client_conn: integer({ default: 100, min: 1, max: 1_000_000, about: 'How many clients may be connected.' }),
  default_pool_size: integer({
    default: 20,
    min: 1,
    max: largestPool,
    zero: unlimited,
    about: 'How many servers a pool may have, unless its database says otherwise.',
  }),
  query_wait_timeout: seconds({
    default: 120,
    ...duration,
    about: 'How long a client waits for a server; 0: for ever.',
  }),
  server_connect_timeout: seconds({ default: 15, ...duration, about: 'How long connecting and logging in may take.' }),
  server_login_retry: seconds({ default: 15, ...duration, about: 'The pause after a failed connect or login.' }),
  client_login_timeout: seconds({
    default: 60,
    ...duration,
    about: "How long a client's login may take; 0: for ever.",
  }),
  cancel_wait_timeout: seconds({ default: 10, ...duration, about: 'How long a cancel request may wait; 0: for ever.' }),
  ignore_startup_parameters: list({ about: 'Startup parameters that are accepted and thrown away.' }),
  auth_type: choice(['any', 'trust', 'plain', 'md5', 'scram-sha-256', 'cert', 'hba', 'ldap', 'pam'], {
    default: 'md5',
    supported: ['trust', 'any'],
    about: 'How clients prove who they are.',
  }),
  auth_file: text({ range: 'a file name', about: 'The file of user names and secrets.' }),
  admin_users: list({ about: 'Users who may run every console command.' }),
  stats_users: list({ about: 'Users who may only look at the console.' }),
  logfile: text({ range: 'a file name', about: 'The file the log is appended to.' }),
  pidfile: text({
    range: 'a file name',
    restartOnly: true,
    about: 'The file the process id is written to; -d needs it.',
  }),
  user: text({ range: 'a user name', restartOnly: true, about: 'The OS user to become after start.' }),
  verbose: integer({ default: 0, min: 0, max: 3, about: 'How much is logged.' }),
  log_connections: boolean({ default: true, about: 'Log logins.' }),
  log_disconnections: boolean({ default: true, about: 'Log disconnects, with the reason.' }),
  log_pooler_errors: boolean({ default: true, about: 'Log the errors this pooler sends to clients.' }),
  trace_file: text({ range: 'a file name', restartOnly: true, about: 'Where the trace is written; unset: nowhere.' }),
  http_addr: text({ range: 'an address', restartOnly: true, about: 'The address of the page and the metrics.' }),
  http_port: integer({
    default: undefined,
    ...anyPort,
    restartOnly: true,
    about: 'The port of the page and the metrics.',
  }),
}

const databases = {
  dbname: text({ range: 'a database name', about: "PostgreSQL's name of the database; unset: the same name." }),
  host: requiredText({
    range: 'one host name or IP address',
    required: 'not set, and this version has no unix sockets: say where PostgreSQL is, for example host=127.0.0.1',
    problemOf: hostProblem,
    about: 'Where PostgreSQL is.',
  }),
  port: decimal({ default: 5432, ...anyPort, about: "PostgreSQL's port." }),
  user: text({ range: 'a user name', about: 'Log in to PostgreSQL as this user, whoever the client is.' }),
  pool_size: decimal({
    default: undefined,
    min: 1,
    max: largestPool,
    zero: unlimited,
    about: 'How many servers a pool of this database may have; unset: default_pool_size.',
  }),
  application_name: text({ about: 'The application_name to log in with.' }),
  client_encoding: text({ about: 'The client_encoding to log in with.' }),
  datestyle: text({ about: 'The DateStyle to log in with.' }),
  timezone: text({ about: 'The TimeZone to log in with.' }),
}

const users = {}

/** The rows, by section. */
export const settings = { pgbouncer, databases, users }

export type Section = keyof typeof settings

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name
type SuffixOf<Row> = Row extends Setting<infer _, infer Suffix> ? Suffix : never
type ValueOf<Row> = Row extends Setting<infer Value, string> ? Value : never

/** The values of one section: one property a row. */
export type Values<Name extends Section> = {
  readonly [
    Key in keyof (typeof settings)[Name] & string as `${Camel<Key>}${SuffixOf<(typeof settings)[Name][Key]>}`
  ]: ValueOf<(typeof settings)[Name][Key]>
}

/** `query_wait_timeout`, in milliseconds, is the property `queryWaitTimeoutMs`. */
export function propertyName(name: string, setting: Setting<unknown, string>): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()) + setting.suffix
}

function hostProblem(value: string): string | undefined {
  if (/^[/@]/.test(value)) return 'unix sockets are not supported in this version; allowed: one host name or IP address'
  if (value.includes(','))
    return 'a list of hosts is not supported in this version; allowed: one host name or IP address'
  return undefined
}
