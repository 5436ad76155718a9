import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gate, rejection, stateOf, Supply, type Thing, turn } from '../../test/support/supply.ts'
import { createPool, type PoolLease, ResourcePool } from './resource-pool.ts'

const stale = { code: 'stale_lease' }

describe('createPool', () => {
  it('makes a pool of anything, also of what is no object', async () => {
    let opened = 0
    const pool = createPool({ open: () => opened++ })
    assert.ok(pool instanceof ResourcePool)
    const leases = await Promise.all([pool.acquire(), pool.acquire()])
    assert.deepEqual(
      leases.map(({ resource }) => resource),
      [0, 1],
    )
    const nothing = createPool({ open: (): undefined => undefined })
    assert.equal(await nothing.use((resource) => String(resource)), 'undefined')
  })

  it('refuses options that can not be', () => {
    assert.throws(() => new Supply().pool({ max: 0 }), { code: 'bad_configuration' })
  })

  it('opens nothing that nobody asks for', async () => {
    const supply = new Supply()
    supply.pool({ min: 2 })
    await sleep(10)
    assert.deepEqual(supply.heard, [])
  })
})

describe('a lease', () => {
  it('is given back by release, and lent to the next', async () => {
    const supply = new Supply()
    const pool = supply.pool()
    for (let turn = 0; turn < 3; turn++) {
      const lease = await pool.acquire()
      assert.deepEqual([lease.resource.name, pool.leased, pool.idle], [1, 1, 0])
      lease.release()
      assert.deepEqual([pool.leased, pool.idle, pool.size], [0, 1, 1])
    }
    assert.deepEqual(supply.heard, ['opened 1'])
  })

  it('is given back once: whoever comes again is told, and takes it from nobody', async () => {
    const pool = new Supply().pool({ max: 1 })
    const lease = await pool.acquire()
    lease.release()
    const next = await pool.acquire()
    for (const late of [() => lease.release(), () => lease.destroy(), () => lease.resource]) assert.throws(late, stale)
    assert.deepEqual([next.resource.isOpen, pool.leased, pool.snapshot().counters.staleUses], [true, 1, 3])
  })

  it('is closed by destroy, with the holder’s reason, and its place is free', async () => {
    const supply = new Supply()
    const pool = supply.pool({ max: 1 })
    const [first, second] = [await pool.acquire(), pool.acquire()]
    first.destroy('it is broken')
    assert.throws(() => first.destroy(), stale)
    const { resource } = await second
    assert.deepEqual([resource.name, supply.heard], [2, ['opened 1', 'closed 1: it is broken', 'opened 2']])
  })

  it('is given back by itself where `await using` ends, also when something is thrown', async () => {
    const pool = new Supply().pool({ max: 1 })
    const work = async (): Promise<void> => {
      await using lease = await pool.acquire()
      assert.equal(lease.resource.isOpen, true)
      throw new Error('work has failed')
    }
    assert.equal((await rejection(work())).message, 'work has failed')
    assert.deepEqual([pool.leased, pool.idle], [0, 1])
  })

  it('may have been given back, or destroyed, before `await using` ends', async () => {
    const supply = new Supply()
    const pool = supply.pool({ max: 1 })
    let other: PoolLease<Thing> | undefined
    {
      await using lease = await pool.acquire()
      lease.release()
      other = await pool.acquire()
    }
    assert.equal(other.resource.isOpen, true)
    {
      using lease = other
      lease.destroy()
    }
    await turn()
    assert.deepEqual([pool.leased, pool.size, supply.size], [0, 0, 0])
  })
})

describe('use', () => {
  it('lends until the work is done, and gives what came of it', async () => {
    const pool = new Supply().pool()
    const done = gate()
    const using = pool.use(async ({ name }) => {
      await done.promise
      return `by ${name}`
    })
    await sleep(1)
    assert.equal(pool.leased, 1)
    done.open()
    assert.deepEqual([await using, pool.leased, pool.idle], ['by 1', 0, 1])
  })

  it('gives back what work has failed with, whether it throws or rejects', async () => {
    const pool = new Supply().pool()
    const throwing = (): never => {
      throw new Error('thrown')
    }
    const messages = [
      await rejection(pool.use(throwing)),
      await rejection(pool.use(() => Promise.reject(new Error('rejected')))),
    ].map(({ message }) => message)
    assert.deepEqual([messages, pool.leased, pool.idle], [['thrown', 'rejected'], 0, 1])
  })

  it('waits no longer than it is told', async () => {
    const pool = new Supply().pool({ max: 1 })
    await pool.acquire()
    const { code } = await rejection(pool.use(() => assert.fail('nothing is free'), { timeoutMillis: 5 }))
    assert.equal(code, 'acquire_timeout')
  })
})

