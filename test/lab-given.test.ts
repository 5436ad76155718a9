/** `taxirank lab --url`: what it does to a database that is not its own, and what is left there, however it ends. */

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Client } from 'pg'
import type { LabResults } from '../src/lab/results.ts'
import { eventually, startPoolerProcess } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'

const launcher = join(import.meta.dirname, '../bin/taxirank')
const folder = mkdtempSync(join(tmpdir(), 'taxirank-test-lab-'))
let postgres: TestPostgres
let client: Client

before(async () => {
  const rules = ['host all shop 127.0.0.1/32 scram-sha-256', 'host all all 127.0.0.1/32 trust']
  postgres = await startTestPostgres({}, { 'pg_hba.conf': `${rules.join('\n')}\n` })
  client = new Client({ connectionString: postgres.url, password: '' })
  client.on('error', () => undefined)
  await client.connect()
  await client.query(`create table mine (n integer); insert into mine values (1)`)
  await client.query(`create role shop login password 's3cr@t''"'; grant create on database postgres to shop`)
})

after(async () => {
  await client.end().catch(() => undefined)
  await postgres.remove()
  rmSync(folder, { recursive: true, force: true })
})

interface Ended {
  readonly exitCode: number
  readonly said: string
}

interface Lab {
  readonly child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>
  readonly ended: Promise<Ended>
}

/** Little's law takes a few seconds. It dies with this process. */
function startLab(...words: readonly string[]): Lab {
  const command = [launcher, 'lab', '--quick', '--only', 'little', ...words]
  const child = Bun.spawn(command, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = (): void => child.kill('SIGKILL')
  process.once('exit', kill)
  const said = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  const ended = Promise.all([said, child.exited]).then(([texts, exitCode]) => {
    process.off('exit', kill)
    return { exitCode, said: texts.join('') }
  })
  return { child, ended }
}

/** Resolves when the experiment's own connections are there. */
async function begins(): Promise<void> {
  await eventually(
    'the lab measures',
    async () => (await count(`pg_stat_activity where application_name = 'taxirank lab'`)) > 5,
    20_000,
  )
}

async function count(from: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(`select count(*)::int as count from ${from}`)
  return rows[0]?.count ?? NaN
}

const schemas = (): Promise<number> => count(`pg_namespace where nspname = 'taxirank_lab'`)
const results = (): LabResults =>
  JSON.parse(readFileSync(join(folder, 'lab-report/results.json'), 'utf8')) as LabResults

describe('the lab on a database that is not its own', () => {
  it('does nothing without --yes, and says what it would do, without the password', async () => {
    const { exitCode, said } = await startLab('--url', 'postgres://bob:secret@db.example/shop').ended
    assert.equal(exitCode, 1)
    assert.match(
      said,
      /^taxirank: this loads postgres:\/\/bob@db\.example:5432\/shop as much as it can bear, .* say --yes\n$/,
    )
    assert.deepEqual(readdirSync(folder), [])
  })

  it('measures in a schema of its own, and leaves all as it was; also what a run left that was killed', async () => {
    await client.query(`create schema taxirank_lab; create table taxirank_lab.accounts (n integer)`)
    await client.query(`comment on schema taxirank_lab is 'made by taxirank lab, which removes it'`)
    const { exitCode, said } = await startLab('--url', postgres.url, '--yes', '--out', 'lab-report').ended
    assert.equal(exitCode, 0, said)
    assert.deepEqual([await schemas(), await count('mine'), results().database.kind], [0, 1, 'given'])
    assert.deepEqual([results().database.isLocal, results().database.address], [true, postgres.url])
  })

  it('logs in with a password, its poolers, too, and keeps it to itself', async () => {
    const url = `postgres://shop:${encodeURIComponent(`s3cr@t'"`)}@127.0.0.1:${postgres.port}/postgres`
    const words = ['--only', 'saturation', '--url', url, '--yes', '--out', 'shop']
    const { exitCode, said } = await startLab(...words).ended
    assert.equal(exitCode, 0, said)
    const report = ['results.json', 'index.html'].map((name) => readFileSync(join(folder, 'shop', name), 'utf8'))
    assert.doesNotMatch([said, ...report].join(''), /s3cr/)
  })

  it('leaves a schema alone that is not its own', async () => {
    await client.query(`create schema taxirank_lab; create table taxirank_lab.precious (n integer)`)
    const { exitCode, said } = await startLab('--url', postgres.url, '--yes').ended
    assert.equal(exitCode, 1)
    assert.match(said, /there is a schema taxirank_lab that is not the lab's/)
    assert.equal(await count('taxirank_lab.precious'), 0)
    await client.query('drop schema taxirank_lab cascade')
  })

  it('ends at a signal with what it has, and cleans up; nor does it begin while another is at work', async () => {
    const first = startLab('--url', postgres.url, '--yes', '--out', 'lab-report')
    await begins()
    const second = await startLab('--url', postgres.url, '--yes', '--out', 'second').ended
    assert.deepEqual([second.exitCode, /another lab is at work/.test(second.said)], [1, true], second.said)
    first.child.kill('SIGTERM')
    const { exitCode, said } = await first.ended
    assert.equal(exitCode, 143, said)
    assert.match(said, /There is no report: nothing was measured, so what was there before is left as it was\n/)
    assert.deepEqual([await schemas(), results().isComplete], [0, true])
  })

  it('cleans up, too, when it is told to end while its schema is being filled', async () => {
    const { child, ended } = startLab('--url', postgres.url, '--yes')
    await eventually('there is a schema', async () => (await schemas()) === 1, 20_000)
    child.kill('SIGINT')
    const { exitCode, said } = await ended
    assert.deepEqual([exitCode, await schemas()], [130, 0], said)
  })

  it('is cleaned up after when it is killed', async () => {
    const { child, ended } = startLab('--url', postgres.url, '--yes')
    await begins()
    child.kill('SIGKILL')
    await ended
    await eventually('the schema is gone', async () => (await schemas()) === 0, 10_000)
    await eventually(
      'so are its connections',
      async () => (await count(`pg_stat_activity where application_name = 'taxirank lab'`)) === 0,
    )
  })

  it('needs more connections than a few, and says how many it can have', async () => {
    await client.query(`create role few login connection limit 5; grant create on database postgres to few`)
    const url = `postgres://few@127.0.0.1:${postgres.port}/postgres`
    const { exitCode, said } = await startLab('--url', url, '--yes').ended
    assert.deepEqual([exitCode, await schemas()], [1, 0])
    assert.match(said, /needs 25 connections beside its own, and can have 4: .* may have 5\n$/)
  })

  it('refuses a pooler, which would be measured in its place', async () => {
    const pooler = await startPoolerProcess(postgres.port)
    try {
      const { exitCode, said } = await startLab(
        '--url',
        `postgres://postgres@127.0.0.1:${pooler.port}/postgres`,
        '--yes',
      ).ended
      assert.deepEqual([exitCode, /a pooler stands there/.test(said)], [1, true], said)
    } finally {
      await pooler.stop()
    }
  })

  it('tells of a database that goes away in the middle', async () => {
    const { ended } = startLab('--url', postgres.url, '--yes')
    await begins()
    postgres.postgres.kill()
    const { exitCode, said } = await ended
    assert.equal(exitCode, 1)
    assert.match(said, /Not measured: the database is gone/)
    assert.match(said, /taxirank: the schema taxirank_lab is left on postgres:.*: drop schema taxirank_lab cascade/)
  })
})
