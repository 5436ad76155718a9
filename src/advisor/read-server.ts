/** With whom we talk: which PostgreSQL, through a pooler or not, on this machine or not, and what we may see. */

import { readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { availableParallelism, networkInterfaces } from 'node:os'
import { TaxirankError } from '../errors.ts'
import type { Connection } from './connection.ts'
import type { PoolerInFront, ServerReading } from './database-reading.ts'
import { readValue } from './read-value.ts'

interface Answer extends Omit<ServerReading, 'isLocal'> {
  readonly pid: number
  /** Null: a unix socket. */
  readonly serverAddress: string | null
}

const answer = `json_build_object(
  'versionNumber', current_setting('server_version_num')::int,
  'version', split_part(current_setting('server_version'), ' ', 1),
  'startedAtMs', round(extract(epoch from pg_postmaster_start_time()) * 1000),
  'isStandby', pg_is_in_recovery(),
  'database', current_database(),
  'user', current_user,
  'seesAll', exists (select from pg_roles where (rolname = 'pg_read_all_stats' and pg_has_role(oid, 'usage'))
    or (rolname = current_user and rolsuper)),
  'pid', pg_backend_pid(),
  'serverAddress', host(inet_server_addr()))`

export interface Identity {
  readonly server: ServerReading
  readonly pooler: PoolerInFront | undefined
}

export async function readServer(connection: Connection): Promise<Identity> {
  const { pid, serverAddress, ...server } = await readValue<Answer>(connection, answer)
  const isLocal = isHere(serverAddress) && isHere(connection.remoteAddress) && isProcessOfPostgres(pid)
  const cores = isLocal ? ({ cores: availableParallelism(), coresFrom: 'this machine' } as const) : {}
  return { server: { ...server, isLocal, ...cores }, pooler: poolerInFront(connection, pid) }
}

/** Rejects if the address is a console's: that is no database. Only a database of its name is asked. */
export async function refuseConsole(connection: Connection): Promise<void> {
  if (connection.database !== 'pgbouncer') return
  const rows = await connection.query<{ readonly version?: string }>('SHOW VERSION').catch(() => [])
  if (rows[0]?.version === undefined) return
  throw new TaxirankError(
    'bad_configuration',
    `${connection.address} is a pooler's console, not a database: give it as --pooler, and as the address that of a database`,
  )
}

/** What the login told is the backend's own, unless somebody stands in between. */
function poolerInFront({ reported, loginPid }: Connection, pid: number): PoolerInFront | undefined {
  const version = reported.get('taxirank.pooler')
  if (version !== undefined) return { kind: 'taxirank', version }
  return loginPid === pid ? undefined : { kind: 'other' }
}

/** An address of this machine's; of PostgreSQL and of the other end of our own connection, which may be a pooler's. */
function isHere(address: string | null | undefined): boolean {
  if (address === null || address === undefined) return true
  const plain = address.replace(/^::ffff:/, '')
  if (plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'))) return true
  return Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === plain))
}

/**
 * The end of a tunnel or a container's port looks local, too: so where there is /proc, the backend must be there. Elsewhere the
 * addresses must do.
 */
function isProcessOfPostgres(pid: number): boolean {
  if (process.platform !== 'linux') return true
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').includes('postgres')
  } catch {
    return false
  }
}
