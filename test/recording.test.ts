/** Recordings of a running pooler's pools: begun and ended on the console, fetched over HTTP, and read. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { serveConfig, type ServedConfig } from '../src/cli/serve-config.ts'
import { parseConfig } from '../src/config/parse-config.ts'
import { freePort } from '../src/embedded/free-port.ts'
import { silentLog } from '../src/log.ts'
import { type ReadRecording, Recording } from '../src/metrics/recording.ts'
import { eventually } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

let postgres: TestPostgres
let served: ServedConfig
let admin: RawClient
let lines: readonly string[]
const clients: RawClient[] = []

before(async () => {
  postgres = await startTestPostgres()
})

after(() => postgres.remove())

beforeEach(async () => {
  const [port, httpPort] = [await freePort(), await freePort()]
  lines = [
    '[databases]',
    `* = host=127.0.0.1 port=${postgres.port} dbname=postgres`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    `http_port = ${httpPort}`,
    'auth_type = trust',
    'admin_users = postgres',
    'pool_mode = transaction',
    'default_pool_size = 1',
    'max_client_conn = 100',
    'query_wait_timeout = 7',
    'server_idle_timeout = 300',
    'server_tls_sslmode = disable',
  ]
  const readFile = (path: string): string => (path === 'main.ini' ? lines.join('\n') : readFileSync(path, 'utf8'))
  served = await serveConfig(parseConfig('main.ini', readFile), { log: silentLog, readFile, isOpenToAll: true })
  admin = await login('pgbouncer')
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.reset()
  await served.stop('immediate')
})

async function login(database = 'shop', user = 'postgres'): Promise<RawClient> {
  const client = await RawClient.login(served.port, { database, user })
  clients.push(client)
  return client
}

const set = async (key: string, value: number | string): Promise<void> => {
  assert.deepEqual(await admin.query(`SET ${key} = '${value}'`), [`C SET ${key}=${value}`, 'Z I'])
}
const get = (query = ''): Promise<Response> => fetch(`${served.monitorUrl}api/recording${query}`)
/** The rows of SHOW RECORDINGS without their last column, a time. */
const recordings = async (): Promise<unknown[][]> =>
  (await admin.rows('SHOW RECORDINGS')).map((row) => Object.values(row).slice(0, -1))

async function download(query = ''): Promise<ReadRecording> {
  const answer = await get(query)
  assert.equal(answer.status, 200)
  return Recording.fromBytes(await answer.bytes())
}

async function sentenceFor(query = ''): Promise<string> {
  const answer = await get(query)
  assert.deepEqual([answer.status, answer.headers.get('content-type')], [404, 'text/plain; charset=utf-8'])
  return answer.text()
}

