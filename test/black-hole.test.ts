/**
 * A network that swallows everything and says nothing: noticed by the limit that is set for what is waited for, within that
 * limit and a little, and never by anybody who has nothing to do with it.
 */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { noClientLimits } from '../src/pooler/client-limits.ts'
import { deadNetwork } from '../src/relay/faults.ts'
import { openDeafPort } from './support/deaf-port.ts'
import { eventually, TestPoolers, type TestPooler, type TestPoolerOptions } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'
import { Way } from './support/way.ts'

let postgres: TestPostgres
let direct: RawClient
const poolers = new TestPoolers(() => postgres.port)
const ways: Way[] = []
const clients: RawClient[] = []
const ok = ['T ?column?', 'D 7', 'C SELECT 1', 'Z I']
/** What a busy machine may add to a limit. */
const slackMs = 500

before(async () => {
  postgres = await startTestPostgres()
  direct = await RawClient.login(postgres.port)
  await direct.query('create table entry (who text)')
})

after(async () => {
  direct.leave()
  await poolers.remove()
  await postgres.remove()
})

afterEach(() => {
  for (const client of clients.splice(0)) client.reset()
  for (const way of ways.splice(0)) way.stop()
})

function wayTo(port: number): Way {
  const way = new Way(port)
  ways.push(way)
  return way
}

async function login(port: number): Promise<RawClient> {
  const client = await RawClient.login(port)
  clients.push(client)
  return client
}

async function startBehind(way: Way, options: TestPoolerOptions = {}): Promise<TestPooler> {
  return poolers.start({ ...options, database: { address: { host: '127.0.0.1', port: way.port } } })
}

/** How long something takes, in milliseconds. */
async function taken(what: Promise<unknown>): Promise<number> {
  const began = performance.now()
  await what
  return performance.now() - began
}

describe('a black hole in place of PostgreSQL', () => {
  it('that does not even take the connection is given up after server_connect_timeout', async () => {
    const deaf = await openDeafPort()
    const address = { host: '127.0.0.1', port: deaf.port }
    const pooler = await poolers.start({
      serverConnectTimeoutMs: 300,
      queryWaitTimeoutMs: 1_000,
      database: { address },
    })
    const login = pooler.login()
    const told = (): boolean => pooler.logged.join('').includes('did not complete a login within 300 ms')
    const tookMs = await taken(Promise.race([eventually('it is noticed', told), login]))
    assert.ok(tookMs > 250 && tookMs < 300 + slackMs, `${tookMs} ms`)
    await assert.rejects(
      login,
      /53300: no server became free within 1,000 ms: .* did not complete a login within 300 ms$/,
    )
    deaf.close()
  })

  it('that opens anywhere in a login is given up after server_connect_timeout, and whoever waits is served then', async () => {
    for (const bytes of [0, 9, 300]) {
      const way = wayTo(postgres.port)
      const pooler = await startBehind(way, { serverConnectTimeoutMs: 200 })
      way.hurtNext({ fromTarget: { blackholeAtByte: bytes } })
      const one = login(pooler.port)
      await eventually('it has begun', () => way.begun.length === 1)
      way.hurtNext({})
      const tookMs = await taken(one)
      assert.ok(tookMs < 200 + 100 + slackMs, `${tookMs} ms`)
      assert.deepEqual(await (await one).query('select 7'), ok)
    }
  })
})

describe('a black hole on the way to a server', () => {
  it('that is idle is found by the check, and its next client sees nothing of it', async () => {
    const way = wayTo(postgres.port)
    const options = { poolSize: 3, serverCheckQuery: '', serverCheckDelayMs: 50, settleTimeoutMs: 300 }
    const pooler = await startBehind(way, options)
    const all = await Promise.all(Array.from({ length: 3 }, () => login(pooler.port)))
    for (const client of all) await client.query('begin')
    for (const client of all) await client.query('commit')
    assert.equal(pooler.figures.lists().servers, 3)
    way.hurt(deadNetwork)
    await Bun.sleep(80)
    const tookMs = await taken(
      Promise.all(all.map(async (client) => assert.deepEqual(await client.query('select 7'), ok))),
    )
    assert.ok(tookMs > 250 && tookMs < 300 + slackMs, `${tookMs} ms`)
  })

  it('that runs a query is found by query_timeout, and its place is free after the time to come to rest', async () => {
    const way = wayTo(postgres.port)
    const clientLimits = { ...noClientLimits, queryTimeoutMs: 300 }
    const pooler = await startBehind(way, { clientLimits, settleTimeoutMs: 300, cancelWaitTimeoutMs: 300 })
    const [one, two] = [await login(pooler.port), await login(pooler.port)]
    await one.query("begin; insert into entry values ('undone')")
    way.hurt(deadNetwork)
    way.hurtNext(deadNetwork)
    one.send(raw.query('select 7'))
    const tookMs = await taken(one.rest().then((got) => assert.deepEqual(got, ['E FATAL 57014: query timeout'])))
    assert.ok(tookMs > 250 && tookMs < 300 + slackMs, `${tookMs} ms`)
    await eventually('its place is free', () => pooler.figures.lists().servers === 0, 3 * 300 + slackMs)
    way.hurtNext({})
    assert.deepEqual(await two.query('select 7'), ok)
    way.stop()
    assert.equal(await direct.value('select count(*) from entry'), '0')
  })
})

describe('a black hole on the way to a client', () => {
  it('in a transaction is found by idle_transaction_timeout, and its server goes to the next', async () => {
    const clientLimits = { ...noClientLimits, idleTransactionTimeoutMs: 300 }
    const pooler = await poolers.start({ poolSize: 1, clientLimits })
    const way = wayTo(pooler.port)
    const [lost, next] = [await login(way.port), await login(pooler.port)]
    await lost.query("begin; insert into entry values ('undone')")
    way.hurt(deadNetwork)
    const tookMs = await taken(next.query('select 7').then((got) => assert.deepEqual(got, ok)))
    assert.ok(tookMs < 300 + slackMs, `${tookMs} ms`)
    assert.equal(await next.value('select count(*) from entry'), '0')
    await eventually('it is forgotten', () => pooler.figures.lists().clients === 1)
  })

  it('that is being answered is found by query_timeout', async () => {
    const pooler = await poolers.start({ poolSize: 1, clientLimits: { ...noClientLimits, queryTimeoutMs: 400 } })
    const way = wayTo(pooler.port)
    const [lost, next] = [await login(way.port), await login(pooler.port)]
    way.hurt({ fromTarget: { bytesPerSecond: 100 } })
    lost.send(raw.query("select repeat('x', 1000) from generate_series(1, 20000)"))
    await Bun.sleep(300)
    const tookMs = await taken(next.query('select 7').then((got) => assert.deepEqual(got, ok)))
    assert.ok(tookMs > 50 && tookMs < 100 + slackMs, `${tookMs} ms`)
  })

  it('that logs in is found by client_login_timeout', async () => {
    const pooler = await poolers.start({ clientLoginTimeoutMs: 300 })
    const way = wayTo(pooler.port)
    way.hurtNext({ fromClient: { blackholeAtByte: 12 } })
    const client = await RawClient.connect(way.port)
    clients.push(client)
    client.send(raw.startup({ user: 'postgres' }))
    const tookMs = await taken(
      client.rest().then((got) => assert.deepEqual(got, ['E FATAL 08P01: no login within 300 ms'])),
    )
    assert.ok(tookMs < 300 + slackMs, `${tookMs} ms`)
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
