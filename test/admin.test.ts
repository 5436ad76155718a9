/** What administrators do to a running pooler, and what they see of it. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
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
  for (const name of ['a', 'b']) await direct.query(`create database ${name}`)
  await direct.query('create table entry (who text)')
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

const ok = ['T ?column?', 'D 7', 'C SELECT 1', 'Z I']
const asked = (client: RawClient): Promise<string[]> => client.ask(raw.query('select 7'))
const pid = (client: RawClient): Promise<string | null> => client.value('select pg_backend_pid()')
const servers = (pooler: TestPooler): number => pooler.figures.lists().servers

/** Whether a promise has been settled by now, and how. */
function watched(promise: Promise<void>): { outcome: string } {
  const watch = { outcome: 'pending' }
  promise.then(
    () => (watch.outcome = 'done'),
    (error: unknown) => (watch.outcome = (error as Error).message),
  )
  return watch
}

function refuses(text: string | RegExp): { code: string; message: string | RegExp } {
  return { code: 'console_refused', message: text }
}

describe('PAUSE', () => {
  it('closes what is idle at once, waits for transactions, and lets clients queue until RESUME', async () => {
    const pooler = await poolers.start({ poolSize: 3 })
    const [busy, idle] = [await login(pooler), await login(pooler)]
    await busy.query('begin')
    await asked(idle)
    const pause = watched(pooler.verbs.pause())
    await eventually('the idle one is closed', () => servers(pooler) === 1)
    idle.send(raw.query('select 7'))
    await idle.staysSilent()
    assert.deepEqual([pause.outcome, pooler.figures.state().isPaused], ['pending', true])
    await busy.query('commit')
    await eventually('it is done', () => pause.outcome === 'done')
    assert.equal(servers(pooler), 0)
    await idle.staysSilent()
    pooler.verbs.resume()
    assert.deepEqual(await idle.answer(), ok)
    assert.deepEqual(await asked(busy), ok)
  })

  it('of one database leaves the others alone', async () => {
    const pooler = await poolers.start()
    const [a, b] = [await login(pooler, { database: 'a' }), await login(pooler, { database: 'b' })]
    await pooler.verbs.pause('a')
    a.send(raw.query('select 7'))
    assert.deepEqual(await asked(b), ok)
    await a.staysSilent()
    assert.deepEqual(
      pooler.figures.databases().map(({ name, isPaused }) => [name, isPaused]),
      [
        ['a', true],
        ['b', false],
      ],
    )
    assert.equal(pooler.figures.state().isPaused, false)
    pooler.verbs.resume('a')
    assert.deepEqual(await a.answer(), ok)
  })

  it('of a name that only * knows holds for the pools to come', async () => {
    const pooler = await poolers.start()
    await pooler.verbs.pause('a')
    const client = login(pooler, { database: 'a' })
    await pooler.queues(1)
    await Bun.sleep(300)
    assert.equal(servers(pooler), 0)
    pooler.verbs.resume('a')
    assert.deepEqual(await asked(await client), ok)
  })

  it('holds for a database as long as one of all or one of its own does', async () => {
    const pooler = await poolers.start()
    const client = await login(pooler, { database: 'a' })
    await pooler.verbs.pause('a')
    await pooler.verbs.pause()
    pooler.verbs.resume()
    client.send(raw.query('select 7'))
    await client.staysSilent()
    pooler.verbs.resume('a')
    assert.deepEqual(await client.answer(), ok)
  })

  it('is refused with PgBouncer’s words where it makes no sense, as is RESUME', async () => {
    const pooler = await poolers.start({ databases: { a: {} } })
    assert.throws(() => pooler.verbs.resume(), refuses('pooler is not paused/suspended'))
    assert.throws(() => pooler.verbs.resume('a'), refuses('database a is not paused'))
    await pooler.verbs.pause('a')
    await pooler.verbs.pause('a')
    assert.throws(() => pooler.verbs.suspend(), refuses('cannot suspend with paused databases'))
    await pooler.verbs.pause()
    assert.throws(() => pooler.verbs.pause(), refuses('already suspended/paused'))
    assert.throws(() => pooler.verbs.pause('a'), refuses('already suspended/paused'))
    assert.throws(() => pooler.verbs.kill(), refuses('already suspended/paused'))
  })

  it('stays in force when whoever asked for it is gone; RESUME gives up the wait for it', async () => {
    const pooler = await poolers.start()
    const busy = await login(pooler)
    await busy.query('begin')
    const gone = new AbortController()
    const pause = watched(pooler.verbs.pause(undefined, gone.signal))
    gone.abort()
    await eventually('the wait is over', () => pause.outcome === 'nobody waits for it any more')
    assert.equal(pooler.figures.state().isPaused, true)
    pooler.verbs.resume()
    const again = watched(pooler.verbs.pause())
    pooler.verbs.resume()
    await eventually('the wait is over', () => again.outcome === 'RESUME has ended what this waits for')
    assert.deepEqual(await busy.query('commit'), ['C COMMIT', 'Z I'])
  })

  it('does not keep the pooler from stopping', async () => {
    const pooler = await poolers.start()
    const busy = await login(pooler)
    await busy.query('begin')
    const pause = watched(pooler.verbs.pause())
    const stopped = pooler.stop('wait_for_servers')
    await busy.query('commit')
    await stopped
    assert.equal(pause.outcome, 'the pooler is shutting down')
  })
})

