/** What no text has shown of a session is found by looking at all of it now and then. */

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { eventually, TestPoolers, type TestPooler, type TestPoolerOptions } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

let postgres: TestPostgres
const poolers = new TestPoolers(() => postgres.port)

/** By what a function does, which nobody sees. */
const hidden = {
  'temporary objects': 'create temp table scratch (id int)',
  'advisory locks': 'perform pg_advisory_lock(7)',
  'SQL PREPARE': "execute 'prepare hidden as select 1'",
  LISTEN: 'listen covert',
  'SET work_mem': "perform set_config('work_mem', '1000', false)",
  'SET role': 'set role plain',
}

/** So that the session can't even be asked. */
const unanswerable = {
  in_time: "perform set_config('statement_timeout', '1', false); perform pg_advisory_lock(8)",
  at_length:
    "perform set_config('work_mem', '1000', false); for n in 1..15000 loop execute 'listen ' || repeat('x', 55) || n; end loop",
}

const nameOf = (what: string): string => what.replaceAll(' ', '_').toLowerCase()

before(async () => {
  postgres = await startTestPostgres()
  const direct = await RawClient.login(postgres.port)
  await direct.query('create role plain login')
  for (const [what, body] of Object.entries(hidden)) {
    await direct.query(`create function ${nameOf(what)}() returns void language plpgsql as $$ begin ${body}; end $$`)
  }
  for (const [name, body] of Object.entries(unanswerable)) {
    await direct.query(`create function ${name}() returns void language plpgsql as $$ begin ${body}; end $$`)
  }
  direct.leave()
})

after(async () => {
  await poolers.remove()
  await postgres.remove()
})

const start = (options: TestPoolerOptions): Promise<TestPooler> => poolers.start({ poolSize: 1, ...options })
const seen = (pooler: TestPooler): unknown[] =>
  pooler.figures.audit().map(({ applicationName, what, times }) => [applicationName, what, times])

/** What another client of the same server meets. */
async function stateOf(client: RawClient): Promise<(string | null)[]> {
  const questions = [
    "select count(*) from pg_class where relname = 'scratch'",
    "select count(*) from pg_locks where locktype = 'advisory'",
    'select count(*) from pg_prepared_statements',
    'select count(*) from pg_listening_channels()',
    'show work_mem',
    'select current_user',
  ]
  const answers: (string | null)[] = []
  for (const question of questions) answers.push(await client.value(question))
  return answers
}

const untouched = ['0', '0', '0', '0', '4MB', 'postgres']

describe('what a function has left, and no text has shown', () => {
  for (const sessionState of ['track', 'pin', 'reject'] as const) {
    it(`is found and removed before anybody else comes, if each lease is looked at: ${sessionState}`, async () => {
      const pooler = await start({ sessionState, sessionAuditEvery: 1 })
      const [one, two] = [await pooler.login(), await pooler.login()]
      await one.query("set application_name = 'careless'")
      for (const [index, what] of Object.keys(hidden).entries()) {
        await one.query(`select ${nameOf(what)}()`)
        assert.deepEqual(await stateOf(two), untouched, what)
        assert.deepEqual(seen(pooler).at(index), ['careless', `unseen: ${what}`, 1])
      }
      assert.equal(pooler.figures.pins().length, 0)
    })
  }

  for (const what of Object.keys(unanswerable)) {
    it(`is found also if it keeps the session from answering: ${what}`, async () => {
      const pooler = await start({ sessionAuditEvery: 1 })
      const [one, two] = [await pooler.login(), await pooler.login()]
      await one.query(`select ${what}()`)
      assert.deepEqual(await stateOf(two), untouched)
      assert.equal(await two.value('show statement_timeout'), '0')
    })
  }

  it('is found also if its client has left', async () => {
    const pooler = await start({ sessionAuditEvery: 1 })
    const ways: Record<string, (client: RawClient) => void> = {
      politely: (client) => client.send(raw.query('select set_work_mem()'), raw.terminate),
      'in a block': (client) => {
        client.send(raw.query('begin'), raw.query('select advisory_locks()'))
        setTimeout(() => client.vanish(), 20)
      },
    }
    for (const [way, leave] of Object.entries(ways)) {
      const [gone, two] = [await pooler.login(), await pooler.login()]
      leave(gone)
      await eventually('it is gone', () => pooler.figures.clients().length === 1)
      assert.deepEqual(await stateOf(two), untouched, way)
      two.leave()
      await eventually('nobody is there', () => pooler.figures.clients().length === 0)
    }
  })

  it('is found some time, and then it is gone', async () => {
    const pooler = await start({ sessionAuditEvery: 20 })
    const [one, two] = [await pooler.login(), await pooler.login()]
    await one.query(`select ${nameOf('SET work_mem')}()`)
    assert.equal(await two.value('show work_mem'), '1000kB')
    for (let n = 0; n < 18; n++) await two.query('select 1')
    await eventually('it is found', () => seen(pooler).length === 1)
    assert.equal(await two.value('show work_mem'), '4MB')
    for (let n = 0; n < 60; n++) await two.query('select 1')
    assert.equal(seen(pooler).length, 1)
  })

  it('is not looked for where the settings say so, nor where it may stay', async () => {
    for (const rules of [{ sessionAuditEvery: 0 }, { sessionState: 'allow', sessionAuditEvery: 1 }] as const) {
      const pooler = await start(rules)
      const [one, two] = [await pooler.login(), await pooler.login()]
      await one.query(`select ${nameOf('SET work_mem')}()`)
      assert.equal(await two.value('show work_mem'), '1000kB')
      assert.deepEqual(seen(pooler), [])
    }
  })
})

