/** What a simulation has found, for a terminal. */

import type { HistogramSnapshot } from '../metrics/histogram.ts'
import { numberText, percentText, timeText } from '../report/number-text.ts'
import { textTable } from '../report/text-table.ts'
import type { ApplicationFigures, DatabaseFigures, PoolFigures, SimulationFigures } from './figures.ts'
import { failedOf, percentileIfAny } from './outcome.ts'
import { kneeOf, type SweepPlan, type SweepPoint } from './sweep.ts'

/** Ends with a line break, as all of these. */
export function simulationText(figures: SimulationFigures): string {
  const { applications, poolers, database } = figures
  const pools = [...applications.flatMap(({ pools: own }) => own ?? []), ...poolers]
  return [
    `${secondsText(figures.durationMs)} simulated, of which the first ${secondsText(figures.warmUpMs)} do not count; seed ${figures.seed}\n`,
    applicationTable(applications),
    ...applications.flatMap(failureLines),
    ...(pools.length === 0 ? [] : ['\n', poolTable(pools)]),
    '\n',
    databaseLine(database),
  ].join('')
}

function applicationTable(applications: readonly ApplicationFigures[]): string {
  const head = ['application', 'served/s', 'failed', 'wait p50', 'p99', 'max', 'latency p50', 'p99', 'max']
  const rows = applications.map((one) => {
    return [one.name, one.servedPerSecond, failedOf(one), ...percentiles(one.waitMs), ...percentiles(one.latencyMs)]
  })
  return textTable(head, rows)
}

function percentiles(histogram: HistogramSnapshot): string[] {
  return [50, 99, 100].map((p) => timeText(percentileIfAny(histogram, p)))
}

function failureLines({ name, failures }: ApplicationFigures): string[] {
  const all = Object.entries(failures).toSorted(([, one], [, other]) => other - one)
  return all.length === 0
    ? []
    : [`  ${name} failed: ${all.map(([code, count]) => `${numberText(count)} × ${code}`).join(', ')}\n`]
}

function poolTable(pools: readonly PoolFigures[]): string {
  const head = ['pool', 'pools', 'size', 'used', 'open at most', 'waiting at most', 'opened']
  const rows = pools.map(({ name, count, maxSize, utilisation, peakSize, peakWaiting, opened }) => {
    return [name, count, maxSize, percentText(utilisation), peakSize, peakWaiting, opened]
  })
  return textTable(head, rows)
}

function databaseLine({
  poolConnections,
  peakConnections,
  mostConnections,
  refused,
  meanRunning,
  mostRunning,
}: DatabaseFigures): string {
  const together = poolConnections === 0 ? '' : ` (all pools together may have ${numberText(poolConnections)})`
  const turnedAway = refused === 0 ? '' : `, ${numberText(refused)} turned away`
  return (
    `  database: at most ${numberText(peakConnections)} of ${numberText(mostConnections)} connections${together}${turnedAway}; ` +
    `${numberText(meanRunning)} statements ran at once on average, ${numberText(mostRunning)} at most\n`
  )
}

export function sweepText({ key }: SweepPlan, points: readonly SweepPoint[]): string {
  const head = [key, 'served/s', 'failed', 'wait p99', 'latency p50', 'latency p99', 'used', 'connections']
  return textTable(head, points.map(sweepRow)) + kneeText(key, points)
}

function sweepRow(point: SweepPoint): (string | number)[] {
  return [
    point.value,
    point.servedPerSecond,
    point.failedShare === 0 ? '0%' : percentText(point.failedShare),
    timeText(point.waitP99Ms),
    timeText(point.latencyP50Ms),
    timeText(point.latencyP99Ms),
    percentText(point.utilisation),
    point.peakConnections,
  ]
}

/** What the knee is, in words. */
export function kneeText(key: string, points: readonly SweepPoint[]): string {
  const knee = kneeOf(points)
  if (!knee) return ''
  const isLast = knee === points.at(-1) ? ` It is the largest that was tried: more may be better.` : ''
  return (
    `\nThe knee is ${key} = ${numberText(knee.value)}: the smallest that serves 98% of the most, fails hardly more often than ` +
    `the best, and has a latency p99 within 1.1 of the shortest.${isLast}\n`
  )
}

function secondsText(ms: number): string {
  return `${numberText(ms / 1_000)} s`
}
