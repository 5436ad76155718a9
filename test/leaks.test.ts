/**
 * Ways by which a client once met what another had left, through gaps between what was looked at: bytes that PostgreSQL refuses before it reads
 * them, texts in pieces or in an encoding that is about to change, what was sent first in a lease.
 */

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, TestPoolers, type TestPoolerOptions } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

let postgres: TestPostgres
const poolers = new TestPoolers(() => postgres.port)

before(async () => {
  postgres = await startTestPostgres()
  const direct = await RawClient.login(postgres.port)
  await direct.query('create role plain; create sequence numbers; create table written (id int)')
  await direct.query('create role low login; create role boss superuser; grant plain, boss to low')
  await direct.query("create role member login; grant plain to member; alter role member set role = 'plain'")
  await direct.query('create table t (id text); insert into t values (1); grant all on t to public')
  direct.leave()
})

after(async () => {
  await poolers.remove()
  await postgres.remove()
})

const show = (client: RawClient, name: string): Promise<string | null> =>
  client.value(`select current_setting('${name}', true)`)
const nothing = ['', null]
const latin = (sql: string): Buffer => raw.message('Q', Buffer.from(`${sql}\0`, 'latin1'))

interface Pair {
  readonly one: RawClient
  readonly two: RawClient
  readonly login: (parameters?: Record<string, string>) => Promise<RawClient>
}

/** Two clients over one server, or more. */
async function pair(options: TestPoolerOptions = {}, as: Record<string, string> = {}): Promise<Pair> {
  const pooler = await poolers.start({ poolSize: 1, ...options })
  return { one: await pooler.login(as), two: await pooler.login(as), login: (parameters) => pooler.login(parameters) }
}

/** Two writes, with time for the first to be forwarded. */
async function inTwo(client: RawClient, beginning: string, end: string): Promise<string[]> {
  const message = raw.query(`${beginning};${' '.repeat(40_000)}${end}`)
  client.send(message.subarray(0, 20_000))
  await sleep(30)
  return client.ask(message.subarray(20_000))
}

describe('what brings a session to its client', () => {
  it('is not skipped because of bytes that are none of the encoding', async () => {
    const { one, two, login } = await pair()
    const latin1 = await login({ client_encoding: 'LATIN1' })
    await latin1.ask(latin("set app.tenant = 'caf\xe9'"))
    for (const text of ["set role plain; set app.tenant = 'of one'; set datestyle = german", 'set work_mem = 1234']) {
      await one.query(text)
      assert.equal(await two.value('select current_user'), 'postgres')
      await one.query('select 1')
      assert.equal(
        await latin1.value("select current_user || ' ' || convert_to(current_setting('app.tenant'), 'UTF8')::text"),
        'postgres \\x636166c3a9',
      )
    }
  })

  it('is read in the encoding of its client, though the session is in another', async () => {
    const { one, two, login } = await pair()
    const latin1 = await login({ client_encoding: 'LATIN1' })
    await two.query("set app.name = 'é'")
    await latin1.query('select 1')
    assert.equal(await two.value("select length(current_setting('app.name'))"), '1')
    assert.ok(nothing.includes(await show(one, 'app.name')))
  })

  it('gives every client what the connect query has set, behind a reset, too', async () => {
    const { one, two } = await pair({
      database: { connectQuery: "set timezone = 'Europe/Paris'; set datestyle = 'SQL, DMY'" },
    })
    for (const client of [two, one, two, one, two]) {
      assert.equal(await show(client, 'timezone'), 'Europe/Paris')
      assert.equal(await show(client, 'datestyle'), 'SQL, DMY')
      await one.query("set work_mem = '5MB'")
    }
  })

  it('does not wait for what the transactions of another would wait for', async () => {
    const { one, two } = await pair({ maxPinned: 1 })
    await two.query("set app.tenant = 'two'")
    await one.query('set session characteristics as transaction isolation level serializable, read only, deferrable')
    const direct = await RawClient.login(postgres.port)
    await direct.query('begin isolation level serializable; insert into written values (1)')
    one.leave()
    assert.equal(await show(two, 'app.tenant'), 'two')
    await direct.query('rollback')
    direct.leave()
  })

  it('sets nothing that temporary tables of others forbid', async () => {
    const { one, two } = await pair({ poolSize: 3, maxPinned: 1 })
    assert.match(String(await two.query("set temp_buffers = '16MB'")), /^C SET/)
    await one.query('begin; create temp table t (id int) on commit drop; insert into t values (1); commit')
    assert.equal(await show(two, 'temp_buffers'), '16MB')
    assert.equal(await show(one, 'temp_buffers'), '8MB')
  })
})

