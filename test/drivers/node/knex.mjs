/** Knex on pg. */
import assert from 'node:assert/strict'
import knex from 'knex'
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
  const db = knex({ client: 'pg', connection: { ...target, ...options }, pool: { min: 0, max: 1 }, ...more })
  atEnd(() => db.destroy())
  return db
}

const value = async (db, sql, bindings = []) => Object.values((await db.raw(sql, bindings)).rows[0])[0]
const count = async (db) => Number((await db('item').count())[0].count)

async function holdServer() {
  const transaction = await open().transaction()
  return { pid: await value(transaction, 'select pg_backend_pid()'), release: () => transaction.rollback() }
}

await runSteps({
  1: () => connects((options) => value(open(options), 'select current_user')),
  async 2() {
    assert.deepEqual((await open().raw(selectTaxis)).rows, taxis)
  },
  async 3() {
    const sql = 'select ?::int + 1 as n, ?::text as t, ?::text as nothing'
    assert.deepEqual((await open().raw(sql, [41, "it's", null])).rows, [{ n: 42, t: "it's", nothing: null }])
  },
  4: () => notApplicable('names no statements'),
  async 5() {
    const db = open()
    await failsAlone((n) => value(db, 'select 4 / ?::int', [n]))
  },
  async 6() {
    const db = open()
    await db('item').del()
    const insert = (error) =>
      db.transaction(async (tx) => {
        await tx('item').insert({ id: 1, name: 'a' })
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
    await db('item').del()
    await db.transaction(async (tx) => {
      await tx('item').insert({ id: 1, name: 'a' })
      const twice = tx.transaction((inner) => inner('item').insert({ id: 1, name: 'twice' }))
      assert.equal((await rejection(twice)).code, '23505')
      await tx('item').insert({ id: 2, name: 'b' })
    })
    assert.equal(await count(db), 2)
  },
  8: () => notApplicable('no COPY'),
  9: () => notApplicable('only with a time-out, see 10'),
  async 10() {
    const db = open({}, { pool: { min: 0, max: 2 } })
    const late = db.raw('select pg_sleep(30)').timeout(300, { cancel: true })
    assert.equal((await rejection(late)).name, 'KnexTimeoutError')
    const asleep = "select count(*)::int from pg_stat_activity where state = 'active' and query = 'select pg_sleep(30)'"
    assert.equal(await value(db, asleep), 0)
  },
  async 11() {
    assert.equal(await value(open(), 'select ?::text', [big]), big)
  },
  async 12() {
    const db = open()
    assert.deepEqual((await db.raw('select ?::bytea as b, ?::text as t', [bytes, words])).rows, [
      { b: bytes, t: words },
    ])
    await rejection(value(db, 'select ?::text', ['a\u0000b']))
    assert.equal(await value(db, 'select 1'), 1)
  },
  13: () => notApplicable('no notices'),
  14: () => notApplicable('no LISTEN'),
  async 15() {
    const db = open()
    let sum = 0
    for await (const { n } of db.select('n').fromRaw('generate_series(1, 1000) n').stream({ batchSize: 100 })) sum += n
    assert.equal(sum, 500_500)
    assert.equal(await value(db, 'select 1'), 1)
  },
  async 16() {
    const db = open()
    await survivesRestart((n) => value(db, `select ${n}`))
  },
  async 17() {
    const db = open({}, { pool: { min: 0, max: 50 } })
    await answersFifty((n) => value(db, 'select ?::int, pg_sleep(0.1)', [n]))
  },
  async 18() {
    const db = open()
    await db.transaction((tx) => tx.raw('select 1'))
    await db.destroy()
    await assertNothingLeft()
  },
  async 19() {
    const db = open()
    await db.raw('drop table if exists knex_ride, knex_migrations, knex_migrations_lock')
    const first = {
      up: (tx) =>
        tx.schema.createTable('knex_ride', (table) => {
          table.increments('id')
          table.decimal('fare').notNullable()
        }),
      down: (tx) => tx.schema.dropTable('knex_ride'),
    }
    const migrationSource = {
      getMigrations: () => Promise.resolve(['first']),
      getMigrationName: (name) => name,
      getMigration: () => Promise.resolve(first),
    }
    const migrate = async () => (await db.migrate.latest({ migrationSource }))[1].length
    await migratesOnce(migrate)
    assert.deepEqual(await db('knex_ride').insert({ fare: 12.5 }).returning('fare'), [{ fare: '12.50' }])
  },
  async 20() {
    const db = open(
      { application_name: 'meter' },
      {
        searchPath: ['tenant', 'public'],
        pool: {
          min: 0,
          max: 1,
          afterCreate: (connection, done) =>
            connection.query("set work_mem = '5MB'", (error) => done(error ?? undefined, connection)),
        },
      },
    )
    await keepsSettings(async (sql) => (await db.raw(sql)).rows[0], holdServer)
  },
})
