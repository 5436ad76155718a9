/** Knex on pg. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import knex from 'knex'
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
  async 1() {
    assert.equal(await value(open(), 'select current_user'), target.user)
    assert.equal(await value(open(scramTarget), 'select current_user'), scramTarget.user)
    await rejection(value(open({ ...scramTarget, password: 'wrong' }), 'select 1'))
    assert.equal(await value(open({ ssl: { ca: readFileSync(authorityFile) } }), 'select 1'), 1)
  },
  async 2() {
    const { rows } = await open().raw("select n, 'taxi ' || n as name from generate_series(1, 3) n")
    assert.deepEqual(
      rows,
      [1, 2, 3].map((n) => ({ n, name: `taxi ${n}` })),
    )
  },
  async 3() {
    const sql = 'select ?::int + 1 as n, ?::text as t, ?::text as nothing'
    assert.deepEqual((await open().raw(sql, [41, "it's", null])).rows, [{ n: 42, t: "it's", nothing: null }])
  },
  4: () => notApplicable('names no statements'),
  async 5() {
    const db = open()
    const [before, failed, behind] = await Promise.allSettled([1, 0, 4].map((n) => value(db, 'select 4 / ?::int', [n])))
    assert.deepEqual([before.value, failed.reason?.code, behind.value], [4, '22012', 1])
  },
  async 6() {
    const db = open()
    await db('item').del()
    const thrown = new Error('back')
    const insert = (error) =>
      db.transaction(async (tx) => {
        await tx('item').insert({ id: 1, name: 'a' })
        if (error) throw error
      })
    assert.equal(await rejection(insert(thrown)), thrown)
    assert.equal(await count(db), 0)
    await insert()
    assert.equal(await count(open()), 1)
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
    const big = 'x'.repeat(8 * 1024 * 1024)
    assert.equal(await value(open(), 'select ?::text', [big]), big)
  },
  async 12() {
    const db = open()
    const bytes = Buffer.from([0, 1, 0, 255, 0])
    const words = 'Ťaxi 日本語 🚕 e\u0301'
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
    assert.equal(await value(db, 'select 1'), 1)
    await restartPostgres()
    const outcome = await valueOrError(within(15_000, value(db, 'select 2'), 'no answer'))
    assert.ok(outcome === 2 || outcome instanceof Error, String(outcome))
    assert.equal(await within(15_000, value(db, 'select 3'), 'no answer'), 3)
  },
  async 17() {
    const db = open({}, { pool: { min: 0, max: 50 } })
    const numbers = Array.from({ length: 50 }, (_each, n) => n)
    const ask = (n) => value(db, 'select ?::int, pg_sleep(0.1)', [n])
    assert.deepEqual(await Promise.all(numbers.map(ask)), numbers)
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
    assert.deepEqual([await migrate(), await migrate()], [1, 0])
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
    await onTwoServers(async () => {
      const { rows } = await db.raw(`select pg_backend_pid() as pid, owner, current_setting('work_mem') as memory,
        current_setting('application_name') as name from whose`)
      const { pid, ...settings } = rows[0]
      assert.deepEqual(settings, { owner: 'the tenant’s', memory: '5MB', name: 'meter' })
      return pid
    }, holdServer)
  },
})
