/** What is said of requests with a connection of their own: everything here follows from what per-request.ts has measured. */

import { numberText, percentText, timeText } from '../../../report/number-text.ts'
import { wholeMs } from '../../fresh-connection.ts'
import { headlineOf } from '../../headline.ts'
import { isFar } from '../../measurement.ts'
import { mostWorkMs } from '../../most-work.ts'
import { ownLimitText } from '../../own-cores.ts'
import type { Figure } from '../../../report/figure.ts'
import type { Table } from '../../../report/page.ts'
import type { Findings } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import { shareText } from '../../share-text.ts'
import {
  type Alone,
  find,
  type Found,
  measurementsOf,
  queries,
  type QueryName,
  type Row,
  rowOf,
  throughputOf,
  type WayName,
  ways,
} from './per-request-measured.ts'

interface Missed extends Row {
  readonly predicted: number
}

const queryLabels: Readonly<Record<QueryName, string>> = { lookup: 'lookup', '1 ms': 'query of 1 ms' }

const labels: Readonly<Record<WayName, string>> = {
  'per request': 'a connection for each',
  pooled: 'a pool in the process',
  'per request to the pooler': 'a connection to the pooler for each',
  'kept to the pooler': 'connections kept to the pooler',
}

const articles = { eachMs: 35, setUpShare: 0.97, overheadMs: 8 }
const toleranceOfShares = 0.05

export function findings(rig: Rig, found: Found): Findings {
  const { measured, workers, poolSize, measureMs, warmUpMs } = found
  const rows = measured.map(rowOf)
  return {
    headline: headlineFor(rows),
    answer: answerOf(rows, workers),
    surprises: [...againstArticles(rig, rows, found.alone['1 ms']), ...againstPrediction(rig, rows, found)],
    remarks: remarksOf(rig, rows, found),
    setup: {
      workers,
      rounds: measured[0]?.rounds.length ?? 0,
      'round, ms': measureMs,
      'warm-up, ms': warmUpMs,
      'connections of the pool, and of the pooler': poolSize,
    },
    measurements: measured.flatMap(measurementsOf),
    tables: [tableOf(rows, workers)],
    plots: plotsOf(rows, workers),
  }
}

function headlineFor(rows: readonly Row[]): string {
  const each = find(rows, 'per request', 'lookup')
  const pooled = find(rows, 'pooled', 'lookup')
  return headlineOf(
    `A lookup: ${timeText(each.p50Ms)} on a connection of its own, ${timeText(pooled.p50Ms)} from a pool.`,
  )
}

function answerOf(rows: readonly Row[], workers: number): string {
  const each = find(rows, 'per request', 'lookup')
  const pooled = find(rows, 'pooled', 'lookup')
  const proxied = find(rows, 'per request to the pooler', 'lookup')
  const cpuMs = each.cpuMs - pooled.cpuMs
  return (
    `With a connection of its own a lookup takes ${timeText(each.p50Ms)} (median), and ${shareText(each.openingShare)} of all that time passes until the connection is open; ` +
    `from a pool ${timeText(pooled.p50Ms)}, and with a connection for each request to the pooler ${timeText(proxied.p50Ms)}. ` +
    `${workers} workers get ${numberText(each.perSecond)}, ${numberText(pooled.perSecond)} and ${numberText(proxied.perSecond)} answers a second` +
    (Number.isFinite(cpuMs)
      ? `; each connection costs PostgreSQL ${timeText(cpuMs)} of processor time, ${numberText(cpuMs)} s in every second at 1,000 requests a second.`
      : '.')
  )
}

function againstArticles({ facts, target }: Rig, rows: readonly Row[], alone: Alone[QueryName]): readonly string[] {
  const eachMs = wholeMs(alone['per request'])
  const pooledMs = wholeMs(alone.pooled)
  const share = 1 - pooledMs / eachMs
  const cpuMs = find(rows, 'per request', 'lookup').cpuMs - find(rows, 'pooled', 'lookup').cpuMs
  const isNear = facts.isLocal && target.ssl === false
  const why = isNear && eachMs < articles.eachMs ? ': there is no network here, and no TLS' : ''
  const differences = [
    ...(isFar(eachMs, articles.eachMs)
      ? [
          `alone, a query of 1 ms takes ${timeText(eachMs)} on a fresh connection, not ${numberText(articles.eachMs)} ms${why}`,
        ]
      : []),
    ...(Math.abs(share - articles.setUpShare) > toleranceOfShares
      ? [
          `set-up is ${shareText(share)} of what a query of 1 ms takes on a fresh connection, not ${shareText(articles.setUpShare)}; on one that is kept it takes ${timeText(pooledMs)}`,
        ]
      : []),
    ...(isFar(cpuMs, articles.overheadMs)
      ? [
          `a connection costs PostgreSQL ${timeText(cpuMs)} of processor time, where they reckon with ${numberText(articles.overheadMs)} ms of overhead`,
        ]
      : []),
  ]
  return differences.map((difference) => `Otherwise than in the articles: ${difference}.`)
}

