import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { averageBetween, nothingCounted, sum, Tally } from './tally.ts'

function tally(counts: Partial<Tally>): Tally {
  return Object.assign(new Tally(), counts)
}

describe('Tally', () => {
  it('is per second on average, and its times are per transaction, query and assignment', () => {
    const from = tally({ transactions: 10, transactionMs: 100, queries: 20, receivedBytes: 1_000 })
    const to = tally({
      transactions: 14,
      transactionMs: 108,
      queries: 30,
      queryMs: 5,
      assignments: 4,
      waitMs: 6,
      receivedBytes: 3_000,
    })
    assert.deepEqual(averageBetween(from.copy(), to.copy(), 2_000), {
      ...nothingCounted,
      transactions: 2,
      transactionMs: 2,
      queries: 5,
      queryMs: 0.5,
      assignments: 2,
      waitMs: 1.5,
      receivedBytes: 1_000,
    })
  })

  it('has averages of nothing where nothing happened', () => {
    assert.deepEqual(averageBetween(nothingCounted, nothingCounted, 1_000), nothingCounted)
  })

  it('keeps its copies as they were', () => {
    const counts = tally({ queries: 1 })
    const copy = counts.copy()
    counts.queries++
    assert.equal(copy.queries, 1)
  })

  it('adds up', () => {
    const total = sum([tally({ queries: 1, binds: 2 }), tally({ queries: 3 })])
    assert.deepEqual(total, { ...nothingCounted, queries: 4, binds: 2 })
  })
})
