/** The figures of a simulation that sizes are judged by: all applications together. */

import { type HistogramSnapshot, mergeSnapshots, percentileOf } from '../metrics/histogram.ts'
import type { ApplicationFigures, SimulationFigures } from './figures.ts'

export interface Outcome {
  readonly servedPerSecond: number
  /** Of those who asked, 0 to 1. */
  readonly failedShare: number
  /** Times are NaN if nobody was served. */
  readonly waitP50Ms: number
  readonly waitP99Ms: number
  readonly latencyP50Ms: number
  readonly latencyP99Ms: number
  readonly peakConnections: number
  /** Of the pool of which most is used; NaN: there are none. */
  readonly utilisation: number
}

export function outcomeOf({ applications, poolers, database }: SimulationFigures): Outcome {
  const waitMs = merged(applications.map((application) => application.waitMs))
  const latencyMs = merged(applications.map((application) => application.latencyMs))
  const served = applications.reduce((sum, one) => sum + one.served, 0)
  const failed = applications.reduce((sum, one) => sum + failedOf(one), 0)
  const used = [...poolers, ...applications.flatMap(({ pools }) => pools ?? [])].map((pool) => pool.utilisation)
  return {
    servedPerSecond: applications.reduce((sum, one) => sum + one.servedPerSecond, 0),
    failedShare: failed / Math.max(1, served + failed),
    waitP50Ms: percentileIfAny(waitMs, 50),
    waitP99Ms: percentileIfAny(waitMs, 99),
    latencyP50Ms: percentileIfAny(latencyMs, 50),
    latencyP99Ms: percentileIfAny(latencyMs, 99),
    peakConnections: database.peakConnections,
    utilisation: used.length === 0 ? Number.NaN : Math.max(...used),
  }
}

/** NaN: there was nobody whose time could be told. */
export function percentileIfAny(histogram: HistogramSnapshot, p: number): number {
  return histogram.count === 0 ? Number.NaN : percentileOf(histogram, p)
}

export function failedOf({ failures }: ApplicationFigures): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0)
}

function merged(histograms: readonly HistogramSnapshot[]): HistogramSnapshot {
  return histograms.reduce(mergeSnapshots)
}
