/** Sequelize on pg. */
import assert from 'node:assert/strict'
import { DataTypes, QueryTypes, Sequelize } from 'sequelize'
import {
  answersFifty,
  big,
  bytes,
  connects,
  failsAlone,
  rollsBack,
  keepsSettings,
  selectTaxis,
  survivesRestart,
  taxis,
  words,
} from './checks.mjs'
import { assertNothingLeft, atEnd, notApplicable, rejection, target, runSteps } from './contract.mjs'

function open({ user = target.user, password, max = 1, ssl, ...options } = {}) {
  const sequelize = new Sequelize(target.database, user, password, {
    dialect: 'postgres',
    host: target.host,
    port: target.port,
    logging: false,
    pool: { min: 0, max },
    dialectOptions: { ssl },
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
  1: () => connects((options) => value(open(options), 'select current_user')),
  async 2() {
    assert.deepEqual(await select(open(), selectTaxis), taxis)
  },
  async 3() {
    const sql = 'select $1::int + 1 as n, $2::text as t, $3::text as nothing'
    assert.deepEqual(await select(open(), sql, [41, "it's", null]), [{ n: 42, t: "it's", nothing: null }])
  },
  4: () => notApplicable('names no statements'),
  async 5() {
    const sequelize = open()
    await failsAlone((n) => value(sequelize, 'select 4 / $1::int', [n]), codeOf)
  },
  async 6() {
    const sequelize = open()
    const items = itemsOf(sequelize)
    await items.destroy({ where: {} })
    const insert = (error) =>
      sequelize.transaction(async (transaction) => {
        await items.create({ id: 1, name: 'a' }, { transaction })
        if (error) throw error
      })
    await rollsBack(
      insert,
      () => items.count(),
      () => itemsOf(open()).count(),
    )
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
    assert.equal(await value(open(), 'select $1::text', [big]), big)
  },
  async 12() {
    const sequelize = open()
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
    await survivesRestart((n) => value(sequelize, `select ${n}`))
  },
  async 17() {
    const sequelize = open({ max: 50 })
    await answersFifty((n) => value(sequelize, 'select $1::int, pg_sleep(0.1)', [n]))
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
    const dialectOptions = { application_name: 'meter', statement_timeout: 12_345 }
    const sequelize = open({ timezone: '+05:00', dialectOptions })
    const settings = "set search_path = tenant, public; set work_mem = '5MB'"
    sequelize.addHook('afterConnect', (connection) => connection.query(settings))
    const also = { "current_setting('statement_timeout')": '12345ms', 'extract(timezone from now())::int': 18_000 }
    await keepsSettings(async (sql) => (await select(sequelize, sql))[0], holdServer, also)
  },
})
