/** What the samples say together: each size by medians over the rounds, and against the best size round by round. */

import { timeText } from '../../../report/number-text.ts'
import { usefulConnections } from '../../../sizing/database-size.ts'
import { medianOf } from '../../measurement.ts'
import { kneeOf } from './knee.ts'
import { ratiosOf } from './rounds.ts'
import type { Sweep } from './sweep-findings.ts'
import type { SweepSample } from './sweep-measure.ts'

/** Medians over rounds; NaN: it could not be seen. */
export interface SweepPoint {
  readonly size: number
  /** Throughput, of that of the best size in the same round: in the order of the rounds, any of them may be above 1. */
  readonly shares: readonly number[]
  /** Their median. */
  readonly share: number
  readonly opened: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly switchesPerSecond: number
  readonly active: number
  readonly onLock: number
  readonly onLightweightLock: number
  readonly hitShare: number
  readonly memoryBytes: number
  /** Of the rounds, in their order. */
  readonly samples: readonly SweepSample[]
}

/** What is said of the sweep as a whole. */
export interface SweepSummary {
  readonly points: readonly SweepPoint[]
  /** Of the sizes that were measured in all rounds, that with the highest median throughput. */
  readonly best: SweepPoint
  readonly knee: SweepPoint
  readonly ample: SweepPoint
  /** The largest size that the server let in whole. */
  readonly largest: SweepPoint
  /** By cores × 2 + 1; undefined: the cores are not known. */
  readonly formula: number | undefined
  readonly pick: number | undefined
  /** A latency above it is a lower bound. */
  readonly wholeMs: number
}

/** Throws if no transaction succeeded. */
export function summaryOf({ rig, samples, sizes, ample, pick, times }: Sweep): SweepSummary {
  const bySize = sizes.map((size) => samples.filter((sample) => sample.size === size))
  const rounds = Math.max(...bySize.map((own) => own.length))
  const whole = bySize.filter((own) => own.length === rounds)
  const best = whole.toSorted((one, other) => throughput(other) - throughput(one))[0] ?? []
  const points = bySize.map((own) => pointOf(own, best))
  const [knee, smallest] = [kneeOf(points), points[0]]
  if (!knee || !smallest) {
    const reasons = new Set(samples.flatMap(({ failures }) => [...failures.keys()]))
    throw new Error(`no transaction succeeded at any size: ${[...reasons].join(', ')}`)
  }
  return {
    points,
    best: points.find((point) => point.samples === best) ?? knee,
    knee,
    ample: points.find(({ size }) => size === ample) ?? smallest,
    largest: points.findLast(({ size, opened }) => opened === size) ?? smallest,
    formula: rig.facts.cores === null ? undefined : usefulConnections({ cores: rig.facts.cores }),
    pick,
    wholeMs: times.tailMs,
  }
}

/** `12.3 ms`, or `at least 345 ms` where the load ended before the call. */
export function latencyText(ms: number, { wholeMs }: SweepSummary): string {
  return ms > wholeMs ? `at least ${timeText(ms)}` : timeText(ms)
}

/** Whether a latency of any size is a lower bound. */
export function hasBounds({ points, wholeMs }: SweepSummary): boolean {
  return points.some(({ p50Ms, p99Ms }) => Math.max(p50Ms, p99Ms) > wholeMs)
}

function pointOf(samples: readonly SweepSample[], best: readonly SweepSample[]): SweepPoint {
  const of = (value: (sample: SweepSample) => number): number => medianOf(samples.map(value))
  const shares = ratiosOf(perSecondOf(samples), perSecondOf(best))
  return {
    size: of(({ size }) => size),
    shares,
    share: medianOf(shares),
    opened: of(({ opened }) => opened),
    perSecond: throughput(samples),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    switchesPerSecond: of(({ switchesPerSecond }) => switchesPerSecond),
    active: of(({ activity }) => activity.active),
    onLock: of(({ activity }) => activity.onLock),
    onLightweightLock: of(({ activity }) => activity.onLightweightLock),
    hitShare: of(({ hitShare }) => hitShare),
    memoryBytes: of(({ memoryBytes }) => memoryBytes),
    samples,
  }
}

function throughput(samples: readonly SweepSample[]): number {
  return medianOf(perSecondOf(samples))
}

function perSecondOf(samples: readonly SweepSample[]): number[] {
  return samples.map(({ perSecond }) => perSecond)
}
