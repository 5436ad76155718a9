/** What the advisor reads: of a real PostgreSQL, with rights and without, and through poolers. */

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Client } from 'pg'
import type { DatabaseReading } from '../src/advisor/database-reading.ts'
import { readDatabase } from '../src/advisor/read-database.ts'
import { freePort } from '../src/embedded/free-port.ts'
import { makeDatabase } from './support/database.ts'
import { eventually, TestPoolers } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'

let postgres: TestPostgres
const poolers = new TestPoolers(() => postgres.port)
const clients: Client[] = []

before(async () => {
  postgres = await startTestPostgres({ shared_preload_libraries: 'pg_stat_statements', max_prepared_transactions: '5' })
  await makeDatabase(
    postgres,
    'shop',
    `create extension pg_stat_statements; create table item (id int primary key, stock int); insert into item values (1, 7);
     create role guest login; alter role guest connection limit 7`,
  )
})

after(async () => {
  await Promise.all(clients.map((client) => client.end()))
  await poolers.remove()
  await postgres.remove()
})

const urlOf = (database: string, port = postgres.port, user = 'postgres'): string =>
  `postgres://${user}@127.0.0.1:${port}/${database}`

async function connect(application: string, database = 'shop'): Promise<Client> {
  const client = new Client({ connectionString: urlOf(database), application_name: application })
  client.on('error', () => undefined)
  clients.push(client)
  await client.connect()
  return client
}

const groupOf = ({ activity }: DatabaseReading, application: string) =>
  activity?.groups.find((group) => group.application === application)
const missingOf = ({ missing }: DatabaseReading): string[] => missing.map(({ what, why }) => `${what}: ${why}`)

/** How many connections of ours PostgreSQL has. */
async function ours(): Promise<number> {
  const watcher = clients[0] ?? (await connect('watcher', 'postgres'))
  const { rows } = await watcher.query<{ n: number }>(
    "select count(*)::int as n from pg_stat_activity where application_name = 'taxirank advise'",
  )
  return rows[0]?.n ?? 0
}

async function lastQueryOfOurs(): Promise<string> {
  const { rows } = await clients[0]!.query<{ query: string }>(
    "select query from pg_stat_activity where application_name = 'taxirank advise'",
  )
  return rows[0]?.query ?? ''
}

