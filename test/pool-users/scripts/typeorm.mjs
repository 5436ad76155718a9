/** TypeORM on pg. */
import assert from 'node:assert/strict'
import { DataSource, EntitySchema } from 'typeorm'
import { rejection } from '../../drivers/node/outcomes.mjs'
import { commits, commonSteps, rollsBack, selectThousand, sumOfThousand, words } from './checks.mjs'
import { place, runSteps, settings } from './contract.mjs'

const Item = new EntitySchema({
  name: 'item',
  columns: { id: { type: 'int', primary: true }, name: { type: 'text', nullable: true } },
})
const source = new DataSource({
  type: 'postgres',
  host: place.host,
  port: place.port,
  username: place.user,
  database: place.database,
  applicationName: settings.application_name,
  poolSize: settings.max,
  entities: [Item],
  installExtensions: false,
})
await source.initialize()

const ask = async (sql, on = source) => Object.values((await on.query(sql))[0])[0]
const transaction = (work) => source.transaction(work)
const insert = (manager, id = 1) => manager.insert(Item, { id, name: 'a' })
const count = () => source.getRepository(Item).count()
const clear = () => source.getRepository(Item).clear()

await runSteps({
  ...commonSteps({ pool: () => source.driver.master, ask, transaction, end: () => source.destroy() }),
  async 3() {
    await clear()
    const items = source.getRepository(Item)
    await items.save([
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ])
    await items.update({ id: 1 }, { name: 'c' })
    await items.delete({ id: 2 })
    assert.deepEqual(await items.find(), [{ id: 1, name: 'c' }])
  },
  async 4() {
    const rows = await source.query('select $1::int as n, $2::text as t, $3::text as nothing', [42, words, null])
    assert.deepEqual(rows, [{ n: 42, t: words, nothing: null }])
  },
  async 5() {
    await clear()
    await commits(transaction, insert, count)
  },
  async 6() {
    await clear()
    await rollsBack(transaction, insert, count)
  },
  async 7() {
    await clear()
    await source.transaction(async (manager) => {
      await insert(manager)
      const failed = await rejection(manager.transaction((inner) => insert(inner)))
      assert.equal(failed.driverError.code, '23505')
      await insert(manager, 2)
    })
    assert.equal(await count(), 2)
  },
  async 10() {
    const runner = source.createQueryRunner()
    let sum = 0
    for await (const { n } of await runner.stream(selectThousand)) sum += n
    await runner.release()
    assert.equal(sum, sumOfThousand)
    assert.equal(await ask('select 1'), 1)
  },
})
