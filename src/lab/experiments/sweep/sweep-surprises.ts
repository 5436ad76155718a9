/** Where the sweep came otherwise than the formulas foretold, or than the articles say. */

import { numberText, percentText, timeText } from '../../../report/number-text.ts'
import { enough } from './knee.ts'
import type { Sweep, SweepSummary } from './sweep-findings.ts'

/** Less is within what rounds differ by. */
const clearly = 1.15
const near = 0.9

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

function formulaSurprise({ points, knee, formula }: SweepSummary): string | undefined {
  const there = points.find(({ size }) => size === formula)
  if (formula === undefined || there === undefined || there.share >= near) return undefined
  return (
    `The formula's ${numberText(formula)} connections served ${percentText(there.share)} of the best; ${numberText(knee.size)} were needed for ${percentText(enough)}. ` +
    `With ${numberText(formula)}, on average ${numberText(there.active)} were active, ${numberText(there.onLock)} of them waiting for a lock.`
  )
}

function ceilingSurprise({ best }: SweepSummary, { rig }: Sweep): string | undefined {
  const predicted = rig.prediction?.figures['best throughput'] ?? Number.NaN
  if (best.perSecond > clearly * predicted) {
    return (
      `The best throughput was ${numberText(best.perSecond / predicted)} times what the cores should serve by the time of a transaction alone: ` +
      'in part of that time no core worked for it, because it was on its way between client and server or waited for its turn, and another connection could use the core.'
    )
  }
  if (best.perSecond * clearly < predicted) {
    const callers = rig.facts.isLocal ? ', and the callers are on the same cores' : ''
    return `The best throughput was ${percentText(best.perSecond / predicted)} of what the cores should serve by the time of a transaction alone: in company each takes longer${callers}.`
  }
  return undefined
}

function crowdSurprise({ best, knee, largest }: SweepSummary): string | undefined {
  if (largest.size < 2 * knee.size || largest.share < enough) return undefined
  return (
    `The articles expect many connections to serve clearly less. Here ${numberText(largest.size)} served ${percentText(largest.share)} of the best, which ${numberText(best.size)} did: ` +
    `it is the latency's 99th percentile that tells them apart, ${timeText(largest.p99Ms)} against ${timeText(knee.p99Ms)}.`
  )
}

function overtakingSurprise({ knee, largest }: SweepSummary): string | undefined {
  const isSooner = largest.p50Ms * clearly < knee.p50Ms
  const isLater = largest.p99Ms > clearly * knee.p99Ms
  if (!isSooner || !isLater || largest.onLock < 1) return undefined
  return (
    `With ${numberText(largest.size)} connections the median latency is shorter than with ${numberText(knee.size)} (${timeText(largest.p50Ms)} against ${timeText(knee.p50Ms)}), ` +
    `though the throughput is ${percentText(largest.perSecond / knee.perSecond)} of it: who only reads overtakes the ${numberText(largest.onLock)} who wait for a lock on average. ` +
    `In a small pool they queue in the order in which they came. The 99th percentile pays for it: ${timeText(largest.p99Ms)} against ${timeText(knee.p99Ms)}.`
  )
}

function pickSurprise({ points, pick }: SweepSummary): string | undefined {
  const there = points.find(({ size }) => size === pick)
  if (there === undefined || there.share >= near) return undefined
  return `The advisor's pick, ${numberText(there.size)}, served ${percentText(there.share)} of the best throughput.`
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
