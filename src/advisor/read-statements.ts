/**
 * pg_stat_statements: what takes the time. Counters are read without texts, for those stand in a file that is read as a whole;
 * texts once, at the end, of what is shown and of our own.
 */

import type { Connection } from './connection.ts'
import { partNames } from './database-parts.ts'
import type { StatementReading, StatementsReading } from './database-reading.ts'
import type { MissingParts } from './missing.ts'
import { ownMark, readValue } from './read-value.ts'
import { callsOf, growthBetween, type StatementsSample, type StatementTotals } from './statements-growth.ts'

const what = partNames.statements
const mostShown = 10
const textLength = 200
/** The largest `pg_stat_statements.max` that is read in full. */
const mostRead = 20_000

/** Where it is installed, and what it is called there. */
interface Extension {
  readonly functionName: string
  readonly infoName: string | null
  readonly timeColumn: string
}

interface Availability {
  /** Its setting exists: the library is loaded. */
  readonly isLoaded: boolean
  readonly schema: string | null
  readonly version: string | null
}

const availability = `json_build_object(
  'isLoaded', exists (select from pg_settings where name = 'pg_stat_statements.max'),
  'schema', (select quote_ident(nspname) from pg_extension join pg_namespace n on n.oid = extnamespace where extname = 'pg_stat_statements'),
  'version', (select extversion from pg_extension where extname = 'pg_stat_statements'))`

export class Statements {
  readonly #connection: Connection
  readonly #extension: Extension
  readonly #before: StatementsSample

  private constructor(connection: Connection, extension: Extension, before: StatementsSample) {
    this.#connection = connection
    this.#extension = extension
    this.#before = before
  }

  /** The first reading. Undefined where there is none to be had; `missing` says why. */
  static async begin(connection: Connection, missing: MissingParts): Promise<Statements | undefined> {
    const extension = extensionOf(await readValue<Availability>(connection, availability), missing)
    return extension && new Statements(connection, extension, await sample(connection, extension))
  }

  /** The last one: what has come since. */
  async end(): Promise<StatementsReading> {
    const after = await sample(this.#connection, this.#extension)
    const own = new Set(await readValue<readonly string[]>(this.#connection, ownKeys(this.#extension)))
    const { statements, ...growth } = growthBetween(this.#before, after, (key) => own.has(key))
    const shown = statements.slice(0, mostShown)
    const texts = await readValue<Texts>(this.#connection, textsOf(this.#extension, shown))
    const totalMs = statements.reduce((sum, one) => sum + one.totalMs, 0)
    const top = shown.map((one) => readingOf(one, totalMs, texts[one.key]))
    return { ...growth, calls: callsOf(statements), totalMs, top }
  }
}

function extensionOf({ isLoaded, schema, version }: Availability, missing: MissingParts): Extension | undefined {
  const create = 'run CREATE EXTENSION pg_stat_statements in this database'
  const load = "set shared_preload_libraries = 'pg_stat_statements' and restart PostgreSQL"
  if (schema === null || version === null) {
    if (isLoaded) missing.add(what, 'pg_stat_statements is not installed in this database', create)
    else missing.add(what, 'pg_stat_statements is not loaded', `${load}, then ${create}`)
    return undefined
  }
  if (!isLoaded) {
    missing.add(what, 'pg_stat_statements is installed but not loaded', load)
    return undefined
  }
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isAtLeast = (least: number): boolean => major > 1 || minor >= least
  return {
    functionName: `${schema}.pg_stat_statements`,
    infoName: isAtLeast(9) ? `${schema}.pg_stat_statements_info` : null,
    timeColumn: isAtLeast(8) ? 'total_exec_time' : 'total_time',
  }
}

/** A statement that only another user has run has no `queryid` for who may not see it. */
const key = `dbid || ' ' || coalesce(queryid::text, 'hidden')`

function sample(connection: Connection, { functionName, infoName, timeColumn }: Extension): Promise<StatementsSample> {
  const reset = infoName === null ? 'null' : `(select extract(epoch from stats_reset) * 1000 from ${infoName})`
  const statements = `select ${key} as key, sum(calls) as calls, sum(${timeColumn}) as "totalMs", sum(rows) as rows
    from ${functionName}(false) group by 1 order by 3 desc limit ${mostRead}`
  return readValue<StatementsSample>(
    connection,
    `json_build_object('atMs', extract(epoch from clock_timestamp()) * 1000, 'resetAtMs', ${reset},
      'statements', (select coalesce(json_agg(s), '[]') from (${statements}) s))`,
  )
}

function ownKeys({ functionName }: Extension): string {
  return `select coalesce(json_agg(${key}), '[]') from ${functionName}(true)
    where queryid is not null and position('${ownMark}' in query) > 0`
}

type Texts = Readonly<Record<string, { readonly database: string | null; readonly text: string | null } | undefined>>

function textsOf({ functionName }: Extension, shown: readonly StatementTotals[]): string {
  const keys = shown.map((one) => `'${one.key}'`).join(', ') || 'null'
  const squeezed = `left(regexp_replace(min(query), '\\s+', ' ', 'g'), ${textLength})`
  return `select coalesce(json_object_agg(key, json_build_object('database', datname, 'text', text)), '{}') from (
    select ${key} as key, datname, case when min(queryid) is not null then ${squeezed} end as text
    from ${functionName}(true) left join pg_database on pg_database.oid = dbid
    where ${key} in (${keys}) group by 1, 2) t`
}

function readingOf(one: StatementTotals, ofMs: number, found: Texts[string]): StatementReading {
  const { calls, totalMs, rows } = one
  return {
    database: found?.database ?? '',
    calls,
    totalMs,
    meanMs: totalMs / calls,
    rows,
    share: ofMs === 0 ? 0 : totalMs / ofMs,
    ...(typeof found?.text === 'string' && !mayHoldSecret(found.text) && { text: found.text }),
  }
}

/** Texts are normalised but for utility statements: one that sets a password may have it in it. */
function mayHoldSecret(text: string): boolean {
  return /\bpassword\b/i.test(text)
}
