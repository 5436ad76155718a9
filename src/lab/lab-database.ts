/**
 * The database of a run: opened, looked at, given a schema of the lab's own, and left as it was. On a database that is not
 * the embedded one nothing but that schema is touched; that it is the lab's is known by its comment, and that no other lab
 * works in it by an advisory lock.
 */

import { availableParallelism } from 'node:os'
import { Client } from 'pg'
import { TaxirankError } from '../errors.ts'
import { type EmbeddedDatabase, startEmbeddedDatabase } from './embedded-database.ts'
import { PostgresProcesses } from './postgres-processes.ts'
import type { DatabaseFacts } from './results.ts'
import { applicationName, parseTarget, type Target } from './target.ts'
import { schema, schemaComment, Work } from './work.ts'

/** What must not be left when this process ends without notice: somebody else removes it then. */
export interface Janitor {
  /** A folder of an embedded PostgreSQL. */
  keepFolder(folder: string): void
  /** A schema of the lab's. */
  keepSchema(target: Target): void
}

export interface LabDatabase {
  readonly facts: DatabaseFacts
  readonly target: Target
  readonly superuser: Target | undefined
  readonly control: Client
  readonly processes: PostgresProcesses | undefined
  readonly work: Work
  readonly logTail: (() => string) | undefined
  /** Another embedded PostgreSQL, with settings as in postgresql.conf; undefined: this one isn't embedded. */
  readonly openAnother: OpenAnother | undefined
  /** Leaves nothing of the lab's. */
  close(): Promise<void>
}

export type OpenAnother = (settings: Readonly<Record<string, string>>) => Promise<LabDatabase>

export interface DatabaseOptions {
  /** Absent: the embedded PostgreSQL. */
  readonly url?: string | undefined
  /** Of the database's machine, if it is not this one. */
  readonly cores?: number | undefined
  readonly isQuick: boolean
  readonly signal: AbortSignal
  readonly janitor: Janitor
}

const loginLimitMs = 10_000
const answerLimitMs = 60_000
/** Any number that no other program uses. */
const lockKey = 7_461_297_465_013

/** Rejects with `bad_configuration` or `server_connect_failed`, and leaves nothing. */
export async function openDatabase(options: DatabaseOptions): Promise<LabDatabase> {
  if (options.url !== undefined) return openOn(parseTarget(options.url), undefined, options)
  return openEmbedded({}, options)
}

async function openEmbedded(
  settings: Readonly<Record<string, string>>,
  options: DatabaseOptions,
): Promise<LabDatabase> {
  const { signal, janitor } = options
  const embedded = await startEmbeddedDatabase(signal, settings, (folder) => janitor.keepFolder(folder))
  try {
    return await openOn(embedded.target, embedded, options)
  } catch (error) {
    await embedded.remove()
    throw error
  }
}

async function openOn(
  target: Target,
  embedded: EmbeddedDatabase | undefined,
  options: DatabaseOptions,
): Promise<LabDatabase> {
  const { cores, isQuick, signal, janitor } = options
  const control = await connectControl(target)
  const cut = (): void => void control.connection.stream.destroy()
  signal.addEventListener('abort', cut)
  try {
    const { pid, ...facts } = await lookAt(control)
    const processes = isHere(target) ? PostgresProcesses.of(pid) : undefined
    const ownCores = processes ? availableParallelism() : null
    if (embedded === undefined) janitor.keepSchema(target)
    await makeSchema(control, target)
    const work = await Work.create(control, isQuick)
    return {
      facts: {
        kind: embedded ? 'embedded' : 'given',
        address: target.address,
        isLocal: processes !== undefined,
        cores: cores ?? ownCores,
        ...facts,
      },
      target,
      superuser: embedded?.superuser,
      control,
      processes,
      work,
      logTail: embedded && (() => embedded.postgres.logTail()),
      openAnother: embedded && ((settings) => openEmbedded(settings, options)),
      close: async () => {
        signal.removeEventListener('abort', cut)
        await control.end().catch(() => undefined)
        await (embedded ? embedded.remove() : leave(target))
      },
    }
  } catch (error) {
    signal.removeEventListener('abort', cut)
    await control.end().catch(() => undefined)
    signal.throwIfAborted()
    throw error
  }
}

