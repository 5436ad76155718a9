import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gate, rejection, stateOf, Supply, turn } from '../../test/support/supply.ts'

describe('drain', () => {
  it('refuses those who wait and those who come, and waits for those who hold', async () => {
    const supply = new Supply()
    const pool = supply.pool({ max: 1 })
    const lease = await pool.acquire()
    const waiting = rejection(pool.acquire())
    const drained = pool.drain()
    const refusals = await Promise.all([waiting, rejection(pool.acquire()), rejection(pool.use(() => undefined))])
    assert.deepEqual(
      refusals.map(({ code }) => code),
      ['admin_shutdown', 'admin_shutdown', 'admin_shutdown'],
    )
    assert.equal(await stateOf(drained), 'pending')
    lease.release()
    assert.deepEqual(await drained, { stragglers: [] })
    assert.deepEqual([supply.size, pool.size, pool.snapshot().state], [0, 0, 'ended'])
  })

  it('serves those who wait already, where it is told so', async () => {
    const pool = new Supply().pool({ max: 1 })
    const lease = await pool.acquire()
    const waiting = pool.use(() => 'served')
    const drained = pool.drain({ waiting: 'serve' })
    lease.release()
    assert.equal(await waiting, 'served')
    assert.deepEqual(await drained, { stragglers: [] })
  })

  it('names at its deadline who holds a lease still, the longest first, and takes it from them', async () => {
    const supply = new Supply()
    const pool = supply.pool({ leakDetectionMillis: 60_000 })
    const first = await pool.acquire()
    await sleep(5)
    await pool.acquire()
    const from = performance.now()
    const { stragglers } = await pool.drain({ deadline: 30 })
    assert.ok(performance.now() - from >= 29, 'not before its time')
    assert.equal(stragglers.length, 2)
    const [longest, other] = stragglers.map(({ heldMillis }) => heldMillis)
    assert.ok((longest ?? 0) > (other ?? 0) && (other ?? 0) >= 29)
    for (const { stack } of stragglers) assert.match(stack, /ending\.test\.ts:\d+/)
    assert.equal(supply.size, 0)
    assert.throws(() => first.release(), { code: 'stale_lease' })
  })

  it('says how long they have held it, also where they are not named', async () => {
    const pool = new Supply().pool()
    await pool.acquire()
    const { stragglers } = await pool.drain({ deadline: 10 })
    const [{ heldMillis, ...rest } = {}] = stragglers
    assert.deepEqual([stragglers.length, rest], [1, { site: '', stack: '' }])
    assert.ok(Number(heldMillis) >= 9)
  })

  it('ends before its deadline, once everything is closed', async () => {
    const supply = new Supply()
    const pool = supply.pool()
    await pool.use(() => undefined)
    assert.deepEqual(await pool.drain({ deadline: 60_000 }), { stragglers: [] })
    assert.deepEqual(supply.heard, ['opened 1', 'closed 1: the pool has ended'])
  })

  it('ends when everything is closed, and not while something is being closed', async () => {
    const closing = gate()
    const pool = new Supply().pool({ close: () => closing.promise })
    await pool.use(() => undefined)
    const ended = pool.end()
    assert.equal(await stateOf(ended), 'pending')
    closing.open()
    await ended
  })

  it('is begun once', async () => {
    const pool = new Supply().pool()
    await pool.end()
    const refusals = [await rejection(pool.drain()), await rejection(pool.end())]
    assert.deepEqual(
      refusals.map(({ code }) => code),
      ['admin_shutdown', 'admin_shutdown'],
    )
  })

  it('is what `await using` does at last, unless it was done', async () => {
    const supply = new Supply()
    {
      await using pool = supply.pool()
      await pool.use(() => undefined)
    }
    {
      await using pool = supply.pool()
      await pool.end()
    }
    assert.deepEqual(supply.heard, ['opened 1', 'closed 1: the pool has ended'])
  })

  it('leaves nothing to be done: what is given back or destroyed afterwards is told so', async () => {
    const pool = new Supply().pool()
    const lease = await pool.acquire()
    const drained = pool.drain()
    lease.destroy()
    await drained
    assert.throws(() => lease.release(), { code: 'stale_lease' })
    assert.equal((await rejection(pool.acquire())).code, 'admin_shutdown')
  })
})

