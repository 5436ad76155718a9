import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import {
  Histogram,
  type HistogramSnapshot,
  meanOf,
  mergeSnapshots,
  percentileOf,
  scvOf,
  subtractSnapshots,
} from './histogram.ts'

const topUs = 2 ** 31 - 1

function histogramOf(durations: readonly number[]): Histogram {
  const histogram = new Histogram()
  for (const ms of durations) histogram.record(ms)
  return histogram
}

/** Microseconds of every size, with the neighbours of the buckets' ends. */
const microseconds = fc.oneof(
  fc.nat({ max: 70 }),
  fc.nat({ max: topUs }),
  fc
    .tuple(fc.nat({ max: 31 }), fc.nat({ max: 32 }), fc.integer({ min: -1, max: 1 }))
    .map(([power, sub, off]) => Math.min(topUs, Math.max(0, Math.floor(2 ** power * (1 + sub / 32)) + off))),
)
const durations = fc.oneof(
  microseconds.map((us) => us / 1000),
  fc.double({ min: 0, max: 2_000_000, noNaN: true }),
  fc.double({ min: 0, max: 1, noNaN: true }),
)
const samples = fc.array(durations, { maxLength: 200 })
const percents = fc.oneof(fc.constantFrom(0, 50, 99, 99.9, 100), fc.double({ min: 0, max: 100, noNaN: true }))

describe('Histogram', () => {
  it('begins empty, and its figures are zero', () => {
    const empty = new Histogram()
    const { count, sumMs, maxMs, meanMs } = empty
    assert.deepEqual([count, sumMs, maxMs, meanMs, empty.percentile(50)], [0, 0, 0, 0, 0])
    assert.deepEqual(empty.snapshot(), { count: 0, sumMs: 0, maxMs: 0, buckets: [] })
  })

  it('has a bucket for each microsecond up to 63, and buckets of 1/32 of their values from there on', () => {
    const histogram = histogramOf([0, 0.001, 0.063, 0.064, 0.065, 0.066, 1, 1.007, 1.008])
    assert.deepEqual(histogram.snapshot().buckets, [
      [0, 1],
      [0.001, 1],
      [0.063, 1],
      [0.065, 2],
      [0.067, 1],
      [1.007, 2],
      [1.023, 1],
    ])
  })

  it('rounds to whole microseconds, and counts what is negative or NaN as 0', () => {
    const { count, sumMs, maxMs, meanMs } = histogramOf([0.0014, 0.0026, -3, NaN])
    assert.deepEqual([count, sumMs, maxMs, meanMs], [4, 0.004, 0.003, 0.001])
  })

  it('keeps sum and maximum of what is beyond the last bucket', () => {
    const histogram = histogramOf([1, 5_000_000, 3_000_000])
    assert.deepEqual(histogram.snapshot(), {
      count: 3,
      sumMs: 8_000_001,
      maxMs: 5_000_000,
      buckets: [
        [1.007, 1],
        [topUs / 1000, 2],
      ],
    })
    assert.deepEqual([histogram.percentile(10), histogram.percentile(60)], [1.007, 5_000_000])
  })

  it('puts every microsecond into the bucket whose upper end is at or above it, by less than 1/32', () => {
    fc.assert(
      fc.property(microseconds, (us) => {
        const [[upToMs] = [NaN]] = histogramOf([us / 1000]).snapshot().buckets
        const upToUs = Math.round(upToMs * 1000)
        assert.ok(us <= upToUs && upToUs <= us + us / 32, `${us} in a bucket up to ${upToUs}`)
      }),
    )
  })

  it('has buckets that follow one upon the other without a gap', () => {
    let us = 0
    let buckets = 0
    for (; us <= topUs; buckets++) {
      const [[upToMs] = [NaN]] = histogramOf([us / 1000]).snapshot().buckets
      us = Math.round(upToMs * 1000) + 1
    }
    assert.deepEqual([us, buckets], [topUs + 1, 864])
  })

  it('finds percentiles by nearest rank: never less than by sorting, at most 1/32 more, and never above the maximum', () => {
    fc.assert(
      fc.property(fc.array(durations, { minLength: 1, maxLength: 200 }), percents, (sample, p) => {
        const sorted = sample.map((ms) => Math.round(ms * 1000)).sort((one, other) => one - other)
        const exactUs = sorted[Math.max(1, Math.ceil((p * sorted.length) / 100)) - 1] as number
        const histogram = histogramOf(sample)
        const us = Math.round(histogram.percentile(p) * 1000)
        assert.ok(exactUs <= us && us <= exactUs + exactUs / 32, `${us} for ${exactUs}`)
        assert.ok(histogram.percentile(p) <= histogram.maxMs)
      }),
    )
  })

  it('gives the maximum itself as the 100th percentile, and small values exactly', () => {
    const histogram = histogramOf([0.007, 0.031, 1.0001, 70.123])
    assert.deepEqual(
      [0, 25, 50, 100].map((p) => histogram.percentile(p)),
      [0.007, 0.007, 0.031, 70.123],
    )
  })

  it('refuses a percentile that is none', () => {
    for (const p of [-1, 100.1, NaN]) assert.throws(() => histogramOf([1]).percentile(p), /between 0 and 100/)
  })

  it('is after merging what it would have been had it recorded everything', () => {
    fc.assert(
      fc.property(samples, samples, (one, other) => {
        const merged = histogramOf(one)
        const untouched = histogramOf(other)
        merged.merge(untouched)
        assert.deepEqual(merged.snapshot(), histogramOf([...one, ...other]).snapshot())
        assert.deepEqual(untouched.snapshot(), histogramOf(other).snapshot())
      }),
    )
  })

  it('merges with itself', () => {
    const histogram = histogramOf([1, 2])
    histogram.merge(histogram)
    assert.deepEqual(histogram.snapshot(), histogramOf([1, 1, 2, 2]).snapshot())
  })

  it('forgets everything when cleared', () => {
    const histogram = histogramOf([1, 2, 3])
    histogram.clear()
    assert.deepEqual(histogram.snapshot(), new Histogram().snapshot())
  })
})

