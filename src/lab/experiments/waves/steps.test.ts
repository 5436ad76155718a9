import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Random } from '../../../random.ts'
import { stepsOf } from './steps.ts'

describe('steps of a wave', () => {
  it('finds a step for each group that is answered together, and how many are in it', () => {
    const latencies = [51, 50, 52, 101, 103, 104, 155]
    assert.deepEqual(stepsOf(latencies, 20), [
      { size: 3, fromMs: 50, untilMs: 52 },
      { size: 3, fromMs: 101, untilMs: 104 },
      { size: 1, fromMs: 155, untilMs: 155 },
    ])
  })

  it('still finds ten steps of 20 when each round comes a little later than the one before', () => {
    const random = new Random(1)
    const latencies = Array.from({ length: 200 }, (_, worker) => {
      const round = 1 + Math.floor(worker / 20)
      return round * 53 + 8 * random.fraction()
    })
    assert.deepEqual(
      stepsOf(latencies, 20).map(({ size }) => size),
      Array.from({ length: 10 }, () => 20),
    )
  })

  it('finds one step where all are answered one shortly after the other, and none where nobody is', () => {
    const latencies = Array.from({ length: 200 }, (_, worker) => 50 + 2 * worker)
    assert.deepEqual(stepsOf(latencies, 20), [{ size: 200, fromMs: 50, untilMs: 448 }])
    assert.deepEqual(stepsOf([], 20), [])
  })
})
