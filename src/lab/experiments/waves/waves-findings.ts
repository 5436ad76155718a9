/** What is said of waves of workers: everything here follows from what waves.ts has measured. */

import { numberText, timeText } from '../../../report/number-text.ts'
import { headlineOf } from '../../headline.ts'
import { isFar } from '../../measurement.ts'
import type { Figure } from '../../../report/figure.ts'
import type { Table } from '../../../report/page.ts'
import type { Findings } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import {
  gap,
  type MeasuredWave,
  measurementsOf,
  measurementsOfSteps,
  type Plan,
  rowOf,
  type StepsFound,
  type WaveRow,
} from './waves-measured.ts'

interface Held {
  readonly capped: WaveRow
  readonly unlimited: WaveRow
  /** Undefined: the server allows more connections than may be asked for here. */
  readonly past: WaveRow | undefined
  readonly steps: StepsFound
}

/** One kind of short query. */
interface Short {
  readonly kind: string
  readonly few: WaveRow
  readonly unlimited: WaveRow
  readonly openBefore: WaveRow
}

const toleranceOfPredictions = 2
/** What rounds of so short waves differ by is less. */
const clearly = 1.25
/** The articles' 0.6 s and 0.13 s, and their 1.2 s and 120 ms. */
const articlesMeans = 4.6
const articlesFactor = 10

export function findings(rig: Rig, plan: Plan, measured: readonly MeasuredWave[]): Findings {
  const rows = measured.map(rowOf)
  const find = (name: string): WaveRow | undefined => rows.find(({ wave }) => wave.name === name)
  const [capped, unlimited] = rows as [WaveRow, WaveRow, ...WaveRow[]]
  const [count, size] = measurementsOfSteps(measured[0] as MeasuredWave)
  const steps = { count: count.median ?? 0, size: size.median ?? 0 }
  const held: Held = { capped, unlimited, past: find('past the limit'), steps }
  const short = plan.kinds.map((kind): Short => {
    const [few, all, openBefore] = ['at most 5', 'unlimited', 'open beforehand'].map((way) => find(`${kind}, ${way}`))
    return { kind, few, unlimited: all, openBefore } as Short
  })
  return {
    headline: headlineFor(held),
    answer: `${answerOfHeld(held)} ${answerOfShort(short[0] as Short)}`,
    surprises: [...surprisesOfHeld(plan, held, rig), ...surprisesOfShort(short), ...misses(rig, rows)],
    remarks: remarksOf(rig, held),
    setup: {
      rounds: measured[0]?.rounds.length ?? 0,
      'warm-up, ms': 'none: opening is measured',
      'held, ms': capped.wave.serviceMs,
      'connections that are free': rig.freeConnections,
    },
    measurements: [...measured.flatMap(measurementsOf), count, size],
    tables: [tableOf(rows)],
    plots: plotsOf(held, short),
  }
}

function headlineFor({ capped, unlimited }: Held): string {
  const outcome = ({ meanMs, failed }: WaveRow, isBrief = false): string =>
    `${timeText(meanMs)}${isBrief ? '' : ' on average'}${failed === 0 ? '' : `, and ${numberText(failed)} fail`}`
  const { workers, max = 0 } = capped.wave
  return headlineOf(
    `${numberText(workers)} at once: over ${numberText(max)} connections ${outcome(capped)}; with one each ${outcome(unlimited, true)}.`,
    `${numberText(workers)} at once: with a connection each ${numberText(unlimited.failed)} fail, over ${numberText(max)} ${numberText(capped.failed)}.`,
  )
}

function outcomeOf({ failed, meanMs }: WaveRow): string {
  return `after ${timeText(meanMs)} on average${failed === 0 ? '' : `, but ${numberText(failed)} of them not at all`}`
}

function answerOfHeld({ capped, unlimited, past, steps }: Held): string {
  const { workers, max = 0 } = capped.wave
  const refused = past
    ? `; if each holds its own until the last has asked, ${numberText(past.failed)} of ${numberText(past.wave.workers)} fail`
    : ''
  return (
    `${numberText(workers)} workers are answered ${outcomeOf(capped)} over ${numberText(max)} connections, in ${numberText(steps.count)} steps, ` +
    `and with one each ${outcomeOf(unlimited)}${refused}.`
  )
}

