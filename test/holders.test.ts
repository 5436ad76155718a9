/** Who holds servers, by the lines of their own code: SET taxirank.holder, which the pooler answers, and SHOW HOLDERS. */

import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import manifest from '../package.json' with { type: 'json' }
import { Pool } from '../src/pg/taxirank.ts'
import { eventually, TestPoolers, type TestPooler } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

let postgres: TestPostgres
let pooler: TestPooler
let one: RawClient
let admin: RawClient
const poolers = new TestPoolers(() => postgres.port)
const clients: RawClient[] = []

before(async () => {
  postgres = await startTestPostgres()
  const direct = await RawClient.login(postgres.port)
  await direct.query('create table entry (id int)')
  direct.leave()
})

after(async () => {
  await poolers.remove()
  await postgres.remove()
})

beforeEach(async () => {
  pooler = await poolers.start({ poolSize: 1 })
  one = await login()
  admin = await login({ database: 'pgbouncer' })
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.reset()
  await pooler.stop()
})

async function login(parameters: Readonly<Record<string, string>> = {}): Promise<RawClient> {
  const client = await pooler.login(parameters)
  clients.push(client)
  return client
}

const name = (text: string): Buffer => raw.query(`set taxirank.holder = '${text}'`)
const selected = (value: string, status = 'I'): string[] => ['T ?column?', `D ${value}`, 'C SELECT 1', `Z ${status}`]
const named = (status = 'I'): string[] => ['C SET', `Z ${status}`]
const holders = (): Promise<Record<string, string | null>[]> => admin.rows('SHOW HOLDERS')
const names = async (): Promise<(string | null | undefined)[]> => (await holders()).map(({ holder }) => holder)
/** What the session of whichever server the client gets has heard of a name: nothing, not even that there is such a parameter. */
const heard = (client: RawClient): Promise<string | null> =>
  client.value("select current_setting('taxirank.holder', true)")

/** Another pooler, in the place of this one. */
async function restart(options: Parameters<TestPoolers['start']>[0]): Promise<void> {
  await pooler.stop()
  pooler = await poolers.start({ poolSize: 1, ...options })
  one = await login()
  admin = await login({ database: 'pgbouncer' })
}

describe('the announcement', () => {
  it('is a parameter with the version, which no server has', async () => {
    assert.equal(one.parameters.get('taxirank.pooler'), manifest.version)
    assert.equal(await one.value("select current_setting('taxirank.pooler', true)"), null)
    assert.equal((await pooler.login({ TimeZone: 'Asia/Tokyo' })).parameters.get('taxirank.pooler'), manifest.version)
  })

  it('is not made on the console, nor where a Query is refused', async () => {
    assert.equal(admin.parameters.has('taxirank.pooler'), false)
    await restart({ disableQuery: true })
    assert.equal(one.parameters.has('taxirank.pooler'), false)
  })

  it('of a pooler behind this one is not handed on', async () => {
    const behind = pooler
    const inFront = await poolers.start({ database: { address: { host: '127.0.0.1', port: behind.port } } })
    const client = await RawClient.connect(inFront.port)
    clients.push(client)
    client.send(raw.startup({ user: 'postgres', database: 'postgres' }))
    const announced = (await client.answer()).filter((line) => line.startsWith('S taxirank'))
    assert.deepEqual(announced, [`S taxirank.pooler=${manifest.version}`])
    assert.deepEqual(await client.ask(name('a')), named())
    assert.equal(await heard(client), null)
    await inFront.stop()
  })
})

