/** Who holds a client, to the line: in leaks, deadlocks, drains, and in our own pooler's SHOW HOLDERS. */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Holder, Pool } from '../../src/pg/taxirank.ts'
import { Stage } from './support/stage.ts'
import { eventually } from './support/waiting.ts'

let stage: Stage
const here = /holders\.test\.[a-z]+:\d+$/

before(async () => {
  stage = await Stage.start()
})
afterEach(() => stage.clear())
after(() => stage.remove())

const poolOf = (options: object): Pool => stage.taxirank(options)

describe('a holder', () => {
  it('is named by the line of its own code, and reported once if it holds for too long', async () => {
    const pool = poolOf({ max: 2, leakDetectionMillis: 30 })
    const leaks: Holder[] = []
    pool.on('leak', (holder) => void leaks.push(holder))
    const client = await pool.connect()
    await eventually('a leak', () => leaks.length > 0)
    await sleep(100)
    assert.equal(leaks.length, 1)
    assert.match(leaks[0]?.site ?? '', here)
    assert.match(leaks[0]?.stack ?? '', /holders\.test/)
    assert.deepEqual(
      pool.holders().map(({ site }) => site),
      [leaks[0]?.site],
    )
    client.release()
    assert.deepEqual(pool.holders(), [])
  })

  it('is named among the stragglers of a drain, and loses its client', async () => {
    const pool = poolOf({ max: 2, leakDetectionMillis: 60_000 })
    const client = await pool.connect()
    const sleeping = client.query('select pg_sleep(60)').catch((error: unknown) => error)
    const { stragglers } = await pool.drain({ deadline: 50 })
    assert.match(stragglers[0]?.site ?? '', here)
    assert.ok((await sleeping) instanceof Error)
    const count =
      "select count(*)::int from pg_stat_activity where query like '%pg_sleep(60%' and pid <> pg_backend_pid()"
    await eventually('PostgreSQL has stopped, too', async () => (await stage.ask(count))[0] === 0)
    await assert.rejects(pool.connect(), /Cannot use a pool after calling end on the pool/)
  })

  it('who gives back in time is no straggler', async () => {
    const pool = poolOf({ max: 2 })
    const client = await pool.connect()
    setTimeout(() => client.release(), 30)
    assert.deepEqual(await pool.drain({ deadline: 5_000 }), { stragglers: [] })
    assert.deepEqual([pool.ended, pool.totalCount], [true, 0])
  })
})

describe('nested acquires', () => {
  const nested = async (pool: Pool): Promise<string> => {
    const outer = await pool.connect()
    try {
      await sleep(5)
      const inner = await pool.connect()
      inner.release()
      return 'served'
    } catch (error) {
      return (error as { code: string }).code
    } finally {
      outer.release()
    }
  }

  it('that block each other are ended by refusing one, with both stacks', async () => {
    const pool = poolOf({ max: 2, deadlockDetectionMillis: 30 })
    const outcomes = await Promise.all([nested(pool), nested(pool)])
    assert.deepEqual(outcomes.sort(), ['nested_acquire', 'served'])
    const client = await pool.connect()
    const other = await pool.connect()
    const error = await pool.query('select 1').catch((reason: unknown) => reason as Error)
    client.release()
    other.release()
    assert.match((error as Error).message, /asked for at .*holders\.test[^]*holds at .*holders\.test/)
  })

  it('are waited for where somebody who does not wait will give back', async () => {
    const pool = poolOf({ max: 2, deadlockDetectionMillis: 20 })
    const independent = pool.query('select pg_sleep(0.2)')
    assert.equal(await nested(pool), 'served')
    await independent
  })

  it('are waited for while the holder’s own query runs', async () => {
    const pool = poolOf({ max: 1, deadlockDetectionMillis: 20 })
    const client = await pool.connect()
    const audit = pool.query('select 1')
    await client.query('select pg_sleep(0.2)')
    client.release()
    await audit
  })

  it('are told from many callers at once who each want one', async () => {
    const pool = poolOf({ max: 2, deadlockDetectionMillis: 20 })
    const one = async (): Promise<void> => {
      const client = await pool.connect()
      await client.query('select pg_sleep(0.05)')
      client.release()
    }
    await Promise.all(Array.from({ length: 8 }, one))
  })
})
