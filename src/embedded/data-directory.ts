/**
 * PostgreSQL's data directory: where it really is, whether it can be used, and how it is made.
 *
 * It is made beside its place under another name, filled, and renamed: it appears whole or not at all. What an interrupted
 * start left there is removed by the next.
 */

import { randomBytes } from 'node:crypto'
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { TaxirankError } from '../errors.ts'
import type { Log } from '../log.ts'
import { canEnter, run, type OsUser } from './os-user.ts'
import { findPostmaster } from './postmaster-file.ts'
import { isAlive } from './processes.ts'
import type { Programs } from './programs.ts'

const removeTries = 50
const removeAgainMs = 100

/** What a new data directory is made with. */
interface NewCluster {
  /** SQL run once in the database `postgres`. A command ends at a semicolon followed by an empty line. */
  readonly firstSql?: string | undefined
  /** Don't wait for the disk: the directory may be lost when the machine crashes. */
  readonly noSync?: boolean
  readonly signal?: AbortSignal | undefined
}

/**
 * The real place of a data directory, its parents made. It is `path`, except when root starts PostgreSQL where the OS user it
 * runs as can't go (root's home): then `path` becomes a symlink to a new folder in `elsewhere`. Whoever removes the symlink
 * starts anew; the old folder stays. Rejects with `bad_configuration` when there are data in a place that the user can't enter.
 */
export async function locateDataDirectory(path: string, user: OsUser, elsewhere: string, log: Log): Promise<string> {
  const place = resolve(path)
  makeParents(place)
  const real = followLink(place)
  if (!user.isOther || (await canEnter(user, dirname(real)))) return real
  if (existsSync(real) && readdirSync(real).length > 0) {
    throw wrong(
      `${real} isn't empty and the OS user ${user.name}, whom PostgreSQL runs as, can't enter ${dirname(real)}: ` +
        `move it where that user can go, or name another folder`,
    )
  }
  if (existsSync(real)) rmdirSync(real)
  mkdirSync(elsewhere, { recursive: true, mode: 0o755 })
  const made = mkdtempSync(join(elsewhere, 'data-'))
  symlinkSync(made, place)
  log.info(`the OS user ${user.name} can't enter ${dirname(place)}: the data are kept in ${made}, ${place} leads there`)
  return made
}

function makeParents(place: string): void {
  try {
    mkdirSync(dirname(place), { recursive: true })
  } catch (cause) {
    throw wrong(`${dirname(place)}, for PostgreSQL's data directory, can't be made: ${messageOf(cause)}`, cause)
  }
}

/** Also where a link leads to nothing (yet). */
function followLink(place: string): string {
  const stat = lstatSync(place, { throwIfNoEntry: false })
  return stat?.isSymbolicLink() ? resolve(dirname(place), readlinkSync(place)) : place
}

/**
 * Makes the data directory if it is missing or empty, else checks that it can be used. Resolves to true when it was made.
 * Rejects with `bad_configuration` when it is another version's, somebody else's, in use, or no data directory at all.
 */
export async function prepareDataDirectory(
  dataDir: string,
  user: OsUser,
  programs: Programs,
  cluster: NewCluster,
): Promise<boolean> {
  if (!isMissingOrEmpty(dataDir)) {
    checkUsable(dataDir, user, programs)
    return false
  }
  const unfinished = `${dataDir}.initdb-${process.pid}-${randomBytes(4).toString('hex')}`
  makeFolder(unfinished, user)
  try {
    await removeUnfinished(dataDir, user)
    await initialise(unfinished, user, programs, cluster)
    return putInPlace(unfinished, dataDir)
  } finally {
    if (existsSync(unfinished)) await removeAs(user, unfinished)
  }
}

function isMissingOrEmpty(folder: string): boolean {
  const stat = statSync(folder, { throwIfNoEntry: false })
  if (stat && !stat.isDirectory()) throw wrong(`${folder} isn't a folder: PostgreSQL's data can't be kept there`)
  try {
    return !stat || readdirSync(folder).length === 0
  } catch (cause) {
    throw wrong(`${folder} can't be read: it belongs to the OS user with uid ${stat?.uid}`, cause)
  }
}

