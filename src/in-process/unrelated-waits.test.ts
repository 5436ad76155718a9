/** Who only waits long is not refused for a deadlock: whatever is held here will be given back. */

import assert from 'node:assert/strict'
import { AsyncResource } from 'node:async_hooks'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Thing, Supply } from '../../test/support/supply.ts'
import type { ResourcePool } from './resource-pool.ts'

const deadlockDetectionMillis = 20
const holdMs = 80

async function work(pool: ResourcePool<Thing>): Promise<string> {
  const lease = await pool.acquire()
  await sleep(holdMs)
  lease.release()
  return 'done'
}

describe('a wait for somebody who does not wait', () => {
  it('is no deadlock where a request does two things at once', async () => {
    const pool = new Supply().pool({ max: 1, deadlockDetectionMillis })
    assert.deepEqual(await Promise.all([work(pool), work(pool)]), ['done', 'done'])
  })

  it('is no deadlock where a request uses two at once', async () => {
    const pool = new Supply().pool({ max: 1, deadlockDetectionMillis })
    await Promise.all([1, 2].map(() => pool.use(() => sleep(holdMs))))
  })

  it('is no deadlock among workers that were started one after the other', async () => {
    const pool = new Supply().pool({ max: 2, deadlockDetectionMillis })
    const workers = Array.from({ length: 4 }, async () => {
      for (let job = 0; job < 3; job++) await work(pool)
    })
    await Promise.all(workers)
    assert.equal(pool.snapshot().counters.leases, 12)
  })

  it('is no deadlock among requests that have begun while a lease is held for ever', async () => {
    const pool = new Supply().pool({ max: 2, deadlockDetectionMillis })
    await pool.acquire()
    const requests = [1, 2, 3].map(() => new AsyncResource('REQUEST').runInAsyncScope(() => work(pool)))
    assert.deepEqual(await Promise.all(requests), ['done', 'done', 'done'])
  })

  it('is no deadlock where whoever holds has asked in another place', async () => {
    const pool = new Supply().pool({ max: 1, deadlockDetectionMillis })
    const [first, second] = ['FIRST', 'SECOND'].map((name) => new AsyncResource(name)) as [AsyncResource, AsyncResource]
    const both = [first, second].map((place) => place.runInAsyncScope(() => work(pool)))
    assert.deepEqual(await Promise.all(both), ['done', 'done'])
  })
})
