import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Asker, EnginePool, told } from '../../test/support/engine-pool.ts'
import { noObserver } from './observer.ts'

/** One of one is lent, and two wait for it. What happens when it is given back is told first to `ended`, once. */
function full(ended: (pool: EnginePool, first: Asker) => void): { it: EnginePool; askers: [Asker, Asker, Asker] } {
  const it = new EnginePool({ maxSize: 1, minSize: 1 }).fill(0)
  const askers = it.askMany(3) as [Asker, Asker, Asker]
  it.pool.observer = {
    ...noObserver,
    ended: () => {
      it.pool.observer = noObserver
      ended(it, askers[1])
    },
  }
  it.giveBack(askers[0])
  return { it, askers }
}

describe('Pool: what is passed on from holder to holder', () => {
  it('goes to whoever has waited longest, as often as it is given back within that', () => {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    const askers = it.askMany(100)
    for (const asker of askers) asker.onGrant = () => it.giveBack(asker)
    it.giveBack(askers[0] as Asker)
    assert.deepEqual(
      told(askers),
      askers.map(() => ['one']),
    )
    assert.deepEqual(it.figures(), { idle: 1 })
  })

  it('goes to the next, if the first leaves as soon as it is free', () => {
    const { it, askers } = full((pool, first) => void pool.cancel(first))
    assert.deepEqual([told(askers), it.figures()], [[['one'], [], ['one']], { leased: 1 }])
  })

  it('stays idle, if the pool is paused as soon as it is free', () => {
    const { it, askers } = full((pool) => pool.pool.pause(pool.now))
    assert.deepEqual([told(askers), it.figures()], [[['one'], [], []], { idle: 1, waiting: 2 }])
  })

  it('is closed, if it is destroyed as soon as it is free', () => {
    const { it, askers } = full((pool) => pool.destroy('one'))
    assert.deepEqual([told(askers), it.asked()], [[['one'], [], []], ['close one: because']])
    it.close()
    it.open()
    assert.deepEqual([told(askers), it.figures()], [[['one'], ['two'], []], { leased: 1, waiting: 1 }])
  })

  it('is gone, if it is lost as soon as it is free', () => {
    const { it, askers } = full((pool) => pool.lose('one'))
    it.open()
    assert.deepEqual([told(askers), it.figures()], [[['one'], ['two'], []], { leased: 1, waiting: 1 }])
  })

  it('is closed, if it is retired as soon as it is free', () => {
    const { it, askers } = full((pool) => pool.pool.retireAll(pool.now))
    assert.deepEqual([told(askers), it.asked()], [[['one'], [], []], ['close one: it is retired']])
  })

  it('waits for whoever asks as soon as it is free until its turn has come', () => {
    const late: Asker[] = []
    const { it, askers } = full((pool) => void late.push(pool.ask('late')))
    assert.deepEqual(
      [told([...askers, ...late]), it.figures()],
      [[['one'], ['one'], [], []], { leased: 1, waiting: 2 }],
    )
  })

  it('is lent as whoever has waited wants it', () => {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    const [holder, sharer] = [it.ask('a'), it.ask('b', { mode: 'shared' })]
    it.giveBack(holder)
    assert.deepEqual([sharer.lease.mode, it.figures()], ['shared', { shared: 1 }])
  })

  it('goes to no other pool', () => {
    const [one, other] = [new EnginePool({ maxSize: 1 }).fill(0), new EnginePool({ maxSize: 1 }).fill(0)]
    const [holder] = one.askMany(2) as [Asker, Asker]
    const strangers = other.askMany(2)
    assert.throws(() => other.pool.release(holder.lease, holder.number, 0), /goes back to the pool that has granted it/)
    assert.deepEqual([told(strangers), other.figures()], [[['one'], []], { leased: 1, waiting: 1 }])
  })
})

describe('Pool: what is too old or retired', () => {
  it('is closed in place of passed on', () => {
    const it = new EnginePool({ maxSize: 1, lifetimeMs: 1_000 }).fill(0)
    const [holder, waiting] = it.askMany(2) as [Asker, Asker]
    it.pass(1_000)
    it.giveBack(holder)
    assert.deepEqual([waiting.told, it.asked()], [[], ['close one: its lifetime is over']])
  })

  it('is closed in place of passed on, also when it was retired while others waited', () => {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    const [holder, waiting] = it.askMany(2) as [Asker, Asker]
    it.pool.retire(it.slot('one'), 0)
    it.giveBack(holder)
    assert.deepEqual([waiting.told, it.asked()], [[], ['close one: it is retired']])
  })
})

describe('Pool: whoever hears that a lease has ended', () => {
  const closings: readonly [what: string, close: (pool: EnginePool) => void][] = [
    ['destroys', (pool) => pool.destroy('one')],
    ['loses', (pool) => pool.lose('one')],
  ]

  for (const [what, close] of closings) {
    it(`and ${what} what nobody waits for, never has it lent again`, () => {
      const it = new EnginePool({ maxSize: 1 }).fill(0)
      const holder = it.ask('a')
      it.pool.observer = { ...noObserver, ended: () => close(it) }
      it.giveBack(holder)
      assert.equal('idle' in it.figures(), false)
    })

    for (const [before, begin] of closings) {
      it(`because its holder ${before} it, and ${what} it, has it closed and counted once`, () => {
        const it = new EnginePool({ maxSize: 1, minSize: 1 }).fill(0)
        it.ask('a')
        it.pool.observer = { ...noObserver, ended: () => close(it) }
        begin(it)
        while (it.closing.length > 0) it.close()
        const { closed } = it.pool.snapshot(0).counters
        assert.deepEqual([closed.destroyed + closed.lost, it.figures()], [1, { opening: 1 }])
        assert.ok(it.asked().filter((asked) => asked.startsWith('close')).length <= 1)
      })
    }
  }

  it('and gives back what is shared with it, ends each lease once', () => {
    const it = new EnginePool({ maxSize: 1, sharedDepth: 2 }).fill(0)
    const sharers = it.askMany(2, { mode: 'shared' }) as [Asker, Asker]
    let ended = 0
    it.pool.observer = { ...noObserver, ended: () => void (++ended === 1 && it.giveBack(sharers[1])) }
    it.destroy('one')
    assert.deepEqual([ended, it.slot('one').holders, it.pool.snapshot(0).holdMs.count], [2, 0, 2])
  })
})
