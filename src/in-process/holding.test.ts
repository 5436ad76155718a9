/** Who holds for too long, and who waits while they hold. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { rejection, Supply, type Thing } from '../../test/support/supply.ts'
import type { Holder } from './lending.ts'
import type { ResourcePool } from './resource-pool.ts'

const here = /holding\.test\.ts:\d+/

/** Asks for one more while it holds one, as each of `requests` does at once; each in a turn of its own. */
function nest(pool: ResourcePool<Thing>, requests: number): Promise<unknown[]> {
  const request = async (): Promise<string> => {
    await using outer = await pool.acquire()
    await sleep(5)
    await using inner = await pool.acquire()
    return `${outer.resource.name} and ${inner.resource.name}`
  }
  const started = Array.from(
    { length: requests },
    () => new Promise((resolve) => setImmediate(() => resolve(request().catch((error: unknown) => error)))),
  )
  return Promise.all(started)
}

describe('a lease that is held for too long', () => {
  it('is reported once, with who holds it', async () => {
    const pool = new Supply().pool({ leakDetectionMillis: 20 })
    const leaks: Holder[] = []
    pool.on('leak', (holder) => leaks.push(holder))
    const lease = await pool.acquire()
    await once(pool, 'leak')
    await sleep(60)
    const [{ heldMillis, stack } = { heldMillis: 0, stack: '' }] = leaks
    assert.deepEqual([leaks.length, heldMillis >= 20, pool.snapshot().counters.leaks], [1, true, 1])
    assert.match(stack, here)
    lease.release()
  })

  it('is a warning of the process, where nobody listens', async () => {
    const pool = new Supply().pool({ name: 'orders', leakDetectionMillis: 10 })
    const warned = new Promise<Error>((resolve) => {
      const listen = (warning: Error): void => {
        if (!warning.message.startsWith('pool orders: ')) return
        process.off('warning', listen)
        resolve(warning)
      }
      process.on('warning', listen)
    })
    const lease = await pool.acquire()
    const { name, message } = await warned
    const [first, ...frames] = message.split('\n')
    assert.equal(name, 'TaxirankLeak')
    assert.match(first ?? '', /^pool orders: a lease has been held for 0\.\d s, by .+\.ts:\d+$/)
    assert.match(frames.join('\n'), here)
    lease.release()
  })

  it('is none that was given back in time', async () => {
    const pool = new Supply().pool({ leakDetectionMillis: 500 })
    pool.on('leak', () => assert.fail('nobody holds anything'))
    for (let turn = 0; turn < 20; turn++) await pool.use(() => sleep(1))
    assert.deepEqual([pool.snapshot().counters.leaks, pool.holders()], [0, []])
  })

  it('is a new one, when it is lent anew and held for too long again', async () => {
    const pool = new Supply().pool({ max: 1, leakDetectionMillis: 10 })
    pool.on('leak', () => undefined)
    for (const expected of [1, 2]) {
      await pool.use(() => once(pool, 'leak'))
      assert.equal(pool.snapshot().counters.leaks, expected)
    }
  })
})

describe('holders', () => {
  it('are those who hold a lease, the longest first', async () => {
    const pool = new Supply().pool({ leakDetectionMillis: 60_000 })
    const first = await pool.acquire()
    await sleep(5)
    await pool.acquire()
    const [longest, other] = pool.holders()
    assert.ok((longest?.heldMillis ?? 0) > (other?.heldMillis ?? 0))
    assert.match(longest?.stack ?? '', here)
    first.release()
    assert.equal(pool.holders().length, 1)
  })

  it('are not known, unless leaks or deadlocks are looked for', async () => {
    const pool = new Supply().pool()
    await pool.acquire()
    assert.deepEqual(pool.holders(), [])
  })
})

describe('callers who hold everything, and wait for one more themselves', () => {
  it('are told of: one is refused, so that the others go on', async () => {
    const pool = new Supply().pool({ max: 2, deadlockDetectionMillis: 20 })
    const outcomes = await nest(pool, 2)
    const refused = outcomes.filter((outcome) => outcome instanceof Error)
    const [{ code, message } = { code: undefined, message: '' }] = refused as (Error & { code?: string })[]
    assert.deepEqual([refused.length, code], [1, 'nested_acquire'])
    assert.match(message, /^all 2 are held by callers who wait for one more themselves/)
    const [asked, holds] = message.split('\n  holds at ')
    assert.match(asked ?? '', /asked for at [^]*holding\.test\.ts:\d+/)
    assert.match(holds ?? '', here)
    assert.deepEqual([pool.leased, pool.waiting], [0, 0])
  })

  it('are told of in time, also where there are many', async () => {
    const pool = new Supply().pool({ max: 5, deadlockDetectionMillis: 20 })
    const outcomes = await nest(pool, 12)
    const codes = outcomes.flatMap((outcome) => (outcome instanceof Error ? (outcome as { code?: string }).code : []))
    assert.ok(codes.length > 0 && codes.length < 12, `${codes.length} of 12 refused`)
    assert.deepEqual([...new Set(codes)], ['nested_acquire'])
    assert.deepEqual([pool.leased, pool.waiting], [0, 0])
  })

  it('are told of where one waits for itself', async () => {
    const pool = new Supply().pool({ max: 1, deadlockDetectionMillis: 20 })
    const { code } = await rejection(pool.use(() => pool.use(() => 'never')))
    assert.equal(code, 'nested_acquire')
  })

  it('wait for as long as they may, where nobody looks', async () => {
    const pool = new Supply().pool({ max: 1, acquireTimeoutMillis: 50 })
    const { code } = await rejection(pool.use(() => pool.use(() => 'never')))
    assert.equal(code, 'acquire_timeout')
  })

  it('are none where there is one more', async () => {
    const pool = new Supply().pool({ max: 3, deadlockDetectionMillis: 20 })
    assert.ok((await nest(pool, 2)).every((outcome) => typeof outcome === 'string'))
  })
})
