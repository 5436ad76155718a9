import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isFar, measurement, medianOf } from './measurement.ts'

describe('a measurement', () => {
  it('has its rounds, their median and their spread', () => {
    assert.deepEqual(measurement('wait', 'ms', [3, 1, 2]), {
      name: 'wait',
      unit: 'ms',
      rounds: [3, 1, 2],
      median: 2,
      lowest: 1,
      highest: 3,
    })
  })

  it('leaves out rounds in which nothing was measured, and is nothing if none is left', () => {
    const { rounds, median, lowest } = measurement('wait', 'ms', [NaN, 4])
    assert.deepEqual([rounds, median, lowest], [[null, 4], 4, 4])
    assert.deepEqual(measurement('wait', 'ms', [Infinity]).median, null)
    assert.ok(Number.isNaN(medianOf([NaN])))
  })
})

describe('what is far', () => {
  it('is so in either direction, and not if it is not known', () => {
    assert.deepEqual(
      [isFar(3, 1), isFar(1, 3), isFar(1.4, 1), isFar(1, 1.4), isFar(NaN, 1), isFar(1, NaN), isFar(3, 1, 4)],
      [true, true, false, false, false, false, false],
    )
  })
})
