/** What is said of a storm of cold starts: everything here follows from what serverless.ts has measured. */

import { percentile } from '../../../metrics/statistics.ts'
import { numberText, percentText, timeText } from '../../../report/number-text.ts'
import { inUse } from '../../../sizing/littles-law.ts'
import { utilisationToWarnAt } from '../../../sizing/utilisation.ts'
import { headlineOf } from '../../headline.ts'
import { failed, failuresText, type Load } from '../../load.ts'
import { measurement, medianOf } from '../../measurement.ts'
import { ownLimitText } from '../../own-cores.ts'
import type { Figure } from '../../../report/figure.ts'
import type { Table } from '../../../report/page.ts'
import type { Findings, Measurement } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import { shareText } from '../../share-text.ts'

export interface Plan {
  readonly instances: number
  /** Within which they start. */
  readonly stormMs: number
  /** How long each keeps its connection after its last answer. */
  readonly stayMs: number
  readonly questions: number
  readonly poolerServers: number
  readonly lookEachMs: number
}

export interface FirstAnswer {
  /** When the instance started, from the beginning of the storm. */
  readonly atMs: number
  readonly afterMs: number
}

export interface Look {
  readonly atMs: number
  /** At PostgreSQL. */
  readonly connections: number
}

export interface Storm {
  readonly load: Load
  readonly answers: readonly FirstAnswer[]
  readonly looks: readonly Look[]
  /** How many cores the lab's own process used, which plays all instances. */
  readonly ownCores: number
}

export interface Storms {
  readonly direct: Storm[]
  readonly 'through the pooler': Storm[]
}

/** Medians over the rounds. */
interface Row {
  readonly name: keyof Storms
  readonly success: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly peak: number
  readonly failed: number
  /** Over all rounds. */
  readonly why: string
  readonly ownCores: number
}

/** By how much a share, and a time, may be off before it is worth a sentence. */
const toleranceOfShares = 0.1
const tolerance = 2

const inWords: Readonly<Record<keyof Storms, string>> = {
  direct: 'straight from PostgreSQL',
  'through the pooler': 'through the pooler',
}

export function findings(rig: Rig, plan: Plan, storms: Storms): Findings {
  const direct = rowOf('direct', storms.direct)
  const through = rowOf('through the pooler', storms['through the pooler'])
  return {
    headline: headlineFor(plan, direct, through),
    answer: answerOf(plan, direct, through),
    surprises: [
      ...missedShares(rig, plan, [direct, through]),
      ...missedTimes(rig, plan, [direct, through]),
      ...fewServers(plan, through),
    ],
    remarks: [
      `Instances come by a Poisson process that waits for nobody. Each opens a connection, asks ${plan.questions} lookups one after the other, and ends ${timeText(plan.stayMs)} later.`,
      `Time runs from the instance's start, and percentiles are of those that got an answer. Who is refused does not try again.`,
      `Connections are counted in pg_stat_activity every ${plan.lookEachMs} ms; a shorter peak may go unseen.`,
      ...(rig.freeConnections >= plan.instances
        ? [`PostgreSQL has more connections (${numberText(rig.freeConnections)}) than instances are started here.`]
        : []),
    ],
    setup: {
      instances: plan.instances,
      rounds: storms.direct.length,
      'storm, ms': plan.stormMs,
      'stay, ms': plan.stayMs,
      'warm-up, ms': 'none: a storm counts from its first instance on',
      "pooler's servers": plan.poolerServers,
    },
    measurements: [
      ...measurementsOf('direct', storms.direct),
      ...measurementsOf('through the pooler', storms['through the pooler']),
    ],
    tables: [tableOf([direct, through])],
    plots: plotsOf(rig, plan, storms),
  }
}

function rowOf(name: keyof Storms, storms: readonly Storm[]): Row {
  const of = (value: (storm: Storm) => number): number => medianOf(storms.map(value))
  return {
    name,
    success: of(successOf),
    p50Ms: of((storm) => firstAnswerMs(storm, 50)),
    p99Ms: of((storm) => firstAnswerMs(storm, 99)),
    peak: of(peakOf),
    failed: of(({ load }) => failed(load)),
    why: failuresText(storms.map(({ load }) => load)),
    ownCores: of(({ ownCores }) => ownCores),
  }
}

function measurementsOf(name: keyof Storms, storms: readonly Storm[]): readonly Measurement[] {
  const of = (value: (storm: Storm) => number): number[] => storms.map(value)
  return [
    measurement(`${name} success`, 'share', of(successOf)),
    measurement(
      `${name} failures`,
      'count',
      of(({ load }) => failed(load)),
    ),
    measurement(
      `${name} first answer p50`,
      'ms',
      of((storm) => firstAnswerMs(storm, 50)),
    ),
    measurement(
      `${name} first answer p99`,
      'ms',
      of((storm) => firstAnswerMs(storm, 99)),
    ),
    measurement(`${name} peak connections`, 'count', of(peakOf)),
  ]
}

function startedIn({ load }: Storm): number {
  return load.latenciesMs.length + failed(load)
}

function successOf(storm: Storm): number {
  return storm.load.latenciesMs.length / startedIn(storm)
}

function firstAnswerMs({ answers }: Storm, percent: number): number {
  const times = answers.map(({ afterMs }) => afterMs)
  return times.length === 0 ? Number.NaN : percentile(times, percent)
}

