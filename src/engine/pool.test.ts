import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Asker, EnginePool, told } from '../../test/support/engine-pool.ts'

describe('Pool: lending', () => {
  it('opens a resource for a caller who finds none, and lends it when it is open', () => {
    const it = new EnginePool()
    const asker = it.ask('a')
    assert.deepEqual([it.figures(), asker.told], [{ waiting: 1, opening: 1 }, []])
    it.open()
    assert.deepEqual([it.figures(), asker.told], [{ leased: 1 }, ['one']])
  })

  it('lends what is idle at once, without calling back', () => {
    const it = new EnginePool().fill(0)
    const asker = new Asker('a')
    const lease = it.pool.acquire(asker.waiter, 7)
    assert.deepEqual([lease?.resource, asker.told, it.figures()], ['one', [], { leased: 1 }])
  })

  it('takes a resource that answers at once, and lends it within the call', () => {
    const it = new EnginePool()
    it.isPrompt = true
    const asker = new Asker('a')
    assert.deepEqual([it.pool.acquire(asker.waiter, 0), asker.told, it.figures()], [undefined, ['one'], { leased: 1 }])
  })

  it('writes on a lease whose it is, since when, and how long that was waited for', () => {
    const it = new EnginePool()
    const asker = it.ask('a')
    it.pass(20)
    it.open()
    const { holder, mode, grantedAtMs, waitedMs, isHeld } = asker.lease
    assert.deepEqual(
      { holder, mode, grantedAtMs, waitedMs, isHeld },
      { holder: 'a', mode: 'exclusive', grantedAtMs: 20, waitedMs: 20, isHeld: true },
    )
  })

  it('lends what is given back to the longest waiting caller', () => {
    const it = new EnginePool({ maxSize: 1 })
    const [holder, first, second] = [it.ask('holder'), it.ask('first'), it.ask('second')]
    it.open()
    it.giveBack(holder)
    assert.deepEqual(told([first, second]), [['one'], []])
    it.giveBack(first)
    assert.deepEqual(told([first, second]), [['one'], ['one']])
  })

  it('gives whatever is free first to whoever has waited longest, not what was opened for them', () => {
    const it = new EnginePool()
    const holder = it.ask('holder')
    it.open()
    const asker = it.ask('a')
    assert.deepEqual(it.figures(), { leased: 1, opening: 1, waiting: 1 })
    it.giveBack(holder)
    assert.deepEqual(asker.told, ['one'])
    it.open()
    assert.deepEqual(it.figures(), { idle: 1, leased: 1 })
  })

  it('lets nobody overtake a caller who waits, not even while resources change hands', () => {
    const it = new EnginePool({ maxSize: 1 })
    const holder = it.ask('holder')
    it.open()
    const [first, second, late] = [it.ask('first'), it.ask('second'), new Asker('late')]
    const order: Asker[] = []
    for (const asker of [first, second, late]) {
      asker.onGrant = () => {
        order.push(asker)
        if (asker === first) assert.equal(it.pool.acquire(late.waiter, 0), undefined)
        it.giveBack(asker)
      }
    }
    it.giveBack(holder)
    assert.deepEqual(order, [first, second, late])
  })

  it('gives what comes back within a grant to whoever waits, not to a newcomer in the same call', () => {
    const it = new EnginePool({ maxSize: 1 })
    const holder = it.ask('holder')
    it.open()
    const [first, second, late] = [it.ask('first'), it.ask('second'), new Asker('late')]
    first.onGrant = () => {
      it.giveBack(first)
      assert.equal(it.pool.acquire(late.waiter, 0), undefined)
    }
    it.giveBack(holder)
    assert.deepEqual(told([first, second, late]), [['one'], ['one'], []])
  })

  it('queues a caller who comes back behind those who wait', () => {
    const it = new EnginePool({ maxSize: 1 })
    const [holder, other] = [it.ask('holder'), it.ask('other')]
    it.open()
    it.askAgain(holder)
    it.giveBack(holder)
    assert.deepEqual(told([holder, other]), [['one'], ['one']])
    it.giveBack(other)
    assert.deepEqual(told([holder, other]), [['one', 'one'], ['one']])
  })

  it('serves any number of callers who give back at once, without recursion', () => {
    const it = new EnginePool({ maxSize: 1 })
    const holder = it.ask('holder')
    const askers = it.askMany(20_000)
    for (const asker of askers) asker.onGrant = () => it.giveBack(asker)
    it.open()
    it.giveBack(holder)
    assert.ok(askers.every((asker) => asker.told.length === 1))
    assert.deepEqual(it.figures(), { idle: 1 })
  })

  it('queues a waiter once', () => {
    const it = new EnginePool()
    const asker = it.ask('a')
    assert.throws(() => it.askAgain(asker), { message: 'taxirank bug: a waiter queues once' })
  })
})

