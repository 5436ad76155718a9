/** What the simulator says of short lookups beside long analytics, in one pool or in two. */

import { percentileOf } from '../../../metrics/histogram.ts'
import type { DurationSpec } from '../../../simulator/durations.ts'
import type { ApplicationSpec, PoolerSpec } from '../../../simulator/scenario.ts'
import { simulate } from '../../../simulator/simulate.ts'

/** What analytics do while they hold their connection. */
export type Kind = 'wait' | 'compute'

/** How connections are shared out. Undefined `lookups`: all is one pool, of the size `analytics`. */
export interface Arrangement {
  readonly name: string
  readonly analytics: number
  readonly lookups: number | undefined
}

export interface Demand {
  readonly analyticsCallers: number
  /** From half to one and a half times as long, each length as likely. */
  readonly analyticsMs: number
  readonly lookupsPerSecond: number
  readonly lookupMs: number
}

export interface Forecast {
  readonly lookupsP50Ms: number
  readonly lookupsP99Ms: number
  readonly analyticsPerSecond: number
}

const simulatedMs = 10_000
const atOnce: DurationSpec = { kind: 'fixed', ms: 0 }

/** `cores`: of the database, of which lookups and analytics that compute get equal shares. */
export function forecast(kind: Kind, arrangement: Arrangement, demand: Demand, cores: number): Forecast {
  const { lookups, analytics } = arrangement
  const pools = [poolerOf('analytics', analytics), ...(lookups === undefined ? [] : [poolerOf('lookups', lookups)])]
  const { applications } = simulate({
    seed: 1,
    durationMs: simulatedMs,
    warmUpMs: simulatedMs / 10,
    database: { cores, maxConnections: 1_000, reservedConnections: 0, connect: atOnce, connectWorkMs: 0 },
    poolers: pools,
    applications: [analyticsOf(kind, demand), lookupsOf(demand, lookups === undefined ? 'analytics' : 'lookups')],
    failures: [],
  })
  const [long, short] = applications
  if (!long || !short) throw new Error('taxirank bug: an application has no figures')
  return {
    lookupsP50Ms: percentileOf(short.latencyMs, 50),
    lookupsP99Ms: percentileOf(short.latencyMs, 99),
    analyticsPerSecond: long.servedPerSecond,
  }
}

function poolerOf(name: string, size: number): PoolerSpec {
  return { name, count: 1, pool: { maxSize: size, minSize: size }, connect: atOnce }
}

function analyticsOf(kind: Kind, { analyticsCallers, analyticsMs }: Demand): ApplicationSpec {
  const spread: DurationSpec = {
    kind: 'percentiles',
    points: [
      [0, 0.5 * analyticsMs],
      [100, 1.5 * analyticsMs],
    ],
  }
  return {
    name: 'long ones',
    instances: 1,
    load: { kind: 'closed', callers: analyticsCallers, think: atOnce },
    service: kind === 'compute' ? spread : atOnce,
    away: kind === 'compute' ? atOnce : spread,
    via: 'analytics',
    connectsEachTime: false,
  }
}

function lookupsOf({ lookupsPerSecond, lookupMs }: Demand, via: string): ApplicationSpec {
  return {
    name: 'short ones',
    instances: 1,
    load: { kind: 'open', arrivals: { kind: 'poisson', perSecond: lookupsPerSecond }, balance: 'random' },
    service: { kind: 'fixed', ms: lookupMs },
    away: atOnce,
    via,
    connectsEachTime: false,
  }
}
