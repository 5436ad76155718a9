import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { growthBetween, type StatementsSample, type StatementTotals } from './statements-growth.ts'

const statement = (key: string, calls: number, totalMs: number): StatementTotals => ({
  key,
  calls,
  totalMs,
  rows: calls,
})
const at = (atMs: number, ...statements: StatementTotals[]): StatementsSample => ({
  atMs,
  resetAtMs: 1_000,
  statements,
})
const nobodys = (): boolean => false

describe('growth of the statistics of statements', () => {
  it('is what ran within the watch, the longest first, without our own', () => {
    const before = at(5_000, statement('a', 900, 9_000), statement('b', 100, 500), statement('own', 10, 10))
    const after = at(
      15_000,
      statement('a', 950, 9_100),
      statement('b', 200, 900),
      statement('c', 1, 7_000),
      statement('own', 50, 90),
    )
    assert.deepEqual(
      growthBetween(before, after, (key) => key === 'own'),
      {
        since: 'watch',
        overMs: 10_000,
        statements: [statement('c', 1, 7_000), statement('b', 100, 400), statement('a', 50, 100)],
      },
    )
  })

  it('is since the reset if the watch saw too little', () => {
    const before = at(5_000, statement('a', 900, 9_000))
    const after = at(6_000, statement('a', 999, 9_900))
    const all = { since: 'reset', statements: after.statements } as const
    assert.deepEqual(growthBetween(before, after, nobodys), { ...all, overMs: 5_000 })
    assert.deepEqual(growthBetween(before, { ...after, resetAtMs: null }, nobodys), all)
  })

  it('takes a statement that was forgotten in between as new', () => {
    const grown = growthBetween(at(0, statement('a', 900, 9_000)), at(9, statement('a', 150, 100)), nobodys)
    assert.deepEqual(grown.statements, [statement('a', 150, 100)])
  })
})
