import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type DatabaseTotals, growthBetween } from './read-counters.ts'

function totals(name: string, different: Partial<DatabaseTotals> = {}): DatabaseTotals {
  return { name, commits: 100, rollbacks: 10, blocksHit: 1_000, blocksRead: 100, deadlocks: 1, ...different }
}

const at = (atMs: number, ...databases: DatabaseTotals[]) => ({ atMs, current: 'shop', databases })
const none = { commits: 0, rollbacks: 0, blocksHit: 0, blocksRead: 0, deadlocks: 0 }
const nothing = { ...none, transactionsPerSecond: 0, rollbacksPerSecond: 0 }

describe('growth of the statistics of databases', () => {
  it('has rates without our own transactions, and sums over all databases', () => {
    const before = at(1_000, totals('shop', { sessions: 3, activeMs: 50 }), totals('stock'))
    const after = at(
      21_000,
      totals('shop', { commits: 300, rollbacks: 20, sessions: 43, activeMs: 90 }),
      totals('stock', { commits: 110 }),
    )
    const shop = { ...none, commits: 200, rollbacks: 10, sessions: 40, activeMs: 40 }
    const shopRates = { transactionsPerSecond: 10, rollbacksPerSecond: 0.5, sessionsPerSecond: 2 }
    assert.deepEqual(growthBetween(before, after, 10), {
      overMs: 20_000,
      lagMs: 1_000,
      isReliable: true,
      ownTransactions: 10,
      all: { ...shop, ...shopRates, commits: 210, transactionsPerSecond: 10.5 },
      current: { name: 'shop', ...shop, ...shopRates },
      databases: [
        { name: 'shop', ...shop, ...shopRates },
        { name: 'stock', ...nothing, commits: 10, transactionsPerSecond: 0.5 },
      ],
    })
  })

  it('is not reliable over a short watch, has no rates over none, and never negative ones', () => {
    const growth = growthBetween(at(0, totals('shop')), at(2_000, totals('shop', { commits: 103 })), 8)
    assert.deepEqual([growth?.isReliable, growth?.current], [false, { name: 'shop', ...nothing, commits: 3 }])
    assert.deepEqual(growthBetween(at(0, totals('shop')), at(0, totals('shop')), 0)?.all, none)
  })

  it('takes a new database as grown from nothing, and is not known after a reset', () => {
    const before = at(0, totals('shop'))
    const grown = growthBetween(before, at(10_000, totals('shop'), totals('new')), 0)
    assert.deepEqual(
      grown?.databases.map(({ name, commits }) => [name, commits]),
      [
        ['new', 100],
        ['shop', 0],
      ],
    )
    assert.equal(growthBetween(before, at(10_000, totals('shop', { commits: 5 })), 0), undefined)
  })
})
