/** Kysely on pg. */
import assert from 'node:assert/strict'
import { CompiledQuery, Kysely, PostgresDialect, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { Pool } from 'pg'
import Cursor from 'pg-cursor'
import {
  answersFifty,
  big,
  bytes,
  connects,
  failsAlone,
  rollsBack,
  keepsSettings,
  migratesOnce,
  selectTaxis,
  survivesRestart,
  taxis,
  words,
} from './checks.mjs'
import { assertNothingLeft, atEnd, notApplicable, rejection, target, runSteps } from './contract.mjs'

function open(options = {}, more = {}) {
  const pool = new Pool({ ...target, max: 1, ...options })
  pool.on('error', () => undefined)
  const db = new Kysely({ dialect: new PostgresDialect({ pool, cursor: Cursor, ...more }) })
  atEnd(() => db.destroy())
  return db
}

const value = async (db, query) => Object.values((await query.execute(db)).rows[0])[0]
const count = async (db) =>
  Number((await db.selectFrom('item').select(db.fn.countAll().as('n')).executeTakeFirstOrThrow()).n)

async function holdServer() {
  const db = open()
  const transaction = await db.startTransaction().execute()
  return {
    pid: await value(transaction, sql`select pg_backend_pid()`),
    release: () => transaction.rollback().execute(),
  }
}

await runSteps({
  1: () => connects((options) => value(open(options), sql`select current_user`)),
  async 2() {
    assert.deepEqual((await sql.raw(selectTaxis).execute(open())).rows, taxis)
  },
  async 3() {
    const query = sql`select ${41}::int + 1 as n, ${"it's"}::text as t, ${null}::text as nothing`
    assert.deepEqual((await query.execute(open())).rows, [{ n: 42, t: "it's", nothing: null }])
  },
  4: () => notApplicable('names no statements'),
  async 5() {
    const db = open()
    await failsAlone((n) => value(db, sql`select 4 / ${n}::int`))
  },
  async 6() {
    const db = open()
    await db.deleteFrom('item').execute()
    const insert = (error) =>
      db.transaction().execute(async (tx) => {
        await tx.insertInto('item').values({ id: 1, name: 'a' }).execute()
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
    await db.deleteFrom('item').execute()
    const tx = await db.startTransaction().execute()
    await tx.insertInto('item').values({ id: 1, name: 'a' }).execute()
    const behind = await tx.savepoint('s').execute()
    const twice = behind.insertInto('item').values({ id: 1, name: 'twice' }).execute()
    assert.equal((await rejection(twice)).code, '23505')
    await behind.rollbackToSavepoint('s').execute()
    await tx.insertInto('item').values({ id: 2, name: 'b' }).execute()
    await tx.commit().execute()
    assert.equal(await count(db), 2)
  },
  8: () => notApplicable('no COPY'),
  async 9() {
    const db = open({ max: 2 })
    const options = { signal: AbortSignal.timeout(300), inflightQueryAbortStrategy: 'cancel query' }
    await rejection(sql`select pg_sleep(4)`.execute(db, options))
    await new Promise((resolve) => setTimeout(resolve, 300))
    const asleep = sql`select count(*)::int from pg_stat_activity where state = 'active' and query = 'select pg_sleep(4)'`
    assert.equal(await value(db, asleep), 0)
  },
  async 10() {
    const db = open()
    const late = db.transaction().execute(async (tx) => {
      await sql`set local statement_timeout = '200ms'`.execute(tx)
      await sql`select pg_sleep(30)`.execute(tx)
    })
    assert.equal((await rejection(late)).code, '57014')
    assert.equal(await value(db, sql`select 1`), 1)
  },
  async 11() {
    assert.equal(await value(open(), sql`select ${big}::text`), big)
  },
  async 12() {
    const db = open()
    const { rows } = await sql`select ${bytes}::bytea as b, ${words}::text as t`.execute(db)
    assert.deepEqual(rows, [{ b: bytes, t: words }])
    await rejection(value(db, sql`select ${'a\u0000b'}::text`))
    assert.equal(await value(db, sql`select 1`), 1)
  },
  13: () => notApplicable('no notices'),
  14: () => notApplicable('no LISTEN'),
  async 15() {
    const db = open()
    let sum = 0
    for await (const { n } of db
      .selectFrom(sql`generate_series(1, 1000)`.as('n'))
      .selectAll()
      .stream(100))
      sum += n
    assert.equal(sum, 500_500)
    assert.equal(await value(db, sql`select 1`), 1)
  },
  async 16() {
    const db = open()
    await survivesRestart((n) => value(db, sql.raw(`select ${n}`)))
  },
  async 17() {
    const db = open({ max: 50 })
    await answersFifty((n) => value(db, sql`select ${n}::int, pg_sleep(0.1)`))
  },
  async 18() {
    const db = open({ max: 2 })
    await db.transaction().execute((tx) => value(tx, sql`select 1`))
    await db.destroy()
    await assertNothingLeft()
  },
  async 19() {
    const db = open()
    await sql`drop table if exists kysely_ride, kysely_migration, kysely_migration_lock`.execute(db)
    const first = {
      up: (tx) =>
        tx.schema
          .createTable('kysely_ride')
          .addColumn('id', 'serial', (column) => column.primaryKey())
          .addColumn('fare', 'numeric', (column) => column.notNull())
          .execute(),
    }
    const migrate = async () => {
      const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve({ first }) } })
      const { error, results } = await migrator.migrateToLatest()
      assert.ifError(error)
      return results.length
    }
    await migratesOnce(migrate)
    const { fare } = await db.insertInto('kysely_ride').values({ fare: 12.5 }).returning('fare').executeTakeFirst()
    assert.equal(fare, '12.5')
  },
  async 20() {
    const settings = CompiledQuery.raw("set search_path = tenant, public; set work_mem = '5MB'")
    const onCreateConnection = (connection) => connection.executeQuery(settings)
    const db = open({ application_name: 'meter' }, { onCreateConnection })
    await keepsSettings(async (text) => (await sql.raw(text).execute(db)).rows[0], holdServer)
  },
})