describe('Pool: which resource is lent', () => {
  it('lends the most recently used one, so that the others may time out', () => {
    const it = new EnginePool({ maxSize: 3 }).fill(0, 0, 0)
    const [a, b] = it.askMany(2) as [Asker, Asker]
    it.giveBack(a)
    assert.deepEqual(told([a, b, it.ask('c'), it.ask('d')]), [['three'], ['two'], ['three'], ['one']])
  })

  it('lends the least recently used one, if that is wanted', () => {
    const it = new EnginePool({ maxSize: 3, reuse: 'round robin' }).fill(0, 0, 0)
    const [a, b] = it.askMany(2) as [Asker, Asker]
    it.giveBack(a)
    assert.deepEqual(told([a, b, it.ask('c'), it.ask('d')]), [['one'], ['two'], ['three'], ['one']])
  })

  it('prefers one whose state key is the same', () => {
    const it = new EnginePool({ maxSize: 3 }).fill(1, 2, 3)
    const askers = [1, 9, 0].map((stateKey) => it.ask(`key ${stateKey}`, { stateKey }))
    assert.deepEqual(told(askers), [['one'], ['three'], ['two']])
  })

  it('prefers one whose state key is the same in turn, too', () => {
    const it = new EnginePool({ maxSize: 3, reuse: 'round robin' }).fill(1, 2, 2)
    const askers = [2, 9, 2].map((stateKey) => it.ask(`key ${stateKey}`, { stateKey }))
    assert.deepEqual(told(askers), [['two'], ['one'], ['three']])
  })

  it('looks for the state key among the 32 first choices, and no further', () => {
    const keys = Array.from({ length: 40 }, (_, index) => index + 1)
    const it = new EnginePool({ maxSize: 40 }).fill(...keys)
    const askers = [8, 8].map((stateKey) => it.ask('a', { stateKey }))
    assert.deepEqual(told(askers), [['40'], ['eight']])
  })
})

