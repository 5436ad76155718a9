import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Tally } from './distribution.ts'

function tallyOf(...counts: number[]): Tally {
  const tally = new Tally()
  for (const count of counts) tally.add(count)
  return tally
}

describe('Tally', () => {
  it('gives mean, 95th percentile by nearest rank, and maximum of the counts of all samples', () => {
    assert.deepEqual(tallyOf(4).over(1), { mean: 4, p95: 4, max: 4 })
    assert.deepEqual(tallyOf(...Array<number>(19).fill(1), 21).over(20), { mean: 2, p95: 1, max: 21 })
    assert.deepEqual(tallyOf(...Array<number>(18).fill(1), 9, 13).over(20), { mean: 2, p95: 9, max: 13 })
  })

  it('counts samples in which nothing was there as zeros', () => {
    assert.deepEqual(tallyOf(8).over(4), { mean: 2, p95: 8, max: 8 })
    assert.deepEqual(tallyOf(8, 0).over(40), { mean: 0.2, p95: 0, max: 8 })
    assert.deepEqual(tallyOf().over(3), { mean: 0, p95: 0, max: 0 })
  })

  it('refuses to be of fewer samples than it has', () => {
    assert.throws(() => tallyOf(1, 2).over(1), /a tally of 2 samples/)
    assert.throws(() => tallyOf().over(0), /a tally of 0 samples/)
  })
})
