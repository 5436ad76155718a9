/** Session pooling: a client keeps its server until it leaves, may do with it what it likes, and leaves nothing behind. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { notice } from '../src/wire/build.ts'
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
  await direct.query('create table entry (id serial, who text); create role plain login')
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

const session = { poolMode: 'session', serverResetQuery: 'DISCARD ALL' } as const
const pid = (client: RawClient): Promise<string | null> => client.value('select pg_backend_pid()')

/** Says Terminate, and waits until the next client has the server that it had. */
async function passOn(pooler: TestPooler, client: RawClient): Promise<RawClient> {
  client.leave()
  return login(pooler)
}

describe('a session', () => {
  let pooler: TestPooler
  before(async () => {
    pooler = await poolers.start({ ...session, poolSize: 1 })
  })

  it('begins at the first request and lasts until its client leaves', async () => {
    const one = await login(pooler)
    const two = await login(pooler)
    assert.equal(await one.value('select 1'), '1')
    two.send(raw.query('select 2'))
    await pooler.queues(1)
    assert.equal(await one.value('select 3'), '3')
    await two.staysSilent()
    one.leave()
    assert.deepEqual(await two.answer(), ['T ?column?', 'D 2', 'C SELECT 1', 'Z I'])
  })

  it('lasts beyond a transaction, whether that was committed or not', async () => {
    const one = await login(pooler)
    const first = await pid(one)
    await one.query('begin')
    await one.query('commit')
    await one.query('begin; select 1/0')
    await one.query('rollback')
    assert.equal(await pid(one), first)
  })

  it('hands on the very server, cleaned', async () => {
    const one = await login(pooler)
    const first = await pid(one)
    const two = await passOn(pooler, one)
    assert.equal(await pid(two), first)
  })

  it('may do all that a session can, and its successor finds none of it', async () => {
    const one = await login(pooler)
    const first = await pid(one)
    await one.query("set work_mem = '7MB'")
    await one.query("set time zone 'Asia/Tokyo'")
    await one.query('create temp table mine (x int)')
    await one.query('insert into mine values (1)')
    await one.query('prepare p as select 1')
    await one.query('select pg_advisory_lock(42)')
    await one.query('declare c cursor with hold for select generate_series(1, 3)')
    await one.query('listen news')
    assert.deepEqual(await one.ask(raw.parse('select 7', 'named'), raw.sync), ['1', 'Z I'])
    assert.deepEqual(await one.ask(raw.bind([], 'named'), raw.execute(), raw.sync), ['2', 'D 7', 'C SELECT 1', 'Z I'])
    assert.equal(await one.value('execute p'), '1')
    assert.equal(await one.value('select count(*) from mine'), '1')
    assert.equal(await one.value('show work_mem'), '7MB')
    assert.deepEqual(await one.query('fetch 1 from c'), ['T generate_series', 'D 1', 'C FETCH 1', 'Z I'])

    const two = await passOn(pooler, one)
    assert.equal(await pid(two), first)
    assert.equal(two.parameters.get('TimeZone'), direct.parameters.get('TimeZone'))
    assert.equal(await two.value('show timezone'), direct.parameters.get('TimeZone'))
    assert.equal(await two.value('show work_mem'), '4MB')
    assert.equal(await two.value("select to_regclass('mine')"), null)
    const left = 'select (select count(*) from pg_prepared_statements) + (select count(*) from pg_cursors)'
    assert.equal(await two.value(left), '0')
    assert.equal(await two.value("select count(*) from pg_locks where locktype = 'advisory'"), '0')
    assert.equal(await two.value('select count(*) from pg_listening_channels()'), '0')
    await direct.query("notify news, 'late'")
    await two.staysSilent()
  })

  it('gets notifications while it is idle', async () => {
    const one = await login(pooler)
    await one.query('listen news')
    await direct.query("notify news, 'now'")
    const [message] = await one.until('A')
    assert.equal(message?.body.toString('latin1', 4), 'news\0now\0')
  })

  it('may be somebody else, and its successor is not', async () => {
    const one = await login(pooler)
    await one.query('set session authorization plain')
    assert.equal(await one.value('select session_user'), 'plain')
    assert.equal(await one.value('select current_user'), 'plain')
    const two = await passOn(pooler, one)
    assert.equal(await two.value('select session_user'), 'postgres')
  })

  it('copies in and out, and writes large objects', async () => {
    const one = await login(pooler)
    one.send(raw.query('copy entry (who) from stdin'))
    await one.until('G')
    assert.deepEqual(await one.ask(raw.copyData('copied\n'), raw.copyDone), ['C COPY 1', 'Z I'])
    const out = await one.query("copy (select 'x') to stdout")
    assert.deepEqual(out.slice(1), ['d x\n', 'c', 'C COPY 1', 'Z I'])
    await one.query('begin')
    assert.equal(await one.value("select lo_from_bytea(4711, 'abc')"), '4711')
    await one.query('commit')
    assert.equal(await one.value("select encode(lo_get(4711), 'escape')"), 'abc')
  })

  it('is rolled back and cleaned when its client vanishes', async () => {
    const one = await login(pooler)
    const first = await pid(one)
    await one.query("set work_mem = '7MB'")
    await one.query("begin; insert into entry (who) values ('lost')")
    one.reset()
    const two = await login(pooler)
    assert.equal(await two.value('show work_mem'), '4MB')
    assert.equal(await pid(two), first)
    assert.equal(await two.value("select count(*) from entry where who = 'lost'"), '0')
  })

  it('is cancelled when its client vanishes during a query', async () => {
    const one = await login(pooler)
    one.send(raw.query('select pg_sleep(30)'))
    await eventually('it runs', async () => {
      return (await direct.value("select count(*) from pg_stat_activity where wait_event = 'PgSleep'")) === '1'
    })
    one.reset()
    const two = await login(pooler)
    assert.equal(await two.value('select 1'), '1')
  })

  it('hears of a time-out of PostgreSQL while it says nothing, and is closed', async () => {
    const one = await login(pooler)
    await one.query("set idle_session_timeout = '50ms'")
    assert.deepEqual(await one.rest(), ['E FATAL 57P05: terminating connection due to idle-session timeout'])
    assert.equal(await (await login(pooler)).value('select 1'), '1')
  })

  it('keeps its connection when a statement runs out of time', async () => {
    const one = await login(pooler)
    await one.query("set statement_timeout = '20ms'")
    const answer = await one.query('select pg_sleep(5)')
    assert.deepEqual(answer.slice(-2), ['E ERROR 57014: canceling statement due to statement timeout', 'Z I'])
    assert.equal(await one.value('select 1'), '1')
  })

  it('answers a cancel', async () => {
    const one = await login(pooler)
    one.send(raw.query('select pg_sleep(30)'))
    await Bun.sleep(50)
    const canceller = await RawClient.connect(pooler.port)
    canceller.send(raw.cancelRequest(one.key))
    await canceller.closed()
    assert.deepEqual((await one.answer()).slice(-2), ['E ERROR 57014: canceling statement due to user request', 'Z I'])
    assert.equal(await one.value('select 1'), '1')
  })
})

