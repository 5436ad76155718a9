/** The database of a run: opened, looked at, given a schema of the lab's own, and left as it was. */

import { availableParallelism } from 'node:os'
import type { Socket } from 'node:net'
import type { Client } from 'pg'
import { TaxirankError } from '../errors.ts'
import { connectControl, reasonOf } from './control.ts'
import { type EmbeddedDatabase, startEmbeddedDatabase } from './embedded-database.ts'
import { dropOwnSchema, makeOwnSchema } from './own-schema.ts'
import { PostgresProcesses } from './postgres-processes.ts'
import { type DatabaseFacts, freeConnections } from './results.ts'
import { applicationName, parseTarget, type Target } from './target.ts'
import { Work } from './work.ts'

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
  return openOn(embedded.target, embedded, options)
}

/** Rejects, too, with nothing left: also the embedded one is gone. */
async function openOn(
  target: Target,
  embedded: EmbeddedDatabase | undefined,
  options: DatabaseOptions,
): Promise<LabDatabase> {
  const { cores, isQuick, signal, janitor } = options
  const control = await connectControl(target, signal)
  const cut = (): void => void control.connection.stream.destroy()
  signal.addEventListener('abort', cut)
  let hasSchema = false
  const close = async (): Promise<void> => {
    signal.removeEventListener('abort', cut)
    await control.end().catch(() => undefined)
    if (embedded) await embedded.remove()
    else if (hasSchema) await dropOwnSchema(target)
  }
  try {
    const { pid, ...looked } = await lookAt(control)
    const processes = PostgresProcesses.of(pid, (control.connection.stream as Socket).localPort ?? 0)
    const facts: DatabaseFacts = {
      kind: embedded ? 'embedded' : 'given',
      address: target.address,
      isLocal: processes !== undefined,
      cores: cores ?? (processes ? availableParallelism() : null),
      ...looked,
    }
    await makeOwnSchema(control, target, () => {
      // Only now: another lab would have taken them all.
      refuseFew(facts)
      hasSchema = true
      if (embedded === undefined) janitor.keepSchema(target)
    })
    const work = await Work.create(control, isQuick)
    return {
      facts,
      target,
      superuser: embedded?.superuser,
      control,
      processes,
      work,
      logTail: embedded && (() => embedded.postgres.logTail()),
      openAnother: embedded && ((settings) => openEmbedded(settings, options)),
      close,
    }
  } catch (error) {
    await close()
    signal.throwIfAborted()
    if (error instanceof TaxirankError) throw error
    throw new TaxirankError('server_lost', `the lab can't begin on ${target.address}: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}

type Looked = Pick<
  DatabaseFacts,
  'version' | 'maxConnections' | 'reservedConnections' | 'connectionLimit' | 'otherConnections' | 'settings'
> & {
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
    (select least(nullif(rolconnlimit, -1), nullif(datconnlimit, -1)) from pg_roles, pg_database
      where rolname = current_user and not rolsuper and datname = current_database()) as "connectionLimit",
    (select sum(numbackends)::int - 1 from pg_stat_database) as "otherConnections",
    pg_is_in_recovery() as standby`)
  const [row] = rows
  if (!row) throw new Error('taxirank bug: a select without from gave no row')
  const { standby, ...looked } = row
  if (standby) throw wrong('this is a standby, which can only be read: give the address of the primary')
  if ((control as unknown as { readonly processID: number }).processID !== looked.pid) {
    throw wrong('a pooler stands there, in front of a database: give the address of PostgreSQL itself')
  }
  await refuseOtherLabs(control)
  const settings = await control.query<{ name: string; value: string }>(
    `select name, current_setting(name) as value from pg_settings where name = any($1) order by name`,
    [shownSettings],
  )
  return { ...looked, settings: Object.fromEntries(settings.rows.map(({ name, value }) => [name, value])) }
}

/** In other databases of the server, whose connections they would take from each other: as far as this user may see them. */
async function refuseOtherLabs(control: Client): Promise<void> {
  const { rows } = await control.query<{ datname: string }>(
    `select datname from pg_stat_activity where application_name = $1 and datname <> current_database() limit 1`,
    [applicationName],
  )
  if (rows[0])
    throw wrong(`another lab is at work on this server, in the database ${rows[0].datname}: wait until it is over`)
}

/** With fewer there is nothing to compare. */
const fewestConnections = 25

function refuseFew(facts: DatabaseFacts): void {
  const free = freeConnections(facts)
  if (free >= fewestConnections) return
  const { maxConnections, reservedConnections, otherConnections, connectionLimit } = facts
  const limit = connectionLimit === null ? '' : `, and this user or database may have ${connectionLimit}`
  throw wrong(
    `the lab needs ${fewestConnections} connections beside its own, and can have ${Math.max(0, free)}: max_connections is ${maxConnections}, ` +
      `${reservedConnections} of them are reserved and ${otherConnections} taken${limit}`,
  )
}

function wrong(message: string): TaxirankError {
  return new TaxirankError('bad_configuration', message)
}
