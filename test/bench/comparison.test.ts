import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compare } from '../../bench/comparison.ts'

describe('compare', () => {
  it('takes the ratio within each pair, so that a drift of both sides cancels out', () => {
    const baseline = [100, 200, 400]
    const ours = [90, 180, 360]
    const { ratio, ratios, baseline: baselineMedian, ours: oursMedian } = compare(baseline, ours)
    assert.deepEqual(
      { ratio, ratios, baselineMedian, oursMedian },
      {
        ratio: 0.9,
        ratios: [0.9, 0.9, 0.9],
        baselineMedian: 200,
        oursMedian: 180,
      },
    )
  })

  it('rejects sides of different length', () => {
    assert.throws(() => compare([1, 2], [1]), RangeError)
  })
})
