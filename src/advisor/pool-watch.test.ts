import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { countersOf, engineSnapshot, histogramOf, poolFigures } from '../../test/support/monitor-source.ts'
import type { PoolSnapshot } from '../metrics/snapshot.ts'
import { PoolWatch } from './pool-watch.ts'
import type { PoolReading } from './pooler-reading.ts'
import type { PoolSample } from './snapshot-shape.ts'

function sampleAt(takenAtMs: number, engine: Partial<PoolSnapshot> = {}): PoolSample {
  const { snapshot: _, ...figures } = poolFigures()
  const quiet = { takenAtMs, maxSize: 4, waiting: 0, longestWaitMs: 0, counters: countersOf(), waitMs: histogramOf() }
  return { ...figures, engine: engineSnapshot({ holdMs: histogramOf(), ...quiet, ...engine }) }
}

function readingOf(first: PoolSample, ...samples: PoolSample[]): PoolReading {
  const watched = new PoolWatch(first)
  for (const sample of samples) watched.add(sample)
  return watched.reading()
}

describe('PoolWatch', () => {
  it('tells what happened within the watch', () => {
    const before = { counters: countersOf({ leases: 50, immediate: 50, opened: 2 }), heldMs: 9_000 }
    const reading = readingOf(
      sampleAt(10_000, { ...before, holdMs: histogramOf(500, 500), waitMs: histogramOf(0, 900), waiting: 1 }),
      sampleAt(12_000, {
        counters: countersOf({ leases: 62, immediate: 58, timedOut: 4, refused: 1, opened: 4, openFailures: 1 }),
        heldMs: 13_000,
        holdMs: histogramOf(500, 500, 10, 20, 10, 20),
        waitMs: histogramOf(0, 900, 30, 0),
        openMs: histogramOf(8, 12),
        waiting: 4,
        lastFailure: 'no',
      }),
    )
    const { holdMs, waitMs, heldScv = 0, ...rest } = reading
    assert.deepEqual([holdMs?.count, waitMs?.count], [4, 2])
    assert.ok(Math.abs(heldScv - 1 / 9) < 0.04, `${heldScv}`)
    assert.deepEqual(rest, {
      database: 'shop',
      user: 'app',
      mode: 'transaction',
      size: 4,
      reserve: 5,
      clients: { connected: 49, waiting: 4 },
      servers: { active: 6, idle: 4, all: 11 },
      clientsPeak: 49,
      serversPeak: 11,
      waitingPeak: 4,
      longestWaitMs: 30.207,
      arrivalsPerSecond: 10,
      utilisation: { from: 'leases', mean: 0.5, peak: 0.5 },
      meanHeldMs: 15,
      meanWaitMs: 15,
      opening: { opened: 2, failed: 1, perSecond: 1, meanMs: 10, lastFailure: 'no' },
      counted: {
        leases: 12,
        immediate: 8,
        timedOut: 4,
        cancelled: 0,
        queueFull: 0,
        shed: 0,
        refused: 1,
        pinnedMs: 0,
        pinned: 2,
        maxPinned: 19,
      },
    })
  })

  it('has the peaks of all samples, and a mean that knows when the size was changed', () => {
    const { utilisation, waitingPeak, longestWaitMs } = readingOf(
      sampleAt(0),
      sampleAt(1_000, { heldMs: 4_000, waiting: 9, longestWaitMs: 700 }),
      sampleAt(2_000, { heldMs: 5_000, maxSize: 10 }),
    )
    assert.deepEqual(utilisation, { from: 'leases', mean: 5 / 14, peak: 1 })
    assert.deepEqual([waitingPeak, longestWaitMs], [9, 700])
  })

  it('has no rates when no time has passed, and no means of nothing', () => {
    const reading = readingOf(sampleAt(5))
    for (const absent of ['arrivalsPerSecond', 'utilisation', 'meanHeldMs', 'heldScv', 'meanWaitMs'])
      assert.ok(!(absent in reading), absent)
  })

  it('begins anew with a pool that does, and keeps the peaks', () => {
    const counters = countersOf({ leases: 500 })
    const { counted, waitingPeak, utilisation } = readingOf(
      sampleAt(50_000, { counters, heldMs: 80_000, holdMs: histogramOf(1, 2), waiting: 7 }),
      sampleAt(51_000, { counters: countersOf({ leases: 5 }) }),
      sampleAt(52_000, { counters: countersOf({ leases: 9 }), heldMs: 1_000 }),
    )
    assert.deepEqual([counted?.leases, waitingPeak, utilisation?.mean], [4, 7, 0.25])
  })
})
