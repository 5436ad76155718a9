/**
 * Faults of a server, of a client and of the network between them, in the middle of something: what was begun is either
 * done once or not at all, whoever is concerned is told or cut off, and nobody else notices. docs/reports/faults.md says which
 * test, here or elsewhere, shows which fault.
 */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
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

afterEach(async () => {
  for (const client of clients.splice(0)) client.reset()
  for (const way of ways.splice(0)) way.stop()
  await direct.query('truncate entry')
})

const ok = ['T ?column?', 'D 7', 'C SELECT 1', 'Z I']
const insert = (who: string): Buffer => raw.query(`insert into entry values ('${who}')`)
const entries = (): Promise<string | null> =>
  direct.value("select coalesce(string_agg(who, ',' order by who), 'none') from entry")

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

/** A pooler whose way to PostgreSQL can be hurt. */
async function startBehindRelay(options: TestPoolerOptions = {}): Promise<{
  pooler: TestPooler
  way: Way
}> {
  const way = wayTo(postgres.port)
  const database = { ...options.database, address: { host: '127.0.0.1', port: way.port } }
  return { pooler: await poolers.start({ poolSize: 1, ...options, database }), way }
}

async function terminate(state: string): Promise<void> {
  const others = `pid <> pg_backend_pid() and backend_type = 'client backend' and state = '${state}'`
  await eventually('there is one to terminate', async () => {
    return (await direct.value(`select count(*) from pg_stat_activity where ${others}`)) === '1'
  })
  await direct.value(`select pg_terminate_backend(pid) from pg_stat_activity where ${others}`)
}

for (const poolMode of ['transaction', 'session'] as const) {
  describe(`in ${poolMode} mode a server that dies in a transaction`, () => {
    const start = (): Promise<TestPooler> => poolers.start({ poolSize: 2, poolMode, serverResetQuery: 'DISCARD ALL' })

    it('takes its client with it, who sends on and reaches no other server', async () => {
      const pooler = await start()
      const client = await login(pooler.port)
      await client.ask(raw.query('begin'))
      await client.ask(insert('before'))
      await terminate('idle in transaction')
      client.send(insert('after'), raw.query('commit'), insert('later'))
      assert.match((await client.rest()).join(), /^E FATAL 57P01: terminating connection due to administrator command$/)
      assert.equal(await (await login(pooler.port)).value('select 7'), '7')
      assert.equal(await entries(), 'none')
    })

    it('takes what is behind in the pipeline with it, too', async () => {
      const pooler = await start()
      const client = await login(pooler.port)
      const steps = [raw.query('begin'), insert('before'), raw.query('select pg_sleep(10)'), insert('after')]
      client.send(...steps, raw.query('commit'), insert('later'))
      const sleeps = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
      await eventually('it has come to the third', async () => (await direct.value(sleeps)) === '1')
      await terminate('active')
      const got = await client.rest()
      assert.deepEqual(got.slice(0, 4), ['C BEGIN', 'Z T', 'C INSERT 0 1', 'Z T'])
      assert.match(String(got.at(-1)), /^E FATAL 57P01/)
      assert.equal(await (await login(pooler.port)).value('select 7'), '7')
      assert.equal(await entries(), 'none')
    })
  })
}

describe('a statement whose answer is lost', () => {
  it('was done once and is never sent again', async () => {
    const { pooler, way } = await startBehindRelay()
    const client = await login(pooler.port)
    const other = await login(pooler.port)
    for (let round = 1; round <= 5; round++) {
      const one = await login(pooler.port)
      assert.equal(await one.value('select 7'), '7')
      way.hurt({ fromTarget: { cutAtByte: 0 } })
      one.send(insert('once'))
      assert.match((await one.rest()).join(), /^E FATAL 08006: the server closed the connection unexpectedly/)
      assert.deepEqual(await other.query('select 7'), ok)
      assert.equal(await direct.value('select count(*) from entry'), String(round))
    }
    assert.deepEqual(await client.query('select 7'), ok)
  })
})

describe('a server that is idle', () => {
  it('and is lost in whichever way, with half a word or none, is not missed', async () => {
    const { pooler, way } = await startBehindRelay()
    const client = await login(pooler.port)
    for (const faults of [{}, { resetAtByte: 1 }, { cutAtByte: 7 }, { halfCloseAtByte: 30 }]) {
      const pid = await client.value('select pg_backend_pid()')
      way.hurt({ fromTarget: faults })
      await direct.value(`select pg_terminate_backend(${pid})`)
      await eventually('it is gone', () => pooler.figures.lists().servers === 0)
      assert.deepEqual(await client.query('select 7'), ok)
    }
  })
})

