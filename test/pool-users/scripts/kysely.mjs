/** Kysely on pg. */
import assert from 'node:assert/strict'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { Pool } from 'pg'
import Cursor from 'pg-cursor'
import { rejection } from '../../drivers/node/outcomes.mjs'
import { commits, commonSteps, rollsBack, sumOfThousand, words } from './checks.mjs'
import { runSteps, settings } from './contract.mjs'

const pool = new Pool(settings)
const db = new Kysely({ dialect: new PostgresDialect({ pool, cursor: Cursor }) })

const ask = async (text, on = db) => Object.values((await sql.raw(text).execute(on)).rows[0])[0]
const transaction = (work) => db.transaction().execute(work)
const insert = (on, id = 1) => on.insertInto('item').values({ id, name: 'a' }).execute()
const count = () => ask('select count(*)::int from item')
const clear = () => db.deleteFrom('item').execute()
const thousand = () => db.selectFrom(sql`generate_series(1, 1000)`.as('n')).selectAll()

await runSteps({
  ...commonSteps({ pool: () => pool, ask, transaction, end: () => db.destroy() }),
  async 3() {
    await clear()
    const rows = [
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ]
    assert.deepEqual(await db.insertInto('item').values(rows).returningAll().execute(), rows)
    await db.updateTable('item').set({ name: 'c' }).where('id', '=', 1).execute()
    await db.deleteFrom('item').where('id', '=', 2).execute()
    assert.deepEqual(await db.selectFrom('item').selectAll().execute(), [{ id: 1, name: 'c' }])
  },
  async 4() {
    const query = sql`select ${42}::int as n, ${words}::text as t, ${null}::text as nothing`
    assert.deepEqual((await query.execute(db)).rows, [{ n: 42, t: words, nothing: null }])
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
    const tx = await db.startTransaction().execute()
    await insert(tx)
    const behind = await tx.savepoint('s').execute()
    assert.equal((await rejection(insert(behind))).code, '23505')
    await behind.rollbackToSavepoint('s').execute()
    await insert(tx, 2)
    await tx.commit().execute()
    assert.equal(await count(), 2)
  },
  async 10() {
    let sum = 0
    for await (const { n } of thousand().stream(100)) sum += n
    assert.equal(sum, sumOfThousand)
    // One that is given up halfway.
    for await (const { n } of thousand().stream(10)) if (n > 20) break
    assert.equal(await ask('select 1'), 1)
  },
})