describe('the startup packet of a session', () => {
  let pooler: TestPooler
  before(async () => {
    pooler = await poolers.start({ ...session, poolSize: 1 })
  })

  it('may set anything in its options, for this session only', async () => {
    const options =
      "-c work_mem=7MB --enable-seqscan=off -c my.thing=it's\\ a\\\\b -c temp_tablespaces= -c timezone=UTC"
    const one = await login(pooler, { options, statement_timeout: '12s' })
    assert.equal(await one.value('show work_mem'), '7MB')
    assert.equal(await one.value('show enable_seqscan'), 'off')
    assert.equal(await one.value('show my.thing'), "it's a\\b")
    assert.equal(await one.value('show timezone'), 'UTC')
    assert.equal(await one.value('show statement_timeout'), '12s')
    assert.equal(await one.value('show exit_on_error'), 'off')
    const two = await passOn(pooler, one)
    assert.equal(await two.value('show work_mem'), '4MB')
    assert.equal(await two.value('show enable_seqscan'), 'on')
    assert.equal(await two.value("select current_setting('my.thing', true)"), '')
  })

  it('is told why a setting is refused, at its first request', async () => {
    const one = await login(pooler, { options: '-c work_mem=lots' })
    one.send(raw.query('select 1'))
    assert.deepEqual(await one.rest(), ['E FATAL 22023: invalid value for parameter "work_mem": "lots"'])
    const two = await login(pooler, { options: '-c no_such_thing=1' })
    two.send(raw.query('select 1'))
    assert.deepEqual(await two.rest(), ['E FATAL 42704: unrecognized configuration parameter "no_such_thing"'])
  })

  it('cannot smuggle a statement in', async () => {
    const text = "x');drop table entry;--"
    const one = await login(pooler, { options: `-c my.text=${text.replaceAll(' ', '\\ ')}` })
    assert.equal(await one.value('show my.text'), text)
    await assert.rejects(login(pooler, { options: "-c my.text');drop=1" }), /unsupported startup parameter/)
    assert.equal(await one.value("select to_regclass('entry')"), 'entry')
  })

  it('may hold what is ignored, without effect', async () => {
    const one = await login(pooler, { options: '-c extra_float_digits=0' })
    assert.equal(await one.value('show extra_float_digits'), '1')
  })

  it('may not set what is not tracked in the other modes, if nothing is carried', async () => {
    for (const poolMode of ['transaction', 'statement'] as const) {
      const other = await poolers.start({ poolMode, sessionState: 'allow' })
      await assert.rejects(
        login(other, { options: '-c work_mem=7MB' }),
        /08P01: unsupported startup parameter: work_mem/,
      )
    }
  })
})

