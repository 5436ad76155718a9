/** The arithmetic of a side-by-side comparison. */

import { type Interval, median, medianInterval } from '../src/metrics/statistics.ts'

/** What pairs of runs say about one metric: the medians of both sides, and the ratio of each pair. */
export interface Comparison {
  readonly baseline: number
  readonly ours: number
  /** Ours divided by the baseline, pair by pair, in the order they were run. */
  readonly ratios: readonly number[]
  readonly ratio: number
  readonly interval: Interval
}

/** Compares pair by pair: a drift of the machine that is slower than a pair cancels out of the ratios. */
export function compare(baseline: readonly number[], ours: readonly number[]): Comparison {
  if (baseline.length !== ours.length) {
    throw new RangeError(`pairs need two sides: ${baseline.length} against ${ours.length} values`)
  }
  const ratios = ours.map((value, index) => value / (baseline[index] as number))
  return {
    baseline: median(baseline),
    ours: median(ours),
    ratios,
    ratio: median(ratios),
    interval: medianInterval(ratios),
  }
}
