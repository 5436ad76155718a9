/** What was measured of a level of `utilisation`, and its figures: medians of its rounds. */

import { percentile } from '../../../metrics/statistics.ts'
import { meanOf, medianOf } from '../../measurement.ts'
import { type Drawn, type Foretold, type Level, levelText, simulated } from './utilisation-queue.ts'

/** What came of one round of a level. */
export interface Round {
  readonly waitsMs: number[]
  /** In the order of arrival; 0: it never had a connection. */
  readonly holdsMs: number[]
  /** How much later than meant each arrived, by our timers; in the order of arrival. */
  readonly lateMs: number[]
  readonly failed: number
}

export interface Measured {
  readonly level: Level
  readonly foretold: Foretold
  readonly drawn: readonly Drawn[]
  readonly rounds: readonly Round[]
}

export const figures = ['mean', 'p50', 'p99'] as const
export type Figure = (typeof figures)[number]

export function waitName(figure: Figure, level: Level): string {
  return `${figure} wait at ${levelText(level)}`
}

export function waitOf({ waitsMs }: Round, figure: Figure): number {
  if (waitsMs.length === 0) return Number.NaN
  return figure === 'mean' ? meanOf(waitsMs) : percentile(waitsMs, figure === 'p50' ? 50 : 99)
}

export function wait({ rounds }: Measured, figure: Figure): number {
  return medianOf(rounds.map((one) => waitOf(one, figure)))
}

export function holdMs({ rounds }: Measured): number {
  return medianOf(rounds.map(({ holdsMs }) => meanOf(holdsMs)))
}

export function expectedMs({ foretold }: Measured, lateMs: number): number {
  return medianOf(foretold.same.map(({ meanMs }) => meanMs)) + lateMs
}

/** The mean wait by the simulator, counted from when callers were meant to come. */
export function asItCame({ lateMs, holdsMs }: Round, { atMs }: Drawn, servers: number): number {
  const callers = {
    atMs: atMs.map((ms, index) => ms + (lateMs[index] as number)),
    holdsMs: Float64Array.from(holdsMs),
  }
  return simulated(servers, callers).meanMs + meanOf(lateMs)
}
