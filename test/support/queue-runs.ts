/**
 * Simulated queues, one run for each seed. Services take 100 ms, so that it doesn't matter that histograms round to
 * microseconds. Runs are the longer the fuller the queue, since the length of what hangs together in one grows with
 * 1 / (1 - utilisation)².
 */

import { meanOf } from '../../src/metrics/histogram.ts'
import type { ArrivalSpec } from '../../src/simulator/arrivals.ts'
import type { DurationSpec } from '../../src/simulator/durations.ts'
import type { ApplicationFigures, SimulationFigures } from '../../src/simulator/figures.ts'
import type { ApplicationSpec, DatabaseSpec, LoadSpec } from '../../src/simulator/scenario.ts'
import { simulate } from '../../src/simulator/simulate.ts'
import type { Queue } from '../../src/sizing/queue.ts'
import { type Estimate, estimateOf, seeds } from './replications.ts'

export const serviceMs = 100
export const exponential: DurationSpec = { kind: 'exponential', meanMs: serviceMs }
export const constant: DurationSpec = { kind: 'fixed', ms: serviceMs }
export const logNormal = (cv: number): DurationSpec => ({ kind: 'log-normal', meanMs: serviceMs, cv })
/** Nine of ten up to 80 ms, one up to 1,200 ms. */
export const mixed: DurationSpec = {
  kind: 'percentiles',
  points: [
    [0, 0],
    [90, 80],
    [100, 1_200],
  ],
}
/** Of the uniform parts it is made of: (a² + ab + b²) / 3 each. */
export const mixedScv = (0.9 * (80 ** 2 / 3) + 0.1 * ((80 ** 2 + 80 * 1_200 + 1_200 ** 2) / 3)) / serviceMs ** 2 - 1

interface Setting {
  readonly load: LoadSpec | ((seed: number) => LoadSpec)
  readonly service: DurationSpec
  readonly away?: DurationSpec
  /** Of each instance, or, if there is one, of the pooler in front of the database. */
  readonly poolSize: number
  readonly instances?: number
  readonly hasPooler?: boolean
  readonly durationMs: number
  readonly database?: Partial<DatabaseSpec>
}

/** A pool that is open from the beginning on, and a database that slows nothing unless something else is said. */
export function runs({
  load,
  service,
  away,
  poolSize,
  instances,
  hasPooler,
  durationMs,
  database,
}: Setting): SimulationFigures[] {
  const atOnce: DurationSpec = { kind: 'fixed', ms: 0 }
  const pool = { maxSize: poolSize, minSize: poolSize }
  const application = (seed: number): ApplicationSpec => ({
    name: 'callers',
    instances: instances ?? 1,
    load: typeof load === 'function' ? load(seed) : load,
    service,
    away: away ?? atOnce,
    ...(hasPooler ? { via: 'pooler' } : { pool }),
    connectsEachTime: false,
  })
  const unlimited = { cores: Infinity, maxConnections: 10_000, reservedConnections: 0 }
  return seeds.map((seed) =>
    simulate({
      seed,
      durationMs: durationMs * 1.1,
      warmUpMs: durationMs * 0.1,
      database: { ...unlimited, connect: atOnce, connectWorkMs: 0, ...database },
      poolers: hasPooler ? [{ name: 'pooler', count: 1, pool, connect: atOnce }] : [],
      applications: [application(seed)],
      failures: [],
    }),
  )
}

export const open = (arrivals: ArrivalSpec): LoadSpec => ({ kind: 'open', arrivals, balance: 'random' })
export const poisson = (perSecond: number): LoadSpec => open({ kind: 'poisson', perSecond })

export function queueOf(servers: number, utilisation: number): Queue {
  return { servers, serviceMs, arrivalsPerSecond: (servers * utilisation * 1_000) / serviceMs }
}

/** For so many requests and, above a utilisation of 0.8, more. */
export function durationMsOf({ servers, arrivalsPerSecond }: Queue, requests: number): number {
  const spare = 1 - (arrivalsPerSecond * serviceMs) / 1_000 / servers
  return (Math.max(1, (0.2 / spare) ** 2) * requests * 1_000) / arrivalsPerSecond
}

export function queueRuns(queue: Queue, service: DurationSpec, requests = 30_000): SimulationFigures[] {
  const { servers, arrivalsPerSecond } = queue
  return runs({
    load: poisson(arrivalsPerSecond),
    service,
    poolSize: servers,
    durationMs: durationMsOf(queue, requests),
  })
}

export function over(
  figures: readonly SimulationFigures[],
  valueOf: (callers: ApplicationFigures) => number,
): Estimate {
  return estimateOf(figures.map(({ applications }) => valueOf(applications[0] as ApplicationFigures)))
}

export const meanWaitMs = (figures: readonly SimulationFigures[]): Estimate =>
  over(figures, ({ waitMs }) => meanOf(waitMs))
export const meanLatencyMs = (figures: readonly SimulationFigures[]): Estimate =>
  over(figures, ({ latencyMs }) => meanOf(latencyMs))
