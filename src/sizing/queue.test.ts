import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { figuresOf, loadOf, overloaded, utilisationOf } from './queue.ts'

const queue = { servers: 10, arrivalsPerSecond: 50, serviceMs: 100 }

describe('a queue', () => {
  it('is asked for as many servers as Little’s law says are busy, and used by that many of those it has', () => {
    assert.deepEqual([loadOf(queue), utilisationOf(queue)], [5, 0.5])
    assert.equal(utilisationOf({ ...queue, servers: 4 }), 1.25)
    assert.equal(utilisationOf({ ...queue, arrivalsPerSecond: 0 }), 0)
  })

  it('has as many waiting as Little’s law says of their wait', () => {
    assert.deepEqual(figuresOf(queue, 0.3, 40), {
      utilisation: 0.5,
      waitProbability: 0.3,
      meanWaitMs: 40,
      meanWaiting: 2,
    })
  })

  it('lets all wait for ever when it is overloaded', () => {
    assert.deepEqual(overloaded(1.25), {
      utilisation: 1.25,
      waitProbability: 1,
      meanWaitMs: Infinity,
      meanWaiting: Infinity,
    })
  })

  it('refuses what is out of range', () => {
    const refuses = (wrong: Partial<typeof queue>, message: string) =>
      assert.throws(() => utilisationOf({ ...queue, ...wrong }), { code: 'out_of_range', message })
    refuses({ servers: 0 }, 'servers must be a whole number from 1 to 1000000, got 0')
    refuses({ servers: 1.5 }, 'servers must be a whole number from 1 to 1000000, got 1.5')
    refuses({ servers: 1_000_001 }, 'servers must be a whole number from 1 to 1000000, got 1000001')
    refuses({ arrivalsPerSecond: -1 }, 'arrivalsPerSecond must be finite, 0 or more, got -1')
    refuses({ serviceMs: NaN }, 'serviceMs must be finite, 0 or more, got NaN')
  })
})
