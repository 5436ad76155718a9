import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Asker, EnginePool, rejected, told, unreachable } from '../../test/support/engine-pool.ts'

/** A pool that knows how long opening takes, and has one resource that somebody holds. */
function taught(openMs: number, options = {}): { it: EnginePool; holder: Asker } {
  const it = new EnginePool({ maxSize: 10, ...options })
  const holder = it.ask('holder')
  it.pass(openMs)
  it.open()
  it.forget()
  return { it, holder }
}

describe('Pool: opening', () => {
  it('begins with one at a time, as nothing is known', () => {
    const it = new EnginePool({ maxSize: 100 })
    it.askMany(50)
    it.pass(1_000)
    assert.deepEqual(it.figures(), { opening: 1, waiting: 50 })
  })

  it('begins with as many as the options say, and with one after a failure', () => {
    const it = new EnginePool({ maxSize: 10, firstAtOnce: 100 })
    it.askMany(50)
    assert.deepEqual(it.figures(), { opening: 10, waiting: 50 })
    while (it.opening.length > 0) it.failToOpen()
    it.pass(1_000)
    assert.deepEqual(it.figures(), { opening: 1, waiting: 50 })
  })

  it('doubles with each success how many are opened at once', () => {
    const it = new EnginePool({ maxSize: 100, minSize: 100 })
    it.pass(0)
    const counts = Array.from({ length: 6 }, () => {
      const now = it.opening.length
      it.open()
      return now
    })
    assert.deepEqual(counts, [1, 2, 4, 8, 16, 32])
  })

  it('opens no more than there are callers waiting', () => {
    const it = new EnginePool({ maxSize: 10, minSize: 3 })
    it.pass(0)
    it.pass(20)
    while (it.opening.length > 0) it.open()
    it.askMany(3)
    it.pass(100)
    it.askMany(2)
    assert.deepEqual(it.figures(), { leased: 3, opening: 2, waiting: 2 })
  })

  it('opens none if those who wait will be served sooner by what there is', () => {
    const { it, holder } = taught(20)
    it.pass(1)
    it.giveBack(holder)
    it.ask('next')
    it.askMany(19)
    it.pass(0)
    assert.deepEqual([it.asked(), it.figures()], [[], { leased: 1, waiting: 19 }])
  })

  it('opens one if whoever is last would wait for longer than that takes', () => {
    const { it, holder } = taught(20)
    it.pass(1)
    it.giveBack(holder)
    it.ask('next')
    it.askMany(20)
    assert.deepEqual(it.figures(), { leased: 1, waiting: 20 })
    it.askMany(1)
    assert.deepEqual(it.figures(), { leased: 1, opening: 1, waiting: 21 })
  })

  it('opens one after all if whoever is first has waited for as long as that takes', () => {
    const { it, holder } = taught(20)
    it.pass(1)
    it.giveBack(holder)
    it.ask('slow')
    it.ask('a')
    it.pass(19)
    assert.deepEqual(it.figures(), { leased: 1, waiting: 1 })
    it.pass(1)
    assert.deepEqual(it.figures(), { leased: 1, opening: 1, waiting: 1 })
  })

  it('takes the age of what is leased for its hold, when nothing has been given back yet', () => {
    const { it } = taught(20)
    it.pass(30)
    it.askMany(2)
    assert.deepEqual(it.figures(), { leased: 1, opening: 2, waiting: 2 })
  })

  it('keeps what was being opened for a caller who was served otherwise', () => {
    const it = new EnginePool()
    it.cancel(it.ask('a'))
    it.open()
    assert.deepEqual(it.figures(), { idle: 1 })
  })

  it('starts none for callers who have left while another could not begin', () => {
    const it = new EnginePool({ maxSize: 5 })
    const askers = it.askMany(3)
    for (const asker of askers.slice(1)) it.cancel(asker)
    it.open()
    it.pass(1_000)
    assert.deepEqual([it.asked(), it.figures()], [['open'], { leased: 1 }])
  })
})