function checkUsable(dataDir: string, user: OsUser, programs: Programs): void {
  const owner = statSync(dataDir).uid
  if (owner !== user.uid) {
    throw wrong(
      `${dataDir} belongs to the OS user with uid ${owner}, but PostgreSQL would run as ${user.name} (uid ${user.uid}): ` +
        'start as that user, change the owner of the folder and all in it, or name another folder',
    )
  }
  if (!existsSync(join(dataDir, 'PG_VERSION'))) {
    throw wrong(`${dataDir} isn't empty and holds no PostgreSQL data (no PG_VERSION): name another folder`)
  }
  const version = readFileSync(join(dataDir, 'PG_VERSION'), 'utf8').trim()
  if (version !== majorOf(programs.version)) {
    throw wrong(
      `the data in ${dataDir} are those of PostgreSQL ${version}, this is PostgreSQL ${programs.version}: ` +
        'name another folder, or move the data over with pg_upgrade or pg_dump',
    )
  }
  if (!existsSync(join(dataDir, 'global', 'pg_control'))) {
    throw wrong(
      `the data directory ${dataDir} isn't complete (no global/pg_control): remove it, or name another folder`,
    )
  }
  const postmaster = findPostmaster(dataDir)
  if (postmaster.name === 'running') {
    throw dataDirectoryInUse(dataDir, postmaster.pid)
  }
}

export function dataDirectoryInUse(dataDir: string, pid: number): TaxirankError {
  return wrong(
    `the data directory ${dataDir} is in use by another PostgreSQL (pid ${pid}): stop that one, or name another folder`,
  )
}

function majorOf(version: string): string {
  return version.split('.')[0] ?? version
}

function makeFolder(folder: string, user: OsUser): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
    if (user.isOther) chownSync(folder, user.uid, user.gid)
  } catch (cause) {
    throw wrong(`PostgreSQL's data directory can't be made in ${dirname(folder)}: ${messageOf(cause)}`, cause)
  }
}

/** The built-in locale provider sorts the same on every machine, whatever its C library. */
async function initialise(dataDir: string, user: OsUser, programs: Programs, cluster: NewCluster): Promise<void> {
  const locale = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']
  const access = ['--username=postgres', '--auth=trust']
  const speed = cluster.noSync === true ? ['--no-sync'] : []
  const args = [`--pgdata=${dataDir}`, '--no-instructions', ...access, ...locale, ...speed]
  const made = await run(user, join(programs.binDir, 'initdb'), args, { signal: cluster.signal })
  if (made.code !== 0) throw wrong(`initdb failed: ${lastLines(made.output)}`)
  if (cluster.firstSql === undefined) return
  const single = ['--single', '-j', '-D', dataDir, '-c', 'exit_on_error=on', 'postgres']
  const loaded = await run(user, join(programs.binDir, 'postgres'), single, {
    input: cluster.firstSql,
    signal: cluster.signal,
  })
  if (loaded.code !== 0) throw wrong(`the first SQL of a new data directory failed: ${lastLines(loaded.output)}`)
}

/** False when another start was faster: its data directory stays. */
function putInPlace(unfinished: string, dataDir: string): boolean {
  try {
    renameSync(unfinished, dataDir)
    return true
  } catch (cause) {
    if (existsSync(join(dataDir, 'PG_VERSION'))) return false
    throw wrong(
      `${dataDir} can't become PostgreSQL's data directory (${messageOf(cause)}): ` +
        'if it is a mount point, name a folder inside it',
      cause,
    )
  }
}

/** Removes what starts left that were killed while they made this data directory. Other users' folders aren't such. */
async function removeUnfinished(dataDir: string, user: OsUser): Promise<void> {
  const prefix = `${basename(dataDir)}.initdb-`
  for (const name of readdirSync(dirname(dataDir))) {
    if (!name.startsWith(prefix)) continue
    const path = join(dirname(dataDir), name)
    const stat = lstatSync(path, { throwIfNoEntry: false })
    const pid = Number(name.slice(prefix.length).split('-')[0])
    if (stat?.isDirectory() && stat.uid === user.uid && !isAlive(pid)) await removeAs(user, path)
  }
}

/**
 * Removes a folder of the user's: the contents as that user, then the empty folder. An initdb whose starter was killed may
 * still be filling it; it fails soon, as its files go.
 */
async function removeAs(user: OsUser, folder: string): Promise<void> {
  for (let triesLeft = removeTries; triesLeft > 0; triesLeft--) {
    await run(user, 'sh', ['-c', 'rm -rf -- "$1" 2>/dev/null; true', 'sh', folder])
    if (!existsSync(folder)) return
    if (readdirSync(folder).length === 0) return rmdirSync(folder)
    await sleep(removeAgainMs)
  }
  throw wrong(`${folder}, what an interrupted start has left, can't be removed: remove it by hand`)
}

function wrong(message: string, cause?: unknown): TaxirankError {
  return new TaxirankError('bad_configuration', message, { cause })
}

function lastLines(output: string): string {
  return output.split('\n').slice(-5).join('\n')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
