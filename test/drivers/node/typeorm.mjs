/** TypeORM on pg. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { DataSource, EntitySchema } from 'typeorm'
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

const Item = new EntitySchema({
  name: 'item',
  columns: { id: { type: 'int', primary: true }, name: { type: 'text', nullable: true } },
})

class First1700000000000 {
  up = (runner) => runner.query('create table typeorm_ride (id serial primary key, fare numeric not null)')
  down = (runner) => runner.query('drop table typeorm_ride')
}

async function open(options = {}) {
  const source = new DataSource({
    type: 'postgres',
    host: target.host,
    port: target.port,
    username: target.user,
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

const scram = { port: scramTarget.port, username: scramTarget.user, password: scramTarget.password }
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
  async 1() {
    assert.equal(await value(await open(), 'select current_user'), target.user)
    assert.equal(await value(await open(scram), 'select current_user'), scramTarget.user)
    await rejection(open({ ...scram, password: 'wrong' }))
    assert.equal(await value(await open({ ssl: { ca: readFileSync(authorityFile) } }), 'select 1'), 1)
  },
  async 2() {
    const rows = await (await open()).query("select n, 'taxi ' || n as name from generate_series(1, 3) n")
    assert.deepEqual(
      rows,
      [1, 2, 3].map((n) => ({ n, name: `taxi ${n}` })),
    )
  },
  async 3() {
    const sql = 'select $1::int + 1 as n, $2::text as t, $3::text as nothing'
    assert.deepEqual(await (await open()).query(sql, [41, "it's", null]), [{ n: 42, t: "it's", nothing: null }])
  },
  4: () => notApplicable('names no statements'),
  async 5() {
    const source = await open()
    const [before, failed, behind] = await Promise.allSettled(
      [1, 0, 4].map((n) => value(source, 'select 4 / $1::int', [n])),
    )
    assert.deepEqual([before.value, codeOf(failed.reason), behind.value], [4, '22012', 1])
  },
  async 6() {
    const source = await open()
    await source.getRepository(Item).clear()
    const thrown = new Error('back')
    const insertAnd = (error) =>
      source.transaction(async (manager) => {
        await insert(manager, 1)
        if (error) throw error
      })
    assert.equal(await rejection(insertAnd(thrown)), thrown)
    assert.equal(await source.getRepository(Item).count(), 0)
    await insertAnd()
    assert.equal(await (await open()).getRepository(Item).count(), 1)
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
    const big = 'x'.repeat(8 * 1024 * 1024)
    assert.equal(await value(await open(), 'select $1::text', [big]), big)
  },
  async 12() {
    const source = await open()
    const bytes = Buffer.from([0, 1, 0, 255, 0])
    const words = 'Ťaxi 日本語 🚕 e\u0301'
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
    assert.equal(await value(source, 'select 1'), 1)
    await restartPostgres()
    const outcome = await valueOrError(within(15_000, value(source, 'select 2'), 'no answer'))
    assert.ok(outcome === 2 || outcome instanceof Error, String(outcome))
    assert.equal(await within(15_000, value(source, 'select 3'), 'no answer'), 3)
  },
  async 17() {
    const source = await open({ poolSize: 50 })
    const numbers = Array.from({ length: 50 }, (_each, n) => n)
    const ask = (n) => value(source, 'select $1::int, pg_sleep(0.1)', [n])
    assert.deepEqual(await Promise.all(numbers.map(ask)), numbers)
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
    assert.deepEqual([await migrate(), await migrate()], [1, 0])
    assert.equal(await value(source, 'insert into typeorm_ride (fare) values (12.5) returning fare'), '12.5')
  },
  async 20() {
    const source = await open({
      applicationName: 'meter',
      extra: { options: '-c search_path=tenant,public -c work_mem=5MB' },
    })
    await onTwoServers(async () => {
      const [{ pid, ...settings }] = await source.query(`select pg_backend_pid() as pid, owner,
        current_setting('work_mem') as memory, current_setting('application_name') as name from whose`)
      assert.deepEqual(settings, { owner: 'the tenant’s', memory: '5MB', name: 'meter' })
      return pid
    }, holdServer)
  },
})
