/** Kysely on pg. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { CompiledQuery, Kysely, PostgresDialect, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { Pool } from 'pg'
import Cursor from 'pg-cursor'
import {
  assertNothingLeft,
  atEnd,
  authorityFile,
  notApplicable,
  onTwoServers,
  rejection,
  restartPostgres,
  runSteps,
  scramTarget,
  target,
  valueOrError,
  within,
} from './contract.mjs'

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
const pidOf = (db) => value(db, sql`select pg_backend_pid()`)

async function holdServer() {
  const db = open()
  const transaction = await db.startTransaction().execute()
  return { pid: await pidOf(transaction), release: () => transaction.rollback().execute() }
}

await runSteps({
  async 1() {
    assert.equal(await value(open(), sql`select current_user`), target.user)
    assert.equal(await value(open(scramTarget), sql`select current_user`), scramTarget.user)
    await rejection(value(open({ ...scramTarget, password: 'wrong' }), sql`select 1`))
    const encrypted = open({ ssl: { ca: readFileSync(authorityFile) } })
    assert.equal(await value(encrypted, sql`select 1`), 1)
  },
  async 2() {
    const { rows } = await sql`select n, 'taxi ' || n as name from generate_series(1, 3) n`.execute(open())
    assert.deepEqual(
      rows,
      [1, 2, 3].map((n) => ({ n, name: `taxi ${n}` })),
    )
  },
  async 3() {
    const query = sql`select ${41}::int + 1 as n, ${"it's"}::text as t, ${null}::text as nothing`
    assert.deepEqual((await query.execute(open())).rows, [{ n: 42, t: "it's", nothing: null }])
  },
  4: () => notApplicable('names no statements'),
  async 5() {
    const db = open()
    const [before, failed, behind] = await Promise.allSettled(
      [1, 0, 4].map((n) => value(db, sql`select 4 / ${n}::int`)),
    )
    assert.deepEqual([before.value, failed.reason?.code, behind.value], [4, '22012', 1])
  },
  async 6() {
    const db = open()
    await db.deleteFrom('item').execute()
    const thrown = new Error('back')
    const insert = (error) =>
      db.transaction().execute(async (tx) => {
        await tx.insertInto('item').values({ id: 1, name: 'a' }).execute()
        if (error) throw error
      })
    assert.equal(await rejection(insert(thrown)), thrown)
    assert.equal(await count(db), 0)
    await insert()
    assert.equal(await count(open()), 1)
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
    const big = 'x'.repeat(8 * 1024 * 1024)
    assert.equal(await value(open(), sql`select ${big}::text`), big)
  },
  async 12() {
    const db = open()
    const bytes = Buffer.from([0, 1, 0, 255, 0])
    const words = 'Ťaxi 日本語 🚕 e\u0301'
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
    assert.equal(await value(db, sql`select 1`), 1)
    await restartPostgres()
    const outcome = await valueOrError(within(15_000, value(db, sql`select 2`), 'no answer'))
    assert.ok(outcome === 2 || outcome instanceof Error, String(outcome))
    assert.equal(await within(15_000, value(db, sql`select 3`), 'no answer'), 3)
  },
  async 17() {
    const db = open({ max: 50 })
    const numbers = Array.from({ length: 50 }, (_each, n) => n)
    const ask = (n) => value(db, sql`select ${n}::int, pg_sleep(0.1)`)
    assert.deepEqual(await Promise.all(numbers.map(ask)), numbers)
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
    assert.deepEqual([await migrate(), await migrate()], [1, 0])
    const { fare } = await db.insertInto('kysely_ride').values({ fare: 12.5 }).returning('fare').executeTakeFirst()
    assert.equal(fare, '12.5')
  },
  async 20() {
    const db = open(
      { application_name: 'meter' },
      {
        onCreateConnection: (connection) =>
          connection.executeQuery(CompiledQuery.raw('set search_path = tenant, public')),
      },
    )
    await onTwoServers(async () => {
      const query = sql`select pg_backend_pid() as pid, owner, current_setting('application_name') as name from whose`
      const { pid, ...settings } = (await query.execute(db)).rows[0]
      assert.deepEqual(settings, { owner: 'the tenant’s', name: 'meter' })
      return pid
    }, holdServer)
  },
})