describe('a pool', () => {
  it('never has more open than its maximum, and serves everybody in the order in which they came', async () => {
    const supply = new Supply()
    const pool = supply.pool({ max: 5 })
    const served: number[] = []
    const callers = Array.from({ length: 200 }, async (_, caller) => {
      const lease = await pool.acquire()
      served.push(caller)
      assert.ok(pool.leased <= 5)
      if (caller % 3 === 0) await sleep(1)
      if (caller % 7 === 0) lease.destroy()
      else lease.release()
    })
    await Promise.all(callers)
    assert.deepEqual(served, [...callers.keys()])
    assert.deepEqual([supply.most, pool.leased, pool.waiting], [5, 0, 0])
  })

  it('serves 10,000 who ask at once', async () => {
    const supply = new Supply()
    const pool = supply.pool({ max: 10, acquireTimeoutMillis: 60_000 })
    let uses = 0
    await Promise.all(Array.from({ length: 10_000 }, () => pool.use(async () => void uses++)))
    const { leases, timedOut } = pool.snapshot().counters
    assert.deepEqual([uses, leases, timedOut, supply.most, pool.idle], [10_000, 10_000, 0, 10, 10])
  })

  it('leaves it to others what a caller does who is served', async () => {
    const pool = new Supply().pool({ max: 1 })
    const holder = await pool.acquire()
    const thrower = pool.acquire().then(() => {
      throw new Error('a caller has failed')
    })
    const next = pool.acquire()
    holder.release()
    assert.equal((await rejection(thrower)).message, 'a caller has failed')
    assert.equal(await stateOf(next), 'pending')
  })

  it('shows its figures in a snapshot, and as text for Prometheus', async () => {
    const pool = new Supply().pool({ name: 'orders', max: 3, min: 1 })
    const [first] = await Promise.all([pool.acquire(), pool.acquire()])
    first.release()
    const { name, state, maxSize, minSize, slots, waiting } = JSON.parse(JSON.stringify(pool.snapshot()))
    assert.deepEqual([name, state, maxSize, minSize, waiting], ['orders', 'open', 3, 1, 0])
    assert.deepEqual([slots.idle, slots.leased], [1, 1])
    assert.match(pool.prometheus(), /^# TYPE /m)
    assert.match(pool.prometheus(), /pool="orders"/)
  })

  it('closes what was idle for long, but for its minimum', async () => {
    const supply = new Supply()
    const pool = supply.pool({ max: 3, min: 1, idleTimeoutMillis: 20 })
    const leases = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
    for (const lease of leases) lease.release()
    for (let tries = 0; pool.size > 1 && tries < 200; tries++) await sleep(10)
    assert.equal(supply.size, 1)
    const reasons = supply.heard.slice(3).map((text) => text.replace(/^closed \d: /, ''))
    assert.deepEqual(reasons, ['it has been idle for long', 'it has been idle for long'])
  })

  it('closes what is older than it may become', async () => {
    const supply = new Supply()
    const pool = supply.pool({ maxLifetimeMillis: 20 })
    await pool.use(() => undefined)
    for (let tries = 0; pool.size > 0 && tries < 200; tries++) await sleep(10)
    assert.deepEqual(supply.heard, ['opened 1', 'closed 1: its lifetime is over'])
  })

  it('closes everything that is open, once it is retired: what is leased when it comes back', async () => {
    const supply = new Supply()
    const pool = supply.pool()
    const [first, second] = await Promise.all([pool.acquire(), pool.acquire()])
    first.release()
    pool.retireAll()
    await turn()
    assert.deepEqual([pool.size, second.resource.isOpen], [1, true])
    second.release()
    assert.deepEqual(supply.heard, ['opened 1', 'opened 2', 'closed 1: it is retired', 'closed 2: it is retired'])
  })
})