describe('SET taxirank.holder', () => {
  it('needs no server: it is answered while another client has the only one', async () => {
    const two = await login()
    await two.query('begin')
    assert.deepEqual(await one.ask(name('a.ts:1')), named())
    assert.deepEqual(await one.query('reset taxirank.holder'), ['C RESET', 'Z I'])
    assert.equal(pooler.figures.lists().servers, 1)
    one.send(name('a.ts:2'), raw.query('select 1'))
    assert.deepEqual(await one.answer(), named())
    await pooler.queues(1)
    await two.query('commit')
    assert.deepEqual(await one.answer(), selected('1'))
  })

  it('reaches no server, and pins none', async () => {
    await one.ask(name('a.ts:1'), raw.query('begin'))
    await one.answer()
    assert.deepEqual(await one.ask(name('a.ts:2')), named('T'))
    assert.equal(await heard(one), null)
    assert.deepEqual(await admin.rows('SHOW PINS'), [])
    await one.query('commit')
    assert.equal(await heard(await login()), null)
    assert.deepEqual(await admin.rows('SHOW AUDIT'), [])
    assert.equal(pooler.figures.servers()[0]?.state, 'idle')
  })

  it('is answered in its place within a pipeline', async () => {
    const messages = [name('1'), raw.query('select 1'), name('2'), raw.statement('select 2'), raw.sync, name('3')]
    const answers = [named(), selected('1'), named(), ['1', '2', 'D 2', 'C SELECT 1', 'Z I'], named()]
    one.send(raw.all(...messages))
    for (const answer of answers) assert.deepEqual(await one.answer(), answer)
    await one.sendBytewise(raw.all(...messages))
    for (const answer of answers) assert.deepEqual(await one.answer(), answer)
  })

  it('waits for what is owed, and says in which state that leaves the transaction', async () => {
    one.send(raw.all(raw.query('begin; select pg_sleep(0.05)'), name('1'), raw.query('select 1/0'), name('2')))
    assert.equal((await one.answer()).at(-1), 'Z T')
    assert.deepEqual(await one.answer(), named('T'))
    assert.deepEqual(await one.answer(), ['E ERROR 22012: division by zero', 'Z E'])
    assert.deepEqual(await one.answer(), named('E'))
    assert.deepEqual(await names(), ['2'])
    assert.deepEqual(await one.query('rollback'), ['C ROLLBACK', 'Z I'])
  })

  it('is left to PostgreSQL inside a group that no Sync has ended', async () => {
    one.send(raw.all(raw.statement('select 1/0'), name('1'), raw.sync, raw.query('select 2')))
    assert.deepEqual(await one.answer(), ['1', 'E ERROR 22012: division by zero', 'Z I'])
    assert.deepEqual(await one.answer(), selected('2'))
  })

  it('is left to PostgreSQL where it is not alone, and follows its client as any parameter', async () => {
    assert.deepEqual(await one.query("set taxirank.holder = 'a'; select 1"), ['C SET', ...selected('1')])
    assert.equal(await heard(one), 'a')
    assert.deepEqual(await one.ask(name('b')), named())
    assert.equal(await heard(one), 'a')
  })

  it('is refused in the middle of copy data, as any Query', async () => {
    one.send(raw.query('copy entry from stdin'))
    await one.until('G')
    one.send(name('1'))
    assert.match((await one.rest()).join(), /FATAL 08P01: message 'Q' is not allowed during COPY FROM STDIN/)
  })

  it('is answered once it is whole', async () => {
    const message = name('src/orders.ts:42')
    one.send(message.subarray(0, 30))
    await one.staysSilent()
    assert.equal(pooler.figures.lists().servers, 1)
    one.send(message.subarray(30))
    assert.deepEqual(await one.answer(), named())
  })

  it('survives ten thousand of them in one write, to a client that reads late', async () => {
    const count = 10_000
    one.pause()
    one.send(raw.all(...Array.from({ length: count }, (_, n) => name(`a.ts:${n}`)), raw.query('select 1')))
    await Bun.sleep(100)
    one.resume()
    for (let n = 0; n < count; n++) assert.deepEqual(await one.answer(), named())
    assert.deepEqual(await one.answer(), selected('1'))
  })

  it('counts as what a client says: it is not idle', async () => {
    const limits = {
      queryTimeoutMs: 0,
      idleTransactionTimeoutMs: 300,
      transactionTimeoutMs: 0,
      clientIdleTimeoutMs: 300,
    }
    await restart({ clientLimits: { ...limits, queryWaitNotifyMs: 0 } })
    for (let n = 0; n < 5; n++) {
      assert.deepEqual(await one.ask(name(`${n}`)), named())
      await Bun.sleep(100)
    }
    await one.query('begin')
    for (let n = 0; n < 5; n++) {
      assert.deepEqual(await one.ask(name(`${n}`)), named('T'))
      await Bun.sleep(100)
    }
    assert.match((await one.rest()).join(), /FATAL 25P03: idle transaction timeout/)
  })

  for (const poolMode of ['session', 'statement'] as const) {
    it(`works in ${poolMode} mode`, async () => {
      await restart({ poolMode, ...(poolMode === 'session' && { serverResetQuery: 'DISCARD ALL' }) })
      one.send(raw.all(name('1'), raw.query('select 1'), name('2'), raw.query('select 2')))
      for (const answer of [named(), selected('1'), named(), selected('2')])
        assert.deepEqual(await one.answer(), answer)
      assert.deepEqual(await names(), poolMode === 'session' ? ['2'] : [])
      assert.deepEqual(await one.ask(name('3')), named())
      assert.deepEqual(await names(), poolMode === 'session' ? ['3'] : [])
      assert.equal(await heard(one), null)
    })
  }
})

