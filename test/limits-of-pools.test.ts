/** How many servers and clients there may be: of a pool, a database, a user, and all together; and for how long. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { freePort } from '../src/embedded/free-port.ts'
import { eventually, TestPoolers, type TestPooler } from './support/pooler.ts'
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
  await direct.query('create role one login; create role two login')
  for (const name of ['a', 'b']) await direct.query(`create database ${name}`)
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

/** Clients in a transaction, which hold a server each. */
async function holders(pooler: TestPooler, count: number, parameters = {}): Promise<RawClient[]> {
  const all: RawClient[] = []
  for (let index = 0; index < count; index++) {
    const client = await login(pooler, parameters)
    await client.query('begin')
    all.push(client)
  }
  return all
}

const asked = (client: RawClient): Promise<string[]> => client.ask(raw.query('select 7'))
const ok = ['T ?column?', 'D 7', 'C SELECT 1', 'Z I']
const serversOf = (pooler: TestPooler): number => pooler.figures.lists().servers
const states = (pooler: TestPooler): string[] => pooler.figures.servers().map(({ state }) => state)
const pid = (client: RawClient): Promise<string | null> => client.value('select pg_backend_pid()')

describe('pool_size', () => {
  it('0 is no limit', async () => {
    const pooler = await poolers.start({ poolSize: 0 })
    await holders(pooler, 8)
    assert.equal(serversOf(pooler), 8)
  })

  it('is the user’s, if that says one, and with a forced user the forced user’s', async () => {
    const userOptions = new Map([['one', { poolSize: 1 }]])
    const pooler = await poolers.start({ poolSize: 2, userOptions, databases: { forced: { name: 'a', user: 'one' } } })
    const sizes = async (parameters: Record<string, string>): Promise<number | undefined> => {
      await login(pooler, parameters)
      const { database, user = 'postgres' } = parameters
      return pooler.figures.pools().find((pool) => pool.database === database && pool.user === user)?.snapshot.maxSize
    }
    assert.deepEqual(
      [
        await sizes({ database: 'a', user: 'one' }),
        await sizes({ database: 'a', user: 'two' }),
        await sizes({ database: 'forced', user: 'two' }).then(() => pooler.figures.pools().at(-1)?.snapshot.maxSize),
      ],
      [1, 2, 1],
    )
  })
})

describe('reserve_pool_size', () => {
  it('is for whoever has waited for reserve_pool_timeout', async () => {
    const pooler = await poolers.start({ poolSize: 1, reserveAfterMs: 200, database: { reservePoolSize: 1 } })
    await holders(pooler, 1)
    const late = await login(pooler)
    const began = performance.now()
    assert.deepEqual(await asked(late), ok)
    assert.ok(performance.now() - began >= 190)
    assert.equal(serversOf(pooler), 2)
  })

  it('is none at all where reserve_pool_timeout is 0', async () => {
    const pooler = await poolers.start({ poolSize: 1, reserveAfterMs: 0, database: { reservePoolSize: 1 } })
    const [holder] = await holders(pooler, 1)
    const late = await login(pooler)
    late.send(raw.query('select 7'))
    await late.staysSilent(200)
    await holder?.query('commit')
    assert.deepEqual(await late.answer(), ok)
    assert.equal(serversOf(pooler), 1)
  })
})

