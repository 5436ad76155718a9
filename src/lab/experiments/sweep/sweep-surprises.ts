/** Where the sweep came otherwise than the formulas foretold, or than the articles say. */

import { numberText, percentText } from '../../../report/number-text.ts'
import { medianOf } from '../../measurement.ts'
import { enough } from './knee.ts'
import { isClearlyLess, ratiosOf } from './rounds.ts'
import type { Sweep } from './sweep-findings.ts'
import type { SweepSample } from './sweep-measure.ts'
import { latencyText, type SweepPoint, type SweepSummary } from './sweep-summary.ts'

/** Less is not worth a word, and more is not unless the rounds agree. */
const notable = 1.15
const near = 0.9

type Value = (sample: SweepSample) => number
const perSecond: Value = (sample) => sample.perSecond
const p50Ms: Value = (sample) => sample.p50Ms
const p99Ms: Value = (sample) => sample.p99Ms

export function sweepSurprises(summary: SweepSummary, sweep: Sweep): string[] {
  return [
    formulaSurprise(summary),
    ceilingSurprise(summary, sweep),
    crowdSurprise(summary),
    overtakingSurprise(summary),
    pickSurprise(summary),
    refusalSurprise(sweep),
  ].filter((surprise) => surprise !== undefined)
}

function formulaSurprise(summary: SweepSummary): string | undefined {
  const { points, knee, formula } = summary
  const there = points.find(({ size }) => size === formula)
  if (there === undefined || there.size >= knee.size || !isFarBelowBest(there, summary)) return undefined
  return (
    `The formula's ${numberText(there.size)} connections served ${percentText(there.share)} of the best; ${numberText(knee.size)} were needed for ${percentText(enough)}. ` +
    `With ${numberText(there.size)}, on average ${numberText(there.active)} were active, ${numberText(there.onLock)} of them waiting for a lock.`
  )
}

/** A pool of one in the same rounds must say so, too: the transaction alone was measured before them, on a machine that may have been busier. */
function ceilingSurprise({ best, points }: SweepSummary, { rig }: Sweep): string | undefined {
  const predicted = rig.prediction?.figures['best throughput'] ?? Number.NaN
  const { cores } = rig.facts
  const one = points.find(({ size }) => size === 1)
  if (cores === null || one === undefined) return undefined
  const ofAll: Value = (sample) => (sample.size === 1 ? cores : 1) * sample.perSecond
  if (best.perSecond > notable * predicted && isLess(one, best, ofAll)) {
    return (
      `The best throughput was ${numberText(best.perSecond / predicted)} times what the cores should serve by the time of a transaction alone: ` +
      'in part of that time no core worked for it, because it was on its way between client and server or waited for its turn, and another connection could use the core.'
    )
  }
  if (best.perSecond * notable < predicted && isLess(best, one, ofAll)) {
    const callers = rig.facts.isLocal ? ', and the callers are on the same cores' : ''
    return `The best throughput was ${percentText(best.perSecond / predicted)} of what the cores should serve by the time of a transaction alone: in company each takes longer${callers}.`
  }
  return undefined
}

function crowdSurprise(summary: SweepSummary): string | undefined {
  const { best, knee, largest } = summary
  const isAsGood = largest.share >= enough && largest.shares.every((share) => share >= near)
  if (largest.size < 2 * knee.size || !isAsGood) return undefined
  const latencies = `${latencyText(largest.p99Ms, summary)} against ${latencyText(knee.p99Ms, summary)} with ${numberText(knee.size)}`
  const served =
    largest === best
      ? `Here none served more than ${numberText(largest.size)}`
      : `Here ${numberText(largest.size)} served ${percentText(largest.share)} of the best, which ${numberText(best.size)} did`
  const tail = isLess(knee, largest, p99Ms)
    ? `it is the latency's 99th percentile that tells them apart, ${latencies}`
    : `nor does the latency's 99th percentile tell them apart clearly, ${latencies}`
  return `The articles expect many connections to serve clearly less. ${served}: ${tail}.`
}

function overtakingSurprise(summary: SweepSummary): string | undefined {
  const { knee, largest } = summary
  const [isSooner, isLater] = [isLess(largest, knee, p50Ms), isLess(knee, largest, p99Ms)]
  if (!isSooner || !isLater || largest.onLock < 1) return undefined
  const ratio = medianOf(ratiosOf(largest.samples.map(perSecond), knee.samples.map(perSecond)))
  const latency = (ms: number): string => latencyText(ms, summary)
  return (
    `With ${numberText(largest.size)} connections the median latency is shorter than with ${numberText(knee.size)} (${latency(largest.p50Ms)} against ${latency(knee.p50Ms)}), ` +
    `${ratio < 1 ? 'though' : 'and'} the throughput is ${percentText(ratio)} of it: who only reads overtakes the ${numberText(largest.onLock)} who wait for a lock on average. ` +
    `In a small pool they queue in the order in which they came. The 99th percentile pays for it: ${latency(largest.p99Ms)} against ${latency(knee.p99Ms)}.`
  )
}

function pickSurprise(summary: SweepSummary): string | undefined {
  const there = summary.points.find(({ size }) => size === summary.pick)
  if (there === undefined || !isFarBelowBest(there, summary)) return undefined
  return `The advisor's pick, ${numberText(there.size)}, served ${percentText(there.share)} of the best throughput.`
}

function isFarBelowBest(point: SweepPoint, { best }: SweepSummary): boolean {
  return point.share < near && isClearlyLess(point.samples.map(perSecond), best.samples.map(perSecond))
}

/** By more than a little, and in all rounds. */
function isLess(one: SweepPoint, other: SweepPoint, value: Value): boolean {
  const [less, more] = [one.samples.map(value), other.samples.map(value)]
  return medianOf(less) * notable < medianOf(more) && isClearlyLess(less, more)
}

/** The articles let calls fail there. */
function refusalSurprise({ samples }: Sweep): string | undefined {
  const beyond = samples.filter(({ refusal }) => refusal !== undefined)
  const [first] = beyond
  if (first === undefined) return undefined
  const sum = (of: (sample: (typeof beyond)[number]) => number): number =>
    beyond.reduce((total, sample) => total + of(sample), 0)
  const lost = sum(({ failures }) => [...failures.values()].reduce((total, count) => total + count, 0))
  const refused = `A pool of ${numberText(first.size)} asked for more than the server has: it was refused (${first.refusal}), and went on with ${numberText(first.opened)}`
  return lost === 0
    ? `${refused}. No call failed: all waited for those.`
    : `${refused}. ${numberText(lost)} calls failed.`
}
