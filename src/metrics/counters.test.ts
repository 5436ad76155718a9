import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { closeReasons, Counters } from './counters.ts'

describe('Counters', () => {
  it('begin at zero, for every reason to close', () => {
    const { closed, ...others } = new Counters().snapshot()
    assert.deepEqual(Object.keys(closed), [...closeReasons])
    assert.ok([...Object.values(closed), ...Object.values(others)].every((count) => count === 0))
  })

  it('give a frozen copy that does not go on counting', () => {
    const counters = new Counters()
    counters.leases++
    counters.closed.idle++
    const snapshot = counters.snapshot()
    counters.leases++
    counters.closed.idle++
    assert.deepEqual([snapshot.leases, snapshot.closed.idle], [1, 1])
    assert.ok(Object.isFrozen(snapshot) && Object.isFrozen(snapshot.closed))
  })
})
