/** What a simulation has found. Plain values that survive JSON; times in milliseconds. Counted from the end of the warm-up on, unless said otherwise. */

import type { HistogramSnapshot } from '../metrics/histogram.ts'

export interface SimulationFigures {
  readonly seed: number
  readonly durationMs: number
  readonly warmUpMs: number
  /** Requests of all applications, from the very beginning. */
  readonly requests: number
  /** Leases that were asked for, from the very beginning: a request through a pool and a pooler asks twice. */
  readonly acquires: number
  readonly applications: readonly ApplicationFigures[]
  readonly poolers: readonly PoolFigures[]
  readonly database: DatabaseFigures
  readonly series: readonly Sample[]
}

export interface ApplicationFigures {
  readonly name: string
  readonly instances: number
  readonly asked: number
  readonly served: number
  readonly servedPerSecond: number
  /** By why: the codes of errors. */
  readonly failures: Readonly<Record<string, number>>
  /** Of those served: until all was there that the request needs. */
  readonly waitMs: HistogramSnapshot
  /** Of those served: from asking to the end. */
  readonly latencyMs: HistogramSnapshot
  /** Of all instances together; absent: they have none. */
  readonly pools?: PoolFigures
}

export interface PoolFigures {
  readonly name: string
  /** How many pools these figures are of. */
  readonly count: number
  /** Of each of them. */
  readonly maxSize: number
  /** Share of what all could have lent. */
  readonly utilisation: number
  /** In one of them, from the very beginning. */
  readonly peakSize: number
  readonly peakWaiting: number
  /** Connections that were opened, from the very beginning. */
  readonly opened: number
  readonly openFailures: number
}

export interface DatabaseFigures {
  /** Less what is reserved. */
  readonly mostConnections: number
  /** What all pools in front of it may open together; who connects each time is not in it. */
  readonly poolConnections: number
  /** From the very beginning. */
  readonly peakConnections: number
  /** Connections turned away because there were too many, from the very beginning. */
  readonly refused: number
  readonly opened: number
  /** Statements that ran, on average, and at most. */
  readonly meanRunning: number
  readonly mostRunning: number
}

/** What was so at one instant, and since the sample before. */
export interface Sample {
  readonly atMs: number
  readonly connections: number
  readonly running: number
  /** In all pools. */
  readonly waiting: number
  readonly servedPerSecond: number
  readonly failedPerSecond: number
  /** The 99th percentile since the sample before; NaN: nobody was served. */
  readonly waitP99Ms: number
}
