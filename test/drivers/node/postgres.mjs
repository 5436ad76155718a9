/** postgres.js, with named statements as it comes, or without them (DRIVER_PREPARE=false). It pipelines by itself. */
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import postgres from 'postgres'
import {
  answersFifty,
  big,
  bytes,
  connects,
  failsAlone,
  rollsBack,
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

const prepare = process.env.DRIVER_PREPARE !== 'false'

function open(options = {}) {
  const sql = postgres({ ...target, max: 1, prepare, onnotice: () => undefined, ...options })
  atEnd(() => sql.end({ timeout: 2 }))
  return sql
}

async function holdServer() {
  const sql = open()
  const reserved = await sql.reserve()
  await reserved`begin`
  const [{ pid }] = await reserved`select pg_backend_pid() as pid`
  const release = async () => {
    await reserved`rollback`
    reserved.release()
    await sql.end()
  }
  return { pid, release }
}

async function one(query) {
  const [row] = await query
  return Object.values(row)[0]
}

await runSteps({
  1: () => connects((options) => one(open(options)`select current_user`)),
  async 2() {
    assert.deepEqual([...(await open().unsafe(selectTaxis))], taxis)
  },
  async 3() {
    const rows = await open()`select ${41}::int + 1 as n, ${"it's"}::text as t, ${null}::text as nothing`
    assert.deepEqual([...rows], [{ n: 42, t: "it's", nothing: null }])
  },
  async 4() {
    if (!prepare) notApplicable('switched off')
    const sql = open()
    await onTwoServers(async () => {
      const [{ pid, n }] = await sql`select pg_backend_pid() as pid, ${21}::int * 2 as n`
      assert.equal(n, 42)
      return pid
    }, holdServer)
  },
  async 5() {
    const sql = open()
    await sql`select 1`
    // A text each, so that each is prepared.
    await failsAlone((n) => one(sql`select 4 / ${n}::int as ${sql(`of${n}`)}`))
    // Many connections of a small pool, many queries on each.
    const wide = open({ max: 6 })
    const numbers = Array.from({ length: 120 }, (_each, n) => n)
    const all = Promise.all(numbers.map((n) => one(wide`select ${n}::int`)))
    assert.deepEqual(await within(10_000, all, 'no answer'), numbers)
  },
  async 6() {
    const sql = open()
    await sql`delete from item`
    const insert = (error) =>
      sql.begin(async (tx) => {
        await tx`insert into item values (1, 'a')`
        if (error) throw error
      })
    await rollsBack(
      insert,
      () => one(sql`select count(*)::int from item`),
      () => one(open()`select count(*)::int from item`),
    )
  },
  async 7() {
    const sql = open()
    await sql`delete from item`
    await sql.begin(async (tx) => {
      await tx`insert into item values (1, 'a')`
      const twice = tx.savepoint((inner) => inner`insert into item values (1, 'twice')`)
      assert.equal((await rejection(twice)).code, '23505')
      await tx`insert into item values (2, 'b')`
    })
    assert.equal(await one(sql`select count(*)::int from item`), 2)
  },
  async 8() {
    const sql = open()
    await sql`delete from item`
    await pipeline(Readable.from(lines), await sql`copy item from stdin`.writable())
    const out = await text(await sql`copy (select * from item order by id) to stdout`.readable())
    assert.equal(out, lines.join(''))
    assert.equal(await one(sql`select count(*)::int from item`), 1_000)
  },
  async 9() {
    const sql = open()
    await sql`select 1`
    const query = sql`select pg_sleep(30)`.execute()
    setTimeout(() => query.cancel(), 300)
    assert.equal((await rejection(query)).code, '57014')
    assert.equal(await one(sql`select 1`), 1)
  },
  async 10() {
    const sql = open()
    const late = sql.begin(async (tx) => {
      await tx`set local statement_timeout = '200ms'`
      await tx`select pg_sleep(30)`
    })
    assert.equal((await rejection(late)).code, '57014')
    assert.equal(await one(sql`select 1`), 1)
  },
  async 11() {
    const sql = open()
    assert.equal(await one(sql`select ${big}::text`), big)
    assert.equal(await one(sql`select 1`), 1)
  },
  async 12() {
    const sql = open()
    const rows = await sql`select ${bytes}::bytea as b, ${words}::text as t`
    assert.deepEqual([...rows], [{ b: bytes, t: words }])
    await rejection(sql`select ${'a\u0000b'}::text`.execute())
    assert.equal(await one(sql`select 1`), 1)
  },
  async 13() {
    let sql
    const heard = new Promise((resolve) => (sql = open({ onnotice: resolve })))
    await sql.unsafe("do $$ begin raise notice 'taxi %', 7; end $$")
    assert.equal((await within(5_000, heard, 'nothing heard')).message, 'taxi 7')
  },
  async 14() {
    const sql = open()
    let hear
    const heard = new Promise((resolve) => (hear = resolve))
    await sql.listen('rides', hear)
    await open().notify('rides', 'seven')
    assert.equal(await within(3_000, heard, 'nothing heard'), 'seven')
  },
  async 15() {
    const sql = open()
    let sum = 0
    await sql`select n from generate_series(1, ${1_000}::int) n`.cursor(100, (rows) => {
      assert.equal(rows.length, 100)
      for (const { n } of rows) sum += n
    })
    assert.equal(sum, 500_500)
    assert.equal(await one(sql`select 1`), 1)
  },
  async 16() {
    const sql = open()
    await survivesRestart((n) => one(sql.unsafe(`select ${n}`)))
  },
  async 17() {
    const sql = open({ max: 50 })
    await answersFifty((n) => one(sql`select ${n}::int, pg_sleep(0.1)`))
  },
  async 18() {
    const sql = open({ max: 2 })
    await sql.begin((tx) => tx`select 1`)
    const midway = open()
    const reserved = await midway.reserve()
    await reserved`begin`
    await reserved`delete from item`
    reserved.release()
    await Promise.all([sql.end(), midway.end()])
    await assertNothingLeft()
  },
  async 19() {
    const sql = open()
    await sql`drop table if exists js_ride, js_version`
    const migrate = () =>
      sql.begin(async (tx) => {
        await tx`select pg_advisory_xact_lock(4711)`
        await tx`create table if not exists js_version (number int primary key)`
        const { count } = await tx`insert into js_version values (1) on conflict do nothing`
        if (count === 1) await tx`create table js_ride (id serial primary key, fare numeric not null)`
        return count
      })
    await migratesOnce(migrate)
    assert.equal(await one(sql`insert into js_ride (fare) values (12.5) returning fare`), '12.5')
  },
  async 20() {
    const settings = { search_path: 'tenant, public', DateStyle: 'German', work_mem: '5MB' }
    const sql = open({ connection: { application_name: 'meter', ...settings } })
    const ask = async (text) => (await sql.unsafe(text, [], { prepare }))[0]
    await keepsSettings(ask, holdServer, { "'2026-12-31'::date::text": '31.12.2026' })
  },
})
