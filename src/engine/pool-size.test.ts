import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Asker, EnginePool, told } from '../../test/support/engine-pool.ts'
import { Limit } from './limit.ts'
import { Limits } from './limits.ts'

describe('Pool: its maximum', () => {
  it('holds for what is opening and leased', () => {
    const it = new EnginePool({ maxSize: 2 })
    it.askMany(5)
    it.open()
    it.open()
    it.pass(10_000)
    assert.deepEqual([it.figures(), it.opening.length], [{ leased: 2, waiting: 3 }, 0])
  })

  it('holds for what is being closed: one is opened for whoever waits when that is done', () => {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    it.ask('holder')
    it.ask('a')
    it.destroy('one')
    assert.deepEqual([it.asked(), it.figures(), it.pool.size], [['close one: because'], { waiting: 1, closing: 1 }, 1])
    it.close()
    assert.deepEqual([it.asked(), it.figures()], [['open'], { waiting: 1, opening: 1 }])
  })

  it('holds for what was lost while it was being closed', () => {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    it.destroy('one')
    it.lose('one')
    it.close()
    assert.deepEqual([it.figures(), it.pool.size], [{}, 0])
  })
})

describe('Pool: its minimum', () => {
  it('is opened when time begins, one at a time at first', () => {
    const it = new EnginePool({ maxSize: 5, minSize: 4 })
    assert.deepEqual(it.figures(), {})
    it.pass(0)
    assert.deepEqual(it.figures(), { opening: 1 })
    it.open()
    assert.deepEqual(it.figures(), { idle: 1, opening: 2 })
    it.open()
    it.open()
    it.open()
    it.pass(10_000)
    assert.deepEqual(it.figures(), { idle: 4 })
  })

  it('is filled again when one is lost or destroyed, whether anybody asks or not', () => {
    const it = new EnginePool({ maxSize: 3, minSize: 2 })
    it.isPrompt = true
    it.pass(0)
    it.lose('one')
    it.destroy('two')
    assert.deepEqual([it.asked(), it.figures()], [['open', 'open', 'open', 'close two: because', 'open'], { idle: 2 }])
  })

  it('is filled again after a failure, when the pause is over', () => {
    const it = new EnginePool({ minSize: 1 })
    it.pass(0)
    it.failToOpen()
    it.pass(99)
    assert.deepEqual(it.figures(), {})
    it.pass(1)
    assert.deepEqual(it.figures(), { opening: 1 })
  })

  it('is filled again at once when all are retired, if there is room', () => {
    const it = new EnginePool({ minSize: 1 }).fill(0)
    it.pool.retireAll(0)
    assert.deepEqual(it.asked(), ['close one: it is retired', 'open'])
  })

  it('is filled again before what was destroyed is gone, if there is room', () => {
    const it = new EnginePool({ maxSize: 2, minSize: 1 }).fill(0)
    it.destroy('one')
    assert.deepEqual(it.asked(), ['close one: because', 'open'])
  })

  it('counts what is leased', () => {
    const it = new EnginePool({ maxSize: 3, minSize: 1 })
    it.isPrompt = true
    it.pass(0)
    it.ask('a')
    it.pass(10_000)
    assert.deepEqual(it.figures(), { leased: 1 })
  })
})

describe('Pool: a minimum that is not refilled', () => {
  it('is opened for those who ask, and for nobody else', () => {
    const it = new EnginePool({ maxSize: 5, minSize: 2, refill: false })
    it.pass(1_000)
    it.ask('a')
    it.open()
    it.destroy('one')
    it.close()
    it.pass(1_000)
    assert.deepEqual(it.figures(), {})
  })

  it('is what an idle time-out leaves', () => {
    const it = new EnginePool({ maxSize: 5, minSize: 2, refill: false, idleTimeoutMs: 100 })
    const askers = it.askMany(3)
    for (let opened = 0; opened < 3; opened++) {
      it.open()
      it.pass(100)
    }
    for (const asker of askers) it.giveBack(asker)
    it.pass(1_000)
    assert.deepEqual([it.figures(), it.closing.length], [{ idle: 2, closing: 1 }, 1])
  })

  it('is not kept beyond its lifetime, and has no replacement opened ahead', () => {
    const it = new EnginePool({ maxSize: 5, minSize: 2, refill: false, lifetimeMs: 100, lifetimeJitter: 0 })
    const asker = it.ask('a')
    it.open()
    it.giveBack(asker)
    it.pass(100)
    assert.deepEqual(it.figures(), { closing: 1 })
  })

  it('has no replacement opened ahead of what is leased beyond its lifetime', () => {
    const it = new EnginePool({ maxSize: 5, refill: false, lifetimeMs: 100, lifetimeJitter: 0 })
    const asker = it.ask('a')
    it.open()
    it.pass(200)
    assert.deepEqual(it.figures(), { leased: 1 })
    it.giveBack(asker)
    assert.deepEqual(it.figures(), { closing: 1 })
  })
})