describe('a snapshot of a histogram', () => {
  it('is frozen, survives JSON and stays as it is when more is recorded', () => {
    const histogram = histogramOf([0.5, 12.3])
    const snapshot = histogram.snapshot()
    const copy = JSON.parse(JSON.stringify(snapshot)) as HistogramSnapshot
    histogram.record(99)
    assert.ok(Object.isFrozen(snapshot) && Object.isFrozen(snapshot.buckets))
    assert.deepEqual(snapshot, copy)
    assert.equal(percentileOf(copy, 50), 0.503)
  })

  it('merges as histograms do', () => {
    fc.assert(
      fc.property(samples, samples, (one, other) => {
        const merged = mergeSnapshots(histogramOf(one).snapshot(), histogramOf(other).snapshot())
        assert.deepEqual(merged, histogramOf([...one, ...other]).snapshot())
      }),
    )
  })

  it('merges to the same in every order and grouping', () => {
    const snapshots = samples.map((sample) => histogramOf(sample).snapshot())
    fc.assert(
      fc.property(snapshots, snapshots, snapshots, (a, b, c) => {
        assert.deepEqual(mergeSnapshots(a, b), mergeSnapshots(b, a))
        assert.deepEqual(mergeSnapshots(mergeSnapshots(a, b), c), mergeSnapshots(a, mergeSnapshots(b, c)))
        assert.deepEqual(mergeSnapshots(a, new Histogram().snapshot()), a)
      }),
    )
  })
})

describe('the difference of two snapshots of a histogram', () => {
  it('is what was recorded in between, but that its maximum may be the end of its bucket', () => {
    fc.assert(
      fc.property(samples, samples, (before, between) => {
        const earlier = histogramOf(before).snapshot()
        const later = histogramOf([...before, ...between]).snapshot()
        const expected = histogramOf(between).snapshot()
        const difference = subtractSnapshots(later, earlier)
        assert.ok(difference)
        assert.deepEqual({ ...difference, maxMs: 0 }, { ...expected, maxMs: 0 })
        const excess = difference.maxMs - expected.maxMs
        const isBeyondBuckets = expected.maxMs * 1000 >= topUs - 1
        assert.ok(excess >= 0 && (isBeyondBuckets || excess <= expected.maxMs / 32), `${difference.maxMs}`)
      }),
    )
  })

  it('has percentiles like any other, and is frozen', () => {
    const earlier = histogramOf([500, 500]).snapshot()
    const difference = subtractSnapshots(histogramOf([500, 500, 1, 2, 3, 70]).snapshot(), earlier)
    assert.ok(difference && Object.isFrozen(difference))
    assert.deepEqual(
      [0, 50, 75, 100].map((p) => percentileOf(difference, p)),
      [1.007, 2.015, 3.007, 71.679],
    )
  })

  it('is not there when the histogram has begun anew in between', () => {
    const earlier = histogramOf([1, 2]).snapshot()
    for (const later of [[], [1], [1, 3], [1, 5, 5]])
      assert.equal(subtractSnapshots(histogramOf(later).snapshot(), earlier), undefined)
    assert.deepEqual(subtractSnapshots(earlier, earlier), { count: 0, sumMs: 0, maxMs: 0, buckets: [] })
  })
})

describe('mean and squared coefficient of variation of a snapshot', () => {
  it('are 0 if nothing was recorded, and the second is 0 for durations of one length', () => {
    const nothing = new Histogram().snapshot()
    assert.deepEqual([meanOf(nothing), scvOf(nothing), scvOf(histogramOf([0, 0]).snapshot())], [0, 0, 0])
    assert.equal(meanOf(histogramOf([1, 4]).snapshot()), 2.5)
    for (const ms of [0.05, 1, 20, 1_234, 5_000_000]) {
      const scv = scvOf(histogramOf([ms, ms, ms]).snapshot())
      assert.ok(scv <= 1 / 31, `${scv} of three of ${ms} ms`)
    }
  })

  it('come as near to those of the durations themselves as they say', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 64, max: topUs - 1 }), { minLength: 1, maxLength: 200 }), (sample) => {
        const mean = sample.reduce((sum, us) => sum + us, 0) / sample.length
        const exact = sample.reduce((sum, us) => sum + us ** 2, 0) / sample.length / mean ** 2 - 1
        const scv = scvOf(histogramOf(sample.map((us) => us / 1000)).snapshot())
        assert.ok(Math.abs(scv - exact) <= (1 + exact) / 31, `${scv} for ${exact}`)
      }),
    )
  })

  it('know of durations beyond the last bucket by their sum', () => {
    const hours = [...Array<number>(9).fill(1), 36_000_000]
    const scv = scvOf(histogramOf(hours).snapshot())
    assert.ok(Math.abs(scv - 9) < 0.01, `${scv}`)
  })
})
