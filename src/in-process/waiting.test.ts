import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { rejection, stateOf, Supply, type Thing } from '../../test/support/supply.ts'
import type { TaxirankError } from '../errors.ts'
import type { PoolLease, ResourcePool, ResourcePoolOptions } from './resource-pool.ts'

/** A pool of one, which somebody holds. */
async function held(
  options: Partial<ResourcePoolOptions<Thing>> = {},
): Promise<{ pool: ResourcePool<Thing>; lease: PoolLease<Thing> }> {
  const pool = new Supply().pool({ max: 1, ...options })
  return { pool, lease: await pool.acquire() }
}

describe('a wait', () => {
  it('ends when the pool says, and says how things stood', async () => {
    const { pool } = await held({ acquireTimeoutMillis: 30 })
    const from = performance.now()
    const waits = [rejection(pool.acquire()), rejection(pool.acquire())]
    const [first] = (await Promise.all(waits)) as TaxirankError[]
    assert.ok(performance.now() - from >= 29, 'not before its time')
    assert.match(
      first?.message ?? '',
      /^no resource became free within 30 ms: 1 of 1 leased, 1 other waiting, oldest lease 0\.\d s$/,
    )
    assert.deepEqual(
      [first?.code, first?.retryable, first?.shortage],
      ['acquire_timeout', true, { reason: 'exhausted', max: 1, leased: 1, opening: 0, waiting: 1, holders: [] }],
    )
    assert.equal(pool.waiting, 0)
  })

  it('ends when its caller says, whatever the pool does', async () => {
    const { pool } = await held({ acquireTimeoutMillis: 60_000 })
    const { message } = await rejection(pool.acquire({ timeoutMillis: 5 }))
    assert.match(message, /within 5 ms/)
  })

  it('has no end where its caller says 0', async () => {
    const { pool, lease } = await held({ acquireTimeoutMillis: 5 })
    const waiting = pool.acquire({ timeoutMillis: 0 })
    await sleep(40)
    assert.equal(await stateOf(waiting), 'pending')
    lease.release()
    await waiting
  })

  it('says that what was waited for was still being opened', async () => {
    const pool = new Supply().pool({ max: 2, open: () => new Promise(() => undefined) })
    const { message, shortage } = (await rejection(pool.acquire({ timeoutMillis: 5 }))) as TaxirankError
    assert.deepEqual([shortage?.reason, message.endsWith('; 1 being opened, and not there yet')], ['slow', true])
  })

  it('says who held what was waited for, where holders are named', async () => {
    const { pool } = await held({ leakDetectionMillis: 60_000 })
    const { shortage, message } = (await rejection(pool.acquire({ timeoutMillis: 5 }))) as TaxirankError
    assert.equal(shortage?.holders.length, 1)
    assert.match(shortage.holders[0]?.stack ?? '', /waiting\.test\.ts:\d+/)
    assert.match(message, /held by .+\.ts:\d+$/)
  })

  for (const timeoutMillis of [-1, Number.NaN]) {
    it(`can not be ${timeoutMillis} ms long`, async () => {
      const { pool } = await held()
      const { code } = await rejection((async () => pool.acquire({ timeoutMillis }))())
      assert.equal(code, 'bad_configuration')
    })
  }
})

describe('a signal', () => {
  it('that is none is refused, and has taken nothing', async () => {
    const { pool, lease } = await held()
    for (let times = 0; times < 2; times++) {
      const error = (await rejection(pool.acquire({ signal: new AbortController() as never }))) as TaxirankError
      assert.deepEqual([error.code, error.message], ['bad_configuration', 'signal must be an AbortSignal'])
    }
    assert.equal(pool.waiting, 0)
    lease.release()
  })

  it('that is aborted already gets its reason, and asks for nothing', async () => {
    const supply = new Supply()
    const pool = supply.pool()
    const reason = new Error('the request is over')
    assert.equal(await rejection(pool.acquire({ signal: AbortSignal.abort(reason) })), reason)
    assert.deepEqual([supply.heard, pool.waiting], [[], 0])
  })

  it('ends a wait with its reason, and nobody else’s', async () => {
    const { pool, lease } = await held()
    const [gone, reason] = [new AbortController(), new Error('the request is over')]
    const [leaving, staying] = [pool.acquire({ signal: gone.signal }), pool.acquire()]
    gone.abort(reason)
    assert.equal(await rejection(leaving), reason)
    assert.equal(pool.waiting, 1)
    lease.release()
    assert.equal((await staying).resource.name, 1)
  })

  it('takes nothing back from who was served before', async () => {
    const { pool, lease } = await held()
    const gone = new AbortController()
    const waiting = pool.acquire({ signal: gone.signal })
    lease.release()
    gone.abort()
    assert.deepEqual([(await waiting).resource.name, pool.leased], [1, 1])
  })

  it('is not listened to any more once the wait is over', async () => {
    const { pool, lease } = await held()
    const { signal } = new AbortController()
    const listening = (): number => getEventListeners(signal, 'abort').length
    const waits = [pool.acquire({ signal }), pool.acquire({ signal, timeoutMillis: 5 })]
    assert.equal(listening(), 1)
    lease.release()
    const served = await waits[0]
    await rejection(waits[1] as Promise<unknown>)
    served?.release()
    const at = await pool.acquire({ signal })
    at.release()
    assert.equal(listening(), 0)
  })

  it('gives up an attempt to open that nobody else waits for in vain: what comes is kept for the next', async () => {
    const supply = new Supply()
    const pool = supply.pool({ open: async () => (await sleep(10), supply.open()) })
    const gone = new AbortController()
    const leaving = rejection(pool.acquire({ signal: gone.signal }))
    gone.abort()
    await leaving
    await sleep(50)
    assert.equal((await pool.acquire()).resource.name, 1)
  })
})

