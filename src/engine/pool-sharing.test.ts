import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Asker, EnginePool, told } from '../../test/support/engine-pool.ts'

const share = { mode: 'shared', stateKey: 1 } as const
const alone = { mode: 'exclusive', stateKey: 1 } as const

/** A pool of one that two may share, with so many who do. */
function shared(count: number, options = {}): { it: EnginePool; holders: Asker[] } {
  const it = new EnginePool({ maxSize: 1, sharedDepth: 2, ...options }).fill(1)
  return { it, holders: it.askMany(count, share) }
}

describe('Pool: sharing', () => {
  it('lends one resource to as many as may share it, if their state key is its own', () => {
    const { it, holders } = shared(1)
    const follower = it.ask('follower', share)
    assert.deepEqual([told([...holders, follower]), it.figures()], [[['one'], ['one']], { shared: 1 }])
    assert.deepEqual([it.ask('too many', share).told, it.pool.leased], [[], 1])
  })

  it('is not for those whose state key is another', () => {
    const { it } = shared(1)
    assert.deepEqual(it.ask('a', { mode: 'shared', stateKey: 2 }).told, [])
  })

  it('gives each holder a lease and a number of their own', () => {
    const { it, holders } = shared(2)
    const [first, second] = holders as [Asker, Asker]
    assert.notEqual(first.lease, second.lease)
    assert.notEqual(first.number, second.number)
    it.giveBack(first)
    assert.throws(() => it.giveBack(first), { code: 'stale_lease' })
    assert.equal(it.pool.use(second.lease, second.number, 0), 'one')
  })

  it('comes after what is idle', () => {
    const it = new EnginePool({ sharedDepth: 2 }).fill(1, 1)
    assert.deepEqual(told(it.askMany(3, share)), [['two'], ['one'], ['two']])
  })

  it('goes to the resource with the fewest holders', () => {
    const it = new EnginePool({ sharedDepth: 3 }).fill(1, 1)
    const [, , third] = it.askMany(4, share) as [Asker, Asker, Asker, Asker]
    it.giveBack(third)
    it.giveBack(it.ask('a', share))
    assert.deepEqual(told([third, ...it.askMany(2, share)]), [['two'], ['two'], ['two']])
  })

  it('leaves alone what is leased exclusively', () => {
    const it = new EnginePool({ maxSize: 1, sharedDepth: 2 }).fill(1)
    it.ask('holder', alone)
    assert.deepEqual(it.ask('a', share).told, [])
  })

  it('serves a waiter as soon as one of the holders leaves', () => {
    const { it, holders } = shared(2)
    const waiting = it.ask('a', share)
    assert.deepEqual(waiting.told, [])
    it.giveBack(holders[0] as Asker)
    assert.deepEqual(waiting.told, ['one'])
  })

  it('adds no followers while somebody waits who needs a resource alone', () => {
    const { it, holders } = shared(1)
    const [lone, follower] = [it.ask('alone', alone), it.ask('follower', share)]
    assert.deepEqual(told([lone, follower]), [[], []])
    it.giveBack(holders[0] as Asker)
    assert.deepEqual(told([lone, follower]), [['one'], []])
    it.giveBack(lone)
    assert.deepEqual(told([lone, follower]), [['one'], ['one']])
  })

  it('lets followers in again when whoever needed a resource alone has left', () => {
    const { it } = shared(1)
    const [lone, follower] = [it.ask('alone', alone), it.ask('follower', share)]
    it.cancel(lone)
    assert.deepEqual(follower.told, ['one'])
  })

  it('lets followers in again when the wait of whoever needed a resource alone has ended', () => {
    const { it } = shared(1)
    const [lone, follower] = [it.ask('alone', { ...alone, timeoutMs: 100 }), it.ask('follower', share)]
    it.pass(99)
    assert.deepEqual([lone.error, follower.told], [undefined, []])
    it.pass(1)
    assert.deepEqual([lone.error?.code, follower.told], ['acquire_timeout', ['one']])
  })

  it('ends when the last holder has left', () => {
    const { it, holders } = shared(2)
    const figures = holders.map((holder) => {
      it.giveBack(holder)
      return it.figures()
    })
    assert.deepEqual(figures, [{ shared: 1 }, { idle: 1 }])
  })

  it('ends for all when the resource is destroyed', () => {
    const { it, holders } = shared(2)
    it.destroy('one')
    for (const holder of holders) assert.throws(() => it.giveBack(holder), { code: 'stale_lease' })
    assert.deepEqual(it.figures(), { closing: 1 })
  })

  it('adds nobody to what is too old or retired: it is closed when the last holder has left', () => {
    const { it, holders } = shared(1)
    it.pool.retireAll(0)
    assert.deepEqual(it.ask('a', share).told, [])
    it.giveBack(holders[0] as Asker)
    assert.deepEqual(it.asked(), ['close one: it is retired'])
    const old = shared(1, { lifetimeMs: 100 }).it
    old.pass(100)
    assert.deepEqual(old.ask('a', share).told, [])
  })

  it('is over for a resource that one gives back dirty: it is closed when the last holder has left', () => {
    const { it, holders } = shared(2, { canReset: true })
    const [first, second] = holders as [Asker, Asker]
    it.giveBack(first, { isDirty: true })
    assert.deepEqual([it.ask('a', share).told, it.asked()], [[], []])
    it.giveBack(second)
    assert.deepEqual(it.asked(), ['close one: it was given back dirty'])
  })

  it('adds nobody to what has become too old within this millisecond, before it is looked at', () => {
    const { it } = shared(1, { lifetimeMs: 95.5, sharedDepth: 3 })
    it.pass(95.4)
    assert.deepEqual(it.ask('in time', share).told, ['one'])
    it.pass(0.3)
    assert.deepEqual(it.ask('late', share).told, [])
  })

  it('is reported together with what is leased alone, the oldest lease first', () => {
    const it = new EnginePool({ maxSize: 2, sharedDepth: 2, waitTimeoutMs: 100 }).fill(1, 1)
    it.ask('old', share)
    it.pass(10)
    it.ask('middle', alone)
    it.pass(10)
    it.ask('young', share)
    assert.deepEqual(
      it.pool.holders(it.now).map(({ holder, heldMs }) => [holder, heldMs]),
      [
        ['old', 20],
        ['middle', 10],
        ['young', 0],
      ],
    )
    const waiting = it.ask('a', alone)
    it.pass(100)
    assert.match(waiting.error?.message ?? '', /, oldest lease 0\.1 s held by old$/)
  })

  it('lets whoever takes any state share any', () => {
    const { it } = shared(1)
    const any = it.ask('any', { mode: 'shared', stateKey: 0 })
    assert.deepEqual(told([any]), [['one']])
  })

  it('is counted on before anything is opened: as many as may share one need one', () => {
    const it = new EnginePool({ maxSize: 20, sharedDepth: 10 }).fill(1, 1, 1)
    const holders = it.askMany(3)
    it.pass(10)
    for (const { lease } of holders) it.destroy(lease.resource)
    while (it.closing.length > 0) it.close()
    it.forget()
    it.askMany(10, share)
    assert.deepEqual(it.asked(), ['open'])
    it.ask('one more', share)
    assert.deepEqual(it.asked(), ['open'])
    it.open(1)
    it.open(1)
    assert.deepEqual(it.figures(), { shared: 2 })
  })

  it('counts in the lane of one of those who are left', () => {
    const lanes = [
      { name: 'batch', reserved: 0 },
      { name: 'health', reserved: 1 },
    ]
    const it = new EnginePool({ sharedDepth: 2, lanes }).fill(1)
    const check = it.ask('check', { ...share, lane: 1 })
    it.ask('job', share)
    it.giveBack(check)
    assert.deepEqual(
      it.pool.snapshot(0).lanes.map(({ leased }) => leased),
      [1, 0],
    )
  })

  it('takes followers again on what may stay after all', () => {
    const it = new EnginePool({ sharedDepth: 2 }).fill(1, 1)
    it.askMany(2, share)
    it.pool.resize({ maxSize: 1 }, 0)
    it.destroy(it.slot('one').retiring ? 'two' : 'one')
    assert.equal(it.ask('a', share).told.length, 1)
  })

  it('is no hope for those whose state keys differ', () => {
    const it = new EnginePool({ maxSize: 4, sharedDepth: 4, canCheck: true }).fill(1, 2, 3, 4)
    it.pool.suspectIdle()
    for (const stateKey of [1, 2, 3, 4]) it.ask('a', { mode: 'shared', stateKey })
    assert.deepEqual(it.figures(), { checking: 4, waiting: 4 })
  })
})
