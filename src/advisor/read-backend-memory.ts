/** What backends of this machine have in memory, by /proc. */

import { readFileSync } from 'node:fs'
import type { Connection } from './connection.ts'
import { partNames } from './database-parts.ts'
import type { BackendMemory } from './database-reading.ts'
import type { MissingParts } from './missing.ts'
import { readValue } from './read-value.ts'

const what = partNames.memory
const mostRead = 20

export interface ProcessMemory {
  readonly privateBytes: number
  /** Without shared memory, such as shared buffers: that is there once, however many connections. */
  readonly proportionalBytes: number
  /** Its part of shared memory, by how many have touched it. */
  readonly sharedBytes: number
}

/** `isLocal`: PostgreSQL's processes are this machine's. */
export async function readBackendMemory(
  connection: Connection,
  isLocal: boolean,
  missing: MissingParts,
): Promise<BackendMemory | undefined> {
  if (process.platform !== 'linux' || !isLocal) {
    missing.add(
      what,
      'the processes of PostgreSQL can not be seen from here',
      'run this on its machine, if that is Linux',
    )
    return undefined
  }
  const pids = await readValue<readonly number[]>(connection, backends)
  const read = pids.map(memoryOf).filter((one) => one !== undefined)
  if (pids.length === 0)
    missing.add(what, 'there was no connection but our own', 'run this while applications are connected')
  else if (read.length === 0)
    missing.add(what, '/proc shows it to the OS user of PostgreSQL and to root only', 'run this as one of these')
  return read.length === 0 ? undefined : summaryOf(read)
}

/** Any of them; without the right to see their type, by their having a user and a database. */
const backends = `select coalesce(json_agg(pid), '[]') from (select pid from pg_stat_activity
  where (backend_type = 'client backend' or backend_type is null and usesysid is not null and datid is not null)
  and pid <> pg_backend_pid() order by random() limit ${mostRead}) few`

/** Undefined: it is gone, or not ours to see. Linux only. */
export function memoryOf(pid: number): ProcessMemory | undefined {
  try {
    return parseRollup(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))
  } catch {
    return undefined
  }
}

/** proc(5), smaps_rollup. */
export function parseRollup(text: string): ProcessMemory {
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024
  return {
    privateBytes: bytes('Private_Clean') + bytes('Private_Dirty') + bytes('Private_Hugetlb'),
    proportionalBytes: bytes('Pss') - bytes('Pss_Shmem'),
    sharedBytes: bytes('Pss_Shmem'),
  }
}

function summaryOf(read: readonly ProcessMemory[]): BackendMemory {
  const privates = read.map(({ privateBytes }) => privateBytes)
  return {
    backends: read.length,
    privateBytes: medianOf(privates),
    proportionalBytes: medianOf(read.map(({ proportionalBytes }) => proportionalBytes)),
    largestPrivateBytes: Math.max(...privates),
  }
}

/** Of an even number the lower one. */
function medianOf(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor((values.length - 1) / 2)] as number
}
