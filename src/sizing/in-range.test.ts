import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aboveZero, check, whole, wholeUpTo, zeroOrMore } from './in-range.ts'

const refusal = (message: string) => ({ name: 'TaxirankError', code: 'out_of_range', sqlState: '22023', message })

describe('a number out of range', () => {
  it('is refused with its name, the range and what it was', () => {
    assert.throws(() => check(false, 'load', 'below 2', 3), refusal('load must be below 2, got 3'))
    assert.throws(() => zeroOrMore('a', -1), refusal('a must be finite, 0 or more, got -1'))
    assert.throws(() => aboveZero('a', 0), refusal('a must be finite, above 0, got 0'))
    assert.throws(() => whole('a', 0, 1), refusal('a must be a whole number, 1 or more, got 0'))
    assert.throws(() => wholeUpTo('a', 4, 1, 3), refusal('a must be a whole number from 1 to 3, got 4'))
  })

  it('is also one that is infinite, or no number, or not whole where it has to be', () => {
    for (const value of [NaN, Infinity, -Infinity]) {
      assert.throws(() => zeroOrMore('a', value), refusal(`a must be finite, 0 or more, got ${value}`))
      assert.throws(() => aboveZero('a', value), refusal(`a must be finite, above 0, got ${value}`))
      assert.throws(() => whole('a', value, 0), refusal(`a must be a whole number, 0 or more, got ${value}`))
    }
    assert.throws(() => whole('a', 1.5, 1), refusal('a must be a whole number, 1 or more, got 1.5'))
    assert.throws(() => wholeUpTo('a', 1.5, 1, 3), refusal('a must be a whole number from 1 to 3, got 1.5'))
    assert.throws(() => wholeUpTo('a', NaN, 1, 3), refusal('a must be a whole number from 1 to 3, got NaN'))
  })

  it('is also what is no number at all, though JavaScript would reckon with it', () => {
    for (const value of [null, '5', true, undefined] as unknown as number[]) {
      assert.throws(() => check(true, 'a', 'a number', value), refusal(`a must be a number, got ${value}`))
      assert.throws(() => zeroOrMore('a', value), refusal(`a must be finite, 0 or more, got ${value}`))
      assert.throws(() => whole('a', value, 0), refusal(`a must be a whole number, 0 or more, got ${value}`))
    }
  })

  it('is not one that stands at the end of its range', () => {
    zeroOrMore('a', 0)
    aboveZero('a', Number.MIN_VALUE)
    whole('a', 1, 1)
    wholeUpTo('a', 1, 1, 3)
    wholeUpTo('a', 3, 1, 3)
  })
})
