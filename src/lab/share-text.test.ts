import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { shareText } from './share-text.ts'

describe('the text of a share', () => {
  it('has the digits that matter', () => {
    assert.deepEqual([0, 0.000_452, 0.003_49, 0.034_9, 0.05, 0.0999, 0.679, 0.838, 1, 2.345].map(shareText), [
      '0%',
      '0.05%',
      '0.35%',
      '3.5%',
      '5%',
      '10%',
      '68%',
      '84%',
      '100%',
      '235%',
    ])
  })

  it('says 100% of all only', () => {
    assert.deepEqual([0.9921, 0.9996, 0.999_999, 1].map(shareText), ['99.2%', '99.9%', '99.9%', '100%'])
  })

  it('is a dash for what is no number', () => {
    assert.equal(shareText(NaN), '–')
  })
})
