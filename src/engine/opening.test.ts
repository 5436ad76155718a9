import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TaxirankError } from '../errors.ts'
import { type Demand, Opening } from './opening.ts'

const error = new TaxirankError('server_connect_failed', 'connection refused')
const quiet: Demand = { needed: 10, resources: 2, opening: 0, holdMs: 5, longestWaitMs: 0 }

/** One that has learnt that opening takes 25 ms: exactly as long as the last of ten waits for two that are held for 5 ms. */
function taught(): Opening {
  const opening = new Opening(1_000, () => 0)
  opening.succeeded(25)
  return opening
}

const isWorthIt = (demand: Partial<Demand>, opening = taught()): boolean => opening.isWorthIt({ ...quiet, ...demand })

describe('Opening: whether one more is worth it', () => {
  it('is, if waiting × hold ÷ resources is longer than opening takes', () => {
    assert.deepEqual([isWorthIt({}), isWorthIt({ needed: 11 })], [false, true])
    assert.deepEqual([isWorthIt({ holdMs: 5.1 }), isWorthIt({ resources: 1 })], [true, true])
  })

  it('is, if whoever is first has waited as long as that takes, but for one at a time', () => {
    assert.deepEqual([isWorthIt({ longestWaitMs: 24 }), isWorthIt({ longestWaitMs: 25 })], [false, true])
    assert.equal(isWorthIt({ longestWaitMs: 1_000, opening: 1 }), false)
  })

  it('is not, if as many are being opened as there are waiters', () => {
    assert.deepEqual(
      [9, 10].map((opening) => isWorthIt({ holdMs: 1_000, opening })),
      [true, false],
    )
    assert.equal(isWorthIt({ needed: 0, longestWaitMs: 1_000 }), false)
  })

  it('is, if there is nothing at all, however short the queue', () => {
    assert.equal(isWorthIt({ needed: 1, resources: 0, holdMs: 0 }), true)
  })

  it('is, as long as nothing is known', () => {
    assert.equal(isWorthIt({ holdMs: 0 }, new Opening(1_000, () => 0)), true)
  })
})

describe('Opening: what it learns', () => {
  it('is the moving mean of how long it took, of which the newest is an eighth', () => {
    const opening = new Opening(1_000, () => 0)
    const learnt = [80, 0, 70].map((ms) => {
      opening.succeeded(ms)
      return opening.learntMs
    })
    assert.deepEqual([new Opening(1_000, () => 0).learntMs, ...learnt], [undefined, 80, 70, 70])
  })

  it('is not how long a failure took', () => {
    const opening = taught()
    opening.failed(error, 1_000_000)
    assert.equal(opening.learntMs, 25)
  })
})

describe('Opening: how many at once', () => {
  const most = (opening: Opening, now = 0): number => {
    let count = 0
    while (opening.mayBegin(count, now)) count++
    return count
  }

  it('are one at first, twice as many after each success, and one again after a failure', () => {
    const opening = new Opening(1_000, () => 0)
    const counts = [most(opening)]
    for (let success = 0; success < 3; success++) {
      opening.succeeded(20)
      counts.push(most(opening))
    }
    opening.failed(error, 0)
    counts.push(most(opening, 100))
    opening.succeeded(20)
    assert.deepEqual([...counts, most(opening, 100)], [1, 2, 4, 8, 1, 2])
  })

  it('are none in the pause after a failure', () => {
    const opening = taught()
    opening.failed(error, 50)
    assert.deepEqual([opening.retryAtMs, most(opening, 149), most(opening, 150)], [150, 0, 1])
  })

  it('stay a number, however often it succeeds', () => {
    const opening = new Opening(1_000, () => 0)
    for (let success = 0; success < 5_000; success++) opening.succeeded(20)
    opening.failed(error, 0)
    opening.succeeded(20)
    assert.equal(most(opening, 100), 2)
  })
})

describe('Opening: the pause after a failure', () => {
  const pauses = (chance: number, retryMaxMs = 1_000): number[] => {
    const opening = new Opening(retryMaxMs, () => chance)
    let now = 0
    return Array.from({ length: 5 }, () => {
      opening.failed(error, now)
      const pause = opening.retryAtMs - now
      now = opening.retryAtMs
      return Math.round(pause)
    })
  }

  it('doubles from 100 ms up to the longest', () => {
    assert.deepEqual(pauses(0), [100, 200, 400, 800, 1_000])
  })

  it('is shorter by up to a fifth, at random, and doubles all the same', () => {
    assert.deepEqual(pauses(0.999999), [80, 160, 320, 640, 800])
  })

  it('is never longer than the longest', () => {
    assert.deepEqual(pauses(0, 30), [30, 30, 30, 30, 30])
  })

  it('does not grow with failures that come while it lasts', () => {
    const opening = taught()
    for (const now of [0, 0, 50, 99]) opening.failed(error, now)
    assert.equal(opening.retryAtMs, 100)
    opening.failed(error, 100)
    assert.equal(opening.retryAtMs, 300)
  })

  it('is over, and forgotten, with a success', () => {
    const opening = taught()
    opening.failed(error, 0)
    opening.failed(error, 100)
    assert.equal(opening.lastFailure, error)
    opening.succeeded(20)
    assert.deepEqual([opening.lastFailure, opening.mayBegin(0, 110)], [undefined, true])
    opening.failed(error, 200)
    assert.equal(opening.retryAtMs, 300)
  })
})
