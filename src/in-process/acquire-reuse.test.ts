import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { rejection, stateOf, Supply } from '../../test/support/supply.ts'

describe('what one caller has asked for', () => {
  it('is nothing to the next: their wait is not aborted by a signal of somebody before', async () => {
    const pool = new Supply().pool()
    const before = await pool.acquire()
    before.release()
    await rejection(pool.acquire({ signal: AbortSignal.abort() }))
    const lease = await pool.acquire()
    assert.equal(lease.resource.name, 1)
  })

  it('is nothing to the next: they wait for as long as the pool says, not as somebody has who was served', async () => {
    const pool = new Supply().pool({ max: 1 })
    const holder = await pool.acquire()
    const served = pool.acquire({ timeoutMillis: 20 })
    holder.release()
    await served
    const waiting = pool.acquire()
    await sleep(60)
    assert.equal(await stateOf(waiting), 'pending')
  })

  it('is nothing to the next: they wait in the first lane, not in that of somebody who was served', async () => {
    const lanes = [
      { name: 'batch', reserved: 0 },
      { name: 'health', reserved: 1 },
    ]
    const pool = new Supply().pool({ max: 2, lanes })
    const [worker, probe] = await Promise.all([pool.acquire(), pool.acquire({ lane: 'health' })])
    const served = pool.acquire({ lane: 'health' })
    probe.release()
    await served
    void pool.acquire()
    assert.deepEqual(
      pool.snapshot().lanes.map(({ waiting }) => waiting),
      [1, 0],
    )
    worker.release()
  })

  it('is nothing to the next, also if it was a mistake', async () => {
    const pool = new Supply().pool({ max: 1 })
    const before = await pool.acquire()
    before.release()
    await rejection((async () => pool.acquire({ timeoutMillis: 20, lane: 'none' }))())
    await pool.acquire()
    const waiting = pool.acquire()
    await sleep(60)
    assert.equal(await stateOf(waiting), 'pending')
  })
})
