/** What is said of the URL shortener: everything here follows from what shortener.ts has measured. */

import { numberText, percentText, timeText } from '../../../report/number-text.ts'
import { fleet } from '../../../sizing/fleet.ts'
import { type RequestParts, wholeMs } from '../../fresh-connection.ts'
import { headlineOf } from '../../headline.ts'
import { failed, failuresText, latencyMs, type Load, perSecond } from '../../load.ts'
import { loadMeasurements } from '../../load-measurements.ts'
import { isFar, meanOf, measurement, medianOf } from '../../measurement.ts'
import { mostWorkMs } from '../../most-work.ts'
import { ownLimitText } from '../../own-cores.ts'
import type { Figure } from '../../../report/figure.ts'
import type { Table } from '../../../report/page.ts'
import type { Findings, Measurement } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import { shareText } from '../../share-text.ts'

/** The first words of measurements. */
export const strategies = ['per request', 'pooled', 'through the pooler'] as const
export type StrategyName = (typeof strategies)[number]

export interface Round {
  readonly load: Load
  /** Inside the service, of each request. */
  readonly parts: readonly RequestParts[]
  /** How many cores the lab's own process used. */
  readonly ownCores: number
}

export interface Measured {
  readonly name: StrategyName
  /** What a request takes that has all for itself, without the way to the database. */
  readonly nearMs: number
  readonly rounds: readonly Round[]
}

export interface Conditions {
  readonly workers: number
  readonly roundTripMs: number
  readonly measureMs: number
  readonly warmUpMs: number
}

/** Medians over the rounds; parts are means over a round's requests. */
interface Row {
  readonly name: StrategyName
  readonly nearMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly meanMs: number
  readonly perSecond: number
  readonly openingShare: number
  readonly overheadShare: number
  readonly parts: RequestParts
  readonly ownCores: number
  /** Over all rounds. */
  readonly failed: number
  readonly why: string
}

const labels: Readonly<Record<StrategyName, string>> = {
  'per request': 'a connection for each request',
  pooled: 'a pool in the service',
  'through the pooler': 'a pooler beside the service',
}
/** The articles' 150 ms of 200. */
const articlesOverhead = 0.75
const toleranceOfShares = 0.1

export function findings(rig: Rig, measured: readonly Measured[], conditions: Conditions): Findings {
  const { workers, roundTripMs, measureMs, warmUpMs } = conditions
  const rows = measured.map(rowOf)
  return {
    headline: headlineFor(rows),
    answer: answerOf(rows),
    surprises: [...againstArticles(rows), ...misses(rig, rows), ...failuresOf(rows)],
    remarks: remarksOf(rig, conditions),
    setup: {
      workers,
      rounds: measured[0]?.rounds.length ?? 0,
      'round, ms': measureMs,
      'warm-up, ms': warmUpMs,
      'round trip to the database, ms': roundTripMs,
      'connections of the pool, and of the pooler': workers,
    },
    measurements: measured.flatMap(measurementsOf),
    tables: [tableOf(rows, workers)],
    plots: plotsOf(rows, workers),
  }
}

function rowOf({ name, nearMs, rounds }: Measured): Row {
  const of = (value: (round: Round) => number): number => medianOf(rounds.map(value))
  return {
    name,
    nearMs,
    p50Ms: of(({ load }) => latencyMs(load, 50)),
    p99Ms: of(({ load }) => latencyMs(load, 99)),
    meanMs: of(({ load }) => meanOf(load.latenciesMs)),
    perSecond: of(({ load }) => perSecond(load)),
    openingShare: of(openingOf),
    overheadShare: of(overheadOf),
    parts: {
      openMs: of(({ parts }) => meanOf(parts.map(({ openMs }) => openMs))),
      queryMs: of(({ parts }) => meanOf(parts.map(({ queryMs }) => queryMs))),
      closeMs: of(({ parts }) => meanOf(parts.map(({ closeMs }) => closeMs))),
    },
    ownCores: of(({ ownCores }) => ownCores),
    failed: rounds.reduce((sum, { load }) => sum + failed(load), 0),
    why: failuresText(rounds.map(({ load }) => load)),
  }
}

function measurementsOf({ name, rounds }: Measured): readonly Measurement[] {
  const of = (value: (round: Round) => number): number[] => rounds.map(value)
  return [
    ...loadMeasurements(
      name,
      rounds.map(({ load }) => load),
    ),
    measurement(`${name} opening`, 'share', of(openingOf)),
    measurement(`${name} overhead`, 'share', of(overheadOf)),
  ]
}

/** Of the time in the service: until there is a connection. */
function openingOf({ parts }: Round): number {
  return meanOf(parts.map(({ openMs }) => openMs)) / meanOf(parts.map(wholeMs))
}

/** The same, and closing. */
function overheadOf({ parts }: Round): number {
  return 1 - meanOf(parts.map(({ queryMs }) => queryMs)) / meanOf(parts.map(wholeMs))
}

function headlineFor(rows: readonly Row[]): string {
  const [each, pooled] = rows as [Row, Row]
  return headlineOf(
    `Connecting takes ${shareText(each.overheadShare)} of a lookup: ${numberText(each.perSecond)} redirects a second, ${numberText(pooled.perSecond)} with a pool.`,
    `Without a pool ${numberText(each.perSecond)} redirects a second, with one ${numberText(pooled.perSecond)}.`,
  )
}

