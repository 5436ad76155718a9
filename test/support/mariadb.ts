/** A throwaway MariaDB for a test file: on loopback, for root without a password. It dies with the test process, however that ends. */

import { mkdirSync, chownSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { freePort } from '../../src/embedded/free-port.ts'
import { type GuardedProcess, readLogTail, spawnGuarded } from '../../src/embedded/guarded-process.ts'
import { findOsUser, type OsUser, run } from '../../src/embedded/os-user.ts'
import { silentLog } from '../../src/log.ts'
import { temporaryFolder } from './postgres.ts'
import { findProgram } from './tools.ts'

const startLimitMs = 30_000

export interface TestMariadb {
  /** `mysql://root@127.0.0.1:PORT/test` */
  readonly url: string
  /** Stops it and takes its folder away. */
  remove(): Promise<void>
}

/** The caller awaits `remove` in an `after` hook. It doesn't run as root: then as the user that PostgreSQL gets, too. */
export async function startTestMariadb(): Promise<TestMariadb> {
  const folder = temporaryFolder()
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    const { url, server } = await startIn(folder)
    return {
      url,
      remove: async () => {
        server.send('SIGKILL')
        await server.ended
        removeFolder()
      },
    }
  } catch (error) {
    removeFolder()
    throw error
  }
}

async function startIn(folder: string): Promise<{ url: string; server: GuardedProcess }> {
  const user = await findOsUser(silentLog)
  const home = makeFolder(join(folder, 'mariadb'), user)
  const dataDir = `--datadir=${join(home, 'data')}`
  const made = await run(user, program('mariadb-install-db'), [
    '--no-defaults',
    dataDir,
    '--auth-root-authentication-method=normal',
  ])
  if (made.code !== 0) throw new Error(`mariadb-install-db failed: ${made.output}`)
  const port = await freePort()
  const log = join(home, 'log')
  const server = await spawnGuarded(user, log, [program('mariadbd'), ...argumentsOf(home, dataDir, port)])
  const url = `mysql://root@127.0.0.1:${port}/test`
  try {
    await isUp(url, server)
  } catch (cause) {
    server.send('SIGKILL')
    await server.ended
    throw new Error(`mariadbd did not start: ${readLogTail(log, 2_000)}`, { cause })
  }
  return { url, server }
}

function makeFolder(folder: string, user: OsUser): string {
  mkdirSync(folder)
  if (user.isOther) chownSync(folder, user.uid, user.gid)
  return folder
}

/** Durability is of no use to a test. */
function argumentsOf(home: string, dataDir: string, port: number): string[] {
  return [
    '--no-defaults',
    dataDir,
    `--socket=${join(home, 'socket')}`,
    `--pid-file=${join(home, 'pid')}`,
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    '--skip-name-resolve',
    '--innodb-flush-log-at-trx-commit=0',
    '--innodb-buffer-pool-size=16M',
  ]
}

async function isUp(url: string, server: GuardedProcess): Promise<void> {
  for (const end = performance.now() + startLimitMs; ; await Bun.sleep(20)) {
    try {
      const connection = await createConnection(url)
      return await connection.end()
    } catch (error) {
      if (!server.isRunning || performance.now() > end) throw error
    }
  }
}

function program(name: string): string {
  const path = findProgram(name)
  if (path === undefined) throw new Error(`${name} is not installed`)
  return path
}
