/** Transactions as functions: committed, rolled back, run anew; and what nobody can know. */

import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Pool, PoolClient } from '../../src/pg/taxirank.ts'
import { Stage } from './support/stage.ts'

let stage: Stage
let pool: Pool

before(async () => {
  stage = await Stage.start()
  await stage.ask('create table account (name text primary key, amount int)')
})
beforeEach(async () => {
  pool = stage.taxirank({ max: 2 })
  await pool.query('truncate account')
  await pool.query("insert into account values ('a', 10), ('b', 10)")
})
afterEach(() => stage.clear())
after(() => stage.remove())

const amountOf = async (name: string): Promise<number> =>
  (await pool.query<{ amount: number }>('select amount from account where name = $1', [name])).rows[0]?.amount ?? -1
const add = (client: PoolClient, name: string, amount: number): Promise<unknown> =>
  client.query('update account set amount = amount + $2 where name = $1', [name, amount])

describe('transaction', () => {
  it('commits what its work has done, and gives what that returns', async () => {
    assert.equal(await pool.transaction(async (client) => (await add(client, 'a', 1), 'done')), 'done')
    assert.equal(await amountOf('a'), 11)
    assert.equal(pool.idleCount, pool.totalCount)
  })

  it('rolls back when its work throws, and keeps the client', async () => {
    const thrown = new Error('mine')
    const work = pool.transaction(async (client) => {
      await add(client, 'a', 1)
      throw thrown
    })
    await assert.rejects(work, thrown)
    assert.deepEqual([await amountOf('a'), pool.idleCount], [10, 1])
  })

  it('says that nothing was committed where its work has swallowed an error', async () => {
    const work = pool.transaction(async (client) => {
      await add(client, 'a', 1)
      await client.query('select 1/0').catch(() => undefined)
    })
    await assert.rejects(work, { code: 'transaction_rolled_back' })
    assert.equal(await amountOf('a'), 10)
  })

  it('begins as it is told', async () => {
    const options = { isolation: 'serializable', readOnly: true, deferrable: true } as const
    const { rows } = await pool.transaction(
      (client) =>
        client.query(
          "select current_setting('transaction_isolation') i, current_setting('transaction_read_only') r, current_setting('transaction_deferrable') d",
        ),
      options,
    )
    assert.deepEqual(rows, [{ i: 'serializable', r: 'on', d: 'on' }])
    const wrong = { isolation: "serializable'; drop table account" } as never
    await assert.rejects(
      pool.transaction(() => 1, wrong),
      { code: 'bad_configuration' },
    )
  })

  it('is run anew after a serialization failure if it may, and not otherwise', async () => {
    for (const [retries, expected] of [
      [0, '40001'],
      [3, 'done'],
    ] as const) {
      let runs = 0
      const work = pool.transaction(
        async (client) => {
          await client.query('select sum(amount) from account')
          if (++runs === 1) await pool.query("update account set amount = amount + 1 where name = 'b'")
          await add(client, 'b', 1)
          return 'done'
        },
        { isolation: 'repeatable read', retries },
      )
      const outcome = await work.catch((error: unknown) => (error as { code: string }).code)
      assert.deepEqual([outcome, runs], [expected, retries === 0 ? 1 : 2])
    }
  })

  it('is run anew after a deadlock', async () => {
    const meet = (first: string, second: string): Promise<unknown> =>
      pool.transaction(
        async (client) => {
          await add(client, first, 1)
          await client.query('select pg_sleep(0.1)')
          await add(client, second, 1)
        },
        { retries: 5 },
      )
    await Promise.all([meet('a', 'b'), meet('b', 'a')])
    assert.deepEqual([await amountOf('a'), await amountOf('b')], [12, 12])
  })

  it('is not run anew after any other error', async () => {
    let runs = 0
    const work = pool.transaction(
      async (client) => {
        runs++
        await client.query('select 1/0')
      },
      { retries: 5 },
    )
    await assert.rejects(work, { code: '22012' })
    assert.equal(runs, 1)
  })

  it('says that nobody knows when the connection is lost during COMMIT, and does not run it anew', async () => {
    let runs = 0
    const work = pool.transaction(
      async (client) => {
        runs++
        await add(client, 'a', 1)
        // Written when COMMIT has been: the next thing that happens to the socket is its end.
        const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection
        process.nextTick(() => stream.destroy())
      },
      { retries: 5 },
    )
    await assert.rejects(work, { code: 'commit_unknown' })
    assert.equal(runs, 1)
    assert.equal(pool.idleCount, pool.totalCount)
  })

  it('closes a client that was lost within, and passes the error on', async () => {
    const work = pool.transaction(async (client) => {
      await stage.terminate(client)
      await client.query('select 1')
    })
    await assert.rejects(work)
    assert.equal(pool.idleCount, pool.totalCount)
    assert.equal(await amountOf('a'), 10)
  })
})

describe('work that gives its client back', () => {
  it('has nothing of its transaction kept, and ends nobody else’s', async () => {
    const one = stage.taxirank({ max: 1 })
    const begun = one.transaction(async (client) => {
      await add(client, 'a', 1)
      client.release()
      await new Promise((resolve) => setTimeout(resolve, 50))
    })
    const refused = assert.rejects(begun, { code: 'stale_lease' })
    await new Promise((resolve) => setTimeout(resolve, 20))
    const other = await one.connect()
    await other.query('begin')
    await add(other, 'b', 1)
    await refused
    await other.query('rollback')
    other.release()
    assert.deepEqual([await amountOf('a'), await amountOf('b')], [10, 10])
  })
})

describe('await using', () => {
  it('gives back its own lease, and not that of whoever has the client next', async () => {
    const one = stage.taxirank({ max: 1 })
    const first = await one.connect()
    const dispose = first[Symbol.asyncDispose].bind(first)
    first.release()
    const second = await one.connect()
    await dispose()
    assert.equal(one.idleCount, 0)
    second.release()
  })

  it('gives a client back, once, unless its holder has', async () => {
    const client = await pool.connect()
    await client[Symbol.asyncDispose]()
    await client[Symbol.asyncDispose]()
    assert.equal(pool.idleCount, pool.totalCount)
    const next = await pool.connect()
    next.release()
    await next[Symbol.asyncDispose]()
    assert.equal(pool.idleCount, pool.totalCount)
  })

  it('ends a pool', async () => {
    await pool[Symbol.asyncDispose]()
    assert.deepEqual([pool.ended, pool.totalCount], [true, 0])
    await pool[Symbol.asyncDispose]()
  })
})

describe('a connection that is lost before COMMIT', () => {
  it('is no doubt: nothing was committed, and the error is the connection’s', async () => {
    const work = pool.transaction(async (client) => {
      await add(client, 'a', 1)
      await stage.terminate(client)
      await new Promise((resolve) => setTimeout(resolve, 50))
    })
    await assert.rejects(work, { code: '57P01' })
    assert.equal(await amountOf('a'), 10)
  })
})
