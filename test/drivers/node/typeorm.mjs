/** TypeORM on pg. */
import assert from 'node:assert/strict'
import { DataSource, EntitySchema } from 'typeorm'
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

const Item = new EntitySchema({
  name: 'item',
  columns: { id: { type: 'int', primary: true }, name: { type: 'text', nullable: true } },
})

class First1700000000000 {
  up = (runner) => runner.query('create table typeorm_ride (id serial primary key, fare numeric not null)')
  down = (runner) => runner.query('drop table typeorm_ride')
}

async function open({ user = target.user, ...options } = {}) {
  const source = new DataSource({
    type: 'postgres',
    host: target.host,
    port: target.port,
    username: user,
    database: target.database,
    entities: [Item],
    poolSize: 1,
    installExtensions: false,
    ...options,
  })
  await source.initialize()
  atEnd(() => (source.isInitialized ? source.destroy() : undefined))
  return source
}

const value = async (one, sql, parameters) => Object.values((await one.query(sql, parameters))[0])[0]
const insert = (manager, id, name = 'a') => manager.insert(Item, { id, name })
const codeOf = (error) => error.driverError?.code ?? error.code

async function holdServer() {
  const runner = (await open()).createQueryRunner()
  await runner.startTransaction()
  const release = async () => {
    await runner.rollbackTransaction()
    await runner.release()
  }
  return { pid: await value(runner, 'select pg_backend_pid()'), release }
}

await runSteps({
  1: () => connects(async (options) => value(await open(options), 'select current_user')),
  async 2() {
    assert.deepEqual(await (await open()).query(selectTaxis), taxis)
  },
  async 3() {
    const sql = 'select $1::int + 1 as n, $2::text as t, $3::text as nothing'
    assert.deepEqual(await (await open()).query(sql, [41, "it's", null]), [{ n: 42, t: "it's", nothing: null }])
  },
  4: () => notApplicable('names no statements'),
  async 5() {
    const source = await open()
    await failsAlone((n) => value(source, 'select 4 / $1::int', [n]), codeOf)
  },
  async 6() {
    const source = await open()
    await source.getRepository(Item).clear()
    const insertAnd = (error) =>
      source.transaction(async (manager) => {
        await insert(manager, 1)
        if (error) throw error
      })
    await rollsBack(
      insertAnd,
      () => source.getRepository(Item).count(),
      async () => (await open()).getRepository(Item).count(),
    )
  },
  async 7() {
    const source = await open()
    await source.getRepository(Item).clear()
    await source.transaction(async (manager) => {
      await insert(manager, 1)
      const twice = manager.transaction((inner) => insert(inner, 1, 'twice'))
      assert.equal(codeOf(await rejection(twice)), '23505')
      await insert(manager, 2)
    })
    assert.equal(await source.getRepository(Item).count(), 2)
  },
  8: () => notApplicable('no COPY'),
  9: () => notApplicable('no cancel'),
  async 10() {
    const source = await open()
    const late = source.transaction(async (manager) => {
      await manager.query("set local statement_timeout = '200ms'")
      await manager.query('select pg_sleep(30)')
    })
    assert.equal(codeOf(await rejection(late)), '57014')
    assert.equal(await value(source, 'select 1'), 1)
  },
  async 11() {
    assert.equal(await value(await open(), 'select $1::text', [big]), big)
  },
  async 12() {
    const source = await open()
    assert.deepEqual(await source.query('select $1::bytea as b, $2::text as t', [bytes, words]), [
      { b: bytes, t: words },
    ])
    await rejection(value(source, 'select $1::text', ['a\u0000b']))
    assert.equal(await value(source, 'select 1'), 1)
  },
  async 13() {
    const heard = []
    const keep = (_level, message) => heard.push(message)
    const logger = { log: keep, logQuery: keep, logQueryError: keep, logQuerySlow: keep, logSchemaBuild: keep }
    const source = await open({ logNotifications: true, logger: { ...logger, logMigration: keep } })
    await source.query("do $$ begin raise notice 'taxi %', 7; end $$")
    assert.ok(heard.includes('taxi 7'), `heard ${heard.join(', ')}`)
  },
  14: () => notApplicable('no LISTEN'),
  async 15() {
    const source = await open()
    const runner = source.createQueryRunner()
    let sum = 0
    const rows = await runner.stream('select n from generate_series(1, 1000) n')
    for await (const { n } of rows) sum += n
    await runner.release()
    assert.equal(sum, 500_500)
    assert.equal(await value(source, 'select 1'), 1)
  },
  async 16() {
    const source = await open({ poolErrorHandler: () => undefined })
    await survivesRestart((n) => value(source, `select ${n}`))
  },
  async 17() {
    const source = await open({ poolSize: 50 })
    await answersFifty((n) => value(source, 'select $1::int, pg_sleep(0.1)', [n]))
  },
  async 18() {
    const source = await open()
    await source.transaction((manager) => manager.query('select 1'))
    await source.destroy()
    await assertNothingLeft()
  },
  async 19() {
    const source = await open({ migrations: [First1700000000000], migrationsTableName: 'typeorm_migrations' })
    await source.query('drop table if exists typeorm_ride, typeorm_migrations')
    const migrate = async () => (await source.runMigrations({ transaction: 'all' })).length
    await migratesOnce(migrate)
    assert.equal(await value(source, 'insert into typeorm_ride (fare) values (12.5) returning fare'), '12.5')
  },
  async 20() {
    const extra = { options: '-c search_path=tenant,public -c work_mem=5MB' }
    const source = await open({ applicationName: 'meter', extra })
    await keepsSettings(async (sql) => (await source.query(sql))[0], holdServer)
  },
})
