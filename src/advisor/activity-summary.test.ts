import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ActivitySummary } from './activity-summary.ts'
import type { ActivityCount, ActivitySample, ConnectionUse } from './sample-activity.ts'

const shop = { database: 'shop', user: 'app', application: 'web' }
const always = (count: number) => ({ mean: count, p95: count, max: count })

function some(count: number, different: Partial<ActivityCount> = {}): ActivityCount {
  return { kind: 'client', ...shop, state: 'idle', waiting: '', count, remote: 0, ...different }
}

function use(different: Partial<ConnectionUse> = {}): ConnectionUse {
  return { ...shop, addresses: 1, unused: 0, unusedForAtLeastMs: null, ...different }
}

function summaryOf(...samples: Partial<ActivitySample>[]): ActivitySummary {
  const summary = new ActivitySummary()
  for (const one of samples) summary.add({ counts: [], uses: [], longest: null, preparedTransactions: 0, ...one })
  return summary
}

describe('ActivitySummary', () => {
  it('tells what connections do: run, wait and for what, idle, idle in transactions, hide', () => {
    const counts = [
      some(5, { remote: 5 }),
      some(3, { state: 'active' }),
      some(1, { state: 'fastpath function call' }),
      some(4, { state: 'active', waiting: 'Lock' }),
      some(2, { state: 'active', waiting: 'IO', database: 'stock' }),
      some(6, { state: 'idle in transaction' }),
      some(1, { state: 'idle in transaction (aborted)' }),
      some(7, { kind: 'hidden', state: '' }),
      some(8, { state: 'disabled' }),
      some(6, { kind: 'worker', state: 'active' }),
      some(3, { kind: 'worker', state: 'active', waiting: 'IPC' }),
      some(2, { kind: 'walsender', state: 'active' }),
    ]
    const { groups, ...reading } = summaryOf({ counts, preparedTransactions: 3 }).reading(250)
    assert.deepEqual(reading, {
      samples: 1,
      everyMs: 250,
      connections: always(37),
      activeOnCpu: always(4),
      active: always(10),
      idle: always(5),
      idleInTransaction: always(7),
      idleInAbortedTransaction: always(1),
      hidden: always(15),
      parallelWorkers: always(9),
      workersOnCpu: always(6),
      remote: always(5),
      walSenders: always(2),
      activeWaiting: { Lock: always(4), IO: always(2) },
      preparedTransactions: 3,
      moreGroups: 0,
    })
    assert.deepEqual(
      groups.map(
        ({ database, connections, active, idleInTransaction, hidden }) =>
          [connections, active, idleInTransaction, hidden].map(({ max }) => max).join(' ') + ` ${database}`,
      ),
      ['35 8 7 15 shop', '2 2 0 0 stock'],
    )
  })

  it('gives means over all samples, also of what was only there in some', () => {
    const waits = [some(4, { state: 'active', waiting: 'Lock', application: 'import' })]
    const reading = summaryOf({ counts: waits }, { counts: [some(2)] }, {}, {}).reading(250)
    assert.deepEqual(reading.activeWaiting, { Lock: { mean: 1, p95: 4, max: 4 } })
    assert.deepEqual(reading.connections, { mean: 1.5, p95: 4, max: 4 })
    assert.deepEqual(
      reading.groups.map(({ application, connections }) => [application, connections.mean]),
      [
        ['import', 1],
        ['web', 0.5],
      ],
    )
  })

  it('keeps the longest idle transaction of all samples, the most addresses, and who is unused at the end', () => {
    const longest = { pid: 7, ...shop, idleMs: 5_000, transactionMs: 9_000 }
    const reading = summaryOf(
      { counts: [some(3)], uses: [use({ addresses: 3, unused: 2, unusedForAtLeastMs: 1_000 })], longest },
      {
        counts: [some(3)],
        uses: [use({ unused: 1, unusedForAtLeastMs: 2_000 })],
        longest: { ...longest, pid: 8, idleMs: 10 },
      },
    ).reading(250)
    assert.deepEqual(reading.longestIdleInTransaction, longest)
    const [group] = reading.groups
    assert.deepEqual([group?.addresses, group?.unused, group?.unusedForAtLeastMs], [3, 1, 2_000])
  })

  it('stays bounded with thousands of names', () => {
    const counts = Array.from({ length: 3_000 }, (_, at) => some(1, { application: `worker ${at}` }))
    const reading = summaryOf({ counts }).reading(250)
    assert.deepEqual([reading.groups.length, reading.moreGroups, reading.connections.max], [50, 950, 3_000])
  })
})
