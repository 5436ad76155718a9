/**
 * Why a client keeps its server beyond its transaction: something is in the session that can't be carried to another server. What can be
 * asked for is: the session itself says whether it is still there.
 */

import { isOfTransaction } from '../sql/parameter-name.ts'

export type PinKind =
  | 'temporary objects'
  | 'advisory locks'
  | 'WITH HOLD cursors'
  | 'SQL PREPARE'
  | 'LISTEN'
  | 'parameters'
  | 'another user'
  | 'indelible state'

/** All names are qualified: what is asked runs under the client's search_path. */
const ownTemp = 'pg_catalog.pg_my_temp_schema()'
const ownPid = 'pg_catalog.pg_backend_pid()'
const equals = 'OPERATOR(pg_catalog.=)'

/**
 * One look into an index, the one by which PostgreSQL finds what to remove at a session's end: whatever is in a schema depends on it, or on
 * something there that does. The thirteen catalogs of what may be in a schema have no index by schema.
 */
const dependsOnOwnTemp = `EXISTS(SELECT FROM pg_catalog.pg_depend WHERE refclassid ${equals} 'pg_catalog.pg_namespace'::pg_catalog.regclass AND refobjid ${equals} ${ownTemp})`

/** Whether there is any, as SQL. */
const questions: Partial<Record<PinKind, string>> = {
  'temporary objects': dependsOnOwnTemp,
  'advisory locks': `EXISTS(SELECT FROM pg_catalog.pg_locks WHERE locktype ${equals} 'advisory' AND pid ${equals} ${ownPid})`,
  'WITH HOLD cursors': 'EXISTS(SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)',
  'SQL PREPARE': 'EXISTS(SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql)',
}

/** The channels themselves: others may listen to them for whoever does. */
const channelsAsked = "SELECT 'listen',c,NULL FROM pg_catalog.pg_listening_channels() c"

export const askableKinds: readonly PinKind[] = [...(Object.keys(questions) as PinKind[]), 'LISTEN']

/** What is in doubt about a session. */
export interface Doubts {
  readonly kinds: ReadonlySet<PinKind>
  /** Parameters, by names that need no quoting; true: they were only reset. */
  readonly names: ReadonlyMap<string, boolean>
  /** Any parameter may have been set. */
  readonly isAnyName: boolean
  /** Something has failed or was rolled back: a name may be that of a parameter which the client may not set. */
  readonly hasFailed: boolean
  /** With which role the session began is not known yet, and matters. */
  readonly isFirstRoleAsked: boolean
  /** Parameters that were reset, maybe in vain; `allParameters`: all. */
  readonly resets: ReadonlySet<string>
}

export const allParameters = '*'

const nothing = "SELECT ''"

/** As PostgreSQL shows it. */
const noRole = 'none'

/** One Query whose rows, read by `readAnswer`, tell what is in doubt. */
export function questionOf({ kinds, names, isAnyName, hasFailed, isFirstRoleAsked }: Doubts): string {
  const parts = [...kinds].map((kind) =>
    kind === 'LISTEN' ? channelsAsked : `SELECT 'pin','${kind}',(${questions[kind] ?? 'true'})::pg_catalog.text`,
  )
  if (isAnyName) {
    parts.push(
      `SELECT 'set',name,pg_catalog.current_setting(name,true) FROM pg_catalog.pg_settings WHERE source ${equals} 'session'`,
    )
  }
  for (const name of names.keys()) {
    const where = hasFailed && name !== 'role' ? ` WHERE NOT ${isUnset(name)}` : ''
    parts.push(`SELECT 'set','${name}',pg_catalog.current_setting('${name}',true)${where}`)
  }
  if (isFirstRoleAsked) parts.push(`SELECT 'first role',(${firstRoleQuery}),NULL`)
  return parts.length === 0 ? nothing : parts.join(' UNION ALL ')
}

/** With which the session began: ALTER ROLE … SET role goes before ALTER DATABASE, and what is for a database before what is for all. */
const firstRoleQuery = [
  'SELECT pg_catalog.substr(c,6) FROM pg_catalog.pg_db_role_setting,pg_catalog.unnest(setconfig) c',
  `WHERE c OPERATOR(pg_catalog.~~) 'role=%'`,
  `AND(setrole ${equals} 0 OR setrole ${equals}(SELECT oid FROM pg_catalog.pg_roles WHERE rolname ${equals} SESSION_USER))`,
  `AND(setdatabase ${equals} 0 OR setdatabase ${equals}(SELECT oid FROM pg_catalog.pg_database WHERE datname ${equals} pg_catalog.current_database()))`,
  'ORDER BY setrole DESC,setdatabase DESC LIMIT 1',
].join(' ')

/**
 * Whether PostgreSQL says that the session has not set it. It lists no custom parameters, but those of extensions, and to most no parameters that
 * only superusers may see: asking for the value of such a one fails.
 */
function isUnset(name: string): string {
  return `EXISTS(SELECT FROM pg_catalog.pg_settings WHERE pg_catalog.lower(name) ${equals} '${name}' AND source OPERATOR(pg_catalog.<>) 'session')`
}

export interface Answer {
  readonly kinds: ReadonlySet<PinKind>
  /** What it listens to. */
  readonly channels: readonly string[]
  /** With which the session began; undefined: that was not asked. */
  readonly firstRole: string | undefined
  /** Null: there is no such parameter. */
  readonly settings: ReadonlyMap<string, string | null>
}

/** The same with these channels only. */
export function withChannels(answer: Answer, isOne: (channel: string) => boolean): Answer {
  const channels = answer.channels.filter(isOne)
  const kinds = new Set(answer.kinds)
  if (channels.length === 0) kinds.delete('LISTEN')
  return { ...answer, kinds, channels }
}

/** From the rows that came. */
export function readAnswer(rows: readonly (readonly (string | null)[])[]): Answer {
  const kinds = new Set<PinKind>()
  const channels: string[] = []
  let role: string | undefined
  const settings = new Map<string, string | null>()
  for (const [what, name, value = null] of rows) {
    if (what === 'listen') channels.push(name ?? '')
    else if (what === 'first role') role = name ?? noRole
    else if (what === 'set' && name) {
      if (!isOfTransaction(name.toLowerCase())) settings.set(name.toLowerCase(), value)
    } else if (value === 'true') kinds.add(name as PinKind)
  }
  if (channels.length > 0) kinds.add('LISTEN')
  return { kinds, channels, firstRole: role, settings }
}
