import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ledger, type Outcome } from './ledger.ts'

/** How many breaches there are if a client knows a row as `outcome` and the table holds it `count` times. */
function breaches(outcome: Outcome, count: number): number {
  const ledger = new Ledger()
  ledger.line('db', 1, 'test', 'token').outcome = outcome
  return ledger.compare(
    'db',
    Array.from({ length: count }, () => 'token'),
  ).length
}

describe('the ledger', () => {
  it('wants committed rows exactly once, absent rows never, unknown rows at most once', () => {
    const table = (['committed', 'absent', 'unknown'] as const).map((outcome) =>
      [0, 1, 2].map((count) => breaches(outcome, count)),
    )
    assert.deepEqual(table, [
      [1, 0, 1],
      [0, 1, 1],
      [0, 0, 1],
    ])
  })

  it('reports rows that no client wrote', () => {
    assert.equal(new Ledger().compare('db', ['who']).length, 1)
  })

  it('keeps databases apart', () => {
    const ledger = new Ledger()
    ledger.line('one', 1, 'test', 'token').outcome = 'committed'
    assert.deepEqual(ledger.compare('two', []), [])
    assert.equal(ledger.compare('two', ['token']).length, 1)
  })
})