describe('resize', () => {
  it('serves more at once', async () => {
    const pool = new Supply().pool({ max: 1 })
    await pool.acquire()
    const waiting = pool.acquire()
    assert.equal(await stateOf(waiting), 'pending')
    pool.resize({ max: 2 })
    assert.equal((await waiting).resource.name, 2)
  })

  it('closes what is too many: idle ones now, leased ones when they come back', async () => {
    const supply = new Supply()
    const pool = supply.pool({ max: 3 })
    const [first, second, third] = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
    first.release()
    pool.resize({ max: 1 })
    await turn()
    assert.deepEqual([pool.leased, pool.size], [2, 2])
    second.release()
    third.release()
    await turn()
    assert.deepEqual([supply.size, pool.idle, pool.size], [1, 1, 1])
  })

  it('takes no sizes that can not be, and changes nothing then', async () => {
    const pool = new Supply().pool({ max: 2, min: 1 })
    for (const sizes of [{ max: 0 }, { min: 3 }, { max: 1.5 }, { min: -1 }]) {
      assert.throws(() => pool.resize(sizes), { code: 'bad_configuration' })
    }
    const { maxSize, minSize } = pool.snapshot()
    assert.deepEqual([maxSize, minSize], [2, 1])
  })
})

describe('a pool that is opened beforehand', () => {
  it('is ready once its minimum is open', async () => {
    const supply = new Supply()
    const opening = gate()
    const pool = supply.pool({ min: 2, prewarm: true, open: async () => (await opening.promise, supply.open()) })
    const ready = Promise.all([pool.ready(), pool.ready()])
    await sleep(20)
    assert.deepEqual([pool.isReady, await stateOf(ready)], [false, 'pending'])
    opening.open()
    await ready
    assert.deepEqual([pool.isReady, pool.idle, supply.size], [true, 2, 2])
    await pool.ready()
  })

  it('is ready though what was opened is lent', async () => {
    const pool = new Supply().pool({ min: 1, prewarm: true })
    await pool.ready()
    await pool.acquire()
    assert.equal(pool.isReady, true)
  })

  it('is opened again where it has failed at first', async () => {
    const supply = new Supply()
    let attempts = 0
    const open = (): ReturnType<Supply['open']> => {
      if (++attempts === 1) throw new Error('connection refused')
      return supply.open()
    }
    const pool = supply.pool({ min: 2, prewarm: true, open })
    await pool.ready()
    assert.deepEqual([pool.idle, pool.snapshot().counters.openFailures], [2, 1])
  })

  it('keeps its minimum when one is lost', async () => {
    const supply = new Supply()
    const pool = supply.pool({ min: 1, prewarm: true })
    await pool.ready()
    const lease = await pool.acquire()
    lease.destroy()
    await pool.ready()
    assert.deepEqual([pool.idle, supply.heard.at(-1)], [1, 'opened 2'])
  })

  it('is ready when it has become as small as what is open', async () => {
    const supply = new Supply()
    const never = new Promise<never>(() => undefined)
    const pool = supply.pool({ max: 2, min: 2, prewarm: true, open: () => (supply.size < 1 ? supply.open() : never) })
    const ready = pool.ready()
    for (let tries = 0; pool.idle < 1 && tries < 200; tries++) await sleep(5)
    assert.equal(await stateOf(ready), 'pending')
    pool.resize({ min: 1 })
    await ready
  })

  it('is ready at once where nothing is to be opened', async () => {
    const supply = new Supply()
    const pool = supply.pool({ min: 3 })
    assert.equal(pool.isReady, true)
    await pool.ready()
    assert.deepEqual(supply.heard, [])
  })
})
