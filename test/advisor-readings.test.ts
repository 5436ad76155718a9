/** What the advisor reads: of a real PostgreSQL, with rights and without, and through poolers. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Client } from 'pg'
import { Connection } from '../src/advisor/connection.ts'
import type { DatabaseReading } from '../src/advisor/database-reading.ts'
import type { PoolReading } from '../src/advisor/pooler-reading.ts'
import { readDatabase } from '../src/advisor/read-database.ts'
import { readPooler } from '../src/advisor/read-pooler.ts'
import { readValue } from '../src/advisor/read-value.ts'
import { listening } from '../bench/poolers.ts'
import { Processes } from '../bench/processes.ts'
import { version } from '../src/cli/version.ts'
import { freePort } from '../src/embedded/free-port.ts'
import { Log } from '../src/log.ts'
import type { MonitorSource } from '../src/monitor/monitor-snapshot.ts'
import { type ServedMonitor, serveMonitor } from '../src/monitor/serve-monitor.ts'
import { makeDatabase } from './support/database.ts'
import { eventually, type TestPooler, TestPoolers } from './support/pooler.ts'
import { startTestPostgres, temporaryFolder, type TestPostgres } from './support/postgres.ts'
import { findProgram, needs } from './support/tools.ts'

let postgres: TestPostgres
const poolers = new TestPoolers(() => postgres.port)
const clients: Client[] = []

before(async () => {
  postgres = await startTestPostgres({ shared_preload_libraries: 'pg_stat_statements', max_prepared_transactions: '5' })
  await makeDatabase(
    postgres,
    'shop',
    `create extension pg_stat_statements; create table item (id int primary key, stock int); insert into item values (1, 7);
     create sequence number; create role guest login; alter role guest connection limit 7`,
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
    const url = `${urlOf('shop')}?application_name=other&statement_timeout=1&sslmode=disable`
    const reading = readDatabase(url, { watchMs: 500, sampleEveryMs: 250 })
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

  it('does not wait for somebody who never answers, once it is aborted', async (t) => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    t.after(() => silent.close())
    await once(silent, 'listening')
    const aborting = new AbortController()
    const url = urlOf('shop', (silent.address() as AddressInfo).port)
    const reading = readDatabase(url, { watchMs: 0, signal: aborting.signal })
    const begun = performance.now()
    setTimeout(() => aborting.abort(new Error('enough')), 50)
    await assert.rejects(reading, { message: 'enough' })
    // Its own limit for connecting is 10 s.
    assert.ok(performance.now() - begun < 8_000)
  })

  it('looks in transactions that are read only and limited, and leaves the session as it was', async () => {
    const connection = await Connection.open(urlOf('shop'))
    const names = ['transaction_read_only', 'statement_timeout', 'lock_timeout']
    const values = `json_build_array(${names.map((name) => `current_setting('${name}')`).join(', ')})`
    const inside = await readValue(connection, values)
    const [outside] = await connection.query(`select ${values} as value`)
    const writing: unknown = await readValue(
      connection,
      "to_json(set_config('taxirank.test', nextval('number')::text, false))",
    ).catch((reason: unknown) => reason)
    await connection.end()
    assert.deepEqual([inside, outside], [['on', '5s', '1s'], { value: ['off', '0', '0'] }])
    assert.match(String(writing), /cannot execute nextval\(\) in a read-only transaction/)
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
})

/** `work` is done while somebody looks, and for longer than there is anything to see. */
async function whileWorking<T>(port: number, look: () => Promise<T>): Promise<T> {
  const workers = await Promise.all(Array.from({ length: 4 }, () => connectTo(urlOf('shop', port))))
  const over = new AbortController()
  const work = workers.map(async (worker) => {
    while (!over.signal.aborted) await worker.query('select pg_sleep(0.002)')
  })
  try {
    return await look()
  } finally {
    over.abort()
    await Promise.all(work)
    await Promise.all(workers.map((worker) => worker.end()))
  }
}

async function connectTo(url: string): Promise<Client> {
  const client = new Client(url)
  await client.connect()
  return client
}