/** Of lookups: the others are in the table. And whether it is the number of connections or the opening of them. */
function answerOfShort({ few, unlimited, openBefore }: Short): string {
  const { workers, max = 0 } = few.wave
  const isPart = isFar(unlimited.wholeMs, openBefore.wholeMs, clearly) && unlimited.wholeMs > openBefore.wholeMs
  const share = 1 - openBefore.wholeMs / unlimited.wholeMs
  const opening = isPart ? `Opening is ${share > 0.5 ? 'most' : 'part'} of that: over` : 'Opening is not why: over'
  return (
    `${numberText(workers)} lookups are over after ${timeText(few.wholeMs)} with at most ${numberText(max)} connections, after ${timeText(unlimited.wholeMs)} with one each. ` +
    `${opening} ${numberText(openBefore.open)} that were open beforehand they take ${timeText(openBefore.wholeMs)}${besideFew(openBefore, few)}.`
  )
}

function besideFew(openBefore: WaveRow, few: WaveRow): string {
  if (!isFar(openBefore.wholeMs, few.wholeMs, clearly)) return ', about as long as with few'
  return openBefore.wholeMs < few.wholeMs ? ', less than with few' : ', which is still more than with few'
}

function surprisesOfHeld(plan: Plan, held: Held, rig: Rig): readonly string[] {
  const { capped, past } = held
  return [
    ...againstArticles(plan, held, rig),
    ...refusals(held, rig),
    ...(past?.why === '' ? [`Held for ${timeText(past.wave.serviceMs)}, still nobody was refused.`] : []),
    ...(capped.failed > 0
      ? [`${numberText(capped.failed)} failed though they shared connections: ${capped.why}.`]
      : []),
  ]
}

/** Their wave without a limit, of whom many failed, and who were quicker with one each. */
function againstArticles({ cost: { openMs } }: Plan, { capped, unlimited }: Held, rig: Rig): readonly string[] {
  const { serviceMs: holdMs, workers } = unlimited.wave
  const free = rig.freeConnections
  const factor = capped.meanMs / unlimited.meanMs
  const differences = [
    ...(unlimited.why === '' && workers > free && unlimited.open < free
      ? [
          `without a limit nobody is refused while connections are held for ${timeText(holdMs)}. Opening one takes ${timeText(openMs)}, so the first are closed before the last are open, ` +
            `and no more than ${numberText(unlimited.open)} of ${numberText(free)} were open together`,
        ]
      : []),
    ...(isFar(factor, articlesMeans)
      ? [
          `with the limit the average is ${numberText(factor)} times that without, not ${articlesMeans} times. ` +
            `Of the ${timeText(unlimited.meanMs)} without it, ${timeText(holdMs)} are the query; the rest is the opening of a connection, and waiting for a core`,
        ]
      : []),
  ]
  return differences.map((difference) => `Otherwise than in the articles: ${difference}.`)
}

function refusals({ unlimited: { failed, why, open } }: Held, { prediction, freeConnections }: Rig): readonly string[] {
  if (!(failed > 0) || prediction?.figures['unlimited failures'] !== 0) return []
  const foretold = Math.round(prediction.figures['unlimited open together'] ?? Number.NaN)
  const more =
    open > foretold ? `; ${numberText(open)} were open together, and ${numberText(foretold)} were foretold` : ''
  const beside =
    open < freeConnections
      ? `. The server has room for ${numberText(freeConnections)}, and counts also those that are being opened or closed`
      : ''
  return [`${numberText(failed)} failed without a limit where none should (${why} in all rounds)${more}${beside}.`]
}

/** The articles' other result, which its author could not repeat. */
function surprisesOfShort(short: readonly Short[]): readonly string[] {
  const factors = short.map(({ kind, few, unlimited }) => ({ kind, factor: unlimited.wholeMs / few.wholeMs }))
  const far = factors.filter(({ factor }) => isFar(factor, articlesFactor))
  if (far.length === 0) return []
  const texts = far.map(({ kind, factor }) => `${numberText(factor)} (${kind})`)
  return [
    `Otherwise than in the articles: a connection each takes ${texts.join(', ')} times as long as at most ${fewestText(short)}, not ${articlesFactor} times.`,
  ]
}

function fewestText([first]: readonly Short[]): string {
  return numberText(first?.few.wave.max ?? Number.NaN)
}

