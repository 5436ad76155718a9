/**
 * A throwaway PostgreSQL for a test file, in about a quarter of a second: its data directory is copied from a template that
 * is made once per machine and kept in the folder for temporary files. It dies with the test process, however that ends.
 */

import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '../../src/log.ts'
import { prepareDataDirectory } from '../../src/embedded/data-directory.ts'
import { findOsUser, run, type OsUser } from '../../src/embedded/os-user.ts'
import { startPostgres, type Postgres } from '../../src/embedded/postgres.ts'
import { isAlive } from '../../src/embedded/processes.ts'
import { findPrograms } from '../../src/embedded/programs.ts'

/** Durability is of no use to a test; everything else is as PostgreSQL comes, 100 connections included. */
const fastSettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '100' }
const folderPrefix = 'taxirank-test-'

/** PostgreSQL, whose `remove` stops it and takes its folder away. */
export interface TestPostgres {
  readonly postgres: Postgres
  readonly port: number
  /** `postgres://postgres@127.0.0.1:PORT/postgres` */
  readonly url: string
  remove(): Promise<void>
}

/**
 * The caller awaits `remove` in an `after` hook. Settings are those of postgresql.conf, `files` what else is to lie in the
 * data directory, `pg_hba.conf` for one.
 */
export async function startTestPostgres(
  settings: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): Promise<TestPostgres> {
  removeForgotten()
  const folder = temporaryFolder()
  const dataDir = join(folder, 'data')
  try {
    const user = await copyDataDirectory(dataDir)
    for (const [name, text] of Object.entries(files)) writeFor(user, join(dataDir, name), text)
    const postgres = await startPostgres({ dataDir, settings: { ...fastSettings, ...settings } })
    return {
      postgres,
      port: postgres.port,
      url: `postgres://postgres@127.0.0.1:${postgres.port}/postgres`,
      remove: async () => {
        await postgres.stop('immediate')
        rmSync(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

/** A new folder that the OS user of PostgreSQL can enter. Named after this process, so that the next run removes it after a crash. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), `${folderPrefix}${process.pid}-`))
  chmodSync(folder, 0o711)
  return folder
}

/** Makes a data directory by copying the template; gives its owner. Its parent must be there, and open to the OS user of PostgreSQL. */
export async function copyDataDirectory(dataDir: string): Promise<OsUser> {
  const user = await findOsUser(silentLog)
  const template = await findTemplate(user)
  mkdirSync(dataDir, { mode: 0o700 })
  if (user.isOther) chownSync(dataDir, user.uid, user.gid)
  const { code, output } = await run(user, 'cp', ['-R', `${template}/.`, dataDir])
  if (code !== 0) throw new Error(`${template} couldn't be copied: ${output}`)
  return user
}

function writeFor(user: OsUser, path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 })
  if (user.isOther) chownSync(path, user.uid, user.gid)
}

/** Of several processes that make it at once, one puts its own in place and all use that. */
async function findTemplate(user: OsUser): Promise<string> {
  const programs = await findPrograms(user, '/var/cache/taxirank', silentLog)
  const template = join(tmpdir(), `taxirank-template-${user.uid}-${programs.version}`)
  if (!existsSync(template)) await prepareDataDirectory(template, user, programs, { noSync: true })
  const stat = lstatSync(template)
  if (stat.isDirectory() && stat.uid === user.uid && (stat.mode & 0o077) === 0) return template
  throw new Error(`${template} must be a folder that only the OS user ${user.name} can enter: remove it`)
}

/** Removes what test processes left that were killed. */
function removeForgotten(): void {
  for (const name of readdirSync(tmpdir())) {
    const path = join(tmpdir(), name)
    const pid = Number(/^taxirank-test-(\d+)-/.exec(name)?.[1])
    if (!Number.isInteger(pid) || isAlive(pid)) continue
    if (lstatSync(path, { throwIfNoEntry: false })?.uid === process.getuid?.())
      rmSync(path, { recursive: true, force: true })
  }
}
