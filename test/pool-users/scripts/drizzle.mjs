/** Drizzle on pg. */
import assert from 'node:assert/strict'
import { count as countAll, eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { messageOf, rejection } from '../../drivers/node/outcomes.mjs'
import { commits, commonSteps, rollsBack, words } from './checks.mjs'
import { runSteps, settings } from './contract.mjs'

const item = pgTable('item', { id: integer().primaryKey(), name: text() })
/** It makes the pool itself. */
const db = drizzle({ connection: settings })
const pool = db.$client

const ask = async (query, on = db) => Object.values((await on.execute(query)).rows[0])[0]
const transaction = (work) => db.transaction(work)
const insert = (on, id = 1) => on.insert(item).values({ id, name: 'a' })
const count = async () => (await db.select({ n: countAll() }).from(item))[0].n
const clear = () => db.delete(item)

await runSteps({
  ...commonSteps({ pool: () => pool, ask, transaction, end: () => pool.end() }),
  async 3() {
    await clear()
    const added = await db
      .insert(item)
      .values([
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ])
      .returning()
    assert.equal(added.length, 2)
    await db.update(item).set({ name: 'c' }).where(eq(item.id, 1))
    await db.delete(item).where(eq(item.id, 2))
    assert.deepEqual(await db.select().from(item), [{ id: 1, name: 'c' }])
  },
  async 4() {
    const query = sql`select ${42}::int as n, ${words}::text as t, ${null}::text as nothing`
    assert.deepEqual((await db.execute(query)).rows, [{ n: 42, t: words, nothing: null }])
    const prepared = db
      .select({ n: sql`${sql.placeholder('n')}::int * 2` })
      .from(sql`(select 1) as one`)
      .prepare('twice')
    assert.deepEqual(await prepared.execute({ n: 21 }), [{ n: 42 }])
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
    await db.transaction(async (tx) => {
      await insert(tx)
      const failed = await rejection(tx.transaction((inner) => insert(inner)))
      assert.match(messageOf(failed), /duplicate key/)
      await insert(tx, 2)
    })
    assert.equal(await count(), 2)
  },
})