function misses({ prediction }: Rig, rows: readonly WaveRow[]): readonly string[] {
  const texts = rows.flatMap(({ wave, wholeMs, open }) => {
    const predicted = prediction?.figures[`${wave.name} whole`] ?? Number.NaN
    if (!isFar(wholeMs, predicted, toleranceOfPredictions)) return []
    const why = open < (wave.max ?? 0) ? `, with only ${numberText(open)} connections opened` : ''
    return [`${wave.name} ${timeText(wholeMs)}, predicted ${timeText(predicted)}${why}`]
  })
  return texts.length > 0 ? [`Otherwise than predicted: ${texts.join('; ')}.`] : []
}

function remarksOf({ freeConnections, facts }: Rig, { past, capped }: Held): readonly string[] {
  return [
    "A worker's time runs from the moment at which all come to its answer, or to the refusal; closing is not in it.",
    `The ${numberText(capped.wave.max ?? 0)} connections of the held wave, and those that are "open beforehand", are opened before the workers come. ` +
      'All other waves begin with nothing open, as a program does that has just started.',
    `A step ends where nobody is answered for ${gap} of the time that each holds its connection.`,
    ...(past
      ? []
      : [
          `The server's limit is not passed: ${numberText(freeConnections)} of ${numberText(facts.maxConnections)} connections may be free, more than are asked for here.`,
        ]),
  ]
}

function tableOf(rows: readonly WaveRow[]): Table {
  return {
    caption: 'Waves of workers, all at the same moment',
    head: ['wave', 'workers', 'open together', 'answered', 'failed', 'in all rounds', 'on average', 'until all are'],
    rows: rows.map(({ wave, open, failed, why, meanMs, wholeMs }) => [
      wave.name,
      wave.workers,
      open,
      wave.workers - failed,
      failed,
      why === '' ? '–' : why,
      timeText(meanMs),
      timeText(wholeMs),
    ]),
  }
}

function plotsOf({ capped, unlimited, past }: Held, short: readonly Short[]): readonly Figure[] {
  const axes = {
    x: { label: 'workers, as they were answered', from: 0 },
    y: { label: 'latency', unit: 'ms', from: 0 },
  }
  return [
    {
      kind: 'plot',
      title: "Each worker's latency, in the order of the answers",
      subtitle: `${capped.wave.workers} workers at once, a query that holds its connection for ${timeText(capped.wave.serviceMs)}; the first round`,
      ...axes,
      series: [
        { name: `at most ${capped.wave.max ?? 0} connections`, shape: 'dots', points: inOrder(capped) },
        { name: 'a connection each', shape: 'dots', points: inOrder(unlimited) },
      ],
    },
    ...(past ? [plotOfPast(past)] : []),
    {
      kind: 'bars',
      title: `Until ${(short[0] as Short).few.wave.workers} short queries are answered`,
      subtitle: 'all asked at the same moment; median of the rounds',
      unit: 'ms',
      series: [
        { name: `at most ${(short[0] as Short).few.wave.max ?? 0} connections` },
        { name: 'a connection each' },
        { name: 'many, open beforehand' },
      ],
      groups: short.map(({ kind, few, unlimited: all, openBefore }) => ({
        label: kind,
        values: [few.wholeMs, all.wholeMs, openBefore.wholeMs],
      })),
    },
  ]
}

function plotOfPast({ wave, firstRound }: WaveRow): Figure {
  const { latenciesMs, failedAfterMs } = firstRound
  const all = [
    ...latenciesMs.map((ms) => ({ ms, isAnswered: true })),
    ...failedAfterMs.map((ms) => ({ ms, isAnswered: false })),
  ].toSorted((a, b) => a.ms - b.ms)
  const points = (wanted: boolean): readonly (readonly [number, number])[] =>
    all.flatMap(({ ms, isAnswered }, index) => (isAnswered === wanted ? [[index + 1, ms] as const] : []))
  return {
    kind: 'plot',
    title: 'Past the limit: who is answered, and who is refused',
    subtitle: `${wave.workers} workers at once, a connection each, held for ${timeText(wave.serviceMs)}; the first round`,
    x: { label: 'workers, as they were answered or refused', from: 0 },
    y: { label: 'time until then', unit: 'ms', from: 0 },
    series: [
      { name: 'refused', shape: 'dots', points: points(false), color: 1 },
      { name: 'answered', shape: 'dots', points: points(true), color: 0 },
    ],
  }
}

function inOrder({ firstRound }: WaveRow): readonly (readonly [number, number])[] {
  return firstRound.latenciesMs.toSorted((a, b) => a - b).map((ms, index) => [index + 1, ms])
}