describe('the queue', () => {
  it('takes no more than may wait', async () => {
    const { pool, lease } = await held({ maxWaiting: 2 })
    const waits = [pool.acquire(), pool.acquire()]
    const { code, message } = await rejection(pool.acquire())
    assert.deepEqual([code, pool.waiting], ['queue_full', 2])
    assert.match(message, /^no resource is free, and no more than 2 may wait for one: 1 of 1 leased, 2 others waiting/)
    lease.release()
    const first = await waits[0]
    first?.release()
    await waits[1]
  })

  it('serves who came first, also when some have left', async () => {
    const { pool, lease } = await held()
    const served: number[] = []
    const gone = new AbortController()
    const waits = Array.from({ length: 6 }, async (_, at) => {
      const got = await pool.acquire(at % 2 === 1 ? { signal: gone.signal } : {}).catch(() => undefined)
      if (got) served.push(at)
      got?.release()
    })
    gone.abort()
    lease.release()
    await Promise.all(waits)
    assert.deepEqual(served, [0, 2, 4])
  })

  it('keeps for a lane what is reserved for it', async () => {
    const lanes = [
      { name: 'batch', reserved: 0 },
      { name: 'health', reserved: 1 },
    ]
    const pool = new Supply().pool({ max: 2, lanes })
    const worker = await pool.acquire()
    const second = pool.acquire({ lane: 'batch' })
    const probe = await pool.acquire({ lane: 'health' })
    assert.equal(await stateOf(second), 'pending')
    worker.release()
    const lease = await second
    probe.release()
    lease.release()
    const { code, message } = await rejection((async () => pool.acquire({ lane: 'urgent' }))())
    assert.deepEqual([code, message], ['bad_configuration', 'pool: there is no lane "urgent", only "batch", "health"'])
  })

  it('refuses some under overload, so that the rest is served in time', async () => {
    const { pool, lease } = await held({ shedding: { targetMillis: 5, intervalMillis: 20 } })
    const { code } = await rejection(pool.acquire())
    assert.equal(code, 'overloaded')
    lease.release()
    assert.equal((await pool.acquire()).resource.name, 1)
  })
})

describe('a pool of what can not be opened', () => {
  const down = new Error('connection refused')
  const failing = (): never => {
    throw down
  }

  it('tells those who wait, with what open has thrown', async () => {
    for (const open of [failing, () => Promise.reject(down)]) {
      const pool = new Supply().pool({ open })
      const error = await rejection(pool.acquire())
      assert.deepEqual([error.code, error.message], ['server_connect_failed', 'connection refused'])
      assert.equal(error.cause, down)
    }
  })

  it('makes an error of whatever was thrown', async () => {
    const supply = new Supply()
    const open = async (): Promise<Thing> => {
      AbortSignal.abort('no route').throwIfAborted()
      return supply.open()
    }
    const pool = supply.pool({ open })
    assert.equal((await rejection(pool.acquire())).message, 'no route')
  })

  it('lets them wait where it was told so, and serves them when it can', async () => {
    const supply = new Supply()
    let failures = 0
    const open = (): Thing => (++failures < 3 ? failing() : supply.open())
    const pool = supply.pool({ open, waitWhenDown: true })
    const lease = await pool.acquire()
    assert.deepEqual([lease.resource.name, pool.snapshot().counters.openFailures], [1, 2])
  })

  it('says so to whoever has waited in vain', async () => {
    const pool = new Supply().pool({ open: failing, waitWhenDown: true, acquireTimeoutMillis: 30 })
    const { code, shortage, message, cause } = (await rejection(pool.acquire())) as TaxirankError
    assert.deepEqual([code, shortage?.reason, (cause as Error).message], ['acquire_timeout', 'down', down.message])
    assert.match(message, /; the last attempt to open one failed: connection refused$/)
  })

  it('makes no more than one attempt at a time, and pauses between them, where they wait', async () => {
    let [underWay, most, attempts] = [0, 0, 0]
    const open = async (): Promise<never> => {
      attempts++
      most = Math.max(most, ++underWay)
      await sleep(1)
      underWay--
      throw down
    }
    const pool = new Supply().pool({ open, waitWhenDown: true, acquireTimeoutMillis: 300 })
    await Promise.all(Array.from({ length: 50 }, () => rejection(pool.acquire())))
    assert.equal(most, 1)
    assert.ok(attempts <= 5, `${attempts} attempts within 300 ms`)
  })

  it('keeps who holds what is open, and serves the others with that', async () => {
    const supply = new Supply()
    let isDown = false
    const pool = supply.pool({ max: 2, open: () => (isDown ? failing() : supply.open()) })
    const lease = await pool.acquire()
    isDown = true
    const waiting = pool.acquire()
    await sleep(20)
    assert.equal(await stateOf(waiting), 'pending')
    lease.release()
    assert.equal((await waiting).resource.name, 1)
  })
})
