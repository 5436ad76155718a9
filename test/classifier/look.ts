/**
 * What a session is like, as PostgreSQL itself says, and what has changed between two looks. Only what outlives a transaction
 * is looked at, and shares no code with src/sql, which is on trial.
 */

export interface Look {
  /** Those of source 'session'. */
  readonly settings: Readonly<Record<string, string | null>>
  /** By name; an empty one counts as none: SET LOCAL of an unknown name leaves that behind. */
  readonly custom: Readonly<Record<string, string | null>>
  readonly role: string
  readonly sessionUser: string
  readonly prepared: readonly string[]
  readonly cursors: readonly string[]
  readonly channels: readonly string[]
  readonly locks: readonly string[]
  readonly temporary: readonly string[]
  readonly libraries: readonly string[]
  readonly links: readonly string[] | null
  readonly slots: readonly string[]
  readonly hasOrigin: boolean
  readonly random: number
  readonly tempPath: boolean
}

export const lists = ['prepared', 'cursors', 'channels', 'locks', 'temporary', 'libraries', 'links', 'slots'] as const

export type Change =
  | { readonly what: 'parameter'; readonly name: string }
  | { readonly what: 'custom'; readonly name: string }
  | { readonly what: 'user' | 'origin' | 'random' | 'tempPath' }
  | { readonly what: (typeof lists)[number]; readonly isGain: boolean }

/** What random() gives from here on is known, and nothing has been drawn from a sequence. */
export const afterwards = 'SELECT pg_catalog.setseed(0.123); DISCARD SEQUENCES'

/** One row of one column: a `Look` as JSON. Everything is qualified: it runs under whatever search_path. */
export function question(customNames: readonly string[]): string {
  const custom = customNames.map(
    (name) => `${quote(name)}, nullif(pg_catalog.current_setting(${quote(name)}, true), '')`,
  )
  return `SELECT pg_catalog.json_build_object(
    'settings', (SELECT coalesce(pg_catalog.json_object_agg(name, setting), '{}') FROM pg_catalog.pg_settings
      WHERE source = 'session' AND name NOT IN ('transaction_isolation', 'transaction_read_only', 'transaction_deferrable')),
    'custom', pg_catalog.json_build_object(${custom.join(', ')}),
    'role', pg_catalog.current_setting('role'),
    'sessionUser', session_user,
    'prepared', ${list('name', 'pg_catalog.pg_prepared_statements WHERE from_sql')},
    'cursors', ${list('name', 'pg_catalog.pg_cursors WHERE is_holdable')},
    'channels', ${list('channel', 'pg_catalog.pg_listening_channels() AS channel')},
    'locks', ${list("pg_catalog.concat_ws('/', classid, objid, objsubid, mode)", "pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid()")},
    'temporary', ${list('name', `(${temporaries}) AS t(name, schema) WHERE schema = pg_catalog.pg_my_temp_schema()`)},
    'libraries', ${list('file_name', "pg_catalog.pg_get_loaded_modules() WHERE file_name !~ '^utf8_and_|^cyrillic|_and_'")},
    'links', public.dblink_get_connections(),
    'slots', ${list('slot_name::text', 'pg_catalog.pg_replication_slots WHERE temporary AND active_pid = pg_catalog.pg_backend_pid()')},
    'hasOrigin', pg_catalog.pg_replication_origin_session_is_setup(),
    'tempPath', pg_catalog.current_setting('search_path') ~ '\\mpg_temp',
    'random', pg_catalog.random())::text`
}

const temporaries = (
  [
    ['class', 'rel'],
    ['proc', 'pro'],
    ['type', 'typ'],
    ['operator', 'opr'],
    ['collation', 'coll'],
    ['ts_config', 'cfg'],
    ['ts_dict', 'dict'],
  ] as const
)
  .map(
    ([catalog, prefix]) =>
      `SELECT '${catalog} ' || ${prefix}name::text, ${prefix}namespace FROM pg_catalog.pg_${catalog}`,
  )
  .join(' UNION ALL ')

function list(value: string, from: string): string {
  return `(SELECT coalesce(pg_catalog.json_agg(${value} ORDER BY ${value}), '[]') FROM ${from})`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** `isExpected`: whether random() gave one of the numbers that follow `afterwards`. */
export function changesBetween(before: Look, after: Look, isExpected: (random: number) => boolean): Change[] {
  return [
    ...differing(before.settings, after.settings).map((name) => ({ what: 'parameter', name }) as const),
    ...differing(before.custom, after.custom).map((name) => ({ what: 'custom', name }) as const),
    ...(before.role === after.role ? [] : [{ what: 'parameter', name: 'role' } as const]),
    ...(before.sessionUser === after.sessionUser ? [] : [{ what: 'user' } as const]),
    ...(before.hasOrigin === after.hasOrigin ? [] : [{ what: 'origin' } as const]),
    ...(!before.tempPath && after.tempPath ? [{ what: 'tempPath' } as const] : []),
    ...(isExpected(after.random) ? [] : [{ what: 'random' } as const]),
    ...lists.flatMap((what) => gainsAndLosses(what, before[what] ?? [], after[what] ?? [])),
  ]
}

/** There is as much as before, under other names. */
export function areRenamed(before: Look, after: Look): boolean {
  return lists.some((what) => isRenamed(before[what] ?? [], after[what] ?? []))
}

function isRenamed(before: readonly string[], after: readonly string[]): boolean {
  return before.length === after.length && after.some((one) => !before.includes(one))
}

function differing(before: Look['custom'], after: Look['custom']): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].filter((name) => (before[name] ?? null) !== (after[name] ?? null)).map((name) => name.toLowerCase())
}

function gainsAndLosses(what: (typeof lists)[number], before: readonly string[], after: readonly string[]): Change[] {
  const isGain = after.some((one) => !before.includes(one))
  const isLoss = before.some((one) => !after.includes(one))
  if (isRenamed(before, after)) return []
  return [...(isGain ? [{ what, isGain }] : []), ...(isLoss ? [{ what, isGain: false }] : [])]
}
