import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Random } from '../random.ts'
import { median, medianInterval, percentile } from './statistics.ts'

const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)

describe('median', () => {
  it('is the middle of an odd number of values, in whatever order they come', () => {
    assert.equal(median([5, 1, 100]), 5)
  })

  it('is the mean of the two in the middle of an even number', () => {
    assert.equal(median([4, 1, 3, 100]), 3.5)
  })

  it('sorts by value, not by text, and leaves its argument alone', () => {
    const values = [10, 9, 2]
    assert.equal(median(values), 9)
    assert.deepEqual(values, [10, 9, 2])
  })

  it('rejects an empty list', () => {
    assert.throws(() => median([]), RangeError)
  })
})

describe('percentile', () => {
  it('is the smallest value that so many percent do not exceed', () => {
    const values = upTo(200).reverse()
    assert.deepEqual(
      [0, 0.5, 0.6, 50, 99, 99.1, 100].map((percent) => percentile(values, percent)),
      [1, 1, 2, 100, 198, 199, 200],
    )
  })

  it('is the value itself when there is one', () => {
    assert.equal(percentile([7], 99), 7)
  })

  it('rejects an empty list', () => {
    assert.throws(() => percentile([], 50), RangeError)
  })
})

describe('medianInterval', () => {
  // The ranks and coverages of the sign test's interval, computed from binomial coefficients by hand:
  // n = 9: 1 − 2·(1 + 9)/512; n = 20: 1 − 2·(1 + 20 + 190 + 1140 + 4845)/2^20.
  it('goes from the 2nd to the 8th of nine values', () => {
    assert.deepEqual(medianInterval(upTo(9)), { low: 2, high: 8, confidence: 1 - 20 / 512 })
  })

  it('goes from the 6th to the 15th of twenty values', () => {
    assert.deepEqual(medianInterval(upTo(20)), { low: 6, high: 15, confidence: 1 - (2 * 21_700) / 2 ** 20 })
  })

  it('is the whole range of six values, and just reaches 95 %', () => {
    assert.deepEqual(medianInterval(upTo(6)), { low: 1, high: 6, confidence: 1 - 2 / 64 })
  })

  it('is the whole range of fewer values, and says that this is less than 95 %', () => {
    assert.deepEqual(medianInterval(upTo(5)), { low: 1, high: 5, confidence: 1 - 2 / 32 })
    assert.deepEqual(medianInterval([3]), { low: 3, high: 3, confidence: 0 })
  })

  it('does not care about the order of the values', () => {
    assert.deepEqual(medianInterval(upTo(9).reverse()), medianInterval(upTo(9)))
  })

  it('covers the true median about as often as it says', () => {
    const seed = 20_240_229
    const random = new Random(seed)
    const rounds = 4000
    let covered = 0
    for (let round = 0; round < rounds; round++) {
      const { low, high } = medianInterval(Array.from({ length: 9 }, () => random.fraction()))
      if (low <= 0.5 && high >= 0.5) covered++
    }
    assert.ok(Math.abs(covered / rounds - (1 - 20 / 512)) < 0.015, `${covered} of ${rounds} covered, seed ${seed}`)
  })
})