describe('the role of a session', () => {
  const role = (client: RawClient): Promise<string | null> => client.value('select current_user')

  it('is not another, because the former client has become itself again', async () => {
    for (const again of ['reset session authorization', 'set session authorization default']) {
      for (const text of [again, `set role plain; ${again}`, `begin; set role plain; ${again}; commit`]) {
        const { one, two } = await pair({}, { user: 'low' })
        await two.query('set role plain')
        await one.query('set role plain')
        await one.query(text)
        assert.equal(await role(one), 'low')
        assert.equal(await role(two), 'plain')
        assert.equal(await role(one), 'low')
      }
    }
  })

  it('does not come back to who has given it up', async () => {
    const { one, two } = await pair({ poolSize: 2 }, { user: 'low' })
    await one.query('set role boss')
    await one.query('reset session authorization')
    await two.query('begin; select 1')
    assert.equal(await role(one), 'low')
  })

  it('is what it is to begin with, though the former client has none', async () => {
    for (const text of [
      'set role none',
      "select set_config('role', 'none', false)",
      'do $$ begin set role none; end $$',
    ]) {
      const { one, two } = await pair({}, { user: 'member' })
      assert.equal(await role(two), 'plain')
      await one.query(text)
      assert.deepEqual([await role(one), await role(two), await role(one)], ['member', 'plain', 'member'])
    }
  })

  it('is what the connect query has set, though the former client has none', async () => {
    for (const text of [
      'set role none',
      'reset role',
      "do $$ begin perform set_config('role', 'none', false); end $$",
    ]) {
      const { one, two } = await pair({ database: { connectQuery: 'set role plain' } }, { user: 'low' })
      assert.equal(await role(two), 'plain')
      await one.query(text)
      // What is reset is as at the login, of which the connect query is a part.
      const own = text === 'reset role' ? 'plain' : 'low'
      assert.deepEqual([await role(one), await role(two), await role(one)], [own, 'plain', own])
    }
  })

  it('with which another user begins is nothing to a sample', async () => {
    const pooler = await poolers.start({ poolSize: 1, sessionAuditEvery: 1 })
    for (const user of ['low', 'member']) {
      const client = await pooler.login({ user })
      for (let at = 0; at < 3; at++) await client.query('select 1')
      await client.query('do $$ begin end $$')
      assert.equal(await role(client), user === 'low' ? 'low' : 'plain')
      client.leave()
    }
    assert.deepEqual(
      pooler.figures.audit().filter(({ what }) => what.startsWith('unseen')),
      [],
    )
  })
})

describe('what only superusers may see', () => {
  it('is set for nobody else', async () => {
    const ways = [
      "begin; savepoint s; rollback to s; set dynamic_library_path = '/of/one'; set role plain; commit",
      "update pg_settings set setting = '/of/one' where name = 'dynamic_library_path'; set role plain",
    ]
    for (const way of ways) {
      const { one, two } = await pair({ poolSize: 2, maxPinned: 1 })
      await one.query(way)
      one.leave()
      for (let at = 0; at < 4; at++) assert.equal(await show(two, 'dynamic_library_path'), '$libdir')
    }
  })
})

describe('a string that goes on in another line', () => {
  it('is one', async () => {
    for (const local of ['', 'local ']) {
      const { one, two } = await pair({ poolSize: 2, maxPinned: 1 })
      const made = 'create table t (id text); insert into t values (2)'
      await one.query(`begin; set ${local}search_path = 'pg_'\n -- more\n'temp'; ${made}; commit`)
      for (let at = 0; at < 4; at++) assert.equal(await two.value('select id from t'), '1')
    }
  })
})