function againstPrediction(rig: Rig, rows: readonly Row[], { alone }: Found): readonly string[] {
  const missed = rows.flatMap((row) => {
    const predicted = rig.prediction?.figures[throughputOf(row)] ?? Number.NaN
    return isFar(row.perSecond, predicted) ? [{ ...row, predicted }] : []
  })
  const text = ({ way, query, perSecond: rate, predicted }: Missed): string =>
    `${queryLabels[query]} with ${labels[way]} ${numberText(rate)} a second, predicted ${numberText(predicted)}`
  const faster = missed.filter((row) => row.perSecond > row.predicted)
  const slower = missed.filter((row) => row.perSecond < row.predicted)
  return [
    ...(faster.length > 0
      ? [`More than predicted: ${faster.map(text).join('; ')}.${whyFaster(rig, faster, alone)}`]
      : []),
    ...(slower.length > 0
      ? [`Less than predicted: ${slower.map((row) => text(row) + whySlower(row)).join('; ')}.`]
      : []),
  ]
}

function whyFaster({ facts }: Rig, rows: readonly Missed[], alone: Alone): string {
  const parts = rows.flatMap(({ way, query, perSecond: rate }) => {
    const [workMs, aloneMs] = [mostWorkMs(facts, rate), wholeMs(alone[query][way])]
    return workMs < aloneMs ? [`${timeText(workMs)} of ${timeText(aloneMs)}`] : []
  })
  if (parts.length < rows.length) return ''
  return (
    ` What each takes alone is not all work of a core, at most ${parts.join(', ')}: ` +
    'the rest is waiting from one process to the next, and is filled by the requests of others.'
  )
}

function whySlower({ ownCores }: Row): string {
  const why = ownLimitText(ownCores, "the lab's own process")
  return why === '' ? '' : ` (${why})`
}

function remarksOf({ processes, facts }: Rig, rows: readonly Row[], { workers, poolSize }: Found): readonly string[] {
  const refused = rows.filter((row) => row.failed > 0)
  return [
    'A worker opens, asks, closes and waits until the other side has closed before it begins anew; latency is all of that.',
    `The pool and the pooler have ${poolSize} connections to PostgreSQL for ${workers} workers: latency there includes waiting for one.`,
    ...(processes
      ? [
          "Processor time is that of all of PostgreSQL's processes over all requests of a round: of those that live to the nanosecond, of those that have ended in steps of 10 ms, all of them together.",
        ]
      : ["PostgreSQL's processes can't be seen from here, so their processor time is not known."]),
    ...(facts.isLocal
      ? [
          'Workers, pooler and PostgreSQL share this machine; the lab is one process, which can use hardly more than one core.',
        ]
      : []),
    ...refused.map((row) => `${queryLabels[row.query]} with ${labels[row.way]}: ${numberText(row.failed)} failed.`),
  ]
}

function tableOf(rows: readonly Row[], workers: number): Table {
  return {
    caption: `${workers} workers, each asking as soon as it is answered`,
    head: ['query', 'connection', 'p50', 'p99', 'a second', 'opening', 'processor time', 'failed'],
    rows: rows.map((row) => [
      queryLabels[row.query],
      labels[row.way],
      timeText(row.p50Ms),
      timeText(row.p99Ms),
      row.perSecond,
      percentText(row.openingShare),
      timeText(row.cpuMs),
      row.failed,
    ]),
  }
}

function plotsOf(rows: readonly Row[], workers: number): readonly Figure[] {
  const byQuery = { series: queries.map((query) => ({ name: queryLabels[query] })) }
  const groupsOf = (value: (row: Row) => number) =>
    ways.map((way) => ({ label: labels[way], values: queries.map((query) => value(find(rows, way, query))) }))
  const opened = rows.filter(({ parts }) => Number.isFinite(parts.openMs))
  const isCpuKnown = rows.some(({ cpuMs }) => Number.isFinite(cpuMs))
  return [
    {
      kind: 'bars',
      title: 'How long a request takes',
      subtitle: `median, ${workers} workers at once`,
      unit: 'ms',
      ...byQuery,
      groups: groupsOf(({ p50Ms }) => p50Ms),
    },
    {
      kind: 'bars',
      isStacked: true,
      title: 'Where the time of a connection for one request goes',
      subtitle: `median of each part, ${workers} workers at once`,
      unit: 'ms',
      series: [{ name: 'opening' }, { name: 'the query' }, { name: 'closing' }],
      groups: opened.map(({ way, query, parts }) => ({
        label: `${queryLabels[query]}, ${labels[way]}`,
        values: [parts.openMs, parts.queryMs, parts.closeMs],
      })),
    },
    ...(isCpuKnown
      ? [
          {
            kind: 'bars' as const,
            title: 'What a request costs PostgreSQL',
            subtitle: 'processor time of its processes',
            unit: 'ms',
            ...byQuery,
            groups: groupsOf(({ cpuMs }) => cpuMs),
          },
        ]
      : []),
  ]
}
