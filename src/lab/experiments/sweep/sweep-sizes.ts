/** Which sizes of a pool are measured. */

import { usefulConnections } from '../../../sizing/database-size.ts'

export interface SizeBounds {
  readonly cores: number
  /** How many connections the server has for us. */
  readonly free: number
  /** More are never opened: that would say more of this machine's descriptors and memory than of the database. */
  readonly most: number
  readonly isQuick: boolean
}

/** Four for each core: more than any formula says that a database can use at once. */
export function ampleSize({ cores, free, most }: Omit<SizeBounds, 'isQuick'>): number {
  return Math.min(4 * cores, free, most)
}

/**
 * Ascending, evenly by ratio: one, the formula's, four for each core, all that the server has, and a quarter more, which it
 * refuses. With them are always those of `ampleSize`.
 */
export function sweepSizes(bounds: SizeBounds): readonly number[] {
  const { cores, free, most, isQuick } = bounds
  const largest = Math.min(free, most)
  const beyond = Math.ceil(1.25 * free)
  const formula = Math.min(usefulConnections({ cores }), largest)
  const ample = ampleSize(bounds)
  const few = isQuick ? 1 : 3
  const many = isQuick ? 0 : 4
  const sizes = [1, ...between(1, formula, few), formula, ample, ...between(ample, largest, many), largest]
  if (beyond <= most) sizes.push(beyond)
  return [...new Set(sizes)].toSorted((one, other) => one - other)
}

/** Each size once a round, so that a disturbance meets several of them; what the server refuses is known after the first. */
export function measuringPlan(
  sizes: readonly number[],
  { rounds, free }: { readonly rounds: number; readonly free: number },
): { readonly size: number; readonly round: number }[] {
  return Array.from({ length: rounds }, (_, round) => {
    const there = round === 0 ? sizes : sizes.filter((size) => size <= free)
    const ordered = round % 2 === 0 ? there : there.toReversed()
    return ordered.map((size) => ({ size, round }))
  }).flat()
}

function between(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.round(from * (to / from) ** ((index + 1) / (count + 1))))
}
