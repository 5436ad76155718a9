/** Other options while clients are at work: what takes effect when, and that nobody is dropped. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { eventually, TestPoolers, type TestPooler, type TestPoolerOptions } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

let postgres: TestPostgres
let direct: RawClient
const poolers = new TestPoolers(() => postgres.port)
const clients: RawClient[] = []

before(async () => {
  postgres = await startTestPostgres()
  direct = await RawClient.login(postgres.port)
  for (const name of ['a', 'b']) await direct.query(`create database ${name}`)
  await direct.query('create role one login; create role two login')
})

after(async () => {
  direct.leave()
  await poolers.remove()
  await postgres.remove()
})

afterEach(() => {
  for (const client of clients.splice(0)) client.reset()
})

async function login(pooler: TestPooler, parameters: Readonly<Record<string, string>> = {}): Promise<RawClient> {
  const client = await pooler.login(parameters)
  clients.push(client)
  return client
}

async function holders(pooler: TestPooler, count: number, parameters = {}): Promise<RawClient[]> {
  const all: RawClient[] = []
  for (let index = 0; index < count; index++) {
    const client = await login(pooler, parameters)
    await client.query('begin')
    all.push(client)
  }
  return all
}

const ok = ['T ?column?', 'D 7', 'C SELECT 1', 'Z I']
const asked = (client: RawClient): Promise<string[]> => client.ask(raw.query('select 7'))
const pid = (client: RawClient): Promise<string | null> => client.value('select pg_backend_pid()')
const servers = (pooler: TestPooler): number => pooler.figures.lists().servers

describe('a reload of sizes', () => {
  it('upwards lets those who wait have more at once', async () => {
    const pooler = await poolers.start({ poolSize: 1 })
    await holders(pooler, 1)
    const waiting = await login(pooler)
    waiting.send(raw.query('select 7'))
    await pooler.queues(1)
    pooler.reload({ poolSize: 2 })
    assert.deepEqual(await waiting.answer(), ok)
  })

  it('downwards closes idle servers at once, and the others after their transaction', async () => {
    const pooler = await poolers.start({ poolSize: 4 })
    const all = await holders(pooler, 4)
    await all[3]?.query('commit')
    pooler.reload({ poolSize: 1 })
    await eventually('the idle one is closed', () => servers(pooler) === 3)
    for (const client of all.slice(0, 3)) assert.deepEqual(await client.query('commit'), ['C COMMIT', 'Z I'])
    await eventually('one is left', () => servers(pooler) === 1)
    for (const client of all) assert.deepEqual(await asked(client), ok)
  })

  it('of min_pool_size opens what is missing, and lets go what is not kept any more', async () => {
    const pooler = await poolers.start({ poolSize: 3, serverIdleTimeoutMs: 100 })
    await login(pooler)
    await eventually('the one of the login has timed out', () => servers(pooler) === 0)
    pooler.reload({ poolSize: 3, serverIdleTimeoutMs: 100, database: { minPoolSize: 2 } })
    await eventually('there are two', () => servers(pooler) === 2)
    pooler.reload({ poolSize: 3, serverIdleTimeoutMs: 100 })
    await eventually('they time out', () => servers(pooler) === 0)
  })

  it('of max_db_connections where there was none, and back', async () => {
    const pooler = await poolers.start({ poolSize: 3, databases: { a: {} } })
    const one = await holders(pooler, 2, { database: 'a', user: 'one' })
    const two = await holders(pooler, 2, { database: 'a', user: 'two' })
    pooler.reload({ poolSize: 3, databases: { a: { maxServers: 1 } } })
    for (const client of [...one, ...two]) assert.deepEqual(await client.query('commit'), ['C COMMIT', 'Z I'])
    await eventually('one is left', () => servers(pooler) === 1)
    for (const client of [...one, ...two]) assert.deepEqual(await asked(client), ok)
    assert.equal(servers(pooler), 1)
    pooler.reload({ poolSize: 3, databases: { a: {} } })
    for (const client of [...one, ...two]) await client.query('begin')
    assert.equal(servers(pooler), 4)
  })

  it('of limits of clients drops nobody, and holds for the next one', async () => {
    const pooler = await poolers.start()
    const both = [await login(pooler), await login(pooler)]
    pooler.reload({ maxClients: 1 })
    for (const client of both) assert.deepEqual(await asked(client), ok)
    await assert.rejects(login(pooler), /max_client_conn is 1/)
    pooler.reload({ maxUserClients: 2 })
    await assert.rejects(login(pooler), /max_user_client_connections is 2/)
  })
})

describe('a reload of times', () => {
  it('holds for those who wait already', async () => {
    const pooler = await poolers.start({ queryWaitTimeoutMs: 0 })
    await holders(pooler, 1)
    const waiting = await login(pooler)
    waiting.send(raw.query('select 7'))
    await pooler.queues(1)
    pooler.reload({ queryWaitTimeoutMs: 100 })
    assert.match((await waiting.rest()).join(), /no server became free within 100 ms/)
  })

  it('holds for servers that are open', async () => {
    const pooler = await poolers.start()
    const client = await login(pooler)
    await pid(client)
    pooler.reload({ database: { serverLifetimeMs: 50 } })
    await eventually('it was too old', () => servers(pooler) === 0)
    await pid(client)
    pooler.reload({ serverIdleTimeoutMs: 50 })
    await eventually('it was idle for too long', () => servers(pooler) === 0)
  })
})

describe('a reload of where a database is', () => {
  it('replaces its servers as soon as they are free, and no others', async () => {
    const pooler = await poolers.start({ poolSize: 1, databases: { shop: { name: 'a' }, other: { name: 'a' } } })
    const other = await login(pooler, { database: 'other' })
    const otherPid = await pid(other)
    const [shop] = (await holders(pooler, 1, { database: 'shop' })) as [RawClient]
    pooler.reload({ poolSize: 1, databases: { shop: { name: 'b' }, other: { name: 'a' } } })
    const where = 'select current_database()'
    assert.equal(await shop.value(where), 'a')
    await shop.query('commit')
    assert.equal(await shop.value(where), 'b')
    assert.equal(await pid(other), otherPid)
    assert.equal(await (await login(pooler, { database: 'shop' })).value(where), 'b')
  })

  it('sends clients away who would be another user in PostgreSQL now, when their transaction is over', async () => {
    const forced = { shop: { name: 'a', user: 'one' } }
    for (const [before, after] of [
      [forced, { shop: { name: 'a', user: 'two' } }],
      [forced, { shop: { name: 'a' } }],
      [{ shop: { name: 'a' } }, forced],
    ] as const) {
      const pooler = await poolers.start({ poolSize: 1, databases: before })
      const [client] = (await holders(pooler, 1, { database: 'shop' })) as [RawClient]
      pooler.reload({ poolSize: 1, databases: after })
      assert.equal((await client.query('commit'))[0], 'C COMMIT')
      assert.match((await client.rest()).join(), /57P01: the user of database "shop" was changed/)
      const next = await login(pooler, { database: 'shop' })
      const user = 'user' in after.shop ? after.shop.user : 'postgres'
      assert.equal(await next.value('select current_user'), user)
      next.leave()
    }
  })

  it('keeps servers where nothing about that has changed', async () => {
    const options: TestPoolerOptions = {
      databases: { shop: { name: 'a', parameters: new Map([['TimeZone', 'UTC']]) } },
    }
    const pooler = await poolers.start(options)
    const client = await login(pooler, { database: 'shop' })
    const before = await pid(client)
    pooler.reload({ databases: { shop: { name: 'a', parameters: new Map([['TimeZone', 'UTC']]) } }, poolSize: 7 })
    assert.equal(await pid(client), before)
  })

  it('asks a database again at once that had refused', async () => {
    const pooler = await poolers.start({ serverLoginRetryMs: 60_000, databases: { shop: { name: 'nope' } } })
    await assert.rejects(login(pooler, { database: 'shop' }), /does not exist/)
    await assert.rejects(login(pooler, { database: 'shop' }), /cached error/)
    pooler.reload({ serverLoginRetryMs: 60_000, databases: { shop: { name: 'a' } } })
    assert.deepEqual(await asked(await login(pooler, { database: 'shop' })), ok)
  })
})

describe('a reload without a database', () => {
  it('refuses new clients; those that are here are told to go when their transaction is over', async () => {
    const pooler = await poolers.start({ poolSize: 2, isWithoutTemplate: true, databases: { a: {}, b: {} } })
    const [busy] = (await holders(pooler, 1, { database: 'a' })) as [RawClient]
    const idle = await login(pooler, { database: 'a' })
    const other = await login(pooler, { database: 'b' })
    pooler.reload({ poolSize: 2, isWithoutTemplate: true, databases: { b: {} } })
    assert.match((await idle.rest()).join(), /^E FATAL 57P01: database "a" was removed$/)
    await assert.rejects(login(pooler, { database: 'a' }), /3D000: no such database: a/)
    assert.deepEqual(await busy.query('select 7'), ['T ?column?', 'D 7', 'C SELECT 1', 'Z T'])
    busy.send(raw.query('commit'))
    assert.deepEqual(await busy.rest(), ['C COMMIT', 'Z I', 'E FATAL 57P01: database "a" was removed'])
    assert.deepEqual(await asked(other), ok)
    await eventually('its pool is gone', () => pooler.figures.pools().every(({ database }) => database === 'b'))
    pooler.reload({ poolSize: 2, isWithoutTemplate: true, databases: { a: {}, b: {} } })
    assert.deepEqual(await asked(await login(pooler, { database: 'a' })), ok)
  })

  it('is nothing to clients of a database that * knows now', async () => {
    const pooler = await poolers.start({ databases: { a: {} } })
    const client = await login(pooler, { database: 'a' })
    const before = await pid(client)
    pooler.reload({})
    assert.equal(await pid(client), before)
  })
})

describe('a reload of a pool whose mode an earlier one has changed', () => {
  const user = (client: RawClient): Promise<string | null> => client.value('select current_user')

  it('reaches the clients that have kept the old mode', async () => {
    const pooler = await poolers.start({
      databases: { a: { user: 'one' } },
      isWithoutTemplate: true,
      poolMode: 'session',
    })
    const old = await login(pooler, { database: 'a' })
    assert.equal(await user(old), 'one')
    pooler.reload({ databases: { a: { user: 'one' } }, isWithoutTemplate: true })
    assert.equal(await user(old), 'one')
    const next = await login(pooler, { database: 'a' })
    assert.equal(await user(next), 'one')
    old.send(raw.terminate)
    const idle = await login(pooler, { database: 'a' })
    pooler.reload({ databases: { a: { user: 'one' } }, isWithoutTemplate: true, poolMode: 'session' })
    pooler.reload({ databases: { a: { user: 'two' } }, isWithoutTemplate: true, poolMode: 'session' })
    for (const client of [next, idle]) {
      assert.deepEqual(await client.rest(), ['E FATAL 57P01: the user of database "a" was changed'])
    }
    assert.equal(await user(await login(pooler, { database: 'a' })), 'two')
  })

  it('takes them where the database is now, in their mode', async () => {
    const named = (name: string): TestPoolerOptions => ({ databases: { a: { name } }, isWithoutTemplate: true })
    const pooler = await poolers.start({ ...named('a'), poolSize: 2 })
    const [old, other] = [await login(pooler, { database: 'a' }), await login(pooler, { database: 'a' })]
    assert.equal(await old.value('select current_database()'), 'a')
    pooler.reload({ ...named('a'), poolMode: 'session' })
    pooler.reload({ ...named('b'), poolMode: 'session' })
    const where = [await old.value('select current_database()'), await other.value('select current_database()')]
    assert.deepEqual(where, ['b', 'b'])
    assert.deepEqual([await pid(old), await pid(other)], [await pid(other), await pid(old)])
  })

  it('ends them if the database is removed', async () => {
    const pooler = await poolers.start({ databases: { a: {} }, isWithoutTemplate: true })
    const old = await login(pooler, { database: 'a' })
    pooler.reload({ databases: { a: {} }, isWithoutTemplate: true, poolMode: 'session' })
    pooler.reload({ isWithoutTemplate: true })
    assert.deepEqual(await old.rest(), ['E FATAL 57P01: database "a" was removed'])
  })
})

describe('a reload that ends a pool', () => {
  const gone = 'E FATAL 57P01: database "a" was removed'
  const before: TestPoolerOptions = { poolSize: 3, databases: { a: {} }, isWithoutTemplate: true }

  it('ends those who keep a server beyond their transaction, too', async () => {
    const pooler = await poolers.start(before)
    const [idle, busy] = [await login(pooler, { database: 'a' }), await login(pooler, { database: 'a' })]
    for (const client of [idle, busy]) await client.query('create temp table kept (n int)')
    await busy.query('begin')
    pooler.reload({ isWithoutTemplate: true })
    assert.deepEqual((await idle.rest()).slice(-1), [gone])
    assert.deepEqual((await busy.query('table kept')).slice(-2), ['C SELECT 0', 'Z T'])
    busy.send(raw.query('commit'))
    assert.deepEqual(await busy.rest(), ['C COMMIT', 'Z I', gone])
    await eventually('its servers are gone', () => servers(pooler) === 0)
  })

  it('does not hang a pooler that waits for servers', async () => {
    const pooler = await poolers.start(before)
    const client = await login(pooler, { database: 'a' })
    await client.query('create temp table kept (n int)')
    await pooler.stop('wait_for_servers')
    assert.deepEqual((await client.rest()).slice(-1), ['E FATAL 57P01: the pooler is shutting down'])
  })
})

describe('a reload of what is wrong', () => {
  it('changes nothing', async () => {
    const pooler = await poolers.start({ poolSize: 2, databases: { a: {} } })
    const client = await login(pooler, { database: 'a' })
    const before = pooler.figures.databases()
    const wrong: TestPoolerOptions[] = [
      { poolSize: -1 },
      { maxClients: 1.5 },
      { serverIdleTimeoutMs: Number.NaN },
      { statsPeriodMs: 0 },
      { databases: { a: { addresses: [] } } },
      { databases: { a: { poolSize: 1 }, b: { maxServers: -1 } } },
      { userOptions: new Map([['one', { poolSize: -1 }]]) },
    ]
    for (const options of wrong) assert.throws(() => pooler.reload(options), { code: 'bad_configuration' })
    assert.deepEqual(pooler.figures.databases(), before)
    assert.deepEqual(await asked(client), ok)
  })
})

describe('reloads under load', () => {
  it('drop nobody, and every limit holds at every instant', async () => {
    const of = (poolSize: number, maxServers: number, reservePoolSize: number): TestPoolerOptions => ({
      poolSize,
      reserveAfterMs: 5,
      isServerRoundRobin: poolSize % 2 === 0,
      clientLoginTimeoutMs: 20_000,
      queryWaitTimeoutMs: 20_000,
      maxUserServers: maxServers % 3 === 0 ? 0 : 4,
      databases: { a: { maxServers, reservePoolSize, minPoolSize: 1 }, b: { poolSize: 2, serverLifetimeMs: 30 } },
    })
    const pooler = await poolers.start(of(2, 0, 0))
    const stop = new AbortController()
    const answers: number[] = []
    const work = async (parameters: Record<string, string>, worker: number): Promise<void> => {
      answers[worker] = 0
      const client = await login(pooler, parameters)
      while (!stop.signal.aborted) {
        await client.query('begin')
        assert.equal(await client.value('select 7'), '7')
        assert.deepEqual(await client.query('commit'), ['C COMMIT', 'Z I'])
        answers[worker] = (answers[worker] ?? 0) + 1
      }
    }
    const workers = ['one', 'two', 'postgres'].flatMap((user) =>
      ['a', 'a', 'b'].map((database) => ({ user, database })),
    )
    const all = Promise.all(workers.map(work))
    for (let round = 0; round < 150; round++) {
      if (round % 10 === 9) assert.throws(() => pooler.reload({ poolSize: -round }))
      else pooler.reload(of(1 + (round % 5), round % 4, round % 3))
      if (round % 50 === 25) pooler.verbs.reconnect()
      await Bun.sleep(5 + (round % 30))
    }
    pooler.reload(of(2, 3, 0))
    await eventually(
      'the limit of the database holds',
      () => {
        const database = pooler.figures.databases().find(({ name }) => name === 'a')
        return (database?.servers ?? 9) <= 3
      },
      20_000,
    )
    const soFar = [...answers]
    await eventually('everybody goes on', () => answers.every((count, worker) => count > (soFar[worker] ?? 0)), 20_000)
    stop.abort()
    await all
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