describe('DISABLE', () => {
  it('keeps new clients out, and those that are here stay', async () => {
    const pooler = await poolers.start()
    const here = await login(pooler, { database: 'a' })
    pooler.verbs.disable('a')
    await assert.rejects(login(pooler, { database: 'a' }), /55000: database "a" is disabled$/)
    assert.deepEqual(await asked(here), ok)
    pooler.verbs.enable('a')
    assert.deepEqual(await asked(await login(pooler, { database: 'a' })), ok)
  })
})

describe('RECONNECT', () => {
  it('during a login does not take our own hanging up for a refusal of the protocol', async () => {
    const versions: number[] = []
    const silent = createServer((socket) => {
      socket.once('data', (bytes: Buffer) => versions.push(bytes.readInt32BE(4)))
      socket.on('error', () => undefined)
    }).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = { host: '127.0.0.1', port: (silent.address() as AddressInfo).port }
    const pooler = await poolers.start({ database: { address } })
    const client = await RawClient.connect(pooler.port)
    clients.push(client)
    client.send(raw.startup({ user: 'postgres' }))
    await eventually('it logs in', () => versions.length === 1)
    pooler.verbs.reconnect()
    await eventually('it logs in anew', () => versions.length === 2)
    assert.deepEqual(versions, [raw.version3 + 2, raw.version3 + 2])
    client.reset()
    await pooler.stop()
    silent.close()
  })

  it('replaces idle servers now and the others after their transaction; WAIT_CLOSE waits for those', async () => {
    const pooler = await poolers.start({ poolSize: 2 })
    const [busy, other] = [await login(pooler), await login(pooler)]
    await busy.query('begin')
    const [busyPid, otherPid] = [await pid(busy), await pid(other)]
    pooler.verbs.reconnect()
    const closed = watched(pooler.verbs.waitClose())
    assert.notEqual(await pid(other), otherPid)
    assert.equal(await pid(busy), busyPid)
    assert.deepEqual(
      pooler.figures
        .servers()
        .filter(({ isMarked }) => isMarked)
        .map(({ remotePid }) => String(remotePid)),
      [busyPid],
    )
    assert.equal(closed.outcome, 'pending')
    await busy.query('commit')
    await eventually('it is closed', () => closed.outcome === 'done')
    assert.notEqual(await pid(busy), busyPid)
    await pooler.verbs.waitClose()
  })
})

describe('KILL', () => {
  it('closes clients and servers of the database now, and leaves it paused', async () => {
    const pooler = await poolers.start({ poolSize: 2 })
    const [busy, idle] = [await login(pooler, { database: 'a' }), await login(pooler, { database: 'a' })]
    const other = await login(pooler, { database: 'b' })
    await busy.query('begin')
    pooler.verbs.kill('a')
    for (const client of [busy, idle]) assert.match((await client.rest()).join(), /^E FATAL 57P01: .*KILL$/)
    await eventually('its servers are gone', () => pooler.figures.servers().every(({ database }) => database === 'b'))
    assert.deepEqual(await asked(other), ok)
    const late = login(pooler, { database: 'a' })
    await Bun.sleep(100)
    pooler.verbs.resume('a')
    assert.deepEqual(await asked(await late), ok)
  })

  it('of all is ended by RESUME', async () => {
    const pooler = await poolers.start()
    const client = await login(pooler)
    pooler.verbs.kill()
    assert.match((await client.rest()).join(), /57P01/)
    pooler.verbs.resume()
    assert.deepEqual(await asked(await login(pooler)), ok)
  })
})

