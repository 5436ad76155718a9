import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inUse, mostHeldMs, mostPerSecond } from './littles-law.ts'

const refuses = (ask: () => unknown, message: string) => assert.throws(ask, { code: 'out_of_range', message })

describe('Little’s law', () => {
  it('says how many are in use: as many as come while one is held', () => {
    assert.deepEqual([inUse(200, 25), inUse(0, 25), inUse(200, 0)], [5, 0, 0])
  })

  it('says the most that can be served, and how long each may be held for that', () => {
    assert.deepEqual([mostPerSecond(5, 25), mostPerSecond(0, 25)], [200, 0])
    assert.deepEqual([mostHeldMs(5, 200), mostHeldMs(0, 200)], [25, 0])
  })

  it('refuses what is out of range', () => {
    refuses(() => inUse(-1, 1), 'arrivalsPerSecond must be finite, 0 or more, got -1')
    refuses(() => inUse(1, NaN), 'heldMs must be finite, 0 or more, got NaN')
    refuses(() => mostPerSecond(-1, 1), 'servers must be finite, 0 or more, got -1')
    refuses(() => mostPerSecond(1, 0), 'heldMs must be finite, above 0, got 0')
    refuses(() => mostHeldMs(NaN, 1), 'servers must be finite, 0 or more, got NaN')
    refuses(() => mostHeldMs(1, 0), 'arrivalsPerSecond must be finite, above 0, got 0')
  })
})