describe('SHOW HOLDERS', () => {
  it('has a row for each client that holds a server, with what it has called itself, the longest first', async () => {
    await restart({ poolSize: 2, databases: { other: { name: 'postgres', poolMode: 'session' } } })
    const app = await login({ database: 'other', application_name: 'shop' })
    await app.query('create temp table scratch (id int)')
    await app.ask(name('src/orders.ts:42'))
    await one.ask(raw.all(name('lib/db.ts:7'), raw.query('begin')))
    await one.answer()
    const idle = await login()
    await idle.ask(name('nowhere'))
    await idle.query('select 1')
    const rows = await holders()
    const [first, second] = rows
    assert.equal(rows.length, 2)
    const {
      since: _,
      seconds,
      idle_seconds: idleSeconds,
      client_id: clientId,
      server_id: serverId,
      ...rest
    } = first ?? {}
    assert.deepEqual(rest, {
      database: 'other',
      user: 'postgres',
      application_name: 'shop',
      pool_mode: 'session',
      state: 'idle',
      pin_reason: '',
      holder: 'src/orders.ts:42',
    })
    const client = (await admin.rows('SHOW CLIENTS')).find(({ id }) => id === clientId)
    assert.deepEqual([client?.['application_name'], client?.['link']], ['shop', `s${serverId}`])
    assert.ok(Number(seconds) >= Number(idleSeconds) && Number(seconds) < 60)
    assert.deepEqual([second?.['holder'], second?.['state']], ['lib/db.ts:7', 'idle in transaction'])
  })

  it('says what the server does, and why it is kept', async () => {
    const states = async (): Promise<unknown[]> => (await holders()).map(({ state, pin_reason: why }) => [state, why])
    await restart({ maxPinned: 1 })
    one.send(raw.query('begin; select pg_sleep(0.3)'))
    await eventually('it runs', async () => (await states()).length === 1)
    assert.deepEqual(await states(), [['active', '']])
    await one.answer()
    assert.deepEqual(await states(), [['idle in transaction', '']])
    await one.query('select 1/0')
    assert.deepEqual(await states(), [['idle in transaction (aborted)', '']])
    await one.query('rollback')
    await one.query('create temp table scratch (id int)')
    await eventually('it is pinned', async () => (await states()).join() === 'idle,temporary objects')
    await one.until('N')
    assert.deepEqual(await one.ask(name('a.ts:1')), named())
    assert.deepEqual(await names(), ['a.ts:1'])
  })

  it('keeps a name from transaction to transaction, until it is set anew, and shows it while a server is held', async () => {
    await one.ask(name('a.ts:1'))
    for (const [text, shown] of [
      ['select 1', 'a.ts:1'],
      ['reset taxirank.holder', ''],
      ["set taxirank.holder to 'b.ts:2'", 'b.ts:2'],
      ['set taxirank.holder = default', ''],
    ] as const) {
      await one.query(text)
      assert.deepEqual(await names(), [])
      await one.query('begin')
      assert.deepEqual(await names(), [shown], text)
      await one.query('commit')
    }
  })

  it('forgets who is gone', async () => {
    const two = await login()
    await two.ask(raw.all(name('two'), raw.query('begin')))
    await two.answer()
    assert.deepEqual(await names(), ['two'])
    two.vanish()
    await eventually('it is gone', async () => (await names()).length === 0)
    one.send(raw.query('begin'))
    await one.answer()
    assert.deepEqual(await names(), [''])
  })

  it('shows 256 bytes of a name, and nothing that would leave its line', async () => {
    await one.query('begin')
    for (const [sent, shown] of [
      ['x'.repeat(9_000), 'x'.repeat(256)],
      [`it''s`, `it's`],
      ['a\nb\x1b[2Jc', 'a?b?[2Jc'],
      ["''; drop table holders; --", "'; drop table holders; --"],
      [String.raw`C:\src\a.ts:1`, String.raw`C:\src\a.ts:1`],
      ['注文.ts:7', '注文.ts:7'],
    ] as const) {
      assert.deepEqual(await one.ask(name(sent)), named('T'), sent)
      assert.deepEqual(await names(), [shown])
    }
    await one.query('rollback')
  })

  it('is in the figures of the monitor, too', async () => {
    await one.ask(raw.all(name('a.ts:1'), raw.query('begin')))
    await one.answer()
    const [{ holder, state, mode } = { holder: '', state: '', mode: '' }] = pooler.figures.holders()
    assert.deepEqual([holder, state, mode], ['a.ts:1', 'idle in transaction', 'transaction'])
  })
})

