/**
 * The queues of `utilisation`: what is asked of each is drawn beforehand, so that the simulator can be asked the very same,
 * and what is foretold of the waits. The formulas speak of the long run; a full queue needs longer to get there than a
 * run of ours lasts, so the simulator is also asked what runs of that length give.
 */

import { meanOf, percentileOf } from '../../../metrics/histogram.ts'
import { percentile } from '../../../metrics/statistics.ts'
import { numberText } from '../../../report/number-text.ts'
import { Random } from '../../../random.ts'
import type { DurationSpec } from '../../../simulator/durations.ts'
import type { ArrivalSpec } from '../../../simulator/arrivals.ts'
import { simulate } from '../../../simulator/simulate.ts'
import type { Queue, Variability } from '../../../sizing/queue.ts'
import { gg1, ggc, mmc } from '../../../sizing/waiting.ts'
import { arrivalsMs, exponential } from '../../load.ts'
import { medianOf } from '../../measurement.ts'

/** A pool, and how much of its time is asked for. */
export interface Level {
  readonly utilisation: number
  readonly servers: number
}

export function levelText({ utilisation, servers }: Level): string {
  return `${numberText(100 * utilisation)}%, ${connectionsText(servers)}`
}

export function connectionsText(servers: number): string {
  return servers === 1 ? '1 connection' : `${servers} connections`
}

/** How long connections are held. */
export interface Holds {
  /** Of what is drawn, before it is rounded up. */
  readonly drawnMs: number
  /** What each takes beyond what is asked for. */
  readonly beyondMs: number
}

/** Who comes in a round: when, and how long each holds. */
export interface Callers {
  readonly atMs: Float64Array
  readonly holdsMs: Float64Array
}

/** One round of a level, drawn beforehand. */
export interface Drawn {
  readonly arrivalsPerSecond: number
  readonly atMs: Float64Array
  /** How long each asks for, in whole milliseconds. */
  readonly askedMs: Float64Array
}

export interface Waits {
  readonly meanMs: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface Foretold {
  /** In the long run; Kingman's for one connection, Allen and Cunneen's for several. */
  readonly kingmanMs: number
  readonly erlangMs: number
  /** The mean wait of other runs as long as a round, each from an empty queue: their median, and all but a tenth at either end. */
  readonly asLong: { readonly medianMs: number; readonly lowMs: number; readonly highMs: number }
  /** The same arrivals and holds as are measured, round by round. */
  readonly same: readonly Waits[]
}

const otherRuns = 16
const firstOtherSeed = 1_000
/** Long enough for the last who came. */
const patience = 100

/** pg_sleep waits for whole milliseconds, so whole ones are drawn: exponential, rounded up, which is geometric. */
export function variabilityOf({ drawnMs, beyondMs }: Holds): { readonly meanMs: number; readonly scv: number } {
  const stays = Math.exp(-1 / drawnMs)
  const meanMs = 1 / (1 - stays) + beyondMs
  return { meanMs, scv: stays / (1 - stays) ** 2 / meanMs ** 2 }
}

/** All levels of a round come from the same random numbers, only closer together: they differ by nothing but utilisation. */
export function drawnFor({ utilisation, servers }: Level, holds: Holds, roundMs: number, seed: number): Drawn {
  const arrivalsPerSecond = (utilisation * servers * 1_000) / variabilityOf(holds).meanMs
  const atMs = arrivalsMs({ arrivalsPerSecond, warmUpMs: 0, measureMs: roundMs, seed })
  const random = new Random(seed).fork(1)
  return { arrivalsPerSecond, atMs, askedMs: atMs.map(() => Math.ceil(exponential(random, holds.drawnMs))) }
}

export function foretell(level: Level, holds: Holds, roundMs: number, rounds: readonly Drawn[]): Foretold {
  const { servers } = level
  const { meanMs: serviceMs, scv: serviceScv } = variabilityOf(holds)
  const arrivalsPerSecond = (level.utilisation * servers * 1_000) / serviceMs
  const queue: Queue & Variability = { servers, arrivalsPerSecond, serviceMs, serviceScv, arrivalScv: 1 }
  const others = Array.from({ length: otherRuns }, (_, run) => {
    return simulated(servers, callersOf(drawnFor(level, holds, roundMs, firstOtherSeed + run), holds)).meanMs
  })
  return {
    kingmanMs: (servers === 1 ? gg1(queue) : ggc(queue)).meanWaitMs,
    erlangMs: mmc(queue).meanWaitMs,
    asLong: { medianMs: medianOf(others), lowMs: percentile(others, 10), highMs: percentile(others, 90) },
    same: rounds.map((drawn) => simulated(servers, callersOf(drawn, holds))),
  }
}

function callersOf({ atMs, askedMs }: Drawn, { beyondMs }: Holds): Callers {
  return { atMs, holdsMs: askedMs.map((ms) => ms + beyondMs) }
}

/** What they wait, from a pool that is open and empty at the beginning. */
export function simulated(servers: number, { atMs, holdsMs }: Callers): Waits {
  const nobody = { meanMs: Number.NaN, p50Ms: Number.NaN, p99Ms: Number.NaN }
  if (atMs.length === 0) return nobody
  const atOnce: DurationSpec = { kind: 'fixed', ms: 0 }
  const arrivals: ArrivalSpec = { kind: 'replayed', atMs }
  const { applications } = simulate({
    seed: 1,
    durationMs: (atMs.at(-1) ?? 0) * patience,
    warmUpMs: 0,
    database: {
      cores: Infinity,
      maxConnections: servers,
      reservedConnections: 0,
      connect: atOnce,
      connectWorkMs: 0,
    },
    poolers: [],
    applications: [
      {
        name: 'callers',
        instances: 1,
        load: { kind: 'open', arrivals, balance: 'random' },
        service: { kind: 'sequence', values: holdsMs },
        away: atOnce,
        pool: { maxSize: servers, minSize: servers },
        connectsEachTime: false,
      },
    ],
    failures: [],
  })
  const waitMs = applications[0]?.waitMs
  if (waitMs === undefined) return nobody
  return { meanMs: meanOf(waitMs), p50Ms: percentileOf(waitMs, 50), p99Ms: percentileOf(waitMs, 99) }
}