describe('Pool: its reserve', () => {
  const options = { maxSize: 1, reserveSize: 1, reserveAfterMs: 100 }

  it('is opened once somebody has waited for so long, and not before', () => {
    const it = new EnginePool(options).fill(0)
    it.ask('holder')
    const asker = it.ask('a')
    it.pass(99)
    assert.deepEqual(it.figures(), { leased: 1, waiting: 1 })
    it.pass(1)
    assert.deepEqual(it.figures(), { leased: 1, opening: 1, waiting: 1 })
    it.open()
    assert.deepEqual(asker.told, ['two'])
  })

  it('is opened in time, though opening takes long', () => {
    const it = new EnginePool(options)
    it.ask('holder')
    it.pass(60)
    it.open()
    it.ask('a')
    it.pass(99)
    assert.deepEqual(it.figures(), { leased: 1, waiting: 1 })
    it.pass(1)
    assert.deepEqual(it.figures(), { leased: 1, opening: 1, waiting: 1 })
  })

  it('keeps nobody waiting for it who may have one within the maximum', () => {
    const it = new EnginePool({ maxSize: 2, reserveSize: 1, reserveAfterMs: 1_000 })
    const holder = it.ask('holder')
    it.pass(20)
    it.open()
    it.giveBack(holder)
    it.askMany(2)
    it.pass(20)
    assert.deepEqual(it.figures(), { leased: 1, opening: 1, waiting: 1 })
  })

  it('has nobody woken before it may be opened', () => {
    const it = new EnginePool({ maxSize: 1, reserveSize: 1, reserveAfterMs: 5_000 })
    it.ask('holder')
    it.pass(10)
    it.open()
    it.ask('a')
    let rings = 0
    for (; it.deadlines.nextAtMs < it.now + 5_000 && it.now < 5_000; rings++) it.pass(it.deadlines.nextAtMs - it.now)
    assert.ok(rings < 5, `not ${rings} times`)
    it.pass(5_010 - it.now)
    assert.deepEqual(it.figures(), { leased: 1, opening: 1, waiting: 1 })
  })

  it('is given up in time, though somebody waits whose lane may not have it', () => {
    const lanes = [
      { name: 'batch', reserved: 0 },
      { name: 'health', reserved: 2 },
    ]
    const it = new EnginePool({ maxSize: 3, reserveSize: 1, reserveAfterMs: 1_000, lanes }).fill(0, 0, 0)
    it.isPrompt = true
    const checks = [it.ask('check', { lane: 1 }), it.ask('check', { lane: 1 })]
    it.askMany(2)
    it.pass(1_000)
    assert.deepEqual(it.figures(), { leased: 4 })
    it.ask('waiting')
    it.pass(500)
    for (const check of checks) it.giveBack(check)
    assert.deepEqual(it.figures(), { idle: 2, leased: 2, waiting: 1 })
    it.pass(999)
    assert.deepEqual(it.figures(), { idle: 2, leased: 2, waiting: 1 })
    it.pass(1)
    assert.deepEqual(it.figures(), { idle: 1, leased: 2, waiting: 1 })
  })

  it('is opened for those, too, whom other lanes leave nothing of the maximum', () => {
    const lanes = [
      { name: 'batch', reserved: 0 },
      { name: 'health', reserved: 1 },
    ]
    const it = new EnginePool({ maxSize: 2, reserveSize: 1, reserveAfterMs: 100, lanes }).fill(0, 0)
    it.isPrompt = true
    for (const lane of [0, 1, 0, 1]) it.ask('a', { lane })
    it.pass(99)
    assert.deepEqual(it.figures(), { leased: 2, waiting: 2 })
    it.pass(1)
    assert.deepEqual(it.figures(), { leased: 3, waiting: 1 })
  })

  it('gives up those first that have been idle longest', () => {
    const it = new EnginePool({ maxSize: 1, reserveSize: 2, reserveAfterMs: 100 }).fill(0)
    const askers = it.askMany(3) as [Asker, Asker, Asker]
    it.pass(100)
    it.open()
    it.pass(100)
    it.open()
    it.forget()
    it.giveBack(askers[1])
    it.pass(60)
    it.giveBack(askers[2])
    it.pass(40)
    assert.deepEqual(
      [it.asked(), it.figures()],
      [['close two: the pool has become smaller'], { leased: 1, idle: 1, closing: 1 }],
    )
    it.pass(60)
    assert.deepEqual(it.asked(), ['close three: the pool has become smaller'])
  })

  it('is a maximum, too', () => {
    const it = new EnginePool(options).fill(0)
    it.askMany(4)
    it.pass(10_000)
    it.open()
    it.pass(10_000)
    assert.deepEqual(it.figures(), { leased: 2, waiting: 2 })
  })

  it('is given up again when one has been idle for so long and nobody waits', () => {
    const it = new EnginePool(options).fill(0)
    const [first, second] = it.askMany(2) as [Asker, Asker]
    it.pass(100)
    it.open()
    it.forget()
    it.giveBack(second)
    it.pass(99)
    assert.deepEqual(it.figures(), { leased: 1, idle: 1 })
    it.pass(1)
    it.giveBack(first)
    it.pass(10_000)
    assert.deepEqual([it.asked(), it.figures()], [['close two: the pool has become smaller'], { idle: 1, closing: 1 }])
  })
})

