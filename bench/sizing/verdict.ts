/** What the report must show, and whether it does. */

import type { MeasuredLoad, MeasuredSize, ReplayedWait, ReplayedWaits } from './measure-load.ts'

export const mostWaitError = 0.25
export const leastThroughput = 0.95

/** A wait below this is none: histograms and recordings are not that fine. */
const noWaitMs = 0.005

/** Replayed over measured, less 1. */
export function errorOf({ measuredMs, replayedMs }: ReplayedWait): number {
  if (measuredMs < noWaitMs && replayedMs < noWaitMs) return 0
  return replayedMs / measuredMs - 1
}

export interface SizeVerdict {
  /** With the highest median. */
  readonly best: MeasuredSize
  /** The smallest whose 95 % interval reaches the best median. */
  readonly smallest: MeasuredSize
  readonly advised: MeasuredSize
  /** The advised size's median over the smallest's. */
  readonly ratio: number
  readonly isReached: boolean
}

export function judgeSizes({ sizes, sizeAdvised }: MeasuredLoad): SizeVerdict {
  const best = sizes.reduce((one, other) => (other.median > one.median ? other : one))
  const smallest = sizes.find(({ interval }) => interval.high >= best.median) ?? best
  const advised = sizes.find(({ size }) => size === sizeAdvised) as MeasuredSize
  const ratio = advised.median / smallest.median
  return { best, smallest, advised, ratio, isReached: ratio >= leastThroughput }
}

/** Neither wait is off by more than may be. */
export function areWithin({ p50, p99 }: ReplayedWaits): boolean {
  return [p50, p99].every((wait) => Math.abs(errorOf(wait)) <= mostWaitError)
}