describe('Pool: failures to open', () => {
  /** Fails what is being opened, and returns how long it takes until the next attempt. */
  function pauseAfterFailure(it: EnginePool): number {
    while (it.opening.length > 0) it.failToOpen()
    const failedAtMs = it.now
    while (it.opening.length === 0) it.pass(1)
    return it.now - failedAtMs
  }

  it('are followed by a pause of 100 ms, then of twice as long each time, up to the longest', () => {
    const it = new EnginePool({ retryMaxMs: 1_000 })
    it.ask('a')
    const pauses = Array.from({ length: 6 }, () => pauseAfterFailure(it))
    assert.deepEqual(pauses, [100, 200, 400, 800, 1_000, 1_000])
  })

  it('are followed by pauses that are shorter by up to a fifth, at random', () => {
    const it = new EnginePool({ retryMaxMs: 1_000, random: () => 0.5 })
    it.ask('a')
    const pauses = Array.from({ length: 6 }, () => pauseAfterFailure(it))
    assert.deepEqual(pauses, [90, 180, 360, 720, 900, 900])
  })

  it('are counted', () => {
    const it = new EnginePool()
    it.ask('a')
    pauseAfterFailure(it)
    pauseAfterFailure(it)
    assert.equal(it.pool.snapshot(it.now).counters.openFailures, 2)
  })

  it('are one failure, if they began together', () => {
    const it = new EnginePool({ maxSize: 10, minSize: 10 })
    it.pass(0)
    it.open()
    it.open()
    assert.equal(it.opening.length, 4)
    assert.equal(pauseAfterFailure(it), 100)
    assert.equal(pauseAfterFailure(it), 200)
  })

  it('leave one attempt at a time, until it succeeds: then they double again', () => {
    const it = new EnginePool({ maxSize: 20, minSize: 20 })
    it.pass(0)
    it.open()
    it.open()
    pauseAfterFailure(it)
    const counts = Array.from({ length: 3 }, () => {
      const now = it.opening.length
      it.open()
      return now
    })
    assert.deepEqual(counts, [1, 2, 4])
  })

  it('are forgotten with a success: the next pause is the shortest again', () => {
    const it = new EnginePool({ minSize: 2 })
    it.pass(0)
    pauseAfterFailure(it)
    pauseAfterFailure(it)
    it.open()
    assert.equal(pauseAfterFailure(it), 100)
  })

  it('are tried again for nobody who has left meanwhile', () => {
    const it = new EnginePool()
    const asker = it.ask('a')
    it.failToOpen()
    it.cancel(asker)
    it.forget()
    it.pass(10_000)
    assert.deepEqual([it.asked(), it.figures()], [[], {}])
  })

  it('hold nobody up who comes when the pause is over', () => {
    const it = new EnginePool()
    it.cancel(it.ask('a'))
    it.failToOpen()
    it.pass(100)
    it.ask('b')
    assert.deepEqual(it.figures(), { opening: 1, waiting: 1 })
  })

  it('keep callers waiting, if nobody answered', () => {
    const it = new EnginePool()
    const asker = it.ask('a')
    it.failToOpen()
    assert.deepEqual([asker.told, it.figures()], [[], { waiting: 1 }])
  })

  it('refuse everybody, if the answer was no and nothing else could serve them', () => {
    const it = new EnginePool()
    const askers = it.askMany(3)
    it.failToOpen(rejected, 'everybody')
    assert.deepEqual(told(askers), [['refused: no such role'], ['refused: no such role'], ['refused: no such role']])
    assert.equal(askers[0]?.error, rejected)
  })

  it('refuse those who had asked before, if they are to be told, and keep those who came later waiting', () => {
    const it = new EnginePool()
    const first = it.ask('first')
    it.pass(1)
    const second = it.ask('second')
    it.failToOpen(rejected, 'earlier')
    assert.deepEqual(told([first, second]), [['refused: no such role'], []])
    it.pass(100)
    it.failToOpen(rejected, 'earlier')
    assert.deepEqual(second.told, ['refused: no such role'])
  })

  it('tell whoever asked before the latest of several that fail', () => {
    const it = new EnginePool({ firstAtOnce: 2 })
    const first = it.ask('first')
    it.pass(1)
    const second = it.ask('second')
    it.failToOpen(rejected, 'earlier')
    assert.deepEqual(told([first, second]), [[], []])
    it.failToOpen(rejected, 'earlier')
    assert.deepEqual(told([first, second]), [['refused: no such role'], ['refused: no such role']])
  })

  it('keep callers waiting, if the answer was no but something else is leased', () => {
    const it = new EnginePool()
    const [holder, asker] = it.askMany(2) as [Asker, Asker]
    it.open()
    it.failToOpen(rejected, 'everybody')
    assert.deepEqual(asker.told, [])
    it.giveBack(holder)
    assert.deepEqual(asker.told, ['one'])
  })

  it('let a refused caller ask again at once, and wait for the next attempt', () => {
    const it = new EnginePool()
    const asker = it.ask('a')
    asker.onRefusal = () => it.askAgain(asker)
    it.failToOpen(rejected, 'everybody')
    assert.deepEqual([asker.told, it.figures()], [['refused: no such role'], { waiting: 1 }])
    it.pass(100)
    it.open()
    assert.deepEqual(asker.told, ['refused: no such role', 'one'])
  })

  it('refuse nobody who asks again meanwhile, in whichever lane, nor another who has left and come back', () => {
    const lanes = ['first', 'second'].map((name) => ({ name, reserved: 0 }))
    const it = new EnginePool({ lanes })
    const [first, second] = it.askMany(2) as [Asker, Asker]
    const third = new Asker('c', { lane: 1 })
    first.onRefusal = () => {
      it.cancel(second)
      it.askAgain(second)
      it.askAgain(third)
    }
    it.failToOpen(rejected, 'everybody')
    assert.deepEqual([told([first, second, third]), it.pool.waiting], [[['refused: no such role'], [], []], 2])
  })

  it('refuse nobody of a single lane who asks again, but them the next time', () => {
    const it = new EnginePool()
    const [first, second] = it.askMany(2) as [Asker, Asker]
    first.onRefusal = () => {
      if (first.told.length > 1) return
      it.cancel(second)
      it.askAgain(second)
      it.askAgain(first)
    }
    it.failToOpen(rejected, 'everybody')
    assert.deepEqual([told([first, second]), it.pool.waiting], [[['refused: no such role'], []], 2])
    it.pass(100)
    it.failToOpen(rejected, 'everybody')
    assert.deepEqual([told([first, second]).map(({ length }) => length), it.pool.waiting], [[2, 1], 0])
  })

  it('are nothing that can happen to what is open', () => {
    const it = new EnginePool().fill(0)
    const holder = it.ask('holder')
    it.pool.openFailed(it.slot('one'), rejected, 'everybody', it.now)
    assert.deepEqual(it.figures(), { leased: 1 })
    it.giveBack(holder)
    assert.deepEqual(it.figures(), { idle: 1 })
  })

  it('leave nothing for the owner to close, though a refused caller retires everything', () => {
    const it = new EnginePool()
    const asker = it.ask('a')
    asker.onRefusal = () => it.pool.retireAll(it.now)
    it.forget()
    it.failToOpen(rejected, 'everybody')
    assert.deepEqual([it.asked(), it.figures()], [[], {}])
  })

  it('are the cause of what callers are told whose wait ends, so that "down" and "exhausted" read differently', () => {
    const it = new EnginePool({ waitTimeoutMs: 50 })
    const asker = it.ask('a')
    it.pass(10)
    it.failToOpen()
    it.pass(40)
    const text = 'no server became free within 50 ms: 0 of 2 leased, nobody else waiting'
    const { code, message, cause } = asker.error ?? {}
    assert.deepEqual(
      { code, message, cause },
      {
        code: 'acquire_timeout',
        message: `${text}; the last attempt to open one failed: connection refused`,
        cause: unreachable,
      },
    )
  })

  it('are the cause of nothing any more, once an attempt has succeeded', () => {
    const it = new EnginePool({ maxSize: 1, waitTimeoutMs: 500 })
    it.ask('holder')
    it.failToOpen()
    it.pass(100)
    it.open()
    const asker = it.ask('a')
    it.pass(500)
    assert.deepEqual([asker.error?.code, asker.error?.cause], ['acquire_timeout', undefined])
    assert.equal(it.pool.snapshot(it.now).lastFailure, undefined)
  })

  it('are none, if the attempt had been given up before', () => {
    const it = new EnginePool()
    it.ask('a')
    const [slot] = it.opening
    assert.ok(slot)
    it.pool.destroy(slot, 'too slow', 0)
    it.failToOpen()
    const { counters, lastFailure } = it.pool.snapshot(0)
    assert.deepEqual([counters.openFailures, lastFailure, it.figures()], [0, undefined, { waiting: 1, opening: 1 }])
  })

  it('are followed by a pause even if it is not to grow', () => {
    const it = new EnginePool({ retryMaxMs: 0 })
    it.ask('a')
    for (const at of [100, 200, 300]) {
      it.failToOpen()
      assert.deepEqual(it.figures(), { waiting: 1 })
      it.pass(100)
      assert.deepEqual([it.now, it.figures()], [at, { opening: 1, waiting: 1 }])
    }
  })

  it('refuse nobody of a pool that is paused', () => {
    const it = new EnginePool()
    const asker = it.ask('a')
    it.pool.pause(0)
    it.failToOpen(rejected, 'everybody')
    assert.deepEqual([asker.told, it.figures()], [[], { waiting: 1 }])
  })
})

describe('Pool: openings that are given up', () => {
  it('are counted as such, and not among what was opened and closed', () => {
    const it = new EnginePool({ maxSize: 3, minSize: 3 }).fill(0)
    it.pass(0)
    it.destroy('one')
    const [slot] = it.opening
    assert.ok(slot)
    it.pool.destroy(slot, 'too slow', 0)
    it.pool.end(unreachable, 0)
    while (it.closing.length > 0) it.close()
    const { opened, openFailures, abandoned, closed } = it.pool.snapshot(0).counters
    assert.deepEqual(
      { opened, openFailures, abandoned, closed: closed.destroyed + closed.ended },
      {
        opened: 1,
        openFailures: 0,
        abandoned: 2,
        closed: 1,
      },
    )
  })
})
