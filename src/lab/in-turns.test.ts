import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inTurns } from './in-turns.ts'

describe('turns', () => {
  it('go forth and back, and say how much is over', () => {
    assert.deepEqual(
      [...inTurns(['a', 'b'], 3)].map(({ item, round, share }) => [item, round, Math.round(6 * share)]),
      [
        ['a', 0, 0],
        ['b', 0, 1],
        ['b', 1, 2],
        ['a', 1, 3],
        ['a', 2, 4],
        ['b', 2, 5],
      ],
    )
  })
})
