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

describe('Pool: what nobody waits for', () => {
  it('is closed and never lent, if it is destroyed as soon as it is free', () => {
    const it = new EnginePool({ maxSize: 1 }).fill(0)
    const holder = it.ask('a')
    it.pool.observer = { ...noObserver, ended: () => it.destroy('one') }
    it.giveBack(holder)
    assert.deepEqual([it.asked(), it.figures()], [['close one: because'], { closing: 1 }])
  })
})