describe('min_pool_size', () => {
  it('is kept while the pool has clients', async () => {
    const pooler = await poolers.start({
      poolSize: 5,
      serverIdleTimeoutMs: 100,
      databases: { a: { minPoolSize: 3 } },
    })
    await Bun.sleep(60)
    assert.equal(serversOf(pooler), 0)
    const client = await login(pooler, { database: 'a' })
    await eventually('there are three', () => states(pooler).filter((state) => state === 'idle').length === 3)
    await Bun.sleep(250)
    assert.equal(serversOf(pooler), 3)
    client.leave()
    await eventually('they time out', () => serversOf(pooler) === 0)
  })

  it('is kept without any client where the database forces a user', async () => {
    const pooler = await poolers.start({
      poolSize: 5,
      databases: { shop: { name: 'a', user: 'one', minPoolSize: 2 } },
    })
    await eventually('there are two', () => states(pooler).filter((state) => state === 'idle').length === 2)
    await direct.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'one'`)
    await eventually('they are replaced', async () => {
      const count = await direct.value(`select count(*) from pg_stat_activity where usename = 'one'`)
      return count === '2' && states(pooler).every((state) => state === 'idle')
    })
  })
})

describe('max_db_connections', () => {
  it('is shared by the pools of a database, and an idle server of one makes room for the other', async () => {
    const pooler = await poolers.start({ poolSize: 5, databases: { a: { maxServers: 1 } } })
    const one = await login(pooler, { database: 'a', user: 'one' })
    assert.deepEqual(await asked(one), ok)
    const two = await login(pooler, { database: 'a', user: 'two' })
    assert.deepEqual(await asked(two), ok)
    assert.deepEqual(await asked(one), ok)
    assert.equal(serversOf(pooler), 1)
  })

  it('holds at every instant, however its pools fight for it', async () => {
    const pooler = await poolers.start({ poolSize: 3, databases: { a: { maxServers: 2 } } })
    const users = ['one', 'two', 'postgres', 'one', 'two', 'postgres']
    const all = await Promise.all(users.map((user) => login(pooler, { database: 'a', user })))
    let most = 0
    const count = (): void => void (most = Math.max(most, serversOf(pooler)))
    const sampler = setInterval(count, 1)
    const work = async (client: RawClient): Promise<void> => {
      for (let turn = 0; turn < 10; turn++) {
        await client.query('begin')
        count()
        assert.deepEqual(await client.query('commit'), ['C COMMIT', 'Z I'])
        await Bun.sleep(turn)
      }
    }
    await Promise.all(all.map(work))
    clearInterval(sampler)
    assert.equal(most, 2)
    // A backend is there for a moment longer than its connection.
    const inPostgres = `select count(*) from pg_stat_activity where datname = 'a'`
    await eventually('PostgreSQL has two', async () => Number(await direct.value(inPostgres)) <= 2)
  })

  it('is named to whoever waits in vain', async () => {
    const pooler = await poolers.start({ poolSize: 5, queryWaitTimeoutMs: 300, databases: { a: { maxServers: 1 } } })
    const one = await login(pooler, { database: 'a', user: 'one' })
    await one.query('begin')
    await assert.rejects(login(pooler, { database: 'a', user: 'two' }), /max_db_connections of "a"/)
  })
})

describe('max_user_connections', () => {
  it('is shared by the pools of a user', async () => {
    const pooler = await poolers.start({ poolSize: 5, userOptions: new Map([['one', { maxServers: 1 }]]) })
    const a = await login(pooler, { database: 'a', user: 'one' })
    const b = await login(pooler, { database: 'b', user: 'one' })
    await a.query('begin')
    b.send(raw.query('select 7'))
    await b.staysSilent()
    await a.query('commit')
    assert.deepEqual(await b.answer(), ok)
    assert.equal(serversOf(pooler), 1)
    await holders(pooler, 3, { database: 'a', user: 'two' })
  })
})

describe('limits of clients', () => {
  it('are told with their names and numbers', async () => {
    const pooler = await poolers.start({
      maxClients: 4,
      maxUserClients: 2,
      databases: { a: { maxClients: 1 } },
    })
    const first = await login(pooler, { database: 'a' })
    await assert.rejects(login(pooler, { database: 'a' }), /53300: .*"a": max_db_client_connections is 1, and all/)
    await login(pooler)
    await assert.rejects(login(pooler), /53300: .*user "postgres": max_user_client_connections is 2, and all/)
    await login(pooler, { user: 'one', database: 'b' })
    await login(pooler, { user: 'two', database: 'b' })
    await assert.rejects(login(pooler, { user: 'two', database: 'b' }), /53300: .*max_client_conn is 4, and all/)
    first.leave()
    await eventually('it is gone', () => pooler.figures.lists().clients === 3)
    await login(pooler, { database: 'a' })
  })
})

describe('how long a server is kept', () => {
  it('server_lifetime 0: it is used once', async () => {
    const pooler = await poolers.start({ database: { serverLifetimeMs: 0 } })
    const client = await login(pooler)
    assert.notEqual(await pid(client), await pid(client))
  })

  it('server_lifetime: an idle one that is older is closed', async () => {
    const pooler = await poolers.start({ database: { serverLifetimeMs: 150 } })
    const client = await login(pooler)
    await pid(client)
    await eventually('it is closed', () => serversOf(pooler) === 0)
    assert.deepEqual(await asked(client), ok)
  })

  it('server_round_robin: idle ones are lent in turn', async () => {
    for (const isServerRoundRobin of [false, true]) {
      const pooler = await poolers.start({ poolSize: 2, isServerRoundRobin })
      const both = await holders(pooler, 2)
      for (const client of both) await client.query('commit')
      const pids = [await pid(both[0] as RawClient), await pid(both[0] as RawClient)]
      assert.equal(pids[0] === pids[1], !isServerRoundRobin)
    }
  })
})

describe('what nobody needs', () => {
  it('pool_idle_timeout: a pool without clients and servers is forgotten', async () => {
    const pooler = await poolers.start({ poolIdleTimeoutMs: 100, serverIdleTimeoutMs: 50, databases: { a: {} } })
    const client = await login(pooler, { database: 'a' })
    client.leave()
    await eventually('it is forgotten', () => pooler.figures.pools().length === 0)
    assert.deepEqual(
      pooler.figures.databases().map(({ name }) => name),
      ['a'],
    )
  })

  it('autodb_idle_timeout: a database that only * knows is forgotten, and one that is named stays', async () => {
    const pooler = await poolers.start({ autodbIdleTimeoutMs: 100, serverIdleTimeoutMs: 50, databases: { a: {} } })
    for (const database of ['a', 'b']) (await login(pooler, { database })).leave()
    const names = (): string[] => pooler.figures.databases().map(({ name }) => name)
    assert.deepEqual(names(), ['a', 'b'])
    await eventually('it is forgotten', () => names().join() === 'a')
    assert.deepEqual(
      pooler.figures.pools().map(({ database }) => database),
      ['a'],
    )
  })
})

describe('several hosts', () => {
  const portsOf = (pooler: TestPooler): number[] => pooler.figures.servers().map(({ port }) => port)

  it('new servers go to one after the other', async () => {
    const other = await startTestPostgres()
    try {
      const addresses = [postgres.port, other.port].map((port) => ({ host: '127.0.0.1', port }))
      const pooler = await poolers.start({ poolSize: 4, database: { addresses } })
      await holders(pooler, 4)
      const at = (port: number): number => portsOf(pooler).filter((one) => one === port).length
      assert.deepEqual([at(postgres.port), at(other.port)], [2, 2])
    } finally {
      await other.remove()
    }
  })

  it('or all to one until that fails', async () => {
    const nobody = await freePort()
    const addresses = [nobody, postgres.port].map((port) => ({ host: '127.0.0.1', port }))
    const pooler = await poolers.start({ poolSize: 4, database: { addresses, loadBalanceHosts: 'disable' } })
    await holders(pooler, 3)
    assert.deepEqual(new Set(portsOf(pooler)), new Set([postgres.port]))
    assert.equal(pooler.logged.filter((line) => line.includes('ECONNREFUSED')).length, 1)
  })
})

describe('a database that refuses logins', () => {
  it('is not asked again before server_login_retry: who comes meanwhile is told its last answer at once', async () => {
    const pooler = await poolers.start({ serverLoginRetryMs: 60_000 })
    const refusals: string[] = []
    const began = performance.now()
    for (let index = 0; index < 20; index++) {
      await login(pooler, { database: 'nope' }).catch((error: unknown) => refusals.push((error as Error).message))
    }
    assert.equal(refusals[0], 'E FATAL 3D000: database "nope" does not exist')
    const cached =
      /^E FATAL 3D000: server login has been failing, cached error: database "nope" does not exist \(server/
    assert.match(refusals[1] ?? '', cached)
    assert.ok(performance.now() - began < 2_000)
    const attempts = pooler.logged.filter((line) => line.includes('nope/postgres server'))
    assert.equal(attempts.length, 1)
  })
})

describe('a database that is down', () => {
  it('keeps no login waiting for longer than client_login_timeout, even where query_wait_timeout is off', async () => {
    const nobody = { host: '127.0.0.1', port: await freePort() }
    const pooler = await poolers.start({
      clientLoginTimeoutMs: 300,
      queryWaitTimeoutMs: 0,
      database: { address: nobody },
    })
    await assert.rejects(login(pooler), /within 300 ms.*ECONNREFUSED/)
  })

  it('does not fill the log: the same failure is logged every ten seconds', async () => {
    const nobody = { host: '127.0.0.1', port: await freePort() }
    const pooler = await poolers.start({
      serverLoginRetryMs: 0,
      queryWaitTimeoutMs: 900,
      database: { address: nobody },
    })
    await assert.rejects(login(pooler))
    assert.equal(pooler.logged.filter((line) => line.includes('cannot be opened')).length, 1)
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