describe('a search_path with pg_temp', () => {
  it('is heeded also where it is computed while its client keeps the server', async () => {
    const { one, two } = await pair({ maxPinned: 1, poolSize: 2 })
    await one.query('select pg_advisory_lock(1)')
    await one.query("select set_config('search_path', 'pg_' || 'temp', false)")
    await one.query('create table t (id text); insert into t values (2)')
    await one.query('select pg_advisory_unlock_all()')
    one.leave()
    for (let at = 0; at < 4; at++) assert.equal(await two.value('select id from t'), '1')
  })
})

describe('what is imported as temporary tables', () => {
  it('is nobody else’s', async () => {
    const { one, two } = await pair({ maxPinned: 0 })
    assert.match(
      String(await one.query('import foreign schema public limit to (t) from server loop into pg_temp')),
      /53300/,
    )
    assert.equal(await two.value('select id from t'), '1')
  })
})

describe('transactions that wait for others unless told otherwise', () => {
  it('are nobody else’s, however that was set', async () => {
    const { one, two } = await pair({ maxPinned: 1, poolSize: 2 })
    await two.query("set app.tenant = 'two'")
    const update = "update pg_settings set setting = case when name ~ 'isolation' then 'serializable' else 'on' end"
    await one.query(`${update} where name ~ '^default_transaction_'`)
    const direct = await RawClient.login(postgres.port)
    await direct.query('begin isolation level serializable; insert into written values (1)')
    one.leave()
    for (let at = 0; at < 4; at++) assert.equal(await show(two, 'app.tenant'), 'two')
    await direct.query('rollback')
    direct.leave()
  })
})

describe('what a session last drew from a sequence', () => {
  it('is read by nobody else, whichever way it is asked for first', async () => {
    const { one, two, login } = await pair()
    const refused = /E ERROR 55000/
    const lastval = 2_559
    const ways: (() => Promise<string[]>)[] = [
      async () => (await login({ application_name: 'another' })).query('select lastval()'),
      async () =>
        (await login()).ask(raw.parse('select lastval()', 's'), raw.all(raw.bind([], 's'), raw.execute(), raw.sync)),
      async () => (await login()).ask(raw.functionCall(lastval, [])),
      async () => inTwo(await login(), 'select 1', 'select lastval()'),
    ]
    for (const way of ways) {
      await one.query("select nextval('numbers')")
      assert.match(String(await way()), refused)
      await two.query('select 1')
    }
  })
})

describe('the unnamed statement, if PostgreSQL refuses what would drop it before it reads that,', () => {
  it("is not another client's in the same pipeline either", async () => {
    const { one, two } = await pair()
    await one.ask(raw.parse("select 'of one'"), raw.sync)
    two.send(latin("select '\xff'"), raw.bind(), raw.execute(), raw.sync)
    assert.match(String(await two.answer()), /^E ERROR/)
    assert.match(String(await two.answer()), /^E ERROR 26000/)
  })

  it("is not another client's", async () => {
    const none = ['E ERROR 26000: unnamed prepared statement does not exist', 'Z I']
    const refused = [
      latin("select '\xff'"),
      latin('select 1\0select 2'),
      raw.all(raw.message('C', Buffer.from('S\0more')), raw.sync),
    ]
    for (const message of refused) {
      const { one, two } = await pair()
      await one.ask(raw.parse("select 'of one'"), raw.sync)
      assert.match(String(await one.ask(message)), /^E ERROR/)
      assert.deepEqual(await two.ask(raw.bind(), raw.execute(), raw.sync), none)
    }
  })
})