/** Four ask one after the other for two servers: whatever the machine, some of this is seen. */
function assertBusy(pool: PoolReading | undefined): void {
  assert.ok(pool)
  const { database, user, mode, size, utilisation, arrivalsPerSecond = 0, meanHeldMs = 0, meanWaitMs = 0 } = pool
  assert.deepEqual([database, user, mode, size], ['shop', 'postgres', 'transaction', 2])
  assert.ok(arrivalsPerSecond > 0 && meanHeldMs >= 2 && meanWaitMs > 0, JSON.stringify(pool))
  assert.ok(
    utilisation && utilisation.mean > 0 && utilisation.peak >= utilisation.mean * 0.99,
    JSON.stringify(utilisation),
  )
  assert.equal(pool.clientsPeak, 4)
  // A second one is opened only if it would come in time for those who wait.
  assert.ok(pool.serversPeak >= 1 && pool.serversPeak <= 2, `${pool.serversPeak} servers`)
}

function serve(figures: MonitorSource['figures']): ServedMonitor {
  const source = { figures, version, isListening: () => true, maxClients: () => 500 }
  return serveMonitor({ address: '127.0.0.1', port: 0, source, log: new Log(() => undefined) })
}

describe('a reading of a pooler', () => {
  let pooler: TestPooler
  let monitor: ServedMonitor

  before(async () => {
    pooler = await poolers.start({ poolSize: 2 })
    monitor = serve(pooler.figures)
  })

  after(() => monitor.stop())

  it('has all figures of Taxirank by HTTP, with histograms of the watch alone', async () => {
    const reading = await whileWorking(pooler.port, () => readPooler(monitor.url, { watchMs: 1_200 }))
    const { kind, by, address, clients, missing, samples } = reading
    assert.deepEqual([kind, reading.version, by, address], ['taxirank', version, 'http', `${monitor.url}api/snapshot`])
    assert.deepEqual([clients, missing], [{ connectedPeak: 4, max: 500 }, []])
    assert.ok(samples >= 2)
    const [pool] = reading.pools
    assertBusy(pool)
    assert.ok(pool?.holdMs && pool.waitMs && pool.counted && Number(pool.heldScv) >= 0)
    assert.ok(pool.holdMs.count > 0 && pool.waitMs.count === pool.counted.leases)
    assert.deepEqual([pool.utilisation?.from, pool.opening?.failed], ['leases', 0])
    assert.deepEqual(reading.databases, [{ name: 'shop', servers: 2 }])
    assert.deepEqual(JSON.parse(JSON.stringify(reading)), reading)
    assert.ok(Object.isFrozen(pool.counted))
  })

  it('has sums of Taxirank by its console', async () => {
    const url = urlOf('pgbouncer', pooler.port)
    const { kind, by, address, pools, missing } = await whileWorking(pooler.port, () =>
      readPooler(url, { watchMs: 1_200 }),
    )
    assert.deepEqual([kind, by, address], ['taxirank', 'console', url])
    assertBusy(pools[0])
    assert.deepEqual([pools.length, pools[0]?.holdMs], [1, undefined])
    assert.deepEqual(
      missing.map(({ what }) => what),
      ['how widely times spread, and how long connecting takes'],
    )
  })

  it('shows sizes and who waits when it looks once', async () => {
    for (const url of [monitor.url, urlOf('pgbouncer', pooler.port)]) {
      const { watchedMs, samples, pools } = await readPooler(url, { watchMs: 0 })
      assert.deepEqual([samples, pools[0]?.size, pools[0]?.arrivalsPerSecond], [1, 2, undefined])
      assert.ok(watchedMs < 1_000)
    }
  })

  it('ends at once when it is aborted', async () => {
    for (const url of [monitor.url, urlOf('pgbouncer', pooler.port)]) {
      const aborting = new AbortController()
      const reading = readPooler(url, { watchMs: 30_000, signal: aborting.signal })
      setTimeout(() => aborting.abort(new Error('enough')), 50)
      await assert.rejects(reading, { message: 'enough' })
    }
  })

  it('refuses what is no pooler, in one sentence and without a password', async () => {
    const port = await freePort()
    const answers = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ url }) =>
        url.includes('text') ? new Response('hello') : Response.json({ program: { name: 'other' } }),
    })
    const other = `127.0.0.1:${answers.port}`
    const refusals: [url: string, code: string, message: RegExp][] = [
      [
        `http://ann:hush@127.0.0.1:${port}`,
        'server_connect_failed',
        /^cannot read http:\/\/127\.0\.0\.1:\d+\/api\/snapshot: /,
      ],
      [`http://ann:hush@${other}/text`, 'bad_configuration', /answers, but not with JSON/],
      [
        `http://ann:hush@${other}`,
        'bad_configuration',
        /not with a snapshot of Taxirank's: program\.name is not one of taxirank$/,
      ],
      ['http://ann:hush@', 'bad_configuration', /cannot be read/],
      ['ftp://ann:hush@host', 'bad_configuration', /begins neither with http:\/\//],
      [
        `postgres://postgres:hush@127.0.0.1:${port}/pgbouncer`,
        'server_connect_failed',
        /^cannot connect to postgres:\/\/postgres@127/,
      ],
      [
        `postgres://postgres:hush@127.0.0.1:${postgres.port}/shop`,
        'bad_configuration',
        /is not the console of a pooler/,
      ],
      [`postgres://postgres:hush@127.0.0.1:${pooler.port}/shop`, 'bad_configuration', /is not the console of a pooler/],
    ]
    for (const [url, code, message] of refusals) {
      const error: unknown = await readPooler(url, { watchMs: 0 }).catch((reason: unknown) => reason)
      assert.deepEqual([Reflect.get(error as object, 'code'), url], [code, url])
      assert.match((error as Error).message, message)
      assert.ok(!Bun.inspect(error).includes('hush'), Bun.inspect(error))
    }
    await answers.stop(true)
  })

  it('keeps what it has when the pooler goes away', async () => {
    let asked = 0
    const leaving = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => (asked++ === 0 ? fetch(`${monitor.url}api/snapshot`) : new Response('gone', { status: 502 })),
    })
    const { samples, missing } = await readPooler(leaving.url.href, { watchMs: 30_000 })
    await leaving.stop(true)
    assert.deepEqual([samples, missing[0]?.what], [1, 'the rest of the watch of the pooler'])
  })
})

