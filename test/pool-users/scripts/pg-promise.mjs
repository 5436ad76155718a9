/** pg-promise, with a pg of its own. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import pgPromise from 'pg-promise'
import QueryStream from 'pg-query-stream'
import { rejection } from '../../drivers/node/outcomes.mjs'
import { commits, commonSteps, rollsBack, selectThousand, sumOfThousand, words } from './checks.mjs'
import { runSteps, settings, soon } from './contract.mjs'

/** Its own lines about lost connections are none of the report. */
const pgp = pgPromise({ noWarnings: true })
const db = pgp(settings)

const ask = async (sql, on = db) => Object.values(await on.one(sql))[0]
const transaction = (work) => db.tx(work)
const insert = (on, id = 1) => on.none('insert into item values ($1, $2)', [id, 'a'])
const count = () => ask('select count(*)::int from item')
const clear = () => db.none('truncate item')

await runSteps({
  ...commonSteps({ packageName: 'pg-promise', pool: () => db.$pool, ask, transaction, end: () => db.$pool.end() }),
  async 3() {
    await clear()
    const rows = [
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ]
    await db.none(pgp.helpers.insert(rows, ['id', 'name'], 'item'))
    await db.none('update item set name = ${name} where id = ${id}', { id: 1, name: 'c' })
    assert.equal(await db.result('delete from item where id = $1', 2, ({ rowCount }) => rowCount), 1)
    assert.deepEqual(await db.any('select * from item'), [{ id: 1, name: 'c' }])
  },
  async 4() {
    const values = [42, words, null]
    const text = 'select $1::int as n, $2::text as t, $3::text as nothing'
    const row = { n: 42, t: words, nothing: null }
    // It puts them into the text itself, unless they are to be PostgreSQL's.
    assert.deepEqual(await db.one(text, values), row)
    assert.deepEqual(await db.one(new pgp.ParameterizedQuery({ text, values })), row)
    assert.deepEqual(await db.one(new pgp.PreparedStatement({ name: 'three', text, values })), row)
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
    await db.tx(async (tx) => {
      await insert(tx)
      assert.equal((await rejection(tx.tx((inner) => insert(inner)))).code, '23505')
      await insert(tx, 2)
    })
    assert.equal(await count(), 2)
  },
  async 10() {
    let sum = 0
    const { processed } = await db.stream(new QueryStream(selectThousand), (stream) => {
      stream.on('data', ({ n }) => (sum += n))
    })
    assert.deepEqual([processed, sum], [1_000, sumOfThousand])
  },
  async 11() {
    const held = await db.connect()
    const heard = once(held.client, 'notification')
    await held.none('listen fares')
    await db.none("notify fares, 'taxi 7'")
    assert.equal((await soon(heard))[0].payload, 'taxi 7')
    await held.none('unlisten *')
    await held.done()
  },
})