describe('Pool: a lease that is over', () => {
  /** Somebody gave a lease back, and somebody else got it. */
  function lentOn(): { it: EnginePool; late: Asker; holder: Asker } {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    const late = it.ask('late')
    it.giveBack(late)
    const holder = it.ask('holder')
    it.forget()
    return { it, late, holder }
  }

  it('has a number that is never granted again', () => {
    const { late, holder } = lentOn()
    assert.equal(late.lease, holder.lease)
    assert.notEqual(late.number, holder.number)
  })

  it('cannot be given back with its old number, and whoever has it now keeps it', () => {
    const { it, late, holder } = lentOn()
    const message = `lease ${late.number} is over: it has been lent again to holder`
    assert.throws(() => it.giveBack(late), { code: 'stale_lease', message })
    assert.deepEqual([holder.lease.isHeld, it.figures()], [true, { leased: 1 }])
    it.giveBack(holder)
    assert.deepEqual(it.figures(), { idle: 1 })
  })

  it('cannot be used with its old number, but with its new one', () => {
    const { it, late, holder } = lentOn()
    assert.throws(() => it.pool.use(late.lease, late.number, 0), { code: 'stale_lease' })
    assert.equal(it.pool.use(holder.lease, holder.number, 0), 'one')
  })

  it('is reported, and counted, when somebody comes with its number', () => {
    const { it, late, holder } = lentOn()
    assert.throws(() => it.giveBack(late))
    assert.throws(() => it.pool.use(late.lease, late.number, 0))
    it.giveBack(holder)
    assert.throws(() => it.giveBack(holder))
    const stale = `stale ${late.number}, now holder`
    assert.deepEqual(it.heard(), [stale, stale, 'ended holder', `stale ${holder.number}, now nobody`])
    assert.equal(it.pool.snapshot(0).counters.staleUses, 3)
  })

  it('is taken back once', () => {
    const it = new EnginePool().fill(0)
    const asker = it.ask('a')
    it.giveBack(asker)
    const message = `lease ${asker.number} is over: it was given back or closed`
    assert.throws(() => it.giveBack(asker), { code: 'stale_lease', message })
    assert.deepEqual([asker.lease.isHeld, it.figures()], [false, { idle: 1 }])
  })

  it('goes back to the pool that has granted it, and to no other', () => {
    const [it, other] = [new EnginePool().fill(0), new EnginePool().fill(0)]
    const [asker, stranger] = [it.ask('a'), other.ask('b')]
    assert.throws(() => it.pool.release(stranger.lease, stranger.number, it.now), /taxirank bug: a lease goes back/)
    it.pool.destroy(stranger.lease.slot, 'because', it.now)
    it.pool.closed(stranger.lease.slot, it.now)
    assert.deepEqual([it.figures(), other.figures(), other.asked()], [{ leased: 1 }, { leased: 1 }, []])
    it.giveBack(asker)
    other.giveBack(stranger)
    assert.deepEqual([it.figures(), other.figures()], [{ idle: 1 }, { idle: 1 }])
  })

  it('has the number 0, which is nobody’s', () => {
    const it = new EnginePool().fill(0)
    const asker = it.ask('a')
    it.giveBack(asker)
    assert.equal(asker.lease.number, 0)
    assert.throws(() => it.pool.release(asker.lease, 0, 0), { code: 'stale_lease' })
    assert.throws(() => it.pool.use(asker.lease, 0, 0), { code: 'stale_lease' })
  })
})

describe('Pool: a resource that is closed', () => {
  it('ends its lease, when it is destroyed', () => {
    const it = new EnginePool().fill(0)
    const holder = it.ask('holder')
    it.destroy('one', 'it is broken')
    assert.deepEqual([it.asked(), it.figures()], [['close one: it is broken'], { closing: 1 }])
    assert.throws(() => it.giveBack(holder), { code: 'stale_lease' })
  })

  it('ends its lease, when it is lost, and is never lent again', () => {
    const it = new EnginePool().fill(0)
    const holder = it.ask('holder')
    it.lose('one')
    assert.deepEqual([it.asked(), it.figures()], [[], {}])
    assert.throws(() => it.giveBack(holder), { code: 'stale_lease' })
    it.ask('next')
    it.open()
    assert.deepEqual(it.heard().slice(-2), [`stale ${holder.number}, now nobody`, 'granted next'])
  })

  it('is closed once, however often it is destroyed', () => {
    const it = new EnginePool().fill(0)
    it.destroy('one', 'first')
    it.destroy('one', 'second')
    it.close()
    it.destroy('one', 'third')
    assert.deepEqual([it.asked(), it.figures()], [['close one: first'], {}])
  })

  it('is free once, however often it is said to be gone', () => {
    const it = new EnginePool({ maxSize: 3 }).fill(0, 0)
    it.lose('one')
    it.lose('one')
    assert.deepEqual([it.figures(), it.pool.size], [{ idle: 1 }, 1])
  })

  it('is not lent when it comes open after it was given up, and is the owner’s to close', () => {
    const it = new EnginePool({ maxSize: 1 })
    const asker = it.ask('a')
    const [slot] = it.opening
    assert.ok(slot)
    it.pool.destroy(slot, 'too slow', 0)
    it.open()
    assert.deepEqual([asker.told, it.pool.isClosing(slot), slot.resource], [[], true, 'one'])
    it.close()
    it.open()
    assert.deepEqual(asker.told, ['two'])
  })
})
