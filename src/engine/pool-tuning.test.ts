import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EnginePool, told } from '../../test/support/engine-pool.ts'
import { Limit } from './limit.ts'
import { Limits } from './limits.ts'

describe('Pool: settings that change while it runs', () => {
  it('a time-out holds for those who wait already, as for those to come', () => {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    it.ask('holder')
    const waiting = it.ask('a')
    it.pass(50)
    it.pool.retune({ waitTimeoutMs: 80 }, it.now)
    it.pass(29)
    assert.deepEqual(waiting.told, [])
    it.pass(2)
    assert.match(told([waiting]).join(), /^refused: no .* within 80 ms/)
    const next = it.ask('b')
    it.pool.retune({ waitTimeoutMs: 0 }, it.now)
    it.pass(10_000)
    assert.deepEqual(next.told, [])
  })

  it('an idle time holds for what is idle already', () => {
    const it = new EnginePool({ maxSize: 2 }).fill(0, 0)
    it.pass(100)
    it.pool.retune({ idleTimeoutMs: 150 }, it.now)
    it.pass(49)
    assert.deepEqual(it.figures(), { idle: 2 })
    it.pass(2)
    assert.deepEqual(it.figures(), { closing: 2 })
  })

  it('a lifetime counts from when each was opened, whether it is idle or leased', () => {
    const it = new EnginePool({ maxSize: 2, lifetimeJitter: 0, lifetimeMs: 1_000 }).fill(0, 0)
    const holder = it.ask('holder')
    it.pass(300)
    it.pool.retune({ lifetimeMs: 200 }, it.now)
    it.pass(1)
    assert.equal(it.figures()['closing'], 1)
    it.giveBack(holder)
    assert.equal(it.figures()['closing'], 2)
  })

  it('a lifetime that is switched off ends nothing', () => {
    const it = new EnginePool({ lifetimeJitter: 0, lifetimeMs: 100 }).fill(0)
    it.pool.retune({ lifetimeMs: 0 }, it.now)
    it.pass(10_000)
    assert.deepEqual(it.figures(), { idle: 1 })
  })

  it('the order of reuse is the new one at once', () => {
    const it = new EnginePool({ maxSize: 2 }).fill(0, 0)
    assert.equal(it.ask('a').told[0], 'two')
    const other = new EnginePool({ maxSize: 2 }).fill(0, 0)
    other.pool.retune({ reuse: 'round robin' }, 0)
    assert.equal(other.ask('a').told[0], 'one')
  })

  it('pauses after failures grow up to the new limit', () => {
    const it = new EnginePool({ retryMaxMs: 10_000, random: () => 0 })
    it.ask('a')
    it.failToOpen()
    it.pool.retune({ retryMaxMs: 100 }, it.now)
    for (let attempt = 0; attempt < 3; attempt++) {
      it.pass(101)
      assert.equal(it.opening.length, 1)
      it.failToOpen()
    }
  })

  it('a pause after failures ends when something has changed', () => {
    const it = new EnginePool({ retryMaxMs: 10_000 })
    it.ask('a')
    for (let attempt = 0; attempt < 4; attempt++) {
      it.failToOpen()
      it.pass(1)
      assert.equal(it.opening.length, 0)
      it.pool.retryNow(it.now)
      assert.equal(it.opening.length, 1)
    }
  })

  it('are refused as a whole if one is wrong', () => {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    const wrong = [{ waitTimeoutMs: 5, idleTimeoutMs: -1 }, { reuse: 'fifo' as 'lifo' }, { lifetimeMs: Number.NaN }]
    for (const tuning of wrong) assert.throws(() => it.pool.retune(tuning, 0), { code: 'bad_configuration' })
    it.ask('holder')
    const waiting = it.ask('a')
    it.pass(10_000)
    assert.deepEqual(waiting.told, [])
  })
})

describe('Pool: limits that limit nothing', () => {
  /** A pool on the way that skips all that is for limits, and one beside it. */
  function two(max: number): { limit: Limit; one: EnginePool; other: EnginePool } {
    const limit = new Limit('database', max, new Limits())
    const one = new EnginePool({ limits: [limit], maxSize: 2 }).fill(0, 0)
    return { limit, one, other: new EnginePool({ limits: [limit], maxSize: 2 }, one).fill(0, 0) }
  }

  it('count all the same, so that they can begin to limit: what is idle goes', () => {
    const { limit, one, other } = two(Infinity)
    assert.equal(limit.taken, 4)
    limit.resize(2, 0)
    assert.equal((one.figures()['closing'] ?? 0) + (other.figures()['closing'] ?? 0), 2)
  })

  it('begin to limit where everything is leased and callers wait: what is given back goes', () => {
    const { limit, one, other } = two(Infinity)
    const holders = one.askMany(2)
    other.askMany(2)
    const waiting = one.ask('waiting')
    limit.resize(3, 0)
    one.giveBack(holders[0] as (typeof holders)[number])
    assert.deepEqual([waiting.told, one.figures()], [[], { leased: 1, closing: 1, waiting: 1 }])
    one.close()
    one.giveBack(holders[1] as (typeof holders)[number])
    assert.deepEqual(waiting.told, ['one'])
  })

  it('stop limiting: whoever waited for a place has one', () => {
    const limit = new Limit('database', 1, new Limits())
    const one = new EnginePool({ limits: [limit] }).fill(0)
    one.ask('holder')
    const other = new EnginePool({ limits: [limit] }, one)
    other.ask('a')
    assert.deepEqual(other.figures(), { waiting: 1 })
    limit.resize(Infinity, 0)
    assert.deepEqual(other.figures(), { opening: 1, waiting: 1 })
  })
})
