/**
 * `postmaster.pid`, by which a running PostgreSQL claims its data directory and says how far it is. Line 1 is its pid, line 8
 * its status (PostgreSQL's own pg_ctl waits for it too). After a crash the file stays, and its pid may be another program's by then.
 */

import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from './processes.ts'

type Postmaster =
  | { readonly name: 'none' }
  | { readonly name: 'running'; readonly pid: number }
  | { readonly name: 'stale'; readonly pid: number }

/**
 * Who claims a data directory. `stale`: the process with that pid lives and isn't PostgreSQL in this directory. PostgreSQL
 * itself can't tell the two apart when both belong to one OS user.
 */
export function findPostmaster(dataDir: string, proc = '/proc'): Postmaster {
  const pid = Number(readLines(dataDir)[0])
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return { name: 'none' }
  if (existsSync(join(proc, 'self')) && !worksIn(join(proc, String(pid), 'cwd'), dataDir)) return { name: 'stale', pid }
  return { name: 'running', pid }
}

/** Whether PostgreSQL with this pid accepts connections on this data directory. */
export function isReady(dataDir: string, pid: number): boolean {
  const lines = readLines(dataDir)
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
}

/** A postmaster's working directory is its data directory. Where that can't be seen the process is another OS user's. */
function worksIn(cwd: string, dataDir: string): boolean {
  try {
    const [a, b] = [statSync(cwd), statSync(dataDir)]
    return a.dev === b.dev && a.ino === b.ino
  } catch {
    return false
  }
}

function readLines(dataDir: string): string[] {
  try {
    return readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    return []
  }
}
