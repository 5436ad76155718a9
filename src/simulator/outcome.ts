/** The figures of a simulation that sizes are judged by: all applications together. */

import { type HistogramSnapshot, mergeSnapshots, percentileOf } from '../metrics/histogram.ts'
import type { ApplicationFigures, SimulationFigures } from './figures.ts'

export interface Outcome {
  readonly servedPerSecond: number
  /** Of those who asked, 0 to 1. */
  readonly failedShare: number
  readonly waitP50Ms: number
  readonly waitP99Ms: number
  readonly latencyP50Ms: number
  readonly latencyP99Ms: number
  readonly peakConnections: number
  /** Of the pools in front of the database; NaN: there are none. */
  readonly utilisation: number
}

export function outcomeOf({ applications, poolers, database }: SimulationFigures): Outcome {
  const waitMs = merged(applications.map((application) => application.waitMs))
  const latencyMs = merged(applications.map((application) => application.latencyMs))
  const served = applications.reduce((sum, one) => sum + one.served, 0)
  const failed = applications.reduce((sum, one) => sum + failedOf(one), 0)
  return {
    servedPerSecond: applications.reduce((sum, one) => sum + one.servedPerSecond, 0),
    failedShare: failed / Math.max(1, served + failed),
    waitP50Ms: percentileOf(waitMs, 50),
    waitP99Ms: percentileOf(waitMs, 99),
    latencyP50Ms: percentileOf(latencyMs, 50),
    latencyP99Ms: percentileOf(latencyMs, 99),
    peakConnections: database.peakConnections,
    utilisation: Math.max(
      ...[...poolers, ...applications.flatMap(({ pools }) => pools ?? [])].map((pool) => pool.utilisation),
    ),
  }
}

export function failedOf({ failures }: ApplicationFigures): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0)
}

function merged(histograms: readonly HistogramSnapshot[]): HistogramSnapshot {
  return histograms.reduce(mergeSnapshots)
}