function answerOf(rows: readonly Row[]): string {
  const [each, pooled, through] = rows as [Row, Row, Row]
  return (
    `With ${labels['per request']} the service spends ${shareText(each.openingShare)} of its time on opening and ` +
    `${shareText(each.overheadShare - each.openingShare)} on closing, and redirects after ${timeText(each.p50Ms)} (median); with ${labels.pooled} after ` +
    `${timeText(pooled.p50Ms)}, with ${labels['through the pooler']} after ${timeText(through.p50Ms)}. ` +
    `Redirects a second: ${rows.map((row) => numberText(row.perSecond)).join(', ')}.`
  )
}

function againstArticles(rows: readonly Row[]): readonly string[] {
  const [each] = rows as [Row]
  if (!(Math.abs(each.overheadShare - articlesOverhead) > toleranceOfShares)) return []
  return [
    `Otherwise than in the articles: the overhead of connecting is ${shareText(each.overheadShare)} of the time in the service, not ${shareText(articlesOverhead)}.`,
  ]
}

function misses(rig: Rig, rows: readonly Row[]): readonly string[] {
  return rows.flatMap((row) => {
    const predicted = rig.prediction?.figures[`${row.name} throughput`] ?? Number.NaN
    if (!isFar(row.perSecond, predicted)) return []
    const why = row.perSecond > predicted ? whyFaster(rig, row) : whySlower(row)
    return [
      `With ${labels[row.name]}: ${numberText(row.perSecond)} redirects a second, predicted ${numberText(predicted)}${why}.`,
    ]
  })
}

function whyFaster({ facts }: Rig, { perSecond: rate, nearMs }: Row): string {
  const workMs = mostWorkMs(facts, rate)
  if (!(workMs < nearMs)) return ''
  return (
    `; no core can have worked on one for longer than ${timeText(workMs)} on average, so more of what a request takes alone than ` +
    'the way to the database is waiting, and is filled by the requests of others'
  )
}

function whySlower({ ownCores }: Row): string {
  const why = ownLimitText(ownCores, 'the lab, which is the workers, the service and the way to the database,')
  return why === '' ? '' : `; ${why}`
}

function failuresOf(rows: readonly Row[]): readonly string[] {
  return rows.flatMap(({ name, failed: count, why }) =>
    count === 0 ? [] : [`With ${labels[name]} ${numberText(count)} requests failed: ${why}.`],
  )
}

function remarksOf({ facts }: Rig, { roundTripMs, workers }: Conditions): readonly string[] {
  const { total, available, isWithin, mostPerPool } = fleet({
    instances: 50,
    poolSize: 20,
    maxConnections: facts.maxConnections,
    superuserReserved: facts.reservedConnections,
  })
  return [
    "A real HTTP service looks the link up and answers 302; each answer's Location is checked. It does not count visits: a write to disk for each would be measured instead.",
    `The database is ${roundTripMs} ms away, there and back, over a relay, which answers TCP's own handshake at once: a real network adds one more round trip to each connection that is opened to PostgreSQL.`,
    `The pooler stands beside the service, and its ${workers} servers go over the same ${roundTripMs} ms. The service opens a connection to it for each request, as one does that was not changed.`,
    'Opening is the time until the service has a connection; with the pool in the service, until it is lent one. It answers when its own connection is closed.',
    `50 servers with 20 threads each want ${numberText(total)} connections; here ${numberText(available)} are for applications, ` +
      (isWithin ? 'which is enough.' : `${numberText(mostPerPool)} for each server.`),
  ]
}

function tableOf(rows: readonly Row[], workers: number): Table {
  return {
    caption: `${workers} workers, each asking as soon as it is answered`,
    head: ['connection', 'p50', 'p99', 'a second', 'opening', 'opening and closing', 'failed'],
    rows: rows.map((row) => [
      labels[row.name],
      timeText(row.p50Ms),
      timeText(row.p99Ms),
      row.perSecond,
      percentText(row.openingShare),
      percentText(row.overheadShare),
      row.failed === 0 ? 0 : row.why,
    ]),
  }
}

function plotsOf(rows: readonly Row[], workers: number): readonly Figure[] {
  return [
    {
      kind: 'bars',
      isStacked: true,
      title: 'Where the time of a redirect goes',
      subtitle: `mean of each part, ${workers} workers at once`,
      unit: 'ms',
      series: [
        { name: 'until there is a connection' },
        { name: 'the query' },
        { name: 'closing' },
        { name: 'HTTP, and waiting for a core' },
      ],
      groups: rows.map(({ name, parts, meanMs }) => ({
        label: labels[name],
        values: [parts.openMs, parts.queryMs, parts.closeMs, Math.max(0, meanMs - wholeMs(parts))],
      })),
    },
    {
      kind: 'bars',
      title: 'Redirects a second',
      subtitle: `${workers} workers, each asking as soon as it is answered`,
      unit: '/s',
      series: [{ name: 'redirects' }],
      groups: rows.map(({ name, perSecond: rate }) => ({ label: labels[name], values: [rate] })),
    },
  ]
}
