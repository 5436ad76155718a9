import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ConsoleDatabase, ConsolePool, ConsoleSample, ConsoleTotals } from './console-sample.ts'
import { ConsoleWatch } from './console-watch.ts'

const shop: ConsoleDatabase = { name: 'shop', size: 10, reserve: 2, maxServers: 0, servers: 8 }
const setup = { databases: [shop], usual: { size: 20, reserve: 5 } }

function pool(different: Partial<ConsolePool> = {}): ConsolePool {
  return {
    database: 'shop',
    user: 'app',
    mode: 'transaction',
    clientsActive: 30,
    clientsWaiting: 0,
    serversActive: 4,
    serversIdle: 3,
    serversLogin: 1,
    longestWaitMs: 0,
    ...different,
  }
}

function totals(different: Partial<ConsoleTotals> = {}): ConsoleTotals {
  return { transactions: 1_000, assignments: 900, transactionMs: 5_000, waitMs: 700, ...different }
}

function sampleAt(atMs: number, pools: ConsolePool[], shopTotals: ConsoleTotals): ConsoleSample {
  return { atMs, pools, totals: new Map([['shop', shopTotals]]) }
}

function watchOf(first: ConsoleSample, ...samples: ConsoleSample[]): ConsoleWatch {
  const watched = new ConsoleWatch(first)
  for (const sample of samples) watched.add(sample)
  return watched
}

const grown = totals({ transactions: 3_000, assignments: 2_900, transactionMs: 65_000, waitMs: 1_700 })

describe('ConsoleWatch', () => {
  it('makes rates of the sums of a database with one pool, and peaks of samples', () => {
    const busy = pool({ serversActive: 9, serversIdle: 1, clientsWaiting: 5, longestWaitMs: 40 })
    const watched = watchOf(
      sampleAt(0, [pool()], totals()),
      sampleAt(5_000, [busy], totals()),
      sampleAt(10_000, [pool()], grown),
    )
    assert.deepEqual(watched.pools(setup), [
      {
        database: 'shop',
        user: 'app',
        mode: 'transaction',
        size: 10,
        reserve: 2,
        clients: { connected: 30, waiting: 0 },
        servers: { active: 4, idle: 3, all: 8 },
        clientsPeak: 35,
        serversPeak: 11,
        waitingPeak: 5,
        longestWaitMs: 40,
        arrivalsPerSecond: 200,
        meanHeldMs: 30,
        meanWaitMs: 0.5,
        utilisation: { from: 'transactions', mean: 0.6, peak: 0.9 },
      },
    ])
    const load = { transactionsPerSecond: 200, meanTransactionMs: 30, meanWaitMs: 0.5 }
    assert.deepEqual(watched.databases(setup), [{ name: 'shop', servers: 8, load }])
    assert.deepEqual([watched.watchedMs, watched.connectedPeak, watched.samples], [10_000, 35, 3])
  })

  it('does not divide the sums of a database among several pools', () => {
    const pools = [pool(), pool({ user: 'report', serversActive: 2 })]
    const watched = watchOf(sampleAt(0, pools, totals()), sampleAt(10_000, pools, grown))
    assert.deepEqual(watched.sharedDatabases, ['shop'])
    assert.deepEqual(
      watched.pools(setup).map((one) => [one.user, one.utilisation, one.arrivalsPerSecond]),
      [
        ['app', { from: 'samples', mean: 0.4, peak: 0.4 }, undefined],
        ['report', { from: 'samples', mean: 0.2, peak: 0.2 }, undefined],
      ],
    )
    assert.equal(watched.databases(setup)[0]?.load?.transactionsPerSecond, 200)
  })

  it('takes transactions for leases neither in session mode nor where they are long', () => {
    const session = [pool({ mode: 'session' })]
    const [inSessions] = watchOf(sampleAt(0, session, totals()), sampleAt(10_000, session, grown)).pools(setup)
    assert.deepEqual([inSessions?.meanHeldMs, inSessions?.utilisation?.from], [undefined, 'samples'])
    assert.equal(inSessions?.arrivalsPerSecond, 200)
    const long = totals({ transactions: 1_002, assignments: 902, transactionMs: 65_000 })
    const [withLong] = watchOf(sampleAt(0, [pool()], totals()), sampleAt(10_000, [pool()], long)).pools(setup)
    assert.deepEqual([withLong?.meanHeldMs, withLong?.utilisation?.from], [30_000, 'samples'])
  })

  it('counts transactions where leases are not counted', () => {
    const { assignments: _, ...old } = totals()
    const watched = watchOf(sampleAt(0, [pool()], old), sampleAt(10_000, [pool()], { ...old, transactions: 1_500 }))
    assert.equal(watched.pools(setup)[0]?.arrivalsPerSecond, 50)
  })

  it('has no rates when no time has passed or the counters have begun anew, and sizes in any case', () => {
    const other = { databases: [], usual: setup.usual }
    for (const after of [sampleAt(0, [pool()], grown), sampleAt(10_000, [pool()], totals({ transactions: 5 }))]) {
      const [reading] = watchOf(sampleAt(0, [pool()], totals()), after).pools(other)
      assert.deepEqual([reading?.size, reading?.reserve, reading?.arrivalsPerSecond], [20, 5, undefined])
    }
  })
})
