/**
 * What would be if the pools had other sizes: simulated, with the engine that lends in production and with the load that was
 * seen: so many clients, each of whom comes again some time after its answer, as it did. Many who come seldom are as good as
 * independent callers; few who come often slow down with their answers.
 */

import type { HistogramSnapshot } from '../metrics/histogram.ts'
import { percentileOf } from '../metrics/histogram.ts'
import type { DurationSpec } from '../simulator/durations.ts'
import type { ApplicationSpec, LoadSpec } from '../simulator/scenario.ts'
import { simulate } from '../simulator/simulate.ts'
import type { PoolLoad } from './pool-load.ts'
import type { DatabaseUse } from './useful-connections.ts'

/** A pool with the size that is tried. */
export interface SizedPool {
  readonly load: PoolLoad
  readonly size: number
}

export interface Expectation {
  readonly waitP99Ms: number
  readonly utilisation: number
}

/** So many requests tell a 99th percentile. */
const enoughRequests = 50_000
const shortestMs = 1_000
const longestMs = 600_000
const commonOpenMs = 10
/** Each takes some 50 kB. */
const mostPools = 1_000

/** By the names of the pools; those of whose load not enough is known, or who come too seldom to be seen, are left out. `cores` undefined: none slows another. */
export function expect(
  pools: readonly SizedPool[],
  cores: number | undefined,
  use: DatabaseUse,
): ReadonlyMap<string, Expectation> {
  const known = pools.filter(isKnown)
  if (known.length === 0 || known.length > mostPools) return new Map()
  const applications = known.map((pool) => applicationOf(pool, use))
  const perSecond = known.reduce((sum, { load }) => sum + (load.arrivalsPerSecond ?? 0), 0)
  const durationMs = Math.min(longestMs, Math.max(shortestMs, (enoughRequests * 1_000) / perSecond))
  const figures = simulate({
    seed: 1,
    durationMs,
    warmUpMs: durationMs / 10,
    database: {
      cores: cores ?? Infinity,
      maxConnections: known.reduce((sum, { size }) => sum + size, 0),
      reservedConnections: 0,
      connect: fixed(Math.max(commonOpenMs, ...known.map(({ load }) => load.openMs ?? 0))),
      connectWorkMs: 0,
    },
    poolers: [],
    applications,
    failures: [],
  })
  const served = figures.applications.filter(({ waitMs }) => waitMs.count > 0)
  return new Map(
    served.map(({ name, waitMs, pools: own }) => {
      return [name, { waitP99Ms: percentileOf(waitMs, 99), utilisation: own?.utilisation ?? 0 }]
    }),
  )
}

function isKnown({ load: { arrivalsPerSecond = 0, meanHeldMs = 0, isSession } }: SizedPool): boolean {
  return arrivalsPerSecond > 0 && meanHeldMs > 0 && !isSession
}

function fixed(ms: number): DurationSpec {
  return { kind: 'fixed', ms }
}

function applicationOf({ load, size }: SizedPool, { workShare, awayShare }: DatabaseUse): ApplicationSpec {
  const holds = holdsOf(load)
  return {
    name: load.name,
    instances: 1,
    load: loadOf(load),
    service: scaled(holds, workShare),
    away: scaled(holds, awayShare),
    // It is open by the time it is counted.
    pool: { maxSize: size, minSize: Math.min(size, load.clients) },
    connectsEachTime: false,
  }
}

/** Little's law for each client's round: clients = arrivals × (think + wait + hold). */
function loadOf({ arrivalsPerSecond = 0, meanHeldMs = 0, meanWaitMs = 0, clients }: PoolLoad): LoadSpec {
  const thinkMs = Math.max(0, (clients * 1_000) / arrivalsPerSecond - meanWaitMs - meanHeldMs)
  return { kind: 'closed', callers: Math.max(1, clients), think: { kind: 'exponential', meanMs: thinkMs } }
}

/** As they were measured; exponential, if only their mean is known. */
function holdsOf({ holdMs, meanHeldMs = 0 }: PoolLoad): DurationSpec {
  if (!holdMs || holdMs.count === 0) return { kind: 'exponential', meanMs: meanHeldMs }
  return { kind: 'percentiles', points: pointsOf(holdMs) }
}

/** A bucket is at most so much of its values wide. */
const bucketWidth = 1 / 32

/** Both ends of each bucket; between buckets nothing is drawn. */
function pointsOf({ count, maxMs, buckets }: HistogramSnapshot): (readonly [number, number])[] {
  let seen = 0
  return buckets.flatMap(([upToMs, inBucket]) => {
    const fromPercent = (100 * seen) / count
    seen += inBucket
    const toPercent = seen === count ? 100 : (100 * seen) / count
    const endMs = Math.min(upToMs, maxMs)
    return [[fromPercent, endMs * (1 - bucketWidth)] as const, [toPercent, endMs] as const]
  })
}

function scaled(spec: DurationSpec, by: number): DurationSpec {
  if (spec.kind === 'exponential') return { kind: 'exponential', meanMs: spec.meanMs * by }
  if (spec.kind === 'percentiles') return { ...spec, points: spec.points.map(([at, ms]) => [at, ms * by] as const) }
  return spec
}
