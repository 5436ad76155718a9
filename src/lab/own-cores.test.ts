import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ownLimitText } from './own-cores.ts'

describe('the limit that the lab itself is', () => {
  it('is told where it used about a whole core', () => {
    assert.equal(ownLimitText(0.95, 'the lab'), 'the lab used 0.95 cores and was the limit')
  })

  it('is not told where it used less, or nobody knows', () => {
    assert.deepEqual([ownLimitText(0.8, 'the lab'), ownLimitText(NaN, 'the lab')], ['', ''])
  })
})