describe('what is there by right', () => {
  it('is what a client has named in its startup packet, however it is spelled', async () => {
    const pooler = await start({ sessionAuditEvery: 1 })
    const options = '-c work_mem=1000 -c statement_timeout=5000 -c app.tenant=a'
    const one = await pooler.login({ options })
    for (let n = 0; n < 5; n++) assert.equal(await one.value('show work_mem'), '1000kB')
    await one.query('select set_work_mem()')
    assert.deepEqual(seen(pooler), [])
    await one.query('set statement_timeout = 1')
    for (let n = 0; n < 20; n++) await one.query('begin')
    await one.query('rollback')
    assert.deepEqual(seen(pooler), [['', 'SET statement_timeout', 1]])
  })

  it('is what the connect query has left', async () => {
    const connectQuery = "prepare hi as select 7; create temp table lookup (id int); set work_mem = '9MB'"
    const pooler = await start({ sessionAuditEvery: 1, database: { connectQuery } })
    const [one, two] = [await pooler.login(), await pooler.login()]
    for (const client of [one, two, one]) assert.equal(await client.value('execute hi'), '7')
    assert.deepEqual(seen(pooler), [])
  })
})

describe('what texts have shown', () => {
  it('is not taken for unseen', async () => {
    const options: TestPoolerOptions = { poolSize: 5, sessionAuditEvery: 1 }
    const pooler = await poolers.start(options)
    const clients = await Promise.all([1, 2, 3].map(() => pooler.login()))
    const texts = [
      "set work_mem = 1000; set app.tenant = 'a'",
      "begin; set work_mem = 2000; savepoint a; set app.tenant = 'b'; rollback to a; commit",
      "do $$ begin perform set_config('app.tenant', 'c', false); set lock_timeout = 5; end $$",
      "set work_mem = '7MB'; reset work_mem; set statement_timeout = '1h'; reset statement_timeout",
      'set role plain',
      'reset role; reset all',
      'create temp table mine (id int)',
      'drop table mine',
      'select pg_advisory_lock(7); select pg_advisory_unlock(7)',
      'listen news',
      'unlisten news',
      "set datestyle = 'German'; set client_encoding = 'LATIN1'",
      'prepare p as select 1',
      'deallocate p',
      'begin; declare c cursor with hold for select 1; commit',
      'close c',
      'set session authorization plain',
      'reset session authorization',
      'begin; set local work_mem = 3000; select 1/0',
      'rollback',
      'discard all',
    ]
    for (const text of texts) {
      for (const client of clients) {
        await client.query(text)
        await client.ask(raw.parse('select 1'), raw.bind(), raw.execute(), raw.sync)
      }
    }
    const unseen = pooler.figures.audit().filter(({ what }) => what.startsWith('unseen'))
    assert.deepEqual(unseen, [])
    assert.ok(pooler.figures.servers().length > 0)
  })
})

describe('the trace of all this', () => {
  it('shows no breach', () => poolers.assertNoBreach())
})