describe('Pool: another size at run time', () => {
  it('opens for those who wait when it becomes larger', () => {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    const askers = it.askMany(2)
    it.pool.resize({ maxSize: 2 }, 0)
    it.open()
    assert.deepEqual([told(askers), it.pool.maxSize], [[['one'], ['two']], 2])
  })

  it('closes idle ones at once when it becomes smaller, those first that have been idle longest', () => {
    const it = new EnginePool({ maxSize: 3 }).fill(0, 0, 0)
    it.pool.resize({ maxSize: 1 }, 0)
    const reason = 'the pool has become smaller'
    assert.deepEqual(it.asked(), [`close one: ${reason}`, `close two: ${reason}`])
    assert.deepEqual(it.figures(), { idle: 1, closing: 2 })
  })

  it('closes leased ones when they are given back, and lends them to nobody else', () => {
    const it = new EnginePool({ maxSize: 2 }).fill(0, 0)
    const [first, second, waiting] = it.askMany(3) as [Asker, Asker, Asker]
    it.pool.resize({ maxSize: 1 }, 0)
    assert.deepEqual(it.figures(), { leased: 2, waiting: 1 })
    it.giveBack(first)
    assert.deepEqual([it.asked(), waiting.told], [['close two: the pool has become smaller'], []])
    it.giveBack(second)
    assert.deepEqual([it.figures(), waiting.told], [{ leased: 1, closing: 1 }, ['one']])
  })

  it('keeps them after all when it becomes larger before they are given back', () => {
    const it = new EnginePool({ maxSize: 3 }).fill(0, 0, 0)
    const askers = it.askMany(3)
    for (const maxSize of [1, 2]) it.pool.resize({ maxSize }, 0)
    for (const asker of askers) it.giveBack(asker)
    assert.deepEqual(it.figures(), { idle: 2, closing: 1 })
  })

  it('keeps one after all when another was lost before it was given back', () => {
    const it = new EnginePool({ maxSize: 3 }).fill(0, 0, 0)
    const [first] = it.askMany(3) as [Asker, Asker, Asker]
    it.pool.resize({ maxSize: 2 }, 0)
    it.lose('one')
    it.giveBack(first)
    assert.deepEqual(it.figures(), { idle: 1, leased: 1 })
  })

  it('resets one that was given back dirty and may stay after all', () => {
    const it = new EnginePool({ maxSize: 2, canReset: true }).fill(0, 0)
    const [first] = it.askMany(2) as [Asker, Asker]
    it.pool.resize({ maxSize: 1 }, 0)
    it.lose('one')
    it.giveBack(first, { isDirty: true })
    assert.deepEqual(it.asked(), ['reset two'])
  })

  it('gives up what is being opened when that is too many', () => {
    const it = new EnginePool({ maxSize: 2 }).fill(0)
    it.askMany(2)
    assert.deepEqual(it.figures(), { leased: 1, opening: 1, waiting: 1 })
    it.pool.resize({ maxSize: 1 }, 0)
    assert.deepEqual(it.figures(), { leased: 1, closing: 1, waiting: 1 })
  })

  it('opens what a larger minimum lacks', () => {
    const it = new EnginePool({ maxSize: 2 })
    it.pool.resize({ minSize: 2 }, 0)
    it.open()
    it.open()
    assert.deepEqual(it.figures(), { idle: 2 })
  })

  it('opens for those who have waited long enough when its reserve becomes larger', () => {
    const it = new EnginePool({ maxSize: 1, reserveAfterMs: 100 }).fill(0)
    it.askMany(2)
    it.pass(100)
    it.pool.resize({ reserveSize: 1 }, it.now)
    assert.deepEqual(it.figures(), { leased: 1, opening: 1, waiting: 1 })
  })

  it('is refused as it is when a pool is made, and then changes nothing', () => {
    const it = new EnginePool({ maxSize: 3, minSize: 2 })
    const message = 'pool: minSize is 2, and must not exceed maxSize, which is 1'
    assert.throws(() => it.pool.resize({ maxSize: 1, reserveSize: 5 }, 0), { code: 'bad_configuration', message })
    const noWait = 'pool: reserveAfterMs must be above 0, got 0'
    assert.throws(() => it.pool.resize({ reserveSize: 5 }, 0), { code: 'bad_configuration', message: noWait })
    const { maxSize, minSize, reserveSize } = it.pool.snapshot(0)
    assert.deepEqual({ maxSize, minSize, reserveSize }, { maxSize: 3, minSize: 2, reserveSize: 0 })
  })
})

