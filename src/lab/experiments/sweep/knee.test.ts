import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { kneeOf } from './knee.ts'

const points = (...shares: number[]) => shares.map((share, index) => ({ size: 2 ** index, share }))

describe('kneeOf', () => {
  it('is the smallest size that reaches 95 % of the best', () => {
    assert.equal(kneeOf(points(0.5, 0.94, 0.95, 1, 0.7))?.size, 4)
  })

  it('does not depend on the order of the points', () => {
    assert.equal(kneeOf(points(0.5, 0.94, 0.95, 1, 0.7).toReversed())?.size, 4)
  })

  it('is the largest size where every step still helps', () => {
    assert.equal(kneeOf(points(0.125, 0.25, 0.5, 1))?.size, 8)
  })

  it('passes over sizes of which nothing is known', () => {
    assert.equal(kneeOf(points(Number.NaN, 0.99, 1))?.size, 2)
  })

  it('is nowhere if nothing was served', () => {
    assert.equal(kneeOf(points(Number.NaN, Number.NaN)), undefined)
    assert.equal(kneeOf([]), undefined)
  })
})