describe('KILL_CLIENT', () => {
  it('closes that one, cancels what it runs, and its transaction is rolled back', async () => {
    const pooler = await poolers.start()
    const [victim, other] = [await login(pooler, { application_name: 'victim' }), await login(pooler)]
    await victim.query('begin')
    await victim.query(`insert into entry values ('victim')`)
    victim.send(raw.query('select pg_sleep(60)'))
    const found = pooler.figures.clients().find(({ applicationName }) => applicationName === 'victim')
    assert.equal(pooler.verbs.killClient(found?.id ?? 0), true)
    assert.match((await victim.rest()).join(), /^E FATAL 57P01: .*KILL_CLIENT$/)
    assert.equal(await other.value('select count(*) from entry'), '0')
    assert.equal(pooler.verbs.killClient(found?.id ?? 0), false)
  })
})

describe('SUSPEND', () => {
  it('reads nothing more, and is done when what was read is answered', async () => {
    const pooler = await poolers.start({ poolSize: 2 })
    const [busy, idle] = [await login(pooler), await login(pooler)]
    busy.send(raw.query('select pg_sleep(0.2)'))
    await Bun.sleep(50)
    const suspend = watched(pooler.verbs.suspend())
    idle.send(raw.query('select 7'))
    await idle.staysSilent()
    assert.deepEqual([suspend.outcome, pooler.figures.state().isSuspended], ['pending', true])
    assert.deepEqual(await busy.answer(), ['T pg_sleep', 'D ', 'C SELECT 1', 'Z I'])
    await eventually('it is done', () => suspend.outcome === 'done')
    busy.send(raw.query('select 7'))
    const late = await login(pooler)
    late.send(raw.query('select 7'))
    for (const client of [idle, busy, late]) await client.staysSilent()
    pooler.verbs.resume()
    for (const client of [idle, busy, late]) assert.deepEqual(await client.answer(), ok)
  })

  it('closes after suspend_timeout whoever is in the way', async () => {
    const pooler = await poolers.start({ suspendTimeoutMs: 200 })
    const busy = await login(pooler)
    busy.send(raw.query('select pg_sleep(60)'))
    await Bun.sleep(50)
    await pooler.verbs.suspend()
    assert.match((await busy.rest()).join(), /57P01: suspend_timeout/)
    pooler.verbs.resume()
  })
})

describe('what there is none of', () => {
  it('is refused with its name', async () => {
    const { verbs } = await poolers.start({ databases: { a: {} }, isWithoutTemplate: true })
    const all: (() => unknown)[] = [
      () => verbs.pause('b'),
      () => verbs.resume('b'),
      () => verbs.disable('b'),
      () => verbs.enable('b'),
      () => verbs.reconnect('b'),
      () => verbs.kill('b'),
      () => verbs.waitClose('b'),
    ]
    for (const verb of all) assert.throws(verb, refuses('no such database: b'))
  })
})