async function connectControl({ address, ...target }: Target): Promise<Client> {
  const { host, port, user, password = '', database, ssl } = target
  const client = new Client({
    host,
    port,
    user,
    password,
    database,
    ...(ssl !== undefined && { ssl }),
    application_name: applicationName,
    connectionTimeoutMillis: loginLimitMs,
    query_timeout: answerLimitMs,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (cause) {
    throw new TaxirankError('server_connect_failed', `cannot connect to ${address}: ${reasonOf(cause)}`, { cause })
  }
}

/** An error of several addresses has no message of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return reasonOf(error.errors[0])
  return error instanceof Error ? error.message || error.name : String(error)
}

type Looked = Pick<DatabaseFacts, 'version' | 'maxConnections' | 'reservedConnections' | 'settings'> & {
  readonly pid: number
}

const shownSettings = [
  'max_connections',
  'shared_buffers',
  'work_mem',
  'fsync',
  'synchronous_commit',
  'jit',
  'max_parallel_workers_per_gather',
  'huge_pages',
]

/** Rejects if a pooler is in between, which would be measured in the database's place. */
async function lookAt(control: Client): Promise<Looked> {
  const { rows } = await control.query<Omit<Looked, 'settings'> & { standby: boolean }>(`select pg_backend_pid() as pid,
    split_part(current_setting('server_version'), ' ', 1) as version,
    current_setting('max_connections')::int as "maxConnections",
    case when (select rolsuper from pg_roles where rolname = current_user) then 0
      else current_setting('superuser_reserved_connections')::int
        + coalesce(current_setting('reserved_connections', true), '0')::int end as "reservedConnections",
    pg_is_in_recovery() as standby`)
  const [row] = rows
  if (!row) throw new Error('taxirank bug: a select without from gave no row')
  const { standby, ...looked } = row
  if (standby) throw wrong('this is a standby, which can only be read: give the address of the primary')
  if ((control as unknown as { readonly processID: number }).processID !== looked.pid) {
    throw wrong('a pooler stands there, in front of a database: give the address of PostgreSQL itself')
  }
  const settings = await control.query<{ name: string; value: string }>(
    `select name, current_setting(name) as value from pg_settings where name = any($1) order by name`,
    [shownSettings],
  )
  return { ...looked, settings: Object.fromEntries(settings.rows.map(({ name, value }) => [name, value])) }
}

/** By the address alone: whether the processes can really be seen is asked of /proc. */
function isHere({ host }: Target): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

async function makeSchema(control: Client, { address }: Target): Promise<void> {
  const locked = await control.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [lockKey])
  if (locked.rows[0]?.got !== true) throw wrong(`another lab is at work on ${address}: wait until it is over`)
  await dropOwnSchema(control)
  try {
    await control.query(`create schema ${schema}`)
  } catch (cause) {
    throw wrong(`a schema of the lab's own can't be made: ${reasonOf(cause)}`, cause)
  }
  await control.query(`comment on schema ${schema} is '${schemaComment}'`)
}

/** What a lab that was killed has left goes; what isn't the lab's stays, and nothing is done. */
async function dropOwnSchema(control: Client): Promise<void> {
  const { rows } = await control.query<{ comment: string | null }>(
    `select obj_description(oid, 'pg_namespace') as comment from pg_namespace where nspname = $1`,
    [schema],
  )
  const [found] = rows
  if (!found) return
  if (found.comment !== schemaComment) {
    throw wrong(`there is a schema ${schema} that is not the lab's: rename it, or use another database`)
  }
  await control.query(`set client_min_messages = warning; drop schema ${schema} cascade; reset client_min_messages`)
}

/** Rejects with what is left to be done by hand. */
async function leave(target: Target): Promise<void> {
  try {
    await dropSchema(target)
  } catch (cause) {
    throw wrong(
      `the schema ${schema} is left on ${target.address} (${reasonOf(cause)}): drop schema ${schema} cascade`,
      cause,
    )
  }
}

/** On a connection of its own: the lab's may have been cut. Nothing happens where there is none of the lab's. */
export async function dropSchema(target: Target): Promise<void> {
  const client = await connectControl(target)
  try {
    await dropOwnSchema(client)
  } finally {
    await client.end()
  }
}

function wrong(message: string, cause?: unknown): TaxirankError {
  return new TaxirankError('bad_configuration', message, { cause })
}