function peakOf({ looks }: Storm): number {
  return Math.max(0, ...looks.map(({ connections }) => connections))
}

function headlineFor({ instances }: Plan, direct: Row, through: Row): string {
  const served = ({ success, failed: count }: Row): string => (count === 0 ? 'all' : shareText(success))
  return headlineOf(
    `About ${numberText(instances)} cold starts: ${served(direct)} are served straight, ${served(through)} through the pooler.`,
  )
}

function answerOf({ instances, stormMs, stayMs }: Plan, direct: Row, through: Row): string {
  const outcome = ({ success, p99Ms, failed: count }: Row): string => {
    const who = count === 0 ? 'all are served' : `${shareText(success)} are served`
    return `${who}, 99% of them answered within ${timeText(p99Ms)}`
  }
  return (
    `About ${instances} instances start within ${timeText(stormMs)} and stay for ${timeText(stayMs)}. Straight to PostgreSQL ${outcome(direct)}; ` +
    `through the pooler ${outcome(through)}. PostgreSQL has at most ${numberText(direct.peak)} connections the one way, ${numberText(through.peak)} the other.`
  )
}

function missedShares({ prediction }: Rig, { stayMs }: Plan, rows: readonly Row[]): readonly string[] {
  return rows.flatMap(({ name, success, why, p99Ms }) => {
    const predicted = prediction?.figures[`${name} success`] ?? Number.NaN
    if (!(Math.abs(success - predicted) > toleranceOfShares)) return []
    const failures = why === '' ? '' : ` (failures in all rounds: ${why})`
    const room =
      success > predicted && p99Ms > stayMs
        ? `: the first had gone when the last, after ${timeText(p99Ms)}, got in, and had made room`
        : ''
    return [
      `${shareText(success)} are served ${inWords[name]}, where ${shareText(predicted)} were predicted${failures}${room}.`,
    ]
  })
}

function missedTimes(rig: Rig, plan: Plan, rows: readonly Row[]): readonly string[] {
  return rows.flatMap((row) => {
    const aloneMs = rig.prediction?.figures[`${row.name} first answer p50`] ?? Number.NaN
    if (!(row.p50Ms > tolerance * aloneMs)) return []
    return [
      `In the storm the median first answer ${inWords[row.name]} takes ${timeText(row.p50Ms)}, ${numberText(row.p50Ms / aloneMs)} times as long as alone` +
        `${whySlow(rig, plan, row, aloneMs)}.`,
    ]
  })
}

function fewServers({ poolerServers }: Plan, { peak }: Row): readonly string[] {
  return 2 * peak < poolerServers
    ? [`The pooler needed no more than ${numberText(peak)} of its ${poolerServers} servers.`]
    : []
}

/** On one machine all of an answer is some core's work, or waiting for one. */
function whySlow({ facts: { cores, isLocal } }: Rig, plan: Plan, { ownCores }: Row, aloneMs: number): string {
  const busy = inUse((1_000 * plan.instances) / plan.stormMs, aloneMs)
  if (isLocal && cores !== null && busy > utilisationToWarnAt * cores) {
    return `: at the rate at which they come, what each takes alone would keep up to ${numberText(busy)} cores busy, and there are ${cores}`
  }
  const why = ownLimitText(ownCores, 'the lab, which plays all instances,')
  return why === '' ? '' : `: ${why}`
}

function tableOf(rows: readonly Row[]): Table {
  return {
    caption: 'A storm of cold starts, medians over the rounds',
    head: ['way', 'served', 'failed', 'in all rounds', 'first answer p50', 'p99', 'connections at most'],
    rows: rows.map(({ name, success, failed: count, why, p50Ms, p99Ms, peak }) => [
      inWords[name],
      percentText(success),
      count,
      why === '' ? '–' : why,
      timeText(p50Ms),
      timeText(p99Ms),
      peak,
    ]),
  }
}

function plotsOf({ freeConnections }: Rig, { stormMs }: Plan, storms: Storms): readonly Figure[] {
  const names = Object.keys(storms) as (keyof Storms)[]
  const firstRounds = names.map((name) => ({ name: inWords[name], storm: storms[name][0] as Storm }))
  return [
    {
      kind: 'plot',
      title: 'Connections at PostgreSQL during the storm',
      subtitle: 'the first round',
      x: { label: 'time since the first instance could start', unit: 'ms', from: 0 },
      y: { label: 'connections', from: 0 },
      marks: [
        { axis: 'y', at: freeConnections, text: 'limit' },
        { axis: 'x', at: stormMs, text: 'no more starts' },
      ],
      series: firstRounds.map(({ name, storm }) => ({
        name,
        shape: 'step' as const,
        points: storm.looks.map(({ atMs, connections }) => [atMs, connections] as const),
      })),
    },
    {
      kind: 'plot',
      title: 'How many instances have their first answer, and when',
      subtitle: 'share of all that started; the first round',
      x: { label: 'time since the start of the instance', unit: 'ms', scale: 'log' },
      y: { label: 'instances with an answer', unit: '%', from: 0, to: 100 },
      series: firstRounds.map(({ name, storm }) => ({ name, points: answeredOver(storm) })),
    },
  ]
}

function answeredOver(storm: Storm): readonly (readonly [ms: number, percent: number])[] {
  const all = startedIn(storm)
  return storm.answers
    .map(({ afterMs }) => afterMs)
    .toSorted((a, b) => a - b)
    .map((ms, index) => [ms, (100 * (index + 1)) / all])
}
