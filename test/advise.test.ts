/** `taxirank advise` as a user runs it: beside a live PostgreSQL and a live pooler, with something going on. */

import assert from 'node:assert/strict'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Client } from 'pg'
import type { Advice } from '../src/advisor/advice.ts'
import { freePort } from '../src/embedded/free-port.ts'
import { eventually } from './support/pooler.ts'
import { startTestPostgres, temporaryFolder, type TestPostgres } from './support/postgres.ts'
import { type Program, startProgram } from './support/program.ts'

const launcher = join(import.meta.dirname, '../bin/taxirank')
const poolSize = 15
let postgres: TestPostgres
let pooler: Program
let folder = ''
let port = 0
let httpPort = 0

before(async () => {
  folder = temporaryFolder()
  chmodSync(folder, 0o755)
  postgres = await startTestPostgres()
  port = await freePort()
  httpPort = await freePort()
  const ini = join(folder, 'pooler.ini')
  const users = join(folder, 'userlist.txt')
  writeFileSync(users, '"postgres" ""\n')
  writeFileSync(
    ini,
    `[databases]
* = host=127.0.0.1 port=${postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
http_addr = 127.0.0.1
http_port = ${httpPort}
auth_type = trust
auth_file = ${users}
admin_users = postgres
pool_mode = transaction
default_pool_size = ${poolSize}
`,
  )
  pooler = await startProgram(ini)
})

after(async () => {
  await pooler.stop()
  await postgres.remove()
  rmSync(folder, { recursive: true })
})

interface Said {
  readonly exitCode: number
  readonly out: string
  readonly error: string
}

function start(...args: string[]) {
  const child = Bun.spawn([launcher, 'advise', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = Promise.all([child.exited, new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { child, said: said.then(([exitCode, out, error]): Said => ({ exitCode, out, error })) }
}

const direct = (): string => `postgres://postgres:sesame@127.0.0.1:${postgres.port}/postgres`
const through = (): string => `postgres://postgres@127.0.0.1:${port}/postgres`
const page = (): string => `http://127.0.0.1:${httpPort}`

/** Four clients of the pooler run short transactions until `during` has settled. */
async function busy<T>(during: Promise<T>): Promise<T> {
  const clients = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const client = new Client({ connectionString: through(), application_name: 'shop' })
      await client.connect()
      return client
    }),
  )
  const over = new AbortController()
  const work = clients.map(async (client) => {
    while (!over.signal.aborted) {
      await client.query('begin; select 1')
      await Bun.sleep(2)
      await client.query('commit')
    }
    await client.end()
  })
  try {
    return await during
  } finally {
    over.abort()
    await Promise.all(work)
  }
}

/** What PostgreSQL has of ours now. */
async function ours(): Promise<number> {
  const client = new Client({ connectionString: direct() })
  await client.connect()
  const { rows } = await client.query<{ n: number }>(
    "select count(*)::int as n from pg_stat_activity where application_name = 'taxirank advise'",
  )
  await client.end()
  return rows[0]?.n ?? 0
}

describe('taxirank advise', { timeout: 120_000 }, () => {
  it('says how large the pool should be, with numbers of what is going on, and leaves nothing behind', async () => {
    const { exitCode, out, error } = await busy(start(through(), '--pooler', page(), '--watch', '3s').said)
    assert.deepEqual([exitCode, error], [0, ''])
    assert.match(out, new RegExp(`postgres/postgres: ${poolSize} now, \\d+ connections are advised\\. `))
    assert.match(out, /in use on average/)
    assert.match(out, /The address is that of Taxirank/)
    assert.match(out, /For pgbouncer\.ini:\n\n {2}; unless .*\n {2}\[pgbouncer\]\n {2}default_pool_size = \d+\n/)
    await eventually('our connection is gone', async () => (await ours()) === 0)
  })

  it('does not take its own questions for those of an application', async () => {
    const console = `postgres://postgres@127.0.0.1:${port}/pgbouncer`
    for (const address of [page(), console]) {
      const { exitCode, out } = await start(through(), '--pooler', address, '--watch', '2s').said
      assert.equal(exitCode, 0)
      assert.match(out, /Hardly anybody used a connection/)
      assert.doesNotMatch(out, /are advised|pool_size =/)
    }
  })

  it('prints one JSON object and nothing else with --json', async () => {
    const { exitCode, out, error } = await busy(start(direct(), '--pooler', page(), '--watch', '2s', '--json').said)
    assert.deepEqual([exitCode, error], [0, ''])
    assert.equal(out.trimEnd().split('\n').length, 1)
    const advice = JSON.parse(out) as Advice
    assert.equal(advice.version, 1)
    const [pool] = advice.pools
    assert.deepEqual([pool?.name, pool?.sizeNow], ['postgres/postgres', poolSize])
    assert.ok((pool?.sizeAdvised ?? 0) >= 2 && (pool?.sizeAdvised ?? 0) <= 12, `${pool?.sizeAdvised} advised`)
    assert.ok((pool?.arrivalsPerSecond ?? 0) > 10)
    assert.ok(!out.includes('sesame'), 'the password is not in it')
  })

  it('works with the console alone, and without a pooler, and says what it could not see', async () => {
    const console = `postgres://postgres@127.0.0.1:${port}/pgbouncer`
    const [byConsole, alone] = await busy(
      Promise.all([
        start(direct(), '--pooler', console, '--watch', '2s').said,
        start(direct(), '--watch', '2s', '--cores', '4', '--instances', '50').said,
      ]),
    )
    assert.deepEqual([byConsole.exitCode, alone.exitCode], [0, 0])
    assert.match(byConsole.out, /postgres\/postgres: 15 now/)
    assert.match(byConsole.out, /Not seen:\n/)
    assert.match(alone.out, /all connections: \d+ connections are advised/)
    assert.match(alone.out, /50 instances × 2 = 100, in a deploy 200: more than the 97 there are/)
  })

  it('ends its watch at Ctrl-C, with 130, and leaves nothing behind', async () => {
    const { child, said } = start(direct(), '--pooler', page(), '--watch', '1h')
    await eventually('it has connected', async () => (await ours()) === 1)
    child.kill('SIGINT')
    const { exitCode, out } = await said
    assert.deepEqual([exitCode, out], [130, ''])
    await eventually('our connection is gone', async () => (await ours()) === 0)
  })

  it('says what is wrong with an address, without its password, and leaves with 1', async () => {
    const closed = await freePort()
    const refusals: [string[], RegExp][] = [
      [[`postgres://postgres:sesame@127.0.0.1:${closed}/postgres`], new RegExp(`127\\.0\\.0\\.1:${closed}`)],
      [[direct(), '--pooler', `http://127.0.0.1:${closed}`], new RegExp(`127\\.0\\.0\\.1:${closed}`)],
      [[direct(), '--pooler', `http://127.0.0.1:${postgres.port}`], /./],
      [[`postgres://postgres@127.0.0.1:${port}/pgbouncer`], /--pooler/],
      [['127.0.0.1'], /Allowed: a URL/],
      [[direct(), '--watch', '0s'], /Allowed: 1s to 24h, a whole number/],
      [[direct(), '--cores', '0'], /Allowed: 1 to 100,000/],
      [[], /missing required argument/],
    ]
    for (const [args, message] of refusals) {
      const { exitCode, out, error } = await start(...args, ...(args.includes('--watch') ? [] : ['--watch', '1s'])).said
      assert.deepEqual([exitCode, out], [1, ''], args.join(' '))
      assert.match(error, message)
      assert.ok(error.startsWith('taxirank: ') && !error.includes('sesame'), error)
    }
  })
})
