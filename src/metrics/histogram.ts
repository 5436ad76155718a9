/**
 * Histograms of durations, to be recorded on the hot path and added up afterwards.
 *
 * Log-linear buckets, as in HdrHistogram (Tene, hdrhistogram.org): each power of two is cut into 32 equal buckets, so a
 * bucket is at most 1/32 of its values wide, whatever their size. All histograms have the same buckets, so merging is
 * adding, and loses nothing. Durations are rounded to whole microseconds first; all sums are of integers and therefore
 * exact (up to 2^53 µs, 285 years).
 */

import { assert } from '../assert.ts'

const subBucketBits = 5
/** Up to here each number has a bucket of its own. */
const exactUs = 2 ** (subBucketBits + 1) - 1
/** Longer durations, from 35 min 47 s on, stand in the last bucket; `sumMs` and `maxMs` know how long they are. */
const topUs = 2 ** 31 - 1
const topMs = (topUs - 1) / 1000
const bucketCount = bucketOf(topUs) + 1
/** Behind the buckets, in the same array: nothing that grows is a number of its own on the heap. */
const countAt = bucketCount
const sumUsAt = bucketCount + 1
const maxUsAt = bucketCount + 2

/** The bucket of a whole number of microseconds, 0 to `topUs`. */
function bucketOf(us: number): number {
  const shift = 31 - subBucketBits - Math.clz32(us | exactUs)
  return (shift << subBucketBits) + (us >>> shift)
}

/** The longest duration that stands in a bucket. */
function upToUs(bucket: number): number {
  const shift = Math.max(0, (bucket >> subBucketBits) - 1)
  const first = bucket - (shift << subBucketBits)
  return (first + 1) * 2 ** shift - 1
}

/** A histogram at one instant: a frozen value that survives JSON. */
export interface HistogramSnapshot {
  /** How many durations. */
  readonly count: number
  readonly sumMs: number
  /** The longest; 0 if there is none. */
  readonly maxMs: number
  /** The buckets that aren't empty, ascending: the longest duration that belongs there, and how many do. */
  readonly buckets: readonly (readonly [upToMs: number, count: number])[]
}

/** Durations in milliseconds, kept to the microsecond. 7 KiB, whatever is recorded. */
export class Histogram {
  readonly #cells = new Float64Array(bucketCount + 3)

  /** Hot path: nothing is allocated. `ms` is finite; negative or NaN counts as 0. */
  record(ms: number): void {
    if (!(ms >= 0 && ms < topMs)) return this.#recordOdd(ms)
    const cells = this.#cells
    const us = (ms * 1000 + 0.5) | 0
    const bucket = bucketOf(us)
    cells[bucket] = (cells[bucket] as number) + 1
    cells[countAt] = (cells[countAt] as number) + 1
    cells[sumUsAt] = (cells[sumUsAt] as number) + us
    if (us > (cells[maxUsAt] as number)) cells[maxUsAt] = us
  }

  /** Hot path. As `record(0)`. */
  recordZero(): void {
    const cells = this.#cells
    cells[0] = (cells[0] as number) + 1
    cells[countAt] = (cells[countAt] as number) + 1
  }

