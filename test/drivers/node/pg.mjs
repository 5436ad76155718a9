/** node-postgres, with pg-cursor and pg-copy-streams. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { text } from 'node:stream/consumers'
import { Client, Query } from 'pg'
import {
  answersFifty,
  big,
  bytes,
  connects,
  failsAlone,
  keepsSettings,
  lines,
  migratesOnce,
  selectTaxis,
  survivesRestart,
  taxis,
  words,
} from './checks.mjs'
import {
  assertNothingLeft,
  atEnd,
  notApplicable,
  onTwoServers,
  rejection,
  target,
  within,
  runSteps,
} from './contract.mjs'

async function open(options = {}) {
  const client = new Client({ ...target, ...options })
  client.on('error', () => undefined)
  await client.connect()
  atEnd(() => client.end())
  return client
}

const value = async (client, sql, values) => Object.values((await client.query(sql, values)).rows[0])[0]

/** Packages beside pg that an application would add. */
const addition = (name) => import(name).catch(() => notApplicable(`${name} is not installed`))

async function holdServer() {
  const client = await open()
  await client.query('begin')
  return { pid: await value(client, 'select pg_backend_pid()'), release: () => client.end() }
}

await runSteps({
  1: () => connects(async (options) => value(await open(options), 'select current_user')),
  async 2() {
    assert.deepEqual((await (await open()).query(selectTaxis)).rows, taxis)
  },
  async 3() {
    const sql = 'select $1::int + 1 as n, $2::text as t, $3::text as nothing'
    const { rows } = await (await open()).query(sql, [41, "it's", null])
    assert.deepEqual(rows, [{ n: 42, t: "it's", nothing: null }])
  },
  async 4() {
    const client = await open()
    await onTwoServers(async () => {
      const { rows } = await client.query({
        name: 'fare',
        text: 'select pg_backend_pid() as pid, $1::int * 2 as n',
        values: [21],
      })
      assert.equal(rows[0].n, 42)
      return rows[0].pid
    }, holdServer)
  },
  async 5() {
    const client = await open({ pipeline: true })
    await failsAlone((n) => value(client, 'select 4 / $1::int', [n]))
  },
  async 6() {
    const client = await open()
    await client.query('delete from item')
    await client.query('begin')
    await client.query("insert into item values (1, 'a')")
    await client.query('rollback')
    assert.equal(await value(client, 'select count(*)::int from item'), 0)
    await client.query('begin')
    await client.query("insert into item values (1, 'a')")
    await client.query('commit')
    assert.equal(await value(await open(), 'select count(*)::int from item'), 1)
  },
  async 7() {
    const client = await open()
    await client.query('delete from item')
    await client.query('begin')
    await client.query("insert into item values (1, 'a')")
    await client.query('savepoint s')
    assert.equal((await rejection(client.query("insert into item values (1, 'twice')"))).code, '23505')
    await client.query('rollback to savepoint s')
    await client.query("insert into item values (2, 'b')")
    await client.query('commit')
    assert.equal(await value(client, 'select count(*)::int from item'), 2)
  },
  async 8() {
    const { from, to } = (await addition('pg-copy-streams')).default
    const client = await open()
    await client.query('delete from item')
    await pipeline(Readable.from(lines), client.query(from('copy item from stdin')))
    const out = await text(client.query(to('copy (select * from item order by id) to stdout')))
    assert.equal(out, lines.join(''))
    assert.equal(await value(client, 'select count(*)::int from item'), 1_000)
  },
  async 9() {
    const client = await open()
    const query = new Query('select pg_sleep(30)', [])
    const ended = once(query, 'error')
    client.query(query)
    await new Promise((resolve) => setTimeout(resolve, 300))
    new Client(target).cancel(client, query)
    assert.equal((await within(10_000, ended, 'not cancelled'))[0].code, '57014')
    assert.equal(await value(client, 'select 1'), 1)
  },
  async 10() {
    const client = await open()
    await client.query('begin')
    await client.query("set local statement_timeout = '200ms'")
    assert.equal((await rejection(client.query('select pg_sleep(30)'))).code, '57014')
    await client.query('rollback')
    assert.equal(await value(client, 'select 1'), 1)
  },
  async 11() {
    const client = await open()
    assert.equal(await value(client, 'select $1::text', [big]), big)
    assert.equal(await value(client, 'select 1'), 1)
  },
  async 12() {
    const client = await open()
    const { rows } = await client.query('select $1::bytea as b, $2::text as t', [bytes, words])
    assert.deepEqual(rows, [{ b: bytes, t: words }])
    assert.ok(await rejection(client.query('select $1::text', ['a\u0000b'])))
    assert.equal(await value(client, 'select 1'), 1)
  },
  async 13() {
    const client = await open()
    const heard = once(client, 'notice')
    await client.query("do $$ begin raise notice 'taxi %', 7; end $$")
    assert.equal((await within(5_000, heard, 'nothing heard'))[0].message, 'taxi 7')
  },
  async 14() {
    const listener = await open()
    await listener.query('listen rides')
    const heard = once(listener, 'notification')
    await (await open()).query("notify rides, 'seven'")
    assert.equal((await within(3_000, heard, 'nothing heard'))[0].payload, 'seven')
  },
  async 15() {
    const { default: Cursor } = await addition('pg-cursor')
    const client = await open()
    const cursor = client.query(new Cursor('select n from generate_series(1, $1::int) n', [1_000]))
    let sum = 0
    for (let rows = await cursor.read(100); rows.length > 0; rows = await cursor.read(100)) {
      assert.equal(rows.length, 100)
      for (const { n } of rows) sum += n
    }
    assert.equal(sum, 500_500)
    assert.equal(await value(client, 'select 1'), 1)
  },
  async 16() {
    const old = await open()
    await survivesRestart(
      (n) => value(old, `select ${n}`),
      async (n) => value(await open(), `select ${n}`),
    )
  },
  async 17() {
    const clients = await Promise.all(Array.from({ length: 50 }, () => open()))
    await answersFifty((n) => value(clients[n], 'select $1::int', [n]))
  },
  async 18() {
    const client = await open()
    await client.query('begin')
    await client.query('select 1')
    await client.query('commit')
    const midway = await open()
    await midway.query('begin')
    await midway.query('delete from item')
    await Promise.all([client.end(), midway.end()])
    await assertNothingLeft()
  },
  async 19() {
    const client = await open()
    await client.query('drop table if exists pg_ride, pg_version')
    const migrate = async () => {
      await client.query('begin')
      await client.query('select pg_advisory_xact_lock(4711)')
      await client.query('create table if not exists pg_version (number int primary key)')
      const { rowCount } = await client.query('insert into pg_version values (1) on conflict do nothing')
      if (rowCount === 1) await client.query('create table pg_ride (id serial primary key, fare numeric not null)')
      await client.query('commit')
      return rowCount
    }
    await migratesOnce(migrate)
    assert.equal(await value(client, 'insert into pg_ride (fare) values (12.5) returning fare'), '12.5')
  },
  async 20() {
    const client = await open({ application_name: 'meter', statement_timeout: 12_345, options: '-c work_mem=5MB' })
    await client.query("set search_path = tenant, public; set datestyle = 'German'")
    const also = { "current_setting('statement_timeout')": '12345ms', "'2026-12-31'::date::text": '31.12.2026' }
    await keepsSettings(async (sql) => (await client.query(sql)).rows[0], holdServer, also)
  },
})
