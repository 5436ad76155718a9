/** Drizzle on pg. (What it does on postgres.js is postgres.js.) */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { count as countAll, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as runMigrations } from 'drizzle-orm/node-postgres/migrator'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { Pool } from 'pg'
import {
  answersFifty,
  big,
  bytes,
  connects,
  failsAlone,
  holdByTransaction,
  rollsBack,
  keepsSettings,
  selectTaxis,
  survivesRestart,
  taxis,
  words,
} from './checks.mjs'
import { assertNothingLeft, atEnd, notApplicable, onTwoServers, rejection, target, runSteps } from './contract.mjs'

const item = pgTable('item', { id: integer().primaryKey(), name: text() })

function open(options = {}) {
  const pool = new Pool({ ...target, max: 1, ...options })
  pool.on('error', () => undefined)
  atEnd(() => pool.ended || pool.end())
  return drizzle(pool)
}

const value = async (db, query) => Object.values((await db.execute(query)).rows[0])[0]
const count = async (db) => (await db.select({ n: countAll() }).from(item))[0].n
const codeOf = (error) => error.cause?.code ?? error.code

const holdServer = () =>
  holdByTransaction(
    (use) => open().transaction(use),
    (tx) => value(tx, sql`select pg_backend_pid()`),
  )

await runSteps({
  1: () => connects((options) => value(open(options), sql`select current_user`)),
  async 2() {
    assert.deepEqual((await open().execute(selectTaxis)).rows, taxis)
  },
  async 3() {
    const query = sql`select ${41}::int + 1 as n, ${"it's"}::text as t, ${null}::text as nothing`
    assert.deepEqual((await open().execute(query)).rows, [{ n: 42, t: "it's", nothing: null }])
  },
  async 4() {
    const db = open()
    const fare = db
      .select({ pid: sql`pg_backend_pid()`, n: sql`${sql.placeholder('n')}::int * 2` })
      .from(sql`(select 1) as one`)
      .prepare('fare')
    await onTwoServers(async () => {
      const [{ pid, n }] = await fare.execute({ n: 21 })
      assert.equal(n, 42)
      return pid
    }, holdServer)
  },
  async 5() {
    const db = open()
    await failsAlone((n) => value(db, sql`select 4 / ${n}::int`), codeOf)
  },
  async 6() {
    const db = open()
    await db.delete(item)
    const insert = (error) =>
      db.transaction(async (tx) => {
        await tx.insert(item).values({ id: 1, name: 'a' })
        if (error) throw error
      })
    await rollsBack(
      insert,
      () => count(db),
      () => count(open()),
    )
  },
  async 7() {
    const db = open()
    await db.delete(item)
    await db.transaction(async (tx) => {
      await tx.insert(item).values({ id: 1, name: 'a' })
      const twice = tx.transaction((inner) => inner.insert(item).values({ id: 1, name: 'twice' }))
      assert.equal(codeOf(await rejection(twice)), '23505')
      await tx.insert(item).values({ id: 2, name: 'b' })
    })
    assert.equal(await count(db), 2)
  },
  8: () => notApplicable('no COPY'),
  9: () => notApplicable('no cancel'),
  async 10() {
    const db = open()
    const late = db.transaction(async (tx) => {
      await tx.execute(sql`set local statement_timeout = '200ms'`)
      await tx.execute(sql`select pg_sleep(30)`)
    })
    assert.equal(codeOf(await rejection(late)), '57014')
    assert.equal(await value(db, sql`select 1`), 1)
  },
  async 11() {
    assert.equal(await value(open(), sql`select ${big}::text`), big)
  },
  async 12() {
    const db = open()
    const { rows } = await db.execute(sql`select ${bytes}::bytea as b, ${words}::text as t`)
    assert.deepEqual(rows, [{ b: bytes, t: words }])
    await rejection(value(db, sql`select ${'a\u0000b'}::text`))
    assert.equal(await value(db, sql`select 1`), 1)
  },
  13: () => notApplicable('no notices'),
  14: () => notApplicable('no LISTEN'),
  15: () => notApplicable('no cursors'),
  async 16() {
    const db = open()
    await survivesRestart((n) => value(db, `select ${n}`))
  },
  async 17() {
    const db = open({ max: 50 })
    await answersFifty((n) => value(db, sql`select ${n}::int, pg_sleep(0.1)`))
  },
  async 18() {
    const db = open()
    await db.transaction((tx) => tx.execute(sql`select 1`))
    await db.$client.end()
    await assertNothingLeft()
  },
  async 19() {
    const db = open()
    await db.execute(sql`drop table if exists drizzle_ride; drop schema if exists drizzle cascade`)
    const folder = mkdtempSync(join(tmpdir(), 'taxirank-drizzle-'))
    try {
      mkdirSync(join(folder, 'meta'))
      const entries = [{ idx: 0, version: '7', when: 1_700_000_000_000, tag: '0000_first', breakpoints: true }]
      writeFileSync(
        join(folder, 'meta/_journal.json'),
        JSON.stringify({ version: '7', dialect: 'postgresql', entries }),
      )
      writeFileSync(
        join(folder, '0000_first.sql'),
        'create table drizzle_ride (id serial primary key, fare numeric not null)',
      )
      const migrate = async () => {
        await runMigrations(db, { migrationsFolder: folder })
        return value(db, sql`select count(*)::int from drizzle.__drizzle_migrations`)
      }
      assert.deepEqual([await migrate(), await migrate()], [1, 1])
    } finally {
      rmSync(folder, { recursive: true })
    }
    assert.equal(await value(db, sql`insert into drizzle_ride (fare) values (12.5) returning fare`), '12.5')
  },
  async 20() {
    const db = open({ application_name: 'meter', options: '-c search_path=tenant,public -c work_mem=5MB' })
    await keepsSettings(async (query) => (await db.execute(query)).rows[0], holdServer)
  },
})