  #recordOdd(ms: number): void {
    if (!(ms > 0)) return this.recordZero()
    const cells = this.#cells
    const us = Math.round(ms * 1000)
    cells[bucketCount - 1] = (cells[bucketCount - 1] as number) + 1
    cells[countAt] = (cells[countAt] as number) + 1
    cells[sumUsAt] = (cells[sumUsAt] as number) + us
    cells[maxUsAt] = Math.max(cells[maxUsAt] as number, us)
  }

  /** How many durations have been recorded. */
  get count(): number {
    return this.#cells[countAt] as number
  }

  get sumMs(): number {
    return (this.#cells[sumUsAt] as number) / 1000
  }

  /** 0 if there is none. */
  get maxMs(): number {
    return (this.#cells[maxUsAt] as number) / 1000
  }

  /** The arithmetic mean, 0 if there is none. */
  get meanMs(): number {
    return this.count === 0 ? 0 : this.sumMs / this.count
  }

  /** As `percentileOf`. Who wants several takes a snapshot and asks that. */
  percentile(p: number): number {
    return percentileOf(this.snapshot(), p)
  }

  /** Adds what another has recorded, as if it had been recorded here. */
  merge(other: Histogram): void {
    const maxUs = Math.max(this.#cells[maxUsAt] as number, other.#cells[maxUsAt] as number)
    other.#cells.forEach((value, at) => (this.#cells[at] = (this.#cells[at] as number) + value))
    this.#cells[maxUsAt] = maxUs
  }

  /** Forgets everything. */
  clear(): void {
    this.#cells.fill(0)
  }

  snapshot(): HistogramSnapshot {
    const buckets: [number, number][] = []
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      const inBucket = this.#cells[bucket] as number
      if (inBucket > 0) buckets.push([upToUs(bucket) / 1000, inBucket])
    }
    return frozen({ count: this.count, sumMs: this.sumMs, maxMs: this.maxMs, buckets })
  }
}

/**
 * The duration in milliseconds that `p` percent (0 to 100) of the recorded ones don't exceed, by nearest rank: the
 * ceil(p/100 · count)-th shortest, at least the first (Hyndman and Fan 1996, definition 1). What comes back is the upper
 * end of its bucket: never less than that duration, at most 1/32 more, and never above `maxMs`; in the highest bucket it
 * is `maxMs` itself. 0 if nothing was recorded.
 */
export function percentileOf({ count, maxMs, buckets }: HistogramSnapshot, p: number): number {
  assert(p >= 0 && p <= 100, `a percentile is between 0 and 100, not ${p}`)
  const rank = Math.max(1, Math.ceil((p * count) / 100))
  let seen = 0
  for (const [upToMs, inBucket] of buckets) {
    seen += inBucket
    if (seen >= rank) return seen === count ? maxMs : upToMs
  }
  return 0
}

/** What one histogram would have been that had recorded both. Neither is changed. */
export function mergeSnapshots(a: HistogramSnapshot, b: HistogramSnapshot): HistogramSnapshot {
  const counts = new Map(a.buckets)
  for (const [upToMs, inBucket] of b.buckets) counts.set(upToMs, (counts.get(upToMs) ?? 0) + inBucket)
  return frozen({
    count: a.count + b.count,
    sumMs: (wholeUs(a.sumMs) + wholeUs(b.sumMs)) / 1000,
    maxMs: Math.max(a.maxMs, b.maxMs),
    buckets: [...counts].sort(([one], [other]) => one - other),
  })
}

/**
 * What has been recorded between two snapshots of one histogram; undefined if `earlier` is none of its earlier ones, because
 * the histogram began anew. Its `maxMs` is exact where a new maximum came in between, and otherwise, as `percentileOf` is, the
 * upper end of the highest bucket, at most 1/32 too long; beyond 35 min it may be the longest of all that the histogram has seen.
 */
export function subtractSnapshots(later: HistogramSnapshot, earlier: HistogramSnapshot): HistogramSnapshot | undefined {
  const counts = new Map(later.buckets)
  for (const [upToMs, inBucket] of earlier.buckets) counts.set(upToMs, (counts.get(upToMs) ?? 0) - inBucket)
  const buckets = [...counts].filter(([, inBucket]) => inBucket !== 0)
  const sumUs = wholeUs(later.sumMs) - wholeUs(earlier.sumMs)
  const isEarlier = sumUs >= 0 && later.maxMs >= earlier.maxMs && buckets.every(([, inBucket]) => inBucket > 0)
  if (!isEarlier) return undefined
  const highestMs = buckets.at(-1)?.[0] ?? 0
  const isInTopBucket = wholeUs(highestMs) === topUs
  const maxMs = later.maxMs > earlier.maxMs || isInTopBucket ? later.maxMs : Math.min(highestMs, later.maxMs)
  return frozen({ count: later.count - earlier.count, sumMs: sumUs / 1000, maxMs, buckets })
}

/** The arithmetic mean, exact; 0 if nothing was recorded. */
export function meanOf({ count, sumMs }: HistogramSnapshot): number {
  return count === 0 ? 0 : sumMs / count
}

/**
 * The squared coefficient of variation, variance / mean²: 0 if all are equally long or there is none, 1 as in an exponential
 * distribution. The mean is exact, and each duration counts as the middle of its bucket in the second moment, at most 1/64 off
 * from 64 µs on: so the result is off by at most 1/31 · (1 + itself). Durations of more than 35 min count as their own mean, and
 * how much they differ among themselves is not seen.
 */
export function scvOf(snapshot: HistogramSnapshot): number {
  const meanUs = meanOf(snapshot) * 1000
  if (meanUs === 0) return 0
  const below = snapshot.buckets.filter(([upToMs]) => wholeUs(upToMs) < topUs)
  const [inTop = 0] = snapshot.buckets.filter(([upToMs]) => wholeUs(upToMs) === topUs).map(([, inBucket]) => inBucket)
  const restUs = below.reduce((sum, [upToMs, inBucket]) => sum + inBucket * middleUs(wholeUs(upToMs)), 0)
  const topMeanUs = Math.max(middleUs(topUs), (wholeUs(snapshot.sumMs) - restUs) / inTop)
  const squares = below.reduce((sum, [upToMs, inBucket]) => sum + inBucket * middleUs(wholeUs(upToMs)) ** 2, 0)
  const secondMoment = (squares + (inTop > 0 ? inTop * topMeanUs ** 2 : 0)) / snapshot.count
  return Math.max(0, secondMoment / meanUs ** 2 - 1)
}

/** Of the bucket that ends there. */
function middleUs(upTo: number): number {
  const shift = Math.max(0, (bucketOf(upTo) >> subBucketBits) - 1)
  return upTo - (2 ** shift - 1) / 2
}

/** Sums of milliseconds differ by the order of adding, sums of whole microseconds don't. */
function wholeUs(ms: number): number {
  return Math.round(ms * 1000)
}

/** Not each pair of numbers: in JavaScriptCore that would make the taking of a snapshot several times as long. */
function frozen(snapshot: HistogramSnapshot): HistogramSnapshot {
  Object.freeze(snapshot.buckets)
  return Object.freeze(snapshot)
}
