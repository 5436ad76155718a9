/** Sequelize on pg. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { DataTypes, QueryTypes, Sequelize } from 'sequelize'
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

function open({ user = target.user, password, max = 1, ...options } = {}) {
  const sequelize = new Sequelize(target.database, user, password, {
    dialect: 'postgres',
    host: target.host,
    port: target.port,
    logging: false,
    pool: { min: 0, max },
    ...options,
  })
  atEnd(() => sequelize.close())
  return sequelize
}

async function select(sequelize, sql, bind = [], options = {}) {
  return sequelize.query(sql, { bind, type: QueryTypes.SELECT, ...options })
}

const value = async (sequelize, sql, bind, options) =>
  Object.values((await select(sequelize, sql, bind, options))[0])[0]

const itemsOf = (sequelize) =>
  sequelize.define(
    'item',
    { id: { type: DataTypes.INTEGER, primaryKey: true }, name: DataTypes.TEXT },
    { tableName: 'item', timestamps: false },
  )

const codeOf = (error) => error.parent?.code ?? error.code

async function holdServer() {
  const sequelize = open()
  const transaction = await sequelize.transaction()
  const pid = await value(sequelize, 'select pg_backend_pid()', [], { transaction })
  return { pid, release: () => transaction.rollback() }
}

await runSteps({
  async 1() {
    assert.equal(await value(open(), 'select current_user'), target.user)
    const { port, user, password } = scramTarget
    assert.equal(await value(open({ port, user, password }), 'select current_user'), user)
    await rejection(value(open({ port, user, password: 'wrong' }), 'select 1'))
    const encrypted = open({ dialectOptions: { ssl: { ca: readFileSync(authorityFile, 'utf8') } } })
    assert.equal(await value(encrypted, 'select 1'), 1)
  },
  async 2() {
    const rows = await select(open(), "select n, 'taxi ' || n as name from generate_series(1, 3) n")
    assert.deepEqual(
      rows,
      [1, 2, 3].map((n) => ({ n, name: `taxi ${n}` })),
    )
  },
  async 3() {
    const sql = 'select $1::int + 1 as n, $2::text as t, $3::text as nothing'
    assert.deepEqual(await select(open(), sql, [41, "it's", null]), [{ n: 42, t: "it's", nothing: null }])
  },
  4: () => notApplicable('names no statements'),
  async 5() {
    const sequelize = open()
    const [before, failed, behind] = await Promise.allSettled(
      [1, 0, 4].map((n) => value(sequelize, 'select 4 / $1::int', [n])),
    )
    assert.deepEqual([before.value, codeOf(failed.reason), behind.value], [4, '22012', 1])
  },
  async 6() {
    const sequelize = open()
    const items = itemsOf(sequelize)
    await items.destroy({ where: {} })
    const thrown = new Error('back')
    const insert = (error) =>
      sequelize.transaction(async (transaction) => {
        await items.create({ id: 1, name: 'a' }, { transaction })
        if (error) throw error
      })
    assert.equal(await rejection(insert(thrown)), thrown)
    assert.equal(await items.count(), 0)
    await insert()
    assert.equal(await itemsOf(open()).count(), 1)
  },
  async 7() {
    const sequelize = open()
    const items = itemsOf(sequelize)
    await items.destroy({ where: {} })
    await sequelize.transaction(async (transaction) => {
      await items.create({ id: 1, name: 'a' }, { transaction })
      const twice = sequelize.transaction({ transaction }, (inner) =>
        items.create({ id: 1, name: 'twice' }, { transaction: inner }),
      )
      assert.equal(codeOf(await rejection(twice)), '23505')
      await items.create({ id: 2, name: 'b' }, { transaction })
    })
    assert.equal(await items.count(), 2)
  },
  8: () => notApplicable('no COPY'),
  9: () => notApplicable('no cancel'),
  async 10() {
    const sequelize = open()
    const late = sequelize.transaction(async (transaction) => {
      await sequelize.query("set local statement_timeout = '200ms'", { transaction })
      await sequelize.query('select pg_sleep(30)', { transaction })
    })
    assert.equal(codeOf(await rejection(late)), '57014')
    assert.equal(await value(sequelize, 'select 1'), 1)
  },
  async 11() {
    const big = 'x'.repeat(8 * 1024 * 1024)
    assert.equal(await value(open(), 'select $1::text', [big]), big)
  },
  async 12() {
    const sequelize = open()
    const bytes = Buffer.from([0, 1, 0, 255, 0])
    const words = 'Ťaxi 日本語 🚕 e\u0301'
    const rows = await select(sequelize, 'select $1::bytea as b, $2::text as t', [bytes, words])
    assert.deepEqual(rows, [{ b: bytes, t: words }])
    // It takes U+0000 out of parameters.
    assert.equal(codeOf(await rejection(value(sequelize, 'select chr($1::int)', [0]))), '54000')
    assert.equal(await value(sequelize, 'select 1'), 1)
  },
  13: () => notApplicable('no notices'),
  14: () => notApplicable('no LISTEN'),
  15: () => notApplicable('no cursors'),
  async 16() {
    const sequelize = open()
    assert.equal(await value(sequelize, 'select 1'), 1)
    await restartPostgres()
    const outcome = await valueOrError(within(15_000, value(sequelize, 'select 2'), 'no answer'))
    assert.ok(outcome === 2 || outcome instanceof Error, String(outcome))
    assert.equal(await within(15_000, value(sequelize, 'select 3'), 'no answer'), 3)
  },
  async 17() {
    const sequelize = open({ max: 50 })
    const numbers = Array.from({ length: 50 }, (_each, n) => n)
    const ask = (n) => value(sequelize, 'select $1::int, pg_sleep(0.1)', [n])
    assert.deepEqual(await Promise.all(numbers.map(ask)), numbers)
  },
  async 18() {
    const sequelize = open()
    await sequelize.transaction((transaction) => sequelize.query('select 1', { transaction }))
    await sequelize.close()
    await assertNothingLeft()
  },
  async 19() {
    const sequelize = open()
    await sequelize.query('drop table if exists sequelize_ride')
    const rides = sequelize.define(
      'ride',
      { fare: { type: DataTypes.DECIMAL, allowNull: false } },
      { tableName: 'sequelize_ride', timestamps: false },
    )
    await rides.sync()
    const { fare } = await rides.create({ fare: 12.5 })
    assert.equal(fare, '12.5')
    const queryInterface = sequelize.getQueryInterface()
    await sequelize.transaction(async (transaction) => {
      await queryInterface.addColumn('sequelize_ride', 'tip', { type: DataTypes.DECIMAL }, { transaction })
    })
    await rides.sync({ alter: true })
    assert.deepEqual(Object.keys(await queryInterface.describeTable('sequelize_ride')), ['id', 'fare'])
  },
  async 20() {
    const sequelize = open({
      timezone: '+05:00',
      dialectOptions: { application_name: 'meter', statement_timeout: 12_345 },
    })
    sequelize.addHook('afterConnect', (connection) => connection.query('set search_path = tenant, public'))
    await onTwoServers(async () => {
      const [{ pid, ...settings }] = await select(
        sequelize,
        `select pg_backend_pid() as pid, owner, current_setting('statement_timeout') as timeout,
         extract(timezone from now())::int as zone, current_setting('application_name') as name from whose`,
      )
      assert.deepEqual(settings, { owner: 'the tenant’s', timeout: '12345ms', zone: 18_000, name: 'meter' })
      return pid
    }, holdServer)
  },
})
