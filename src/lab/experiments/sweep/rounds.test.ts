import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isClearlyLess, ratiosOf } from './rounds.ts'

describe('ratios', () => {
  it('are of the same round: that one round was slow for both does not show', () => {
    assert.deepEqual(ratiosOf([90, 45, 90], [100, 50, 100]), [0.9, 0.9, 0.9])
  })

  it('are of the rounds that both have', () => {
    assert.deepEqual(ratiosOf([90], [100, 50, 100]), [0.9])
  })
})

describe('clearly less', () => {
  it('is what is below the other in all rounds of both', () => {
    assert.ok(isClearlyLess([1, 2, 3], [4, 5, 6]))
    assert.ok(!isClearlyLess([1, 2, 4.5], [4, 5, 6]))
    assert.ok(!isClearlyLess([4, 5, 6], [1, 2, 3]))
  })

  it('is nothing of which nothing is known', () => {
    assert.ok(!isClearlyLess([], [1]))
    assert.ok(!isClearlyLess([1], []))
    assert.ok(!isClearlyLess([1, Number.NaN], [4]))
  })
})