describe('the reset query', () => {
  const started = (options: TestPoolerOptions): Promise<TestPooler> =>
    poolers.start({ ...session, poolSize: 1, ...options })

  async function firstAndNext(pooler: TestPooler, deed: string | Buffer): Promise<(string | null)[]> {
    const one = await login(pooler)
    const first = await pid(one)
    await one.ask(typeof deed === 'string' ? raw.query(deed) : deed)
    const two = await passOn(pooler, one)
    const next = await pid(two)
    two.leave()
    return [first, next]
  }

  it('costs the server if it fails', async () => {
    const pooler = await started({ serverResetQuery: 'select 1/0' })
    const [first, next] = await firstAndNext(pooler, 'select 1')
    assert.notEqual(first, next)
  })

  it('costs the server if it leaves a transaction open', async () => {
    const [first, next] = await firstAndNext(await started({ serverResetQuery: 'begin' }), 'select 1')
    assert.notEqual(first, next)
  })

  it('costs the server if it is not over in time', async () => {
    const pooler = await started({ serverResetQuery: 'select pg_sleep(30)', settleTimeoutMs: 100 })
    const [first, next] = await firstAndNext(pooler, 'select 1')
    assert.notEqual(first, next)
    await direct.query("select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'")
  })

  it('costs the server if it does not remove what was left', async () => {
    const pooler = await started({ serverResetQuery: 'reset all' })
    const [first, next] = await firstAndNext(pooler, 'set work_mem = 7000')
    assert.equal(first, next)
    for (const deed of ['prepare q as select 1', 'listen news', 'set session authorization plain']) {
      const [had, has] = await firstAndNext(pooler, deed)
      assert.notEqual(had, has, deed)
    }
    const named = await firstAndNext(pooler, raw.all(raw.parse('select 1', 'q'), raw.sync))
    assert.notEqual(...(named as [string, string]))
  })

  it('may remove statements only', async () => {
    const pooler = await started({ serverResetQuery: 'deallocate all' })
    const [first, next] = await firstAndNext(pooler, raw.all(raw.parse('select 1', 'q'), raw.sync))
    assert.equal(first, next)
  })

  it('need not be there: what is known to be spoilt is not lent on', async () => {
    const pooler = await started({ serverResetQuery: '' })
    const [first, next] = await firstAndNext(pooler, 'select 1')
    assert.equal(first, next)
    const [had, has] = await firstAndNext(pooler, 'listen news')
    assert.notEqual(had, has)
  })

  it('runs in transaction mode, too, if it always does', async () => {
    const pooler = await started({ poolMode: 'transaction', serverResetQueryAlways: true })
    const one = await login(pooler)
    const first = await pid(one)
    await one.query("set work_mem = '7MB'")
    assert.equal(await one.value('show work_mem'), '7MB')
    assert.equal(await (await login(pooler)).value('show work_mem'), '4MB')
    await one.ask(raw.parse('select 7', 'named'), raw.sync)
    assert.equal(await pid(one), first)
    await one.query("set time zone 'Asia/Tokyo'")
    assert.equal(await one.value('show timezone'), 'Asia/Tokyo')
  })

  it('does not run in transaction mode otherwise', async () => {
    const pooler = await started({ poolMode: 'transaction' })
    const one = await login(pooler)
    await one.query("set work_mem = '7MB'")
    assert.equal(await one.value('show work_mem'), '7MB')
  })
})

describe('login_notify_message', () => {
  it('is told to every client, within its login', async () => {
    const pooler = await poolers.start({ loginNotice: notice('maintenance at noon') })
    for (let round = 0; round < 2; round++) {
      const client = await RawClient.connect(pooler.port)
      client.send(raw.startup({ user: 'postgres', database: 'postgres' }))
      const got = await client.answer()
      assert.deepEqual(got.slice(0, 2), ['R 00000000', 'N NOTICE 00000: maintenance at noon'])
      assert.equal(got.at(-1), 'Z I')
      assert.equal(await client.value('select 1'), '1')
      client.leave()
    }
  })
})