describe('figures', () => {
  it('say who holds what, who waits, and how long', async () => {
    const pooler = await poolers.start({ poolSize: 1 })
    const names = ['holder', 'waiter', 'idler']
    const all: RawClient[] = []
    for (const name of names) all.push(await login(pooler, { application_name: name }))
    const [holder, waiter] = all as [RawClient, RawClient]
    await holder.query('begin')
    const backend = Number(await pid(holder))
    waiter.send(raw.query('select 7'))
    await pooler.queues(1)
    await Bun.sleep(30)
    const seen = pooler.figures.clients().filter(({ user }) => user !== '')
    const server = pooler.figures.servers()[0]
    assert.deepEqual(
      seen.map(({ applicationName, user, database, state, linkedTo }) => [
        applicationName,
        user,
        database,
        state,
        linkedTo,
      ]),
      [
        ['holder', 'postgres', 'postgres', 'active', server?.id],
        ['waiter', 'postgres', 'postgres', 'waiting', undefined],
        ['idler', 'postgres', 'postgres', 'idle', undefined],
      ],
    )
    const [first, second] = seen
    assert.ok(first && second && server)
    assert.ok(second.waitMs >= 25 && second.waitMs < 3_000, String(second.waitMs))
    assert.ok(Math.abs(Date.now() - second.requestedAtMs - second.waitMs) < 50)
    assert.ok(first.connectedAtMs <= first.requestedAtMs && first.requestedAtMs <= Date.now())
    assert.deepEqual(
      [server.state, server.remotePid, server.linkedTo, server.address, server.port, server.applicationName],
      ['active', backend, first.id, '127.0.0.1', postgres.port, 'holder'],
    )
    const [pool] = pooler.figures.pools()
    assert.deepEqual(
      [pool?.clients.active, pool?.clients.waiting, pool?.clients.idle, pool?.servers.active, pool?.mode],
      [1, 1, 1, 1, 'transaction'],
    )
    assert.ok((pool?.longestWaitMs ?? 0) >= 25)
    assert.deepEqual(pooler.figures.lists(), {
      databases: 1,
      users: 1,
      pools: 1,
      clients: 3,
      loggingIn: 0,
      servers: 1,
      dnsNames: 0,
      dnsPending: 0,
    })
  })

  it('say what is configured and what is there', async () => {
    const pooler = await poolers.start({
      poolSize: 4,
      userOptions: new Map([['postgres', { poolSize: 3, maxServers: 9, maxClients: 8 }]]),
      databases: { shop: { name: 'a', user: 'postgres', maxServers: 7, maxClients: 6, reservePoolSize: 1 } },
    })
    await login(pooler, { database: 'shop' })
    assert.deepEqual(pooler.figures.databases(), [
      {
        name: 'shop',
        host: '127.0.0.1',
        port: postgres.port,
        database: 'a',
        forcedUser: 'postgres',
        poolSize: 4,
        minPoolSize: 0,
        reservePoolSize: 1,
        serverLifetimeMs: 3_600_000,
        mode: undefined,
        loadBalanceHosts: undefined,
        maxServers: 7,
        servers: 1,
        maxClients: 6,
        clients: 1,
        isPaused: false,
        isDisabled: false,
      },
    ])
    assert.deepEqual(pooler.figures.users(), [
      {
        name: 'postgres',
        poolSize: 3,
        reservePoolSize: undefined,
        mode: undefined,
        maxServers: 9,
        servers: 1,
        maxClients: 8,
        clients: 1,
      },
    ])
  })

  it('count transactions, queries, bytes and times, and average them over stats_period', async () => {
    const pooler = await poolers.start({ statsPeriodMs: 300 })
    const client = await login(pooler)
    const before = pooler.figures.stats()[0]?.total
    assert.ok(before)
    const sent = raw.query('select pg_sleep(0.05)').length
    await client.query('begin')
    await client.query('select pg_sleep(0.05)')
    await client.query('commit')
    await client.ask(raw.statement('select $1::int', ['7']), raw.sync)
    await client.ask(raw.query('select 1'), raw.query('select 2')).then(() => client.answer())
    const after = pooler.figures.stats()[0]?.total
    assert.ok(after)
    const since = (name: keyof typeof after): number => after[name] - before[name]
    assert.deepEqual(
      [since('transactions'), since('queries'), since('clientParses'), since('serverParses'), since('binds')],
      [4, 6, 1, 1, 1],
    )
    assert.deepEqual([before.logins, since('logins')], [1, 0])
    assert.ok(since('assignments') >= 3 && since('assignments') <= 4)
    assert.ok(since('receivedBytes') > sent && since('sentBytes') > since('receivedBytes'))
    assert.ok(since('queryMs') >= 45 && since('queryMs') <= since('transactionMs') + 1)
    await eventually('there are averages', () => (pooler.figures.stats()[0]?.average.queries ?? 0) > 0, 1_000)
    await eventually('they are in the log', () => pooler.logged.some((line) => /stats: \d+ xacts\/s, /.test(line)))
    await eventually('nothing happens', () => pooler.figures.stats()[0]?.average.queries === 0, 1_000)
  })

  it('count as a wait what a client waited for its server', async () => {
    const pooler = await poolers.start()
    const [holder, waiter] = [await login(pooler), await login(pooler)]
    await holder.query('begin')
    const waitMs = (): number => pooler.figures.stats()[0]?.total.waitMs ?? 0
    const before = waitMs()
    waiter.send(raw.query('select 7'))
    await Bun.sleep(100)
    await holder.query('commit')
    await waiter.answer()
    assert.ok(waitMs() - before >= 90 && waitMs() - before < 3_000)
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
