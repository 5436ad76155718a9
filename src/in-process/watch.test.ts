import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { rejection, Supply } from '../../test/support/supply.ts'
import { Recording } from '../metrics/recording.ts'

type Said = Record<string, unknown>

/** What a channel says of the pool called `orders` while `work` is done; times are replaced by whether they are numbers. */
async function hear(channel: string, work: () => Promise<void>): Promise<Said[]> {
  const heard: Said[] = []
  const listen = (message: unknown): void => {
    const said = message as Said
    if (said['pool'] !== 'orders') return
    const times = Object.entries(said).map(([key, value]) => [key, key.endsWith('Ms') ? typeof value : value] as const)
    heard.push(Object.fromEntries(times))
  }
  subscribe(`taxirank:pool:${channel}`, listen)
  try {
    await work()
  } finally {
    unsubscribe(`taxirank:pool:${channel}`, listen)
  }
  return heard
}

describe('the diagnostics channels', () => {
  it('say who has got a lease, and who has given one back', async () => {
    const lanes = [
      { name: 'batch', reserved: 0 },
      { name: 'health', reserved: 1 },
    ]
    const pool = new Supply().pool({ name: 'orders', lanes })
    const lend = async (): Promise<void> => {
      const lease = await pool.acquire({ lane: 'health' })
      lease.release()
    }
    const common = { pool: 'orders', waitedMs: 'number', holder: '', lane: 'health' }
    assert.deepEqual(await hear('acquire', lend), [common])
    assert.deepEqual(await hear('release', lend), [{ ...common, heldMs: 'number' }])
  })

  it('say who has got none, and why', async () => {
    const pool = new Supply().pool({ name: 'orders', max: 1 })
    await pool.acquire()
    let error: Error | undefined
    const common = { pool: 'orders', waitedMs: 'number', holder: '', lane: '' }
    const refused = await hear('refuse', async () => {
      error = await rejection(pool.acquire({ timeoutMillis: 5 }))
    })
    const [{ error: told, ...rest } = {}] = refused
    assert.deepEqual([refused.length, rest, (told as Error).message], [1, common, error?.message])
    const gone = new AbortController()
    const left = await hear('refuse', async () => {
      const waiting = rejection(pool.acquire({ signal: gone.signal }))
      gone.abort()
      await waiting
    })
    assert.deepEqual(left, [{ ...common, error: gone.signal.reason as unknown }])
  })

  it('say who has held one for too long', async () => {
    const pool = new Supply().pool({ name: 'orders', leakDetectionMillis: 10 })
    pool.on('leak', () => undefined)
    const leaks = await hear('leak', async () => {
      await pool.acquire()
      await sleep(100)
    })
    const [{ holder, ...rest } = {}] = leaks
    assert.match(String(holder), /\.ts:\d+$/)
    assert.deepEqual([leaks.length, rest], [1, { pool: 'orders', lane: '', heldMs: 'number' }])
  })

  it('say who came with a lease that was over', async () => {
    const pool = new Supply().pool({ name: 'orders' })
    const stale = await hear('stale', async () => {
      const lease = await pool.acquire()
      lease.release()
      assert.throws(() => lease.release(), { code: 'stale_lease' })
      await pool.acquire()
      assert.throws(() => lease.resource, { code: 'stale_lease' })
    })
    assert.deepEqual(
      stale.map(({ number }) => number),
      [1, 1],
    )
    const [nobody, somebody] = stale.map(({ now }) => now as Said | undefined)
    assert.deepEqual([nobody, somebody?.['holder']], [undefined, ''])
  })
})

describe('a recording', () => {
  it('is there once it has begun, with each arrival, wait and hold, and the lanes’ names', async () => {
    const lanes = [
      { name: 'batch', reserved: 0 },
      { name: 'health', reserved: 1 },
    ]
    const pool = new Supply().pool({ max: 2, lanes })
    assert.equal(pool.recording(), undefined)
    pool.record(10)
    const lease = await pool.acquire({ lane: 'health' })
    await pool.acquire()
    await rejection(pool.acquire({ timeoutMillis: 5 }))
    lease.release()
    const { recording, laneNames } = Recording.fromBytes(pool.recording() as Uint8Array)
    assert.deepEqual(laneNames, ['batch', 'health'])
    const entries = [...recording.entries()].map(({ lane, holdMs, waitMs }) => [lane, holdMs >= 0, waitMs >= 0])
    assert.deepEqual(entries, [
      [0, false, true],
      [1, true, true],
    ])
  })

  it('keeps the newest, as many as it was told', async () => {
    const pool = new Supply().pool()
    pool.record(2)
    for (let turn = 0; turn < 5; turn++) {
      const lease = await pool.acquire()
      lease.release()
    }
    const { recording } = Recording.fromBytes(pool.recording() as Uint8Array)
    assert.deepEqual([recording.size, recording.overwritten], [2, 3])
  })

  it('says what the pool was told, how long it was recorded, and how long opening takes', async () => {
    const pool = new Supply().pool({ max: 7, min: 2, acquireTimeoutMillis: 1_500, idleTimeoutMillis: 0 })
    pool.record()
    const lease = await pool.acquire()
    lease.release()
    pool.resize({ max: 8 })
    const { about, recording } = Recording.fromBytes(pool.recording() as Uint8Array)
    const { openMs = NaN, takenAtMs = NaN, startedAtMs = NaN, ...told } = about ?? {}
    assert.deepEqual(told, { maxSize: 8, minSize: 2, waitTimeoutMs: 1_500, idleTimeoutMs: 0 })
    const [entry] = recording.entries()
    const { arrivalMs = NaN } = entry ?? {}
    assert.ok(startedAtMs <= arrivalMs && arrivalMs <= takenAtMs && openMs >= 0)
  })

  it('is forgotten when it is switched off, and begins anew each time', async () => {
    const pool = new Supply().pool()
    const lend = async (): Promise<void> => (await pool.acquire()).release()
    const size = (): number | undefined => {
      const bytes = pool.recording()
      return bytes && Recording.fromBytes(bytes).recording.size
    }
    pool.record(10)
    await lend()
    assert.equal(size(), 1)
    pool.record(0)
    await lend()
    assert.equal(size(), undefined)
    pool.record(10)
    assert.equal(size(), 0)
    await lend()
    pool.record(10)
    assert.equal(size(), 0)
  })

  it('has room for 0 to 10,000,000: anything else is refused, and what is recorded stays', () => {
    const pool = new Supply().pool()
    pool.record(10)
    for (const wrong of [-1, 1.5, NaN, Infinity, 10_000_001, '10', null] as number[]) {
      assert.throws(() => pool.record(wrong), {
        code: 'bad_configuration',
        message: `pool: a recording has room for 0 to 10000000 entries, and not for ${String(wrong)}`,
      })
    }
    assert.notEqual(pool.recording(), undefined)
  })
})
