/** What is said of each pool. */

import { numberText, percentText, timeText } from '../report/number-text.ts'
import { utilisationToPlanFor, utilisationToWarnAt } from '../sizing/utilisation.ts'
import type { Finding, PoolAdvice } from './advice.ts'
import type { PoolLoad } from './pool-load.ts'
import type { PoolerReading, PoolReading } from './pooler-reading.ts'

export function poolFindings(pool: PoolAdvice): Finding[] {
  return [sizeFinding(pool), utilisationFinding(pool)].filter((finding) => finding !== undefined)
}

/** The advice itself. */
function sizeFinding(pool: PoolAdvice): Finding | undefined {
  const { name, sizeNow, sizeAdvised } = pool
  if (sizeAdvised === undefined) return undefined
  const isSame = sizeNow === sizeAdvised
  const change = sizeNow === undefined ? '' : `${numberText(sizeNow)} now, `
  return {
    code: 'pool_size',
    level: isSame || sizeNow === undefined ? 'fine' : 'advice',
    text: `${name}: ${change}${numberText(sizeAdvised)} connections are advised. ${reasonOf(pool)}${waitOf(pool)}`,
    figures: numbersOf({
      sizeNow,
      sizeAdvised,
      arrivalsPerSecond: pool.arrivalsPerSecond,
      meanHeldMs: pool.meanHeldMs,
    }),
  }
}

function reasonOf(pool: PoolAdvice): string {
  const { busyPeak, decidedBy, isSaturated } = pool
  if (decidedBy === 'cores') {
    const wanted = isSaturated ? 'Callers would take any number' : `${numberText(busyPeak)} were held at the peak`
    return `${wanted}, but the database's cores can't do more at once: with more connections each takes longer.`
  }
  if (isSaturated)
    return 'Somebody waits all the time, and the database has time left: one for each client that could be there.'
  return `${littlesLaw(pool)} ${numberText(busyPeak)} were held at the peak, and at most ${percentText(utilisationToWarnAt)} should be.`
}

function littlesLaw({ arrivalsPerSecond, meanHeldMs, busyMean }: PoolAdvice): string {
  if (arrivalsPerSecond === undefined || meanHeldMs === undefined) return `${numberText(busyMean)} are held on average.`
  return (
    `${numberText(arrivalsPerSecond)} a second × ${timeText(meanHeldMs)} held = ` +
    `${numberText((arrivalsPerSecond * meanHeldMs) / 1_000)} in use on average.`
  )
}

function waitOf({ waitP99NowMs, waitP99SimulatedMs, waitP99AdvisedMs }: PoolAdvice): string {
  if (waitP99AdvisedMs === undefined) return ''
  const expected = ` Expected wait for one, 99th percentile: ${timeText(waitP99AdvisedMs)}`
  if (waitP99NowMs === undefined) return `${expected}.`
  const simulated =
    waitP99SimulatedMs === undefined ? '' : `; the simulator says ${timeText(waitP99SimulatedMs)} for now`
  return `${expected} (measured now: ${timeText(waitP99NowMs)}${simulated}).`
}

function utilisationFinding(pool: PoolAdvice): Finding | undefined {
  const { name, utilisationMean, utilisationPeak, sizeNow } = pool
  if (utilisationMean === undefined || utilisationPeak === undefined || sizeNow === undefined) return undefined
  const isHigh = utilisationPeak > utilisationToWarnAt
  const isRising = utilisationPeak > utilisationToPlanFor
  return {
    code: 'utilisation',
    level: isHigh ? 'warning' : 'fine',
    text:
      `${name}: ${percentText(utilisationMean)} of ${numberText(sizeNow)} were in use on average, ${percentText(utilisationPeak)} at the peak. ` +
      `${whereIs80(pool)}${isHigh ? ' Past 80% the wait doubles with every few percent more.' : ''}` +
      (isRising && !isHigh ? ' Past 70% there is little left for a busier day.' : ''),
    figures: numbersOf({ utilisationMean, utilisationPeak, perSecondAt80: pool.perSecondAt80, sizeNow }),
  }
}

function whereIs80({ sizeNow = 0, perSecondAt80 }: PoolAdvice): string {
  if (perSecondAt80 === undefined) return `80% would be ${numberText(utilisationToWarnAt * sizeNow)} in use.`
  return `80% would be reached at ${numberText(perSecondAt80)} a second, each held for as long as now.`
}

/** Of pools in session mode, whose clients hold a server also while they do nothing. */
export function sessionFinding(load: PoolLoad, pool: PoolReading, activeMean: number): Finding | undefined {
  if (!load.isSession || pool.servers.all === 0) return undefined
  const held = Math.max(pool.serversPeak, pool.servers.active)
  return {
    code: 'session_mode',
    level: 'advice',
    text:
      `${load.name} is in session mode: ${numberText(held)} servers for ${numberText(pool.clientsPeak)} clients, ` +
      `of which ${numberText(activeMean)} were in a transaction on average. In transaction mode about ${numberText(Math.ceil(activeMean / utilisationToWarnAt))} ` +
      `would do, if the clients keep nothing in their sessions: SHOW AUDIT of Taxirank lists what they keep.`,
    figures: { servers: held, clients: pool.clientsPeak, inTransaction: activeMean },
  }
}

/** What was opened, and never lent. */
export function unusedFinding(loads: readonly PoolLoad[], { pools }: PoolerReading): Finding | undefined {
  const configured = pools.reduce((sum, { size, reserve }) => sum + size + reserve, 0)
  const used = Math.ceil(loads.reduce((sum, { busyPeak }) => sum + busyPeak, 0))
  if (configured === 0 || used >= configured / 2) return undefined
  return {
    code: 'unused',
    level: 'advice',
    text: `At most ${numberText(used)} of ${numberText(configured)} connections that the pools may open were in use at once: the others are room for mistakes.`,
    figures: { used, configured },
  }
}

/** Those that are known. */
export function numbersOf(figures: Readonly<Record<string, number | undefined>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(figures).filter((entry): entry is [string, number] => entry[1] !== undefined),
  )
}