describe('a reading of a database', () => {
  before(() => connect('watcher', 'postgres'))

  it('shows what connections do, who is unused, who blocks whom, and what takes the time', async () => {
    const [worker, holder, blocked, sleeper] = await Promise.all(
      ['worker', 'holder', 'blocked', 'sleeper'].map((name) => connect(name)),
    )
    await Promise.all([connect('spare'), connect('spare')])
    await holder?.query('begin; update item set stock = stock - 1 where id = 1')
    const waits = blocked?.query('update item set stock = 0 where id = 1')
    const sleeps = sleeper?.query('select pg_sleep(60)').catch(() => undefined)
    await eventually('somebody waits', async () => {
      const { rows } = await clients[0]!.query(
        "select from pg_stat_activity where wait_event_type in ('Lock', 'Timeout')",
      )
      return rows.length >= 2
    })
    const reading = readDatabase(urlOf('shop'), { watchMs: 2_000, sampleEveryMs: 100 })
    await eventually('the watch has begun', async () => /pg_stat_activity|pg_locks/.test(await lastQueryOfOurs()))
    for (let id = 0; id < 150; id++) await worker?.query('select stock from item where id = $1', [id])
    const { server, settings, activity, locks, counters, statements, ...rest } = await reading
    await holder?.query('rollback')
    await waits
    sleeper?.removeAllListeners('error').on('error', () => undefined)
    await clients[0]?.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sleeper'")
    await sleeps

    assert.equal(rest.address, urlOf('shop'))
    assert.ok(rest.watchedMs >= 1_990, `${rest.watchedMs} ms`)
    assert.equal(rest.pooler, undefined)
    assert.deepEqual(
      [server?.database, server?.user, server?.seesAll, server?.isStandby],
      ['shop', 'postgres', true, false],
    )
    assert.equal(server?.version, postgres.postgres.version)
    assert.deepEqual([settings?.maxConnections, settings?.superuserReservedConnections], [100, 3])
    assert.deepEqual([settings?.statementTimeoutMs, settings?.maxPreparedTransactions], [0, 5])

    assert.deepEqual([activity?.connections.max, activity?.hidden.max], [7, 0])
    assert.deepEqual([activity?.activeWaiting['Lock']?.max, activity?.activeWaiting['Timeout']?.max], [1, 1])
    assert.equal(activity?.longestIdleInTransaction?.application, 'holder')
    const whole = { ...rest, activity }
    assert.deepEqual([groupOf(whole, 'spare')?.connections.max, groupOf(whole, 'spare')?.unused], [2, 2])
    assert.ok(Number(groupOf(whole, 'spare')?.unusedForAtLeastMs) >= 1_990)
    assert.equal(groupOf(whole, 'worker')?.unused, 0)
    assert.equal(groupOf(whole, 'holder')?.idleInTransaction.mean, 1)
    assert.deepEqual([locks?.notGranted.max, locks?.blocked.max, locks?.blockers.max], [1, 1, 1])

    assert.deepEqual([counters?.isReliable, counters?.current?.name], [false, 'shop'])
    assert.equal(statements?.since, 'watch')
    const [top] = statements.top.filter(({ text }) => text === 'select stock from item where id = $1')
    assert.deepEqual([top?.calls, top?.database], [150, 'shop'])
    assert.ok(statements.top.every(({ text }) => !text?.includes('taxirank advise')))
  })

  it('is frozen, survives JSON, and has no text that somebody runs', async () => {
    const sleeper = await connect('secretive')
    const sleeps = sleeper.query("select 'canary', pg_sleep(60)").catch(() => undefined)
    const reading = await readDatabase(urlOf('shop'), { watchMs: 0 })
    await clients[0]?.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'secretive'",
    )
    await sleeps
    assert.ok(Object.isFrozen(reading) && Object.isFrozen(reading.activity?.connections))
    assert.deepEqual(JSON.parse(JSON.stringify(reading)), reading)
    assert.deepEqual([reading.activity?.samples, reading.watchedMs], [1, 0])
    assert.ok(!JSON.stringify(reading).includes('canary'))
  })

  it('measures memory and cores where PostgreSQL is on this machine, or says why not', async () => {
    const { server, backendMemory, missing } = await readDatabase(urlOf('postgres'), { watchMs: 0 })
    if (backendMemory)
      assert.ok(backendMemory.backends > 0 && backendMemory.privateBytes > 100_000, JSON.stringify(backendMemory))
    else assert.ok(missing.some(({ what }) => what === 'how much memory a connection takes'))
    assert.equal(server?.isLocal, true)
    assert.ok(Number(server.cores) >= 1 && server.coresFrom === 'this machine')
  })

  it('only reads, by one connection that is named, idle between looks and gone afterwards', async () => {
    const reading = readDatabase(urlOf('shop'), { watchMs: 500, sampleEveryMs: 250 })
    await eventually('it is connected', async () => (await ours()) === 1)
    await eventually('it is idle, not in a transaction', async () => {
      const { rows } = await clients[0]!.query(
        "select state from pg_stat_activity where application_name = 'taxirank advise'",
      )
      return rows.length === 1 && rows[0].state === 'idle'
    })
    await reading
    await eventually('it is gone', async () => (await ours()) === 0)
  })

  it('does without rights, and says what it could not see', async () => {
    const reading = await readDatabase(urlOf('shop', postgres.port, 'guest'), { watchMs: 0 })
    assert.equal(reading.server?.seesAll, false)
    assert.deepEqual([reading.settings?.maxConnections, reading.settings?.userConnectionLimit], [100, 7])
    assert.ok(Number(reading.activity?.hidden.max) >= 1)
    assert.ok(Number(reading.counters?.current?.commits) >= 0)
    const rights = reading.missing.find(({ what }) => what === 'what connections and statements of other users do')
    assert.equal(rights?.remedy, 'as a superuser run GRANT pg_read_all_stats TO "guest"')
    assert.ok(reading.statements?.top.every(({ text }) => text === undefined || !text.includes('item')))
  })

  it('says that pg_stat_statements is not in a database, and how it gets there', async () => {
    const { statements, missing } = await readDatabase(urlOf('postgres'), { watchMs: 0 })
    assert.equal(statements, undefined)
    assert.deepEqual(
      missing.filter(({ what }) => what.includes('statements')),
      [
        {
          what: 'which statements take most of the time',
          why: 'pg_stat_statements is not installed in this database',
          remedy: 'run CREATE EXTENSION pg_stat_statements in this database',
        },
      ],
    )
  })

  it('keeps what it has when its connection is lost', async () => {
    const reading = readDatabase(urlOf('shop'), { watchMs: 30_000, sampleEveryMs: 50 })
    await eventually('it is connected', async () => (await ours()) === 1)
    await Bun.sleep(300)
    await clients[0]?.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'taxirank advise'",
    )
    const partial = await reading
    assert.ok(partial.settings && partial.missing.some(({ what }) => what === 'the rest of the watch'))
  })

  it('ends at once when it is aborted, and leaves nothing behind', async () => {
    const aborting = new AbortController()
    const reading = readDatabase(urlOf('shop'), { watchMs: 30_000, signal: aborting.signal })
    await eventually('it is connected', async () => (await ours()) === 1)
    aborting.abort(new Error('enough'))
    await assert.rejects(reading, { message: 'enough' })
    await eventually('it is gone', async () => (await ours()) === 0)
    await assert.rejects(readDatabase(urlOf('shop'), { watchMs: 0, signal: aborting.signal }), { message: 'enough' })
  })

  it('says in one sentence where it could not connect, without the password', async () => {
    const port = await freePort()
    await assert.rejects(readDatabase(`postgres://ann:hush@127.0.0.1:${port}/shop`, { watchMs: 0 }), {
      code: 'server_connect_failed',
      message: `cannot connect to postgres://ann@127.0.0.1:${port}/shop: connect ECONNREFUSED 127.0.0.1:${port}`,
    })
    await assert.rejects(readDatabase(`postgres://nobody:hush@127.0.0.1:${postgres.port}/shop`, { watchMs: 0 }), {
      code: 'server_connect_failed',
      message: `cannot connect to postgres://nobody@127.0.0.1:${postgres.port}/shop: role "nobody" does not exist`,
    })
    for (const url of [
      'postgres://ann:hush@[::/shop',
      'postgres://ann:hush@host:port/shop',
      'mysql://ann:hush@host/shop',
      'hush',
    ]) {
      const error: unknown = await readDatabase(url, { watchMs: 0 }).catch((reason: unknown) => reason)
      assert.equal(Reflect.get(error as object, 'code'), 'bad_configuration')
      assert.ok(!Bun.inspect(error).includes('hush'), Bun.inspect(error))
    }
  })
})

