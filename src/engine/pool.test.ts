import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { TaxirankError } from '../errors.ts'
import type { Lease, LeaseMode, Slot } from './lease.ts'
import { Pool, type PoolOptions } from './pool.ts'
import { type Caller, Waiter } from './waiter.ts'

const shutdown = new TaxirankError('admin_shutdown', 'the pool is shut down')
const unreachable = new TaxirankError('server_connect_failed', 'connection refused')
const rejected = new TaxirankError('server_connect_failed', 'no such role')

/** A caller that notes what it is told. */
class Asker implements Caller<string> {
  readonly name: string
  readonly waiter = new Waiter<string>(this)
  readonly told: string[] = []
  lease: Lease<string> | undefined
  onGrant: (lease: Lease<string>) => void = () => undefined
  onRefusal: () => void = () => undefined

  constructor(name: string, mode: LeaseMode = 'exclusive', stateKey = 0) {
    this.name = name
    this.waiter.mode = mode
    this.waiter.stateKey = stateKey
  }

  granted(lease: Lease<string>): void {
    this.lease = lease
    this.told.push(`granted ${lease.resource}`)
    this.onGrant(lease)
  }

  refused(error: TaxirankError): void {
    this.told.push(`refused ${error.message}`)
    this.onRefusal()
  }
}

