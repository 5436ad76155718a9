/** The same engine for anything: examples/mysql on Node, against a real MariaDB. */

import assert from 'node:assert/strict'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { installInto, root } from './support/library.ts'
import { startTestMariadb, type TestMariadb } from './support/mariadb.ts'
import { temporaryFolder } from './support/postgres.ts'
import { findProgram, needs } from './support/tools.ts'

/** Copies the example, as a user would. */
function copyExample(): string {
  const folder = temporaryFolder()
  cpSync(join(root, 'examples/mysql'), folder, { recursive: true })
  installInto(folder, 'mysql2')
  return folder
}

async function run(folder: string, url: string): Promise<{ code: number; said: string }> {
  const child = Bun.spawn([findProgram('node') ?? 'node', 'main.mjs'], {
    cwd: folder,
    env: { ...process.env, MYSQL_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  })
  const streams = [child.stdout, child.stderr].map((stream) => new Response(stream).text())
  const said = await Promise.all(streams)
  return { code: await child.exited, said: said.join('') }
}

/** What the server itself has counted since its start. */
async function statusOf(url: string, ...names: string[]): Promise<number[]> {
  const connection = await createConnection(url)
  const [rows] = await connection.query<RowDataPacket[]>('SHOW GLOBAL STATUS')
  await connection.end()
  const values = new Map(rows.map((row) => [String(row['Variable_name']), Number(row['Value'])]))
  return names.map((name) => values.get(name) ?? Number.NaN)
}

describe('examples/mysql', needs('mariadbd', 'mariadb-install-db', 'node'), () => {
  let mariadb: TestMariadb
  let folder: string
  before(async () => {
    mariadb = await startTestMariadb()
    folder = copyExample()
  })
  after(async () => {
    rmSync(folder, { recursive: true, force: true })
    await mariadb.remove()
  })

  it('serves 100 callers by five connections, replaces one that the server has killed, and ends by itself', async () => {
    const [before = 0] = await statusOf(mariadb.url, 'Connections')
    const { code, said } = await run(folder, mariadb.url)
    assert.equal(code, 0, said)
    const served = said.match(/^100 callers, 5 connections, 0 found what another had left$/gm) ?? []
    assert.equal(served.length, 2, said)
    assert.match(said, /^connection \d+ was killed, and is not among those after$/m)
    assert.match(said, /^wait: 201 times, mean [\d.]+ ms, at most [\d.]+ ms$/m)
    const [connections = 0, most, running] = await statusOf(
      mariadb.url,
      'Connections',
      'Max_used_connections',
      'Threads_connected',
    )
    // Six by the example, one to ask; and the one that asks is all that is left.
    assert.deepEqual([connections - before, most, running], [7, 5, 1], said)
  })
})