describe('a reading of a database whose PostgreSQL asks for passwords and has loaded nothing', () => {
  it('does not repeat a wrong password, and says how statements are counted', async (t) => {
    const files = { 'pg_hba.conf': 'host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n' }
    const other = await startTestPostgres({}, files)
    t.after(() => other.remove())
    await makeDatabase(other, 'shop', "create role ann login password 'right'")
    const wrong: unknown = await readDatabase(`postgres://ann:hush@127.0.0.1:${other.port}/shop`, { watchMs: 0 }).catch(
      (reason: unknown) => reason,
    )
    assert.match(
      String(wrong),
      /cannot connect to postgres:\/\/ann@127\.0\.0\.1:\d+\/shop: password authentication failed/,
    )
    assert.ok(!Bun.inspect(wrong).includes('hush'))
    const reading = await readDatabase(`postgres://ann:right@127.0.0.1:${other.port}/shop`, { watchMs: 0 })
    assert.ok(missingOf(reading).includes('which statements take most of the time: pg_stat_statements is not loaded'))
    assert.ok(!JSON.stringify(reading).includes('right@'))
  })
})

describe('a reading of a database through a pooler', () => {
  for (const mode of ['session', 'transaction', 'statement'] as const) {
    it(`works, says so and pins nothing, in ${mode} mode`, async () => {
      const pooler = await poolers.start({ database: { poolMode: mode } })
      const reading = await readDatabase(urlOf('shop', pooler.port), { watchMs: 300, sampleEveryMs: 100 })
      assert.equal(reading.pooler?.kind, 'taxirank')
      assert.match(String(reading.pooler.version), /^\d+\.\d+\.\d+$/)
      assert.deepEqual(
        reading.missing.filter(({ what }) => !what.includes('memory')),
        [],
      )
      assert.ok(reading.activity && reading.statements && reading.settings?.maxConnections === 100)
      assert.deepEqual([pooler.figures.pins(), pooler.figures.audit()], [[], []])
    })
  }

  it('refuses a console, and says where it belongs', async () => {
    const { port } = await poolers.start()
    await assert.rejects(readDatabase(urlOf('pgbouncer', port), { watchMs: 0 }), {
      code: 'bad_configuration',
      message: `${urlOf('pgbouncer', port)} is a pooler's console, not a database: give it as --pooler, and as the address that of a database`,
    })
  })

  it('does nothing that the checker of the trace calls a breach', () => poolers.assertNoBreach())
})
