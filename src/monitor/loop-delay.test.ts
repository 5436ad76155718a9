import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LoopDelay } from './loop-delay.ts'

describe('LoopDelay', () => {
  it('is how much later than asked for the timer fired, each time for itself', () => {
    const delay = new LoopDelay(100, 1_000)
    for (const at of [1_100, 1_350, 1_450.5]) delay.tick(at)
    const { count, sumMs, maxMs } = delay.snapshot()
    assert.deepEqual([count, sumMs, maxMs], [3, 150.5, 150])
  })

  it('is nothing when a timer fires early', () => {
    const delay = new LoopDelay(100, 0)
    delay.tick(99)
    assert.deepEqual([delay.snapshot().count, delay.snapshot().maxMs], [1, 0])
  })
})