describe('Pool', () => {
  let pool: Pool<string>
  let opening: Slot<string>[]
  let closing: { slot: Slot<string>; reason: string }[]

  function makePool(options: Partial<PoolOptions<string>> = {}): void {
    opening = []
    closing = []
    pool = new Pool<string>({
      noun: 'server',
      maxSize: 2,
      waitTimeoutMs: 0,
      retryMaxMs: 15_000,
      sharedDepth: 1,
      open: (slot) => opening.push(slot),
      close: (slot, reason) => closing.push({ slot, reason }),
      ...options,
    })
  }

  beforeEach(() => makePool())

  /** Asks, and notes a lease that is given at once as if it had been granted. */
  function ask(asker: Asker, now = 0): Asker {
    const lease = pool.acquire(asker.waiter, now)
    if (lease) asker.granted(lease)
    return asker
  }

  /** Opens what the pool asked for first. */
  function open(name: string, stateKey = 0, now = 0): Slot<string> {
    const slot = opening.shift() as Slot<string>
    slot.stateKey = stateKey
    pool.opened(slot, name, now)
    return slot
  }

  /** Makes the pool own idle resources of these names and keys, the last of them used most recently. */
  function fill(...resources: [name: string, stateKey?: number][]): void {
    const askers = resources.map(([name]) => ask(new Asker(name)))
    for (const [name, stateKey] of resources) open(name, stateKey)
    for (const asker of askers) giveBack(asker)
  }

  function giveBack(asker: Asker, now = 0): void {
    pool.release(asker.lease as Lease<string>, now)
  }

  function figures() {
    const { waiting, opening: attempts, idle, leased, closing: leaving, size } = pool
    return { waiting, opening: attempts, idle, leased, closing: leaving, size }
  }

  const empty = { waiting: 0, opening: 0, idle: 0, leased: 0, closing: 0, size: 0 }

  describe('lending', () => {
    it('opens a resource for a caller who finds none, and lends it when it is open', () => {
      const asker = ask(new Asker('a'))
      assert.deepEqual(figures(), { ...empty, waiting: 1, opening: 1, size: 1 })
      assert.deepEqual(asker.told, [])
      open('one')
      assert.deepEqual(asker.told, ['granted one'])
      assert.deepEqual(figures(), { ...empty, leased: 1, size: 1 })
    })

    it('lends an idle resource at once, without calling back', () => {
      fill(['one'])
      const lease = pool.acquire(new Asker('a').waiter, 7)
      assert.deepEqual([lease?.resource, lease?.mode, lease?.grantedAtMs, lease?.isHeld], ['one', 'exclusive', 7, true])
      assert.deepEqual(figures(), { ...empty, leased: 1, size: 1 })
    })

    it('lends an idle resource to the longest waiting caller', () => {
      makePool({ maxSize: 1 })
      const holder = ask(new Asker('holder'))
      const first = ask(new Asker('first'))
      const second = ask(new Asker('second'))
      open('one')
      giveBack(holder)
      assert.deepEqual([first.told, second.told], [['granted one'], []])
      giveBack(first)
      assert.deepEqual(second.told, ['granted one'])
    })

    it('gives whatever is free first to whoever has waited longest, not what was opened for them', () => {
      const holder = ask(new Asker('holder'))
      open('one')
      const asker = ask(new Asker('a'))
      giveBack(holder)
      assert.deepEqual(asker.told, ['granted one'])
      open('two')
      assert.deepEqual(figures(), { ...empty, idle: 1, leased: 1, size: 2 })
    })

    it('lets nobody overtake a caller who waits', () => {
      makePool({ maxSize: 1 })
      const holder = ask(new Asker('holder'))
      open('one')
      const order: string[] = []
      const late = new Asker('late')
      for (const name of ['first', 'second']) {
        const asker = ask(new Asker(name))
        asker.onGrant = (lease) => {
          order.push(name)
          if (name === 'first') assert.equal(pool.acquire(late.waiter, 0), undefined)
          pool.release(lease, 0)
        }
      }
      late.onGrant = () => order.push('late')
      giveBack(holder)
      assert.deepEqual(order, ['first', 'second', 'late'])
    })

    it('serves any number of callers who give back at once, without recursion', () => {
      makePool({ maxSize: 1 })
      const holder = ask(new Asker('holder'))
      const askers = Array.from({ length: 20_000 }, (_, index) => ask(new Asker(String(index))))
      for (const asker of askers) asker.onGrant = (lease) => pool.release(lease, 0)
      open('one')
      giveBack(holder)
      assert.ok(askers.every(({ told }) => told.length === 1))
      assert.deepEqual(figures(), { ...empty, idle: 1, size: 1 })
    })

    it('lends the most recently used resource', () => {
      fill(['one'], ['two'])
      assert.deepEqual(ask(new Asker('a')).told, ['granted two'])
    })

    it('prefers a resource whose state key is the same', () => {
      makePool({ maxSize: 3 })
      fill(['one', 1], ['two', 2], ['three', 3])
      assert.deepEqual(ask(new Asker('a', 'exclusive', 1)).told, ['granted one'])
      assert.deepEqual(ask(new Asker('b', 'exclusive', 9)).told, ['granted three'])
      assert.deepEqual(ask(new Asker('c', 'exclusive', 0)).told, ['granted two'])
    })

    it('looks for the state key among the 32 most recently used, and no further', () => {
      makePool({ maxSize: 40 })
      fill(...Array.from({ length: 40 }, (_, index): [string, number] => [`server ${index}`, index + 1]))
      assert.deepEqual(ask(new Asker('too far', 'exclusive', 8)).told, ['granted server 39'])
      assert.deepEqual(ask(new Asker('near', 'exclusive', 8)).told, ['granted server 7'])
    })

    it('takes a lease back once', () => {
      fill(['one'])
      const asker = ask(new Asker('a'))
      giveBack(asker)
      assert.equal(asker.lease?.isHeld, false)
      assert.throws(() => giveBack(asker), { message: 'taxirank bug: a lease is given back once' })
    })

    it('queues a waiter once', () => {
      const asker = ask(new Asker('a'))
      assert.throws(() => pool.acquire(asker.waiter, 0), { message: 'taxirank bug: a waiter queues once' })
    })
  })

  describe('size', () => {
    it('opens as many as there are callers waiting, up to the maximum', () => {
      const counts = ['a', 'b', 'c'].map((name) => {
        ask(new Asker(name))
        return opening.length
      })
      assert.deepEqual(counts, [1, 2, 2])
      assert.deepEqual(figures(), { ...empty, waiting: 3, opening: 2, size: 2 })
    })

    it('has room for at least one resource', () => {
      assert.throws(() => makePool({ maxSize: 0 }), {
        message: 'taxirank bug: a pool has room for at least one resource',
      })
    })

    it('counts a resource until it is closed, and then opens one for whoever waits', () => {
      makePool({ maxSize: 1 })
      fill(['one'])
      const holder = ask(new Asker('holder'))
      ask(new Asker('a'))
      pool.destroy((holder.lease as Lease<string>).slot, 'because')
      assert.deepEqual(figures(), { ...empty, waiting: 1, closing: 1, size: 1 })
      assert.deepEqual(
        closing.map(({ slot, reason }) => [slot.resource, reason]),
        [['one', 'because']],
      )
      pool.closed((closing[0] as { slot: Slot<string> }).slot, 0)
      assert.deepEqual(figures(), { ...empty, waiting: 1, opening: 1, size: 1 })
    })

    it('takes a resource that answers at once', () => {
      makePool({ open: (slot) => pool.opened(slot, 'prompt', 0) })
      assert.deepEqual(ask(new Asker('a')).told, ['granted prompt'])
      assert.deepEqual(figures(), { ...empty, leased: 1, size: 1 })
    })
  })

  describe('leaving the queue', () => {
    it('forgets a waiter that cancels, and tells nobody', () => {
      const [first, second] = [ask(new Asker('first')), ask(new Asker('second'))]
      assert.deepEqual([pool.cancel(first.waiter, 0), pool.cancel(first.waiter, 0)], [true, false])
      open('one')
      assert.deepEqual([first.told, second.told], [[], ['granted one']])
    })

    it('keeps what was being opened for a waiter that cancelled', () => {
      const asker = ask(new Asker('a'))
      pool.cancel(asker.waiter, 0)
      open('one')
      assert.deepEqual(figures(), { ...empty, idle: 1, size: 1 })
    })

    it('refuses whoever has waited for the limit, with the figures', () => {
      makePool({ waitTimeoutMs: 5_000 })
      const holders = [ask(new Asker('x')), ask(new Asker('y'))]
      open('one')
      open('two')
      const [early, late] = [ask(new Asker('early'), 1_000), ask(new Asker('late'), 2_000)]
      pool.advance(5_999)
      assert.deepEqual([early.told, pool.longestWaitMs(5_999)], [[], 4_999])
      pool.advance(6_000)
      const text = 'no server became free within 5,000 ms: 2 of 2 leased, 1 others waiting, oldest lease 6.0 s'
      assert.deepEqual([early.told, late.told, pool.longestWaitMs(6_000)], [[`refused ${text}`], [], 4_000])
      for (const holder of holders) giveBack(holder, 6_000)
      assert.deepEqual(late.told, ['granted one'])
    })

    it('names the last failure when it refuses for want of time', () => {
      makePool({ waitTimeoutMs: 50 })
      const asker = ask(new Asker('a'))
      let error: TaxirankError | undefined
      asker.refused = (refusal) => (error = refusal)
      pool.openFailed(opening[0] as Slot<string>, unreachable, false, 10)
      pool.advance(50)
      const text = 'no server became free within 50 ms: 0 of 2 leased, 0 others waiting'
      const { code, message, cause } = error as unknown as TaxirankError
      assert.deepEqual(
        { code, message, cause },
        {
          code: 'acquire_timeout',
          message: `${text}; the last attempt to open one failed: connection refused`,
          cause: unreachable,
        },
      )
    })

    it('lets callers wait for ever when there is no limit', () => {
      const asker = ask(new Asker('a'))
      pool.advance(1e12)
      assert.deepEqual([asker.told, pool.waiting], [[], 1])
    })
  })

  describe('failures to open', () => {
    /** Fails what is being opened, and returns how long it takes until the next attempt. */
    function pauseAfterFailure(now: number): number {
      for (const slot of opening.splice(0)) pool.openFailed(slot, unreachable, false, now)
      for (let waited = 0; ; waited += 50) {
        pool.advance(now + waited)
        if (opening.length > 0) return waited
      }
    }

    it('tries again after 100 ms, then after twice as long each time, up to the longest pause', () => {
      makePool({ retryMaxMs: 1_000 })
      ask(new Asker('a'))
      let now = 0
      const pauses = Array.from({ length: 6 }, () => {
        const pause = pauseAfterFailure(now)
        now += pause
        return pause
      })
      assert.deepEqual(pauses, [100, 200, 400, 800, 1_000, 1_000])
    })

    it('counts attempts that fail together as one failure', () => {
      makePool({ maxSize: 10 })
      for (let asked = 0; asked < 10; asked++) ask(new Asker(String(asked)))
      assert.equal(opening.length, 10)
      assert.equal(pauseAfterFailure(0), 100)
      assert.equal(pauseAfterFailure(100), 200)
    })

    it('makes one attempt at a time until one has succeeded, then as many as are needed', () => {
      makePool({ maxSize: 3 })
      const askers = ['a', 'b', 'c'].map((name) => ask(new Asker(name)))
      pauseAfterFailure(0)
      assert.deepEqual([opening.length, pool.lastFailure], [1, unreachable])
      open('one', 0, 100)
      assert.deepEqual([opening.length, pool.lastFailure], [2, undefined])
      assert.deepEqual(
        askers.map(({ told }) => told),
        [['granted one'], [], []],
      )
    })

    it('starts with the shortest pause again after a success', () => {
      ask(new Asker('a'))
      pauseAfterFailure(0)
      pauseAfterFailure(1_000)
      open('one', 0, 2_000)
      ask(new Asker('b'), 2_000)
      assert.equal(pauseAfterFailure(2_000), 100)
    })

    it('keeps callers waiting when nobody answered', () => {
      const asker = ask(new Asker('a'))
      pool.openFailed(opening[0] as Slot<string>, unreachable, false, 0)
      assert.deepEqual([asker.told, figures()], [[], { ...empty, waiting: 1 }])
    })

    it('refuses everybody when the answer was no and nothing else could serve them', () => {
      makePool({ maxSize: 1 })
      const askers = [ask(new Asker('a')), ask(new Asker('b'))]
      pool.openFailed(opening[0] as Slot<string>, rejected, true, 0)
      assert.deepEqual(
        askers.map(({ told }) => told),
        [['refused no such role'], ['refused no such role']],
      )
    })

    it('keeps callers waiting when the answer was no but something is leased or being opened', () => {
      const [holder, asker] = [ask(new Asker('holder')), ask(new Asker('a'))]
      open('one')
      pool.openFailed(opening.shift() as Slot<string>, rejected, true, 0)
      assert.deepEqual(asker.told, [])
      giveBack(holder)
      assert.deepEqual(asker.told, ['granted one'])
    })

    it('lets a refused caller ask again at once', () => {
      const asker = ask(new Asker('a'))
      asker.onRefusal = () => ask(asker)
      pool.openFailed(opening[0] as Slot<string>, rejected, true, 0)
      assert.deepEqual([asker.told, pool.waiting], [['refused no such role'], 1])
    })
  })

  describe('closing', () => {
    it('ends the lease of a resource that is destroyed', () => {
      fill(['one'])
      const holder = ask(new Asker('holder'))
      pool.destroy((holder.lease as Lease<string>).slot, 'because')
      assert.equal(holder.lease?.isHeld, false)
      assert.throws(() => giveBack(holder), { message: 'taxirank bug: a lease is given back once' })
    })

    it('ends the lease of a resource that is lost, and never lends that again', () => {
      fill(['one'])
      const holder = ask(new Asker('holder'))
      pool.closed((holder.lease as Lease<string>).slot, 0)
      assert.deepEqual([holder.lease?.isHeld, figures()], [false, empty])
      assert.throws(() => giveBack(holder), { message: 'taxirank bug: a lease is given back once' })
      assert.deepEqual(figures(), empty)
    })

    it('closes a resource once, however often it is destroyed', () => {
      fill(['one'])
      const { slot } = ask(new Asker('a')).lease as Lease<string>
      pool.destroy(slot, 'first')
      pool.destroy(slot, 'second')
      pool.closed(slot, 0)
      pool.destroy(slot, 'third')
      assert.deepEqual(
        closing.map(({ reason }) => reason),
        ['first'],
      )
    })

    it('lends nothing that comes open after it was given up', () => {
      const asker = ask(new Asker('a'))
      const slot = opening[0] as Slot<string>
      pool.destroy(slot, 'too slow')
      pool.opened(slot, 'late', 0)
      assert.deepEqual([asker.told, pool.isClosing(slot)], [[], true])
    })
  })

  describe('the end', () => {
    it('refuses who waits, closes what is idle or opening now and what is leased when it comes back', () => {
      makePool({ maxSize: 4 })
      fill(['one'], ['two'])
      const holder = ask(new Asker('holder'))
      ask(new Asker('other'))
      const [first, second] = [ask(new Asker('first')), ask(new Asker('second'))]
      giveBack(holder)
      pool.end(shutdown)
      assert.deepEqual([first.told.length, second.told], [1, ['refused the pool is shut down']])
      assert.deepEqual(figures(), { ...empty, leased: 2, closing: 2, size: 4 })
      giveBack(first)
      assert.deepEqual(figures(), { ...empty, leased: 1, closing: 3, size: 4 })
      assert.deepEqual([...new Set(closing.map(({ reason }) => reason))], ['the pool has ended'])
    })

    it('refuses at once from then on, also who could share, and opens nothing', () => {
      makePool({ sharedDepth: 2 })
      const holder = ask(new Asker('holder', 'shared', 1))
      open('one', 1)
      pool.end(shutdown)
      const askers = [ask(new Asker('a')), ask(new Asker('b', 'shared', 1))]
      pool.advance(1_000)
      assert.deepEqual(
        askers.map(({ told }) => told),
        [['refused the pool is shut down'], ['refused the pool is shut down']],
      )
      assert.deepEqual([pool.isEnded, opening.length, holder.lease?.isHeld], [true, 0, true])
    })
  })

  describe('sharing', () => {
    beforeEach(() => makePool({ maxSize: 1, sharedDepth: 2 }))

    it('lends one resource to as many as may share it, if their state key is its own', () => {
      const askers = [1, 1, 1, 2].map((key) => new Asker(`key ${key}`, 'shared', key))
      ask(askers[0] as Asker)
      open('one', 1)
      for (const asker of askers.slice(1)) ask(asker)
      assert.deepEqual(
        askers.map(({ told }) => told),
        [['granted one'], ['granted one'], [], []],
      )
      assert.deepEqual(figures(), { ...empty, waiting: 2, leased: 1, size: 1 })
    })

    it('prefers an idle resource to sharing one', () => {
      makePool({ maxSize: 2, sharedDepth: 2 })
      fill(['one', 1], ['two', 1])
      const askers = ['a', 'b', 'c'].map((name) => ask(new Asker(name, 'shared', 1)))
      assert.deepEqual(
        askers.map(({ told }) => told),
        [['granted two'], ['granted one'], ['granted two']],
      )
    })

    it('lets nobody share what is leased exclusively', () => {
      ask(new Asker('holder', 'exclusive', 1))
      open('one', 1)
      assert.deepEqual(ask(new Asker('a', 'shared', 1)).told, [])
    })

    it('serves a waiter that can share as soon as one of the holders leaves', () => {
      const holders = ['a', 'b'].map((name) => ask(new Asker(name, 'shared', 1)))
      open('one', 1)
      const waiting = ask(new Asker('c', 'shared', 1))
      assert.deepEqual(
        holders.map(({ told }) => told),
        [['granted one'], ['granted one']],
      )
      giveBack(holders[0] as Asker)
      assert.deepEqual(waiting.told, ['granted one'])
    })

    it('adds no followers while somebody waits who needs the resource alone', () => {
      const holder = ask(new Asker('holder', 'shared', 1))
      open('one', 1)
      const alone = ask(new Asker('alone', 'exclusive', 1))
      const follower = ask(new Asker('follower', 'shared', 1))
      assert.deepEqual([alone.told, follower.told], [[], []])
      giveBack(holder)
      assert.deepEqual([alone.told, follower.told], [['granted one'], []])
    })

    it('is free again when the last holder has left', () => {
      const holders = ['a', 'b'].map((name) => ask(new Asker(name, 'shared', 1)))
      open('one', 1)
      giveBack(holders[0] as Asker)
      assert.deepEqual(figures(), { ...empty, leased: 1, size: 1 })
      giveBack(holders[1] as Asker)
      assert.deepEqual(figures(), { ...empty, idle: 1, size: 1 })
    })

    it('ends all leases of a shared resource that is destroyed', () => {
      const holders = ['a', 'b'].map((name) => ask(new Asker(name, 'shared', 1)))
      const slot = open('one', 1)
      pool.destroy(slot, 'because')
      for (const holder of holders) {
        assert.equal(holder.lease?.isHeld, false)
        assert.throws(() => giveBack(holder), { message: 'taxirank bug: a lease is given back once' })
      }
      assert.deepEqual(figures(), { ...empty, closing: 1, size: 1 })
    })
  })
})