describe('a text in an encoding that is about to change', () => {
  // In SJIS the backslash is half of a character, and the string ends behind it; in UTF8 it goes on.
  const hidden = Buffer.from("select E'\x83\\'; set app.tenant = 'left'; set statement_timeout = 1234; --'\0", 'latin1')
  const begins = ["set client_encoding = 'SJIS'", "begin; set local client_encoding = 'SJIS'"]

  it('does not hide what it sets', async () => {
    for (const begin of begins) {
      const { one, two } = await pair()
      one.send(raw.query(begin), raw.message('Q', hidden))
      await one.answer()
      await one.answer()
      await one.query('commit')
      assert.ok(nothing.includes(await show(two, 'app.tenant')), begin)
      assert.equal(await show(two, 'statement_timeout'), '0', begin)
    }
  })

  it('is seen behind a rollback in its group, too', async () => {
    const { one: two, login } = await pair()
    const one = await login({ client_encoding: 'SJIS' })
    await one.query('begin')
    await one.query("set local client_encoding = 'UTF8'")
    const text = "select E'\x83\\', set_config('statement_timeout', '4321', false) --'"
    const parse = raw.message('P', Buffer.from(`\0${text}\0\0\0`, 'latin1'))
    await one.ask(raw.statement('rollback'), parse, raw.bind(), raw.execute(), raw.sync)
    assert.equal(await show(two, 'statement_timeout'), '0')
  })

  it('is the same in one that is only spelled otherwise', async () => {
    for (const spelling of ['utf8', 'unicode', "'utf-8'"]) {
      const { two: other, login } = await pair({ poolSize: 2 })
      const one = await login({ client_encoding: spelling })
      await one.ask(raw.parse("select length('é')", 's'), raw.sync)
      await other.query('begin')
      const run = raw.all(raw.bind([], 's'), raw.execute(), raw.sync)
      assert.deepEqual(await one.ask(run), ['2', 'D 1', 'C SELECT 1', 'Z I'], spelling)
      await other.query('rollback')
      assert.deepEqual(await one.ask(run), ['2', 'D 1', 'C SELECT 1', 'Z I'], spelling)
    }
  })

  it('may stand behind code in one group', async () => {
    const { one } = await pair()
    const group = [
      raw.statement('do $$ begin end $$'),
      raw.parse("select length('é')", 's'),
      raw.bind([], 's'),
      raw.execute(),
    ]
    assert.ok((await one.ask(...group, raw.sync)).includes('D 1'))
    assert.ok((await one.ask(raw.bind([], 's'), raw.execute(), raw.sync)).includes('D 1'))
  })

  it('is not held while a COPY waits for data', async () => {
    const { one } = await pair()
    one.send(raw.query("set client_encoding = 'LATIN1'; copy written from stdin"), raw.query("select 'é'"))
    assert.ok((await one.until('E', 'Z')).length > 0)
  })

  it('is not prepared anew in another', async () => {
    const { one, two, login } = await pair({ poolSize: 2 })
    assert.deepEqual(await one.ask(raw.parse("select length('é')", 's'), raw.sync), ['1', 'Z I'])
    const run = raw.all(raw.bind([], 's'), raw.execute(), raw.sync)
    assert.deepEqual(await one.ask(run), ['2', 'D 1', 'C SELECT 1', 'Z I'])
    await one.query("set client_encoding = 'LATIN1'")
    const other = await login()
    await two.query('begin')
    await other.query('begin')
    await two.query('commit')
    const answer = String(await one.ask(run))
    await other.query('commit')
    const isRefused = answer.startsWith('E ERROR 0A000: prepared statement "s" has characters beyond ASCII')
    assert.ok(isRefused || answer.startsWith('2,D 1,'), answer)
    await one.query("set client_encoding = 'UTF8'")
    assert.deepEqual(await one.ask(run), ['2', 'D 1', 'C SELECT 1', 'Z I'])
  })
})

