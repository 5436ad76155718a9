import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ampleSize, measuringPlan, sweepSizes } from './sweep-sizes.ts'

describe('sweepSizes', () => {
  it('goes from one beyond what the server has, with the size of the formula and four for each core', () => {
    assert.deepEqual(sweepSizes({ cores: 2, free: 96, most: 150, isQuick: true }), [1, 2, 5, 8, 96, 120])
  })

  it('has more steps where there is time', () => {
    const sizes = sweepSizes({ cores: 2, free: 96, most: 400, isQuick: false })
    assert.deepEqual(sizes, [1, 2, 3, 5, 8, 13, 22, 36, 58, 96, 120])
  })

  it('stops where more would only fill this machine', () => {
    assert.deepEqual(sweepSizes({ cores: 2, free: 4_990, most: 150, isQuick: true }).at(-1), 150)
  })

  it('has each size once on a server with hardly a connection, and more cores than connections', () => {
    assert.deepEqual(sweepSizes({ cores: 64, free: 3, most: 150, isQuick: true }), [1, 2, 3, 4])
    assert.equal(ampleSize({ cores: 64, free: 3, most: 150 }), 3)
  })

  it('has the ample size always', () => {
    for (const cores of [1, 2, 7, 24, 128]) {
      const bounds = { cores, free: 96, most: 150, isQuick: true }
      assert.ok(sweepSizes(bounds).includes(ampleSize(bounds)), `${cores} cores`)
    }
  })
})

describe('the plan', () => {
  it('goes up and down in turn, and to what the server refuses once', () => {
    assert.deepEqual(measuringPlan([1, 8, 120], { rounds: 3, free: 96 }), [
      { size: 1, round: 0 },
      { size: 8, round: 0 },
      { size: 120, round: 0 },
      { size: 8, round: 1 },
      { size: 1, round: 1 },
      { size: 1, round: 2 },
      { size: 8, round: 2 },
    ])
  })
})
