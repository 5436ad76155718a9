/** What is said of each pool. */

import { numberText, percentText, timeText } from '../report/number-text.ts'
import { inUse } from '../sizing/littles-law.ts'
import { utilisationToPlanFor, utilisationToWarnAt } from '../sizing/utilisation.ts'
import type { Finding, PoolAdvice } from './advice.ts'
import { numbersOf } from './figures.ts'

export function poolFindings(pool: PoolAdvice): Finding[] {
  return [sizeFinding(pool), utilisationFinding(pool)].filter((finding) => finding !== undefined)
}

/** A size that is off by no more than this share is left alone. */
const tolerance = 0.1

/** The advice itself. */
function sizeFinding(pool: PoolAdvice): Finding | undefined {
  const { name, sizeNow, sizeAdvised, arrivalsPerSecond, meanHeldMs } = pool
  if (sizeAdvised === undefined) return undefined
  const isRight = sizeNow !== undefined && Math.abs(sizeNow - sizeAdvised) <= tolerance * sizeNow
  const change = sizeNow === undefined ? '' : `${numberText(sizeNow)} now, `
  return {
    code: 'pool_size',
    level: isRight ? 'fine' : 'advice',
    text: `${name}: ${change}${numberText(sizeAdvised)} connections are advised. ${reasonOf(pool)}${waitOf(pool)}`,
    figures: numbersOf({ sizeNow, sizeAdvised, arrivalsPerSecond, meanHeldMs }),
  }
}

function reasonOf(pool: PoolAdvice): string {
  const { busyPeak, decidedBy, isSaturated, isDatabaseFull, sizeAdvised = 0 } = pool
  const wanted = isSaturated ? 'Somebody waits all the time' : `${numberText(busyPeak)} were held at the peak`
  if (decidedBy === 'limit') return `${wanted}, and PostgreSQL takes no more connections than that.`
  if (decidedBy === 'cores') {
    return isDatabaseFull
      ? `${wanted}; the database's cores are used, and with more connections each takes longer.`
      : `${wanted}, and as many keep the database's cores busy, by how long each is held and how much of that is work.`
  }
  if (isSaturated) return saturatedReason(pool)
  return (
    `${littlesLaw(pool)} ${numberText(busyPeak)} were held at the peak: ${numberText(sizeAdvised)} keep that below ` +
    `${percentText(utilisationToWarnAt)}, and let 99 of 100 wait no longer than they hold.`
  )
}

function saturatedReason({ areCoresKnown }: PoolAdvice): string {
  const all = 'Somebody waits all the time: so many held one or waited for one at the same time.'
  return areCoresKnown
    ? `${all} The database has time left for them.`
    : `${all} Whether the database can use them is not known: enlarge step by step, and look again.`
}

function littlesLaw({ arrivalsPerSecond, meanHeldMs, busyMean }: PoolAdvice): string {
  if (arrivalsPerSecond === undefined || meanHeldMs === undefined) return `${numberText(busyMean)} are held on average.`
  const inUseMean = inUse(arrivalsPerSecond, meanHeldMs)
  if (Math.abs(inUseMean - busyMean) > tolerance * Math.max(inUseMean, busyMean)) {
    return `${numberText(busyMean)} were held on average, some for longer than I watched, by ${numberText(arrivalsPerSecond)} callers a second.`
  }
  return `${numberText(arrivalsPerSecond)} a second × ${timeText(meanHeldMs)} held = ${numberText(inUseMean)} in use on average.`
}

function waitOf({ waitP99NowMs, waitP99SimulatedMs, waitP99AdvisedMs }: PoolAdvice): string {
  if (waitP99AdvisedMs === undefined) return ''
  const expected = ` Expected wait for one, 99th percentile: ${timeText(waitP99AdvisedMs)}`
  if (waitP99NowMs === undefined) return `${expected}.`
  const simulated =
    waitP99SimulatedMs === undefined
      ? ''
      : `, where the simulator says ${timeText(waitP99SimulatedMs)}: believe it as far as these two agree`
  return `${expected} (measured now: ${timeText(waitP99NowMs)}${simulated}).`
}

function utilisationFinding(pool: PoolAdvice): Finding | undefined {
  const { name, utilisationMean, utilisationPeak, sizeNow, perSecondAt80, isSession } = pool
  if (isSession || utilisationMean === undefined || utilisationPeak === undefined || sizeNow === undefined)
    return undefined
  const isHigh = utilisationPeak > utilisationToWarnAt
  return {
    code: 'utilisation',
    level: isHigh ? 'warning' : 'fine',
    text:
      `${name}: ${percentText(utilisationMean)} of ${numberText(sizeNow)} were in use on average, ` +
      `${percentText(utilisationPeak)} at the peak. ${whereIs80(sizeNow, perSecondAt80)}${pastText(utilisationPeak)}`,
    figures: numbersOf({ utilisationMean, utilisationPeak, perSecondAt80, sizeNow }),
  }
}

function whereIs80(sizeNow: number, perSecondAt80: number | undefined): string {
  if (perSecondAt80 === undefined) return `80% would be ${numberText(utilisationToWarnAt * sizeNow)} in use.`
  return `80% would be reached at ${numberText(perSecondAt80)} a second, each held for as long as now.`
}

function pastText(utilisation: number): string {
  if (utilisation > utilisationToWarnAt) return ' Past 80% waits grow out of proportion: at 90% they are twice as long.'
  return utilisation > utilisationToPlanFor ? ' Past 70% there is little left for a busier day.' : ''
}