/** Of SHOW STATS: how many servers were lent, and for how long clients waited and held them, in milliseconds. */
async function counted(): Promise<{ leases: number; waitMs: number; holdMs: number }> {
  const shop = (await admin.rows('SHOW STATS')).find(({ database }) => database === 'shop') ?? {}
  return {
    leases: Number(shop['total_server_assignment_count']),
    waitMs: Number(shop['total_wait_time']) / 1_000,
    holdMs: Number(shop['total_xact_time']) / 1_000,
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

/** One client holds the only server while `others` of them wait for it. */
async function crowd(others: number): Promise<void> {
  const [holder, ...waiters] = await Promise.all(Array.from({ length: 1 + others }, () => login()))
  await holder?.query('begin')
  for (const client of waiters) client.send(raw.query('select 1'))
  await eventually('they wait', async () => (await admin.rows('SHOW POOLS'))[0]?.['cl_waiting'] === String(others))
  await holder?.query('select pg_sleep(0.1)')
  await holder?.query('commit')
  await Promise.all(waiters.map((client) => client.answer()))
}

describe('a recording of a pool', () => {
  it('has an entry for each lease, with its wait and hold, from when it is switched on', async () => {
    const one = await login()
    await one.query('select 1')
    await set('recording_entries', 1_000)
    const before = await counted()
    await crowd(3)
    for (let turn = 0; turn < 5; turn++) await one.query('select pg_sleep(0.01)')
    const after = await counted()
    const { recording, laneNames, about } = await download()
    const entries = [...recording.entries()]
    assert.deepEqual([entries.length, laneNames], [after.leases - before.leases, ['']])
    assert.equal(entries.length, 9)
    const [waitMs, holdMs] = [sum(entries.map((entry) => entry.waitMs)), sum(entries.map((entry) => entry.holdMs))]
    assert.ok(entries.filter((entry) => entry.waitMs > 50).length >= 3)
    assert.ok(entries.filter((entry) => entry.holdMs > 5).length >= 6)
    const [countedWaitMs, countedHoldMs] = [after.waitMs - before.waitMs, after.holdMs - before.holdMs]
    assert.ok(waitMs > countedWaitMs / 2 && waitMs < countedWaitMs * 2, `${waitMs} ms, SHOW STATS ${countedWaitMs}`)
    assert.ok(holdMs > countedHoldMs / 2 && holdMs < countedHoldMs * 2, `${holdMs} ms, SHOW STATS ${countedHoldMs}`)
    const { openMs = NaN, takenAtMs = NaN, startedAtMs = NaN, ...told } = about ?? {}
    assert.deepEqual(told, { maxSize: 1, minSize: 0, waitTimeoutMs: 7_000, idleTimeoutMs: 300_000 })
    assert.ok(openMs > 0)
    for (const { arrivalMs } of entries) assert.ok(startedAtMs <= arrivalMs && arrivalMs <= takenAtMs)
  })

  it('has those, too, who were not served', async () => {
    const [holder, leaver] = [await login(), await login()]
    await set('recording_entries', 10)
    await holder.query('begin')
    leaver.send(raw.query('select 1'))
    await eventually('it waits', async () => (await admin.rows('SHOW POOLS'))[0]?.['cl_waiting'] === '1')
    leaver.reset()
    await eventually('it has left', async () => (await recordings())[0]?.[2] === '1')
    const { recording } = await download()
    assert.deepEqual(
      [...recording.entries()].map(({ holdMs }) => holdMs),
      [NaN],
    )
  })

  it('keeps the newest, and says how many it has lost', async () => {
    const one = await login()
    await set('recording_entries', 4)
    for (let turn = 0; turn < 10; turn++) await one.query('select 1')
    assert.deepEqual(await recordings(), [['shop', 'postgres', '4', '4', '6']])
    const [{ seconds = '' } = {}] = await admin.rows('SHOW RECORDINGS')
    assert.match(String(seconds), /^\d+\.\d{3}$/)
    const { recording } = await download()
    assert.deepEqual([recording.size, recording.overwritten], [4, 6])
  })

  it('says how many servers the pool may have: no more than its database, and nothing if there is no limit', async () => {
    await set('recording_entries', 4)
    await login()
    const sizes = async (): Promise<unknown> => {
      const { about } = await download()
      return [about?.maxSize, about?.minSize]
    }
    await set('default_pool_size', 30)
    await set('min_pool_size', 2)
    assert.deepEqual(await sizes(), [30, 2])
    await set('max_db_connections', 1)
    assert.deepEqual(await sizes(), [1, 1])
    await set('default_pool_size', 0)
    assert.deepEqual(await sizes(), [1, 1])
    await set('max_db_connections', 0)
    assert.deepEqual(await sizes(), [0, 2])
  })
})

describe('recording_entries', () => {
  it('is 0 as long as nothing is said, and nothing is recorded', async () => {
    const one = await login()
    await one.query('select 1')
    assert.deepEqual(await recordings(), [])
    assert.match(await sentenceFor(), /^no pool is recorded: SET recording_entries = 100000 on the console begins it/)
  })

  it('lets a recording go on when the same is said, begins it anew when more or less is, and forgets it at 0', async () => {
    const one = await login()
    await set('recording_entries', 100)
    await one.query('select 1')
    await set('recording_entries', 100)
    await set('query_wait_timeout', 5)
    await one.query('select 1')
    assert.deepEqual(await recordings(), [['shop', 'postgres', '2', '100', '0']])
    await set('recording_entries', 200)
    assert.deepEqual(await recordings(), [['shop', 'postgres', '0', '200', '0']])
    await one.query('select 1')
    await set('recording_entries', 0)
    await one.query('select 1')
    assert.deepEqual(await recordings(), [])
    assert.match(await sentenceFor('?database=shop&user=postgres'), /^no pool is recorded/)
    await set('recording_entries', 200)
    assert.deepEqual(await recordings(), [['shop', 'postgres', '0', '200', '0']])
  })

  it('takes effect at a reload', async () => {
    const one = await login()
    lines = [...lines, 'recording_entries = 50']
    assert.deepEqual(await admin.query('RELOAD'), ['C RELOAD', 'Z I'])
    await one.query('select 1')
    assert.deepEqual(await recordings(), [['shop', 'postgres', '1', '50', '0']])
    lines = lines.slice(0, -1)
    await admin.query('RELOAD')
    assert.deepEqual(await recordings(), [])
  })

  it('is refused beyond 10,000,000', async () => {
    const [error] = await admin.query('SET recording_entries = 10000001')
    assert.match(error ?? '', /^E ERROR 08P01: SET failed: .*recording_entries.*allowed: 0 to 10,000,000/)
  })

  it('records pools that are made later, with the login that waits for their first server', async () => {
    await set('recording_entries', 10)
    const one = await login()
    assert.deepEqual(await recordings(), [['shop', 'postgres', '1', '10', '0']])
    const [entry] = (await download()).recording.entries()
    assert.ok((entry?.waitMs ?? 0) > 0)
    await one.query('select 1')
    assert.deepEqual(await recordings(), [['shop', 'postgres', '2', '10', '0']])
  })

  it('records of two pools of the same database and user only the one that new clients come to', async () => {
    await set('recording_entries', 10)
    const one = await login()
    for (let turn = 0; turn < 5; turn++) await one.query('select 1')
    await set('pool_mode', 'session')
    assert.deepEqual(await recordings(), [])
    await login()
    await one.query('select 1')
    assert.deepEqual(await recordings(), [['shop', 'postgres', '1', '10', '0']])
    assert.equal((await download()).recording.size, 1)
  })
})

describe('the recordings over HTTP', () => {
  it('are told apart by database and user, and come as files', async () => {
    const [shop, log] = [await login('shop'), await login('log')]
    await set('recording_entries', 10)
    await shop.query('select 1')
    await shop.query('select 1')
    await log.query('select 1')
    const pools = ['?database=shop&user=postgres', '?database=log&user=postgres']
    assert.equal(await sentenceFor(), `several pools are recorded, say which one: ${pools.join(', ')}\n`)
    assert.equal(
      await sentenceFor('?database=shop&user=nobody'),
      `no such pool is recorded; those that are: ${pools.join(', ')}\n`,
    )
    assert.equal((await download(pools[0])).recording.size, 2)
    assert.equal((await download('?database=log')).recording.size, 1)
    const { headers } = await get(pools[1])
    assert.equal(headers.get('content-type'), 'application/octet-stream')
    assert.equal(headers.get('content-disposition'), 'attachment; filename="taxirank-log-postgres.recording"')
  })

  it('have nothing of what clients say', async () => {
    await set('recording_entries', 10)
    const one = await login()
    await one.query("select 'a secret', 'of mine' as column_of_mine")
    const text = Buffer.from(await (await get()).bytes()).toString('latin1')
    assert.match(text, /^TXRREC02/)
    for (const secret of ['secret', 'mine', 'select', 'postgres', 'shop']) assert.ok(!text.includes(secret), secret)
  })
})
