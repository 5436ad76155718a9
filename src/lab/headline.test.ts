import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { timeText } from '../report/number-text.ts'
import { headlineOf, longestHeadline } from './headline.ts'

describe('a headline', () => {
  it('is the first sentence whose numbers are all known', () => {
    assert.equal(
      headlineOf(undefined, `It takes ${timeText(NaN)}.`, `It takes ${timeText(2)}.`, 'It is.'),
      'It takes 2 ms.',
    )
  })

  it('is never too long', () => {
    assert.equal(headlineOf('x'.repeat(longestHeadline + 1), 'short'), 'short')
    assert.equal(headlineOf('x'.repeat(longestHeadline)).length, longestHeadline)
  })

  it('is empty if nothing can be said', () => {
    assert.equal(headlineOf(`It takes ${timeText(NaN)}.`, undefined), '')
  })
})