describe('modes', () => {
  it("are a user's, else a database's, else the pooler's", async () => {
    const user = await poolers.start({
      poolMode: 'statement',
      database: { poolMode: 'transaction' },
      userOptions: new Map([['postgres', { poolMode: 'session' }]]),
    })
    const one = await login(user, { options: '-c work_mem=7MB' })
    assert.equal(await one.value('show work_mem'), '7MB')
    const database = await poolers.start({ poolMode: 'statement', database: { poolMode: 'transaction' } })
    assert.deepEqual(await (await login(database)).query('begin'), ['C BEGIN', 'Z T'])
  })
})

describe('servers', () => {
  it('run the connect query before they are lent', async () => {
    const pooler = await poolers.start({ database: { connectQuery: "select 1; set application_name = 'ours'" } })
    const one = await login(pooler)
    assert.equal(one.parameters.get('application_name'), 'ours')
    assert.equal(await one.value('show application_name'), 'ours')
  })

  it('whose connect query fails do not come, and clients hear why', async () => {
    for (const [connectQuery, why] of [
      ['select 1/0', /FATAL 22012: the connect query failed: division by zero/],
      ['begin', /FATAL 08006: the connect query left a transaction open/],
    ] as const) {
      const pooler = await poolers.start({ database: { connectQuery } })
      await assert.rejects(login(pooler), why)
    }
  })

  it('whose connect query never ends are given up', async () => {
    const pooler = await poolers.start({
      database: { connectQuery: 'select pg_sleep(30)' },
      serverConnectTimeoutMs: 700,
      queryWaitTimeoutMs: 2_000,
    })
    await assert.rejects(login(pooler), /the connect query was not answered within 700 ms/)
    await pooler.stop()
    await direct.query("select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'")
  })

  it('are used once if their lifetime is 0', async () => {
    const one = await login(await poolers.start({ database: { serverLifetimeMs: 0 } }))
    assert.notEqual(await pid(one), await pid(one))
  })

  it('are checked before they are lent, and closed if they fail', async () => {
    await direct.query('create table health (ok int); insert into health values (1)')
    const pooler = await poolers.start({ serverCheckQuery: 'select 1/ok from health', serverCheckDelayMs: 0 })
    const one = await login(pooler)
    const first = await pid(one)
    assert.equal(await pid(one), first)
    await direct.query('update health set ok = 0')
    assert.notEqual(await pid(one), first)
  })

  it('are checked with an empty query, too', async () => {
    const pooler = await poolers.start({ serverCheckQuery: '', serverCheckDelayMs: 0 })
    const one = await login(pooler)
    assert.equal(await pid(one), await pid(one))
  })
})

describe('what clients may say', () => {
  it('can be limited in length, in both directions', async () => {
    const pooler = await poolers.start({ maxPacketBytes: 1_000 })
    const one = await login(pooler)
    assert.equal((await one.value(`select repeat('x', 900)`))?.length, 900)
    one.send(raw.query(`select '${'x'.repeat(1_000)}'`))
    assert.match((await one.rest()).join(), /^E FATAL 08P01/)
    const two = await login(pooler)
    two.send(raw.query("select repeat('x', 2000)"))
    assert.match((await two.rest()).join(), /E FATAL 08006: .*broke the protocol/)
  })

  it('can be the extended protocol only', async () => {
    const one = await login(await poolers.start({ disableQuery: true }))
    assert.deepEqual(await one.ask(raw.statement('select 7'), raw.sync), ['1', '2', 'D 7', 'C SELECT 1', 'Z I'])
    one.send(raw.query('select 1'))
    assert.deepEqual(await one.rest(), ["E FATAL 08P01: message type 'Q' is not allowed here"])
  })

  it('can have their address added to their name', async () => {
    const pooler = await poolers.start({ applicationNameAddHost: true })
    const named = await login(pooler, { application_name: 'mine' })
    assert.match(String(await named.value('show application_name')), /^mine - 127\.0\.0\.1:[0-9]+$/)
    const unnamed = await login(pooler)
    assert.match(String(await unnamed.value('show application_name')), /^app - 127\.0\.0\.1:[0-9]+$/)
  })
})

describe('the trace of all this', () => {
  it('shows no breach', { timeout: 60_000 }, async () => {
    await poolers.assertNoBreach()
  })
})