describe('Pool: a limit shared with others', () => {
  /** Two pools that may have `max` together. */
  function sharers(max: number, options = {}): { limit: Limit; it: EnginePool; other: EnginePool } {
    const limit = new Limit('process', max)
    const it = new EnginePool({ maxSize: 5, limits: [limit], ...options })
    return { limit, it, other: new EnginePool({ maxSize: 5, limits: [limit] }, it) }
  }

  it('closes what is idle in another pool for a caller who waits, and opens when it is gone', () => {
    const { limit, it, other } = sharers(1)
    other.fill(0)
    const asker = it.ask('a')
    assert.deepEqual([other.asked(), it.asked()], [['close one: another pool needs its place'], []])
    other.close()
    it.open()
    assert.deepEqual([asker.told, it.figures(), other.figures(), limit.taken], [['one'], { leased: 1 }, {}, 1])
  })

  it('takes nothing away that is leased, but closes it for the other pool when it is given back', () => {
    const { it, other } = sharers(1)
    other.fill(0)
    const holder = other.ask('holder')
    it.ask('a')
    it.pass(10_000)
    assert.deepEqual([it.figures(), other.figures()], [{ waiting: 1 }, { leased: 1 }])
    other.giveBack(holder)
    assert.deepEqual([it.figures(), other.figures()], [{ waiting: 1 }, { closing: 1 }])
  })

  it('lets a pool with callers of its own keep what it has', () => {
    const { it, other } = sharers(1)
    other.fill(0)
    const [holder, next] = other.askMany(2) as [Asker, Asker]
    it.ask('a')
    other.giveBack(holder)
    assert.deepEqual([told([next]), other.figures()], [[['one']], { leased: 1 }])
  })

  it('closes the one that has been idle longest, of the pool with most to spare', () => {
    const { limit, it, other } = sharers(4)
    const third = new EnginePool({ limits: [limit] }, it)
    other.fill(0)
    it.pass(1)
    third.fill(0, 0)
    it.fill(0)
    it.askMany(2)
    assert.deepEqual([other.asked(), third.asked()], [[], ['close one: another pool needs its place']])
  })

  it('counts as spare what is beyond the minimum, and looks for the longest idle among those with as much', () => {
    const limit = new Limit('process', 4)
    const it = new EnginePool({ limits: [limit] })
    const [kept, young, old] = [2, 0, 0].map((minSize) => new EnginePool({ minSize, limits: [limit] }, it))
    kept?.fill(0, 0)
    old?.fill(0)
    it.pass(10)
    young?.fill(0)
    it.ask('a')
    assert.deepEqual(
      [kept, young, old].map((pool) => pool?.asked()),
      [[], [], ['close one: another pool needs its place']],
    )
  })

  it('keeps a pool’s turn, however often it is asked meanwhile', () => {
    const { limit, it, other } = sharers(1)
    const next = new EnginePool({ limits: [limit] }, it)
    other.fill(0)
    other.ask('holder')
    it.ask('a')
    next.ask('b')
    it.ask('c')
    other.lose('one')
    assert.deepEqual([it.figures(), next.figures()], [{ waiting: 2, opening: 1 }, { waiting: 1 }])
  })

  it('keeps no place of one limit for a pool that waits for another', () => {
    const group = new Limits()
    const [database, process] = [new Limit('database', 1, group), new Limit('process', 2, group)]
    const holding = new EnginePool({ limits: [database] }).fill(0)
    const elsewhere = new EnginePool({ limits: [process] }, holding).fill(0, 0)
    const both = new EnginePool({ limits: [database, process] }, holding)
    const next = new EnginePool({ limits: [database] }, holding)
    holding.ask('holder')
    elsewhere.askMany(2)
    both.ask('a')
    next.ask('b')
    holding.lose('one')
    assert.deepEqual([both.figures(), next.figures()], [{ waiting: 1 }, { waiting: 1, opening: 1 }])
  })

  it('opens nothing for a minimum that would need another pool’s place', () => {
    const { it, other } = sharers(1, { minSize: 1 })
    other.fill(0)
    it.pass(1_000)
    assert.deepEqual([it.figures(), other.figures()], [{}, { idle: 1 }])
    other.lose('one')
    assert.deepEqual(it.figures(), { opening: 1 })
  })

  it('closes what is too many when it becomes lower: idle ones now, leased ones when they are given back', () => {
    const { limit, it, other } = sharers(4)
    it.fill(0, 0)
    other.fill(0, 0)
    const [first] = other.askMany(2) as [Asker]
    limit.resize(1, 0)
    assert.deepEqual([it.figures(), other.figures()], [{ closing: 2 }, { leased: 2 }])
    other.giveBack(first)
    assert.deepEqual(other.figures(), { leased: 1, closing: 1 })
  })

  it('opens for those who wait when it becomes higher', () => {
    const { limit, it } = sharers(1)
    it.askMany(2)
    it.open()
    it.pass(1_000)
    assert.deepEqual(it.figures(), { leased: 1, waiting: 1 })
    limit.resize(2, it.now)
    assert.deepEqual(it.figures(), { leased: 1, opening: 1, waiting: 1 })
  })

  it('lets go of what is leased, too, when the pool becomes smaller, whatever its reserve', () => {
    const it = new EnginePool({ maxSize: 6, reserveSize: 4, reserveAfterMs: 60_000 }).fill(0, 0, 0, 0, 0, 0)
    const holders = it.askMany(5)
    it.pool.resize({ maxSize: 2 }, it.now)
    assert.deepEqual(it.figures(), { leased: 5, closing: 1 })
    for (const holder of holders) it.giveBack(holder)
    assert.deepEqual(it.figures(), { idle: 2, closing: 4 })
  })
})