describe('a client that ends its side of the connection and goes on reading', () => {
  it('gets no answer: what it runs is stopped, what it sent is done or undone as a whole', async () => {
    const pooler = await poolers.start({ poolSize: 1 })
    const next = await login(pooler.port)
    for (const [request, possible] of [
      [raw.query('begin; select pg_sleep(10)'), ['none']],
      // What is running at that moment is cancelled: that may be the first statement.
      [
        raw.all(insert('first'), raw.query('begin'), insert('second'), raw.query('select pg_sleep(10)')),
        ['first', 'none'],
      ],
    ] as const) {
      const way = wayTo(pooler.port)
      const client = await login(way.port)
      way.hurt({ fromClient: { halfCloseAtByte: request.length } })
      const began = performance.now()
      client.send(request)
      await client.rest()
      assert.deepEqual(await next.query('select 7'), ok)
      assert.ok(performance.now() - began < 2_000)
      assert.ok((possible as readonly (string | null)[]).includes(await entries()))
    }
  })

  it('has done what it sent before its Terminate, though it is told nothing', async () => {
    const pooler = await poolers.start({ poolSize: 1 })
    const way = wayTo(pooler.port)
    const client = await login(way.port)
    const request = raw.all(raw.query('select 7 from pg_sleep(0.2)'), insert('kept'), raw.terminate)
    way.hurt({ fromClient: { halfCloseAtByte: request.length } })
    client.send(request)
    assert.deepEqual(await client.rest(), [])
    await eventually('it is done', async () => (await entries()) === 'kept')
  })
})

describe('a server that ends its side of the connection and goes on reading', () => {
  it('ends its client with what came whole', async () => {
    const { pooler, way } = await startBehindRelay()
    const next = await login(pooler.port)
    for (const bytes of [0, 1, 5, 30, 60]) {
      const client = await login(pooler.port)
      assert.deepEqual(await client.query('select 7'), ok)
      way.hurt({ fromTarget: { halfCloseAtByte: bytes } })
      client.send(raw.query('select 7'))
      await client.rest()
      assert.deepEqual(await next.query('select 7'), ok)
    }
  })
})

describe('bytes of a server that come twice', () => {
  it('are nobody else’s answer', async () => {
    const { pooler, way } = await startBehindRelay()
    for (let round = 0; round < 10; round++) {
      const client = await login(pooler.port)
      assert.deepEqual(await client.query('select 7'), ok)
      way.hurt({ fromTarget: { duplicateAtByte: 0 } })
      client.send(raw.query(`select 'once ${round}'`))
      const [next, other] = [await login(pooler.port), await login(pooler.port)]
      assert.equal(await next.value(`select 'next ${round}'`), `next ${round}`)
      assert.equal(await other.value(`select 'other ${round}'`), `other ${round}`)
      assert.deepEqual((await client.until('Z')).map(raw.say).slice(1, 3), [`D once ${round}`, 'C SELECT 1'])
      for (const left of [client, next, other]) left.reset()
    }
  })
})

describe('a statement that PostgreSQL stops itself', () => {
  it('costs neither its client nor its server', async () => {
    const pooler = await poolers.start({ poolSize: 1 })
    const client = await login(pooler.port)
    const pid = await client.value('select pg_backend_pid()')
    await direct.query('begin; lock table entry in access exclusive mode')
    const stopped = ['E ERROR 57014: canceling statement due to statement timeout', 'Z I']
    assert.deepEqual((await client.query("set statement_timeout = '50ms'; select pg_sleep(10)")).slice(-2), stopped)
    const locked = "begin; set local lock_timeout = '50ms'; table entry"
    const refused = ['E ERROR 55P03: canceling statement due to lock timeout', 'Z E']
    assert.deepEqual((await client.query(locked)).slice(-2), refused)
    await direct.query('commit')
    assert.deepEqual(await client.query('rollback'), ['C ROLLBACK', 'Z I'])
    assert.equal(await client.value('select pg_backend_pid()'), pid)
  })
})

describe('a queue that grows', () => {
  it('ends in the order in which it grew, in time, and leaves the pool to whoever comes then', async () => {
    const pooler = await poolers.start({ poolSize: 1, queryWaitTimeoutMs: 600 })
    const holder = await login(pooler.port)
    await holder.query('begin')
    const waiting = await Promise.all(Array.from({ length: 200 }, () => login(pooler.port)))
    const ends: { index: number; afterMs: number }[] = []
    const began = performance.now()
    const ended = waiting.map(async (client, index) => {
      client.send(raw.query('select 7'))
      assert.match((await client.rest()).join(), /^E FATAL 53300: no server became free within 600 ms: 1 of 1 leased, /)
      ends.push({ index, afterMs: performance.now() - began })
    })
    await pooler.queues(200)
    await Promise.all(ended)
    assert.deepEqual(
      ends.map(({ index }) => index),
      waiting.map((_, index) => index),
    )
    assert.ok(ends.every(({ afterMs }) => afterMs > 590 && afterMs < 1_600))
    await holder.query('commit')
    assert.deepEqual(await (await login(pooler.port)).query('select 7'), ok)
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
