/** pg's own pool, as an application uses it: with pg-cursor and pg-query-stream. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Pool } from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { rejection } from '../../drivers/node/outcomes.mjs'
import { commits, commonSteps, rollsBack, selectThousand, sumOfThousand, words } from './checks.mjs'
import { runSteps, settings, soon } from './contract.mjs'

const pool = new Pool(settings)

const ask = async (sql, client = pool) => Object.values((await client.query(sql)).rows[0])[0]
const insert = (client, id = 1) => client.query('insert into item values ($1, $2)', [id, 'a'])
const count = () => ask('select count(*)::int from item')
const clear = () => pool.query('truncate item')

async function withClient(work) {
  const client = await pool.connect()
  try {
    return await work(client)
  } finally {
    client.release()
  }
}

const transaction = (work) =>
  withClient(async (client) => {
    await client.query('begin')
    try {
      const result = await work(client)
      await client.query('commit')
      return result
    } catch (error) {
      await client.query('rollback')
      throw error
    }
  })

async function sumOf(rows) {
  let sum = 0
  for await (const { n } of rows) sum += n
  return sum
}

await runSteps({
  ...commonSteps({ pool: () => pool, ask, transaction, end: () => pool.end() }),
  async 3() {
    await clear()
    assert.equal((await pool.query("insert into item values (1, 'a'), (2, 'b')")).rowCount, 2)
    await pool.query("update item set name = 'c' where id = 1")
    await pool.query('delete from item where id = 2')
    assert.deepEqual((await pool.query('select * from item')).rows, [{ id: 1, name: 'c' }])
  },
  async 4() {
    const sql = 'select $1::int as n, $2::text as t, $3::text as nothing'
    const rows = [{ n: 42, t: words, nothing: null }]
    assert.deepEqual((await pool.query(sql, [42, words, null])).rows, rows)
    assert.deepEqual((await pool.query({ name: 'three', text: sql, values: [42, words, null] })).rows, rows)
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
    await transaction(async (client) => {
      await insert(client)
      await client.query('savepoint s')
      assert.equal((await rejection(insert(client))).code, '23505')
      await client.query('rollback to s')
      await insert(client, 2)
    })
    assert.equal(await count(), 2)
  },
  async 10() {
    const stream = new QueryStream(selectThousand, [], { batchSize: 100 })
    void pool.query(stream)
    assert.equal(await soon(sumOf(stream)), sumOfThousand)
    await withClient(async (client) => {
      assert.equal(await sumOf(client.query(new QueryStream(selectThousand))), sumOfThousand)
      // One that is given up halfway.
      const given = client.query(new QueryStream(selectThousand, [], { batchSize: 10 }))
      for await (const { n } of given) if (n > 20) break
      const cursor = client.query(new Cursor(selectThousand))
      assert.equal((await cursor.read(600)).length, 600)
      assert.equal((await cursor.read(600)).length, 400)
      await cursor.close()
      assert.equal(await ask('select 1', client), 1)
    })
  },
  async 11() {
    await withClient(async (client) => {
      await client.query('listen fares')
      const heard = once(client, 'notification')
      await pool.query("notify fares, 'taxi 7'")
      const [{ channel, payload }] = await soon(heard)
      assert.deepEqual([channel, payload], ['fares', 'taxi 7'])
      await client.query('unlisten *')
    })
  },
})
