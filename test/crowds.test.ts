/** What is too many, too slow or too large for a pooler: descriptors that run out, clients that do not read, messages of a size. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { type PoolerProcess, type PoolerProcessOptions, startPoolerProcess } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'
import { Way } from './support/way.ts'

let postgres: TestPostgres
const poolers: PoolerProcess[] = []
const ways: Way[] = []
const clients: RawClient[] = []
const ok = ['T ?column?', 'D 7', 'C SELECT 1', 'Z I']

before(async () => {
  postgres = await startTestPostgres()
})

after(() => postgres.remove())

afterEach(async () => {
  for (const client of clients.splice(0)) client.reset()
  for (const way of ways.splice(0)) way.stop()
  await Promise.all(poolers.splice(0).map((pooler) => pooler.stop()))
})

async function start(settings: readonly string[], options: PoolerProcessOptions = {}): Promise<PoolerProcess> {
  const pooler = await startPoolerProcess(postgres.port, settings, options)
  poolers.push(pooler)
  return pooler
}

async function login(port: number): Promise<RawClient> {
  const client = await RawClient.login(port)
  clients.push(client)
  return client
}

/** How long each of so many short queries took, in milliseconds, sorted. */
async function latencies(client: RawClient, count: number): Promise<number[]> {
  const taken: number[] = []
  for (let n = 0; n < count; n++) {
    const began = performance.now()
    assert.deepEqual(await client.query('select 7'), ok)
    taken.push(performance.now() - began)
  }
  return taken.toSorted((a, b) => a - b)
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.floor(sorted.length * share)] as number

describe('a pooler that runs out of descriptors', () => {
  it('lets nobody more in, does not spin, gets its servers all the same, and takes clients when there is room', async () => {
    const pooler = await start(['default_pool_size = 4'], { limits: 'ulimit -n 96' })
    const attempts = await Promise.allSettled(Array.from({ length: 200 }, () => login(pooler.port)))
    const isIn = attempts.filter(({ status }) => status === 'fulfilled').length
    assert.ok(isIn > 30 && isIn < 96, `${isIn} are in`)
    const holders = clients.slice(0, 4)
    for (const client of holders) assert.deepEqual(await client.query('begin'), ['C BEGIN', 'Z T'])
    for (const client of holders) assert.deepEqual(await client.query('commit'), ['C COMMIT', 'Z I'])
    await assert.rejects(RawClient.login(pooler.port))
    const before = pooler.cpuMs()
    await Bun.sleep(500)
    assert.ok(pooler.cpuMs() - before < 150, `${pooler.cpuMs() - before} ms of CPU in 500 ms`)
    for (const client of clients) assert.deepEqual(await client.query('select 7'), ok)
    for (const client of clients.splice(0, 10)) client.leave()
    await Bun.sleep(100)
    assert.deepEqual(await (await login(pooler.port)).query('select 7'), ok)
  })
})

describe('clients that read slowly, or not at all', () => {
  it('cost no memory and no time of others', async () => {
    const pooler = await start(['default_pool_size = 12'])
    const other = await login(pooler.port)
    await latencies(other, 200)
    const way = new Way(pooler.port)
    ways.push(way)
    way.hurtNext({ fromTarget: { bytesPerSecond: 2_000_000 } })
    const slow = await Promise.all(Array.from({ length: 5 }, () => login(way.port)))
    const stopped = await Promise.all(Array.from({ length: 5 }, () => login(pooler.port)))
    for (const client of stopped) client.pause()
    const before = { memory: pooler.memory(), latencies: await latencies(other, 200) }
    for (const client of [...slow, ...stopped])
      client.send(raw.query("select repeat('x', 8000) from generate_series(1, 25000)"))
    await Bun.sleep(300)
    const meanwhile = await latencies(other, 400)
    assert.ok(pooler.memory() < before.memory + 40, `${before.memory} MB before, ${pooler.memory()} MB meanwhile`)
    const p95 = { before: at(before.latencies, 0.95), meanwhile: at(meanwhile, 0.95) }
    assert.ok(p95.meanwhile < 10 * p95.before + 20, `p95 ${p95.before} ms before, ${p95.meanwhile} ms meanwhile`)
    for (const client of [...slow, ...stopped]) client.reset()
    const next = await Promise.all(Array.from({ length: 12 }, () => login(pooler.port)))
    for (const client of next) assert.deepEqual(await client.query('select 7'), ok)
  })
})

describe('a message of 64 MB', () => {
  const size = 64_000_000

  it('goes through in either direction, in both protocols, in little memory, and others do not notice', async () => {
    const pooler = await start(['default_pool_size = 2'])
    const [client, other] = [await login(pooler.port), await login(pooler.port)]
    await latencies(other, 50)
    const before = pooler.memory()
    const text = 'x'.repeat(size)
    const bound = raw.all(raw.parse('select length($1::text)'), raw.bind([text]), raw.execute(), raw.sync)
    const asked = client.ask(bound)
    const meanwhile = await latencies(other, 100)
    assert.deepEqual(await asked, ['1', '2', `D ${size}`, 'C SELECT 1', 'Z I'])
    client.send(raw.query(`select repeat('x', ${size})`))
    const got = await client.until('Z')
    assert.deepEqual(
      got.map(({ type }) => type),
      ['T', 'D', 'C', 'Z'],
    )
    assert.equal(got[1]?.body.length, size + 6)
    assert.ok(pooler.memory() < before + 40, `${before} MB before, ${pooler.memory()} MB at the end`)
    assert.ok(at(meanwhile, 0.9) < 100, `p90 ${at(meanwhile, 0.9)} ms`)
  })

  it('that its client leaves in the middle of costs nobody anything', async () => {
    const pooler = await start(['default_pool_size = 1'])
    const [next] = [await login(pooler.port)]
    for (const bytes of [100, 5_000_000]) {
      const client = await login(pooler.port)
      client.send(raw.query(`select repeat('x', ${size / 4})`))
      await client.received(client.receivedBytes + bytes)
      client.reset()
      assert.deepEqual(await next.query('select 7'), ok)
    }
  })
})
