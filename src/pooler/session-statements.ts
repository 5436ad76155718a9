/**
 * What brings a server's session to what a client's is like, as SQL: the difference in what is set, or, where nobody knows what has been left in it,
 * all of that after a reset.
 */

import { TaxirankError } from '../errors.ts'
import { isAsciiText } from '../sql/ascii.ts'
import { noSettings, type ParameterSet, type TrackedParameters, tracksDefaults } from './parameters.ts'

/** Lists of quoted names, which SET would take for one name. */
const quotedLists = new Set(['search_path'])

/** A server's session, as it is and as it was at its login. */
export interface SessionNow {
  readonly parameters: ParameterSet
  readonly login: ParameterSet
}

/**
 * The statement that brings a server's session to what a client's is like; undefined if there is nothing to do. `exit_on_error` around it sees to it
 * that a value PostgreSQL refuses ends the session before anything of the client's runs under the wrong one. Throws `parameter_refused` for a
 * value that cannot be quoted safely.
 */
export function setStatement(
  { parameters: server, login }: SessionNow,
  client: ParameterSet,
  tracked = tracksDefaults,
): string | undefined {
  const theirs = server.settings.get(role)
  const resetsRole = theirs !== undefined && theirs !== client.settings.get(role) ? [`RESET ${role}`] : []
  const isReset = hasMore(server, client)
  const from = isReset ? afterReset(login) : server
  const resets = isReset ? resetAll : []
  const assignments = [...resetsRole, ...resets, ...reported(from, client, tracked), ...unreported(from, client)]
  const isGuardedSame = server.settings.get(guard) === client.settings.get(guard)
  return assignments.length === 0 && isGuardedSame ? undefined : guarded(assignments, client)
}

/** Ends the session at the first error: what is set stands in it. */
export const guard = 'exit_on_error'

/** Who may set what depends on the role: so that of another client goes first, and that of this one comes last. */
const role = 'role'

/** All at once, for that needs no rights, and RESET of one may; it takes the guard away. */
const resetAll = ['RESET ALL', `SET ${guard}=on`]

/** Something is set that the client has not set. */
function hasMore(server: ParameterSet, client: ParameterSet): boolean {
  for (const name of server.settings.keys()) if (name !== role && !client.settings.has(name)) return true
  return false
}

/** undefined: reported, but nobody knows what it is now. */
interface Session {
  readonly values: ReadonlyMap<string, string | undefined>
  readonly settings: ReadonlyMap<string, string>
}

/** Of what was set before its first use nothing is left; and defaults are those of PostgreSQL's configuration, which may have changed since. */
function afterReset({ values }: ParameterSet): Session {
  return { values: new Map([...values.keys()].map((name) => [name, undefined])), settings: noSettings }
}

/** What clients may have left in a session, but for statements. */
const resetList = [
  'RESET SESSION AUTHORIZATION',
  `RESET ${role}`,
  ...resetAll,
  'CLOSE ALL',
  'UNLISTEN *',
  'SELECT pg_catalog.pg_advisory_unlock_all()',
  'DISCARD TEMP',
  'DISCARD SEQUENCES',
]

/** The same for a server of which nothing is known but what it was like at its login. */
export function resetStatement(login: ParameterSet, client: ParameterSet, tracked = tracksDefaults): string {
  const from = afterReset(login)
  return guarded([...resetList, ...reported(from, client, tracked), ...unreported(from, client)], client)
}

function guarded(assignments: readonly string[], client: ParameterSet): string {
  const isExiting = client.settings.get(guard) === 'on'
  return [`SET ${guard}=on`, ...assignments, `SET ${guard}=${isExiting ? 'on' : 'off'}`].join(';')
}

function* reported(server: Session, client: ParameterSet, tracked: TrackedParameters): Generator<string> {
  for (const [name, value] of client.values) {
    if (!server.values.has(name) || server.values.get(name) === value || tracked.nameOf(name) === undefined) continue
    assertQuotable(name, value, client)
    yield assignment(name, value)
  }
}

function* unreported(server: Session, client: ParameterSet): Generator<string> {
  for (const [name, value] of client.settings) {
    if (name === guard || name === role || server.settings.get(name) === value) continue
    assertQuotable(name, value, client)
    yield configuration(name, value)
  }
  const mine = client.settings.get(role)
  if (mine !== undefined && server.settings.get(role) !== mine) yield configuration(role, mine)
}

function assignment(name: string, value: string): string {
  return quotedLists.has(name) ? configuration(name, value) : `SET ${name}=${quoted(value)}`
}

/** As in a configuration file: the value is taken as it is, also if it is a list. */
function configuration(name: string, value: string): string {
  return `SELECT pg_catalog.set_config('${name}',${quoted(value)},false)`
}

function quoted(value: string): string {
  return `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}

/** In SJIS, BIG5, GBK and their like a character may end in a backslash or quote byte: such values are not carried. */
function assertQuotable(name: string, value: string, client: ParameterSet): void {
  if (isAsciiText(value) || client.isTransparent) return
  const encoding = client.values.get('client_encoding') ?? ''
  const text = `the value of ${name} has bytes beyond ASCII and client_encoding is ${encoding}: use UTF8`
  throw new TaxirankError('parameter_refused', text)
}

/**
 * What must go, as a Query of its own, ahead of one of the above; undefined: nothing. PostgreSQL converts a Query before any of it runs, from
 * the encoding of then; bytes that are none of it fail there, and the guard within would come too late.
 */
export function openingStatement(text: string, server: ParameterSet, client: ParameterSet): string | undefined {
  if (isAsciiText(text)) return undefined
  const encodes = server.encoding === client.encoding ? [] : [assignment('client_encoding', client.encoding)]
  return [`SET ${guard}=on`, ...encodes].join(';')
}
