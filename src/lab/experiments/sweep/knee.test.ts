import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { kneeOf } from './knee.ts'

const points = (...perSecond: number[]) => perSecond.map((value, index) => ({ size: 2 ** index, perSecond: value }))

describe('kneeOf', () => {
  it('is the smallest size that reaches 95 % of the best', () => {
    assert.equal(kneeOf(points(500, 940, 950, 1_000, 700))?.size, 4)
  })

  it('does not depend on the order of the points', () => {
    assert.equal(kneeOf(points(500, 940, 950, 1_000, 700).toReversed())?.size, 4)
  })

  it('is the largest size where every step still helps', () => {
    assert.equal(kneeOf(points(100, 200, 400, 800))?.size, 8)
  })

  it('passes over sizes of which nothing is known', () => {
    assert.equal(kneeOf(points(Number.NaN, 600, 610))?.size, 2)
  })

  it('is nowhere if nothing was served', () => {
    assert.equal(kneeOf(points(0, 0)), undefined)
    assert.equal(kneeOf([]), undefined)
  })
})