function pgbouncerIni(port: number): string {
  return [
    '[databases]',
    `* = host=127.0.0.1 port=${postgres.port} user=postgres`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'default_pool_size = 2',
    'max_client_conn = 200',
    'admin_users = postgres',
    '',
  ].join('\n')
}

describe('readings with a real PgBouncer', () => {
  it('are of its console, and of the database behind it', needs('pgbouncer'), async (t) => {
    const processes = new Processes()
    const dir = temporaryFolder()
    t.after(async () => {
      await processes.stopAll()
      rmSync(dir, { recursive: true, force: true })
    })
    const port = await freePort()
    chmodSync(dir, 0o755)
    writeFileSync(join(dir, 'pgbouncer.ini'), pgbouncerIni(port), { mode: 0o644 })
    const become = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
    const args = [...become, join(dir, 'pgbouncer.ini')]
    await listening(await processes.startService('PgBouncer', findProgram('pgbouncer') ?? '', args), port)
    const url = urlOf('pgbouncer', port)
    const reading = await whileWorking(port, () => readPooler(url, { watchMs: 1_200 }))
    assert.deepEqual([reading.kind, reading.by, reading.address], ['pgbouncer', 'console', url])
    assert.match(reading.version, /^1\.\d+\.\d+$/)
    assertBusy(reading.pools.find(({ database }) => database === 'shop'))
    assert.equal(reading.clients.max, 200)

    const database = await readDatabase(urlOf('shop', port), { watchMs: 200, sampleEveryMs: 100 })
    assert.deepEqual(database.pooler, { kind: 'other' })
    assert.deepEqual(
      database.missing.filter(({ what }) => !what.includes('memory')),
      [],
    )
    assert.equal(database.settings?.maxConnections, 100)
    await assert.rejects(readDatabase(url, { watchMs: 0 }), {
      code: 'bad_configuration',
      message: /is a pooler's console/,
    })
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
