/** Measurements over rounds. */

import { median } from '../metrics/statistics.ts'
import type { Measurement, Unit } from './results.ts'

/** A round in which nothing was measured counts as NaN. */
export function measurement(name: string, unit: Unit, rounds: readonly number[]): Measurement {
  const found = rounds.filter((value) => Number.isFinite(value))
  return {
    name,
    unit,
    rounds: rounds.map((value) => (Number.isFinite(value) ? value : null)),
    median: found.length === 0 ? null : median(found),
    lowest: found.length === 0 ? null : Math.min(...found),
    highest: found.length === 0 ? null : Math.max(...found),
  }
}

/** The median of the rounds; NaN: nothing was measured in any. */
export function medianOf(rounds: readonly number[]): number {
  const found = rounds.filter((value) => Number.isFinite(value))
  return found.length === 0 ? Number.NaN : median(found)
}

/** NaN: of nothing. */
export function meanOf(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length
}

/** By how much numbers differ before it is worth a sentence, unless an experiment says otherwise. */
const tolerance = 1.5

/** So many times as much, or so many times less. False if either is not known. */
export function isFar(value: number, expected: number, factor = tolerance): boolean {
  return Math.max(value / expected, expected / value) > factor
}