describe('a wait that ends in vain', () => {
  it('names the line that has had the server for longest', async () => {
    await restart({ queryWaitTimeoutMs: 200 })
    const two = await login()
    await one.ask(raw.all(name('a.ts:1'), raw.query('begin')))
    await one.answer()
    two.send(raw.query('select 1'))
    assert.match((await two.rest()).join(), /held by client \d+ \(a\.ts:1\)/)
    await one.ask(name('b.ts:2'))
    const three = await login()
    three.send(raw.query('select 1'))
    assert.match((await three.rest()).join(), /held by client \d+ \(b\.ts:2\)/)
  })
})

describe('the pool inside an application', () => {
  const poolOf = (port: number, options: object): Pool => {
    const pool = new Pool({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max: 2, ...options })
    pools.push(pool)
    return pool
  }
  const pools: Pool[] = []
  afterEach(async () => {
    for (const pool of pools.splice(0)) await pool.end()
  })

  it('names the line that holds a server, in one write with its first query', async () => {
    const pool = poolOf(pooler.port, { leakDetectionMillis: 60_000 })
    const client = await pool.connect()
    await client.query('begin')
    assert.match((await names())[0] ?? '', /holders\.test\.ts:\d+$/)
    await client.query('commit')
    client.release()
    await pool.query('select 1')
    assert.equal(await heard(one), null)
  })

  it('sends nothing of it to PostgreSQL itself, nor where holders aren’t looked for', async () => {
    const direct = poolOf(postgres.port, { leakDetectionMillis: 60_000 })
    const { rows } = await direct.query("select current_setting('taxirank.holder', true) as holder")
    assert.deepEqual(rows, [{ holder: null }])
    const unnamed = poolOf(pooler.port, {})
    const client = await unnamed.connect()
    await client.query('begin')
    assert.deepEqual(await names(), [''])
    client.release()
  })
})

describe('what the poolers have done', () => {
  it('is without a breach in their traces', () => poolers.assertNoBreach())
})