describe('what nothing undoes', () => {
  const random = 'select random()'
  const seed = 'select setseed(0.42)'
  let seeded: string | null

  before(async () => {
    const direct = await RawClient.login(postgres.port)
    await direct.query(seed)
    seeded = await direct.value(random)
    direct.leave()
  })

  it('is seen at the end of a long text that comes in pieces', async () => {
    for (const sessionState of ['track', 'pin', 'reset', 'reject'] as const) {
      const { one, two } = await pair({ poolSize: 2, maxPinned: 1, sessionState })
      await inTwo(one, 'select 1', seed)
      one.leave()
      assert.notEqual(await two.value(random), seeded, sessionState)
    }
  })

  it('is seen in an EXECUTE by the name that a statement has on the server', async () => {
    const { one, two } = await pair({ poolSize: 2, maxPinned: 1 })
    await one.ask(raw.parse(seed, 's'), raw.sync)
    await one.query(`execute ${await one.value("select name from pg_prepared_statements where statement ~ 'seed'")}`)
    one.leave()
    assert.notEqual(await two.value(random), seeded)
  })

  it('is seen where its name is computed, or goes on in another line, or is executed by code', async () => {
    const texts = [
      "select set_config('se' || 'ed', '0.42', false)",
      "select set_config($$se$$ || 'ed', '0.42', true)",
      "do 'begin perform setse'\n'ed(0.42); end'",
      "do $$ begin execute 'execute ' || (select name from pg_prepared_statements); end $$",
      "do $$ begin execute 'execute NAME'; end $$",
      "select U&'a'; execute NAME",
      "set/**/seed = 0.42; select U&'a'",
      'select U&"setsee\\0064"(0.42)',
      'do $$ begin set --\n seed = 0.42; end $$',
      'do $$ begin perform U&"setsee\\0064"(0.42); end $$',
    ]
    for (const text of texts) {
      const { one, two } = await pair({ poolSize: 2, maxPinned: 1 })
      await one.ask(raw.parse(seed, 's'), raw.sync)
      await one.query(text.replace('NAME', (await one.value('select name from pg_prepared_statements')) ?? ''))
      one.leave()
      assert.notEqual(await two.value(random), seeded, text)
    }
  })

  it('is seen in a call by the protocol', async () => {
    const setseed = 1_599
    const { one, two } = await pair({ poolSize: 2, maxPinned: 1 })
    await one.ask(raw.functionCall(setseed, ['0.42']))
    one.leave()
    assert.notEqual(await two.value(random), seeded)
  })
})

describe('a statement of the protocol that SQL executes by the name it has on the server', () => {
  it('leaves nothing to others', async () => {
    const { one, two } = await pair({ poolSize: 2, maxPinned: 1 })
    await one.ask(raw.parse("select set_config('app.tenant', 'one', false)", 's'), raw.sync)
    const name = await one.value('select name from pg_prepared_statements')
    await one.query(`execute ${name}`)
    assert.ok(nothing.includes(await show(two, 'app.tenant')))
  })
})

describe('who says that transactions are not DEFERRABLE', () => {
  it('keeps no server', async () => {
    const { one } = await pair()
    for (const text of [
      'set session characteristics as transaction read write, not deferrable',
      'set default_transaction_deferrable = off',
      'begin; set local default_transaction_deferrable = on; commit',
      'reset temp_buffers',
    ])
      assert.ok(!String(await one.query(text)).includes('E ERROR'), text)
  })
})

describe('a table that is dropped and made anew in one text', () => {
  it('is another one for statements, also if its maker has temporary tables', async () => {
    const { one, two } = await pair({ poolSize: 2, maxPinned: 1 })
    await one.query('create table changing (a int); create temp table mine (a int)')
    await two.ask(raw.parse('insert into changing values ($1)', 's'), raw.sync)
    await one.query('drop table changing; create table changing (a text)')
    await two.ask(raw.parse('insert into changing values ($1)', 't'), raw.bind(['007'], 't'), raw.execute(), raw.sync)
    assert.equal(await two.value('select a from changing'), '007')
  })
})

describe('a client that prepares and closes without end, and sends no Sync', () => {
  it('is answered all the time', async () => {
    const { one } = await pair()
    const round = raw.all(raw.parse('select 1', 's'), raw.closeStatement('s'))
    const many = 40_000
    one.send(...Array.from({ length: many }, () => round))
    await eventually('most is answered', () => one.receivedBytes > many)
    assert.equal((await one.ask(raw.sync)).at(-1), 'Z I')
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
