/** What `utilisation` foretells and finds, in words, tables and plots. */

import { percentile } from '../../../metrics/statistics.ts'
import { numberText, percentText, timeText } from '../../../report/number-text.ts'
import { utilisationToPlanFor, utilisationToWarnAt } from '../../../sizing/utilisation.ts'
import { headlineOf } from '../../headline.ts'
import { isFar, meanOf, measurement, medianOf } from '../../measurement.ts'
import type { Figure } from '../../../report/figure.ts'
import type { Table } from '../../../report/page.ts'
import type { Findings, Measurement } from '../../results.ts'
import { shareText } from '../../share-text.ts'
import {
  asItCame,
  expectedMs,
  figures,
  holdMs,
  type Measured,
  type Round,
  wait,
  waitName,
  waitOf,
} from './utilisation-measured.ts'
import {
  connectionsText,
  type Drawn,
  type Foretold,
  type Holds,
  type Level,
  levelText,
  variabilityOf,
} from './utilisation-queue.ts'

export interface Conditions {
  readonly holds: Holds
  readonly roundMs: number
  /** Of arrivals, by our timers, when they were calibrated. */
  readonly lateMs: number
  /** How many levels the server had no connections for. */
  readonly leftOut: number
  /** Why it refused them; undefined: it was not asked for more than it has. */
  readonly refusal: string | undefined
}

/** Beyond it, measured and foretold are said to differ: a share of what was foretold, and so much more. */
const notable = { share: 0.3, ms: 2 }

/** Nearer to each other, two lines look like one. */
const visibly = 1.25

export function predictionOf(
  levels: readonly Level[],
  foretold: readonly Foretold[],
  { holds, lateMs, roundMs }: Conditions,
): { readonly text: string; readonly figures: Record<string, number> } {
  const { meanMs, scv } = variabilityOf(holds)
  const long = levels.flatMap((level, index) => {
    return isTold(level) ? [`${timeText(foretold[index]?.kingmanMs ?? Number.NaN)} at ${levelText(level)}`] : []
  })
  const named = levels.flatMap((level, index) =>
    figures.map((figure): [string, number] => {
      const waits = foretold[index]?.same.map((one) => one[`${figure}Ms`]) ?? []
      return [waitName(figure, level), medianOf(waits) + lateMs]
    }),
  )
  return {
    text:
      `A hold takes ${timeText(meanMs)} on average, with a squared coefficient of variation of ${numberText(scv)}. In the long run the mean wait is then, ` +
      `by Kingman's formula and, for several connections, Allen and Cunneen's: ${long.join('; ')}. In rounds of ${timeText(roundMs)} that begin with an empty queue it is ` +
      `what the simulator says, which is asked for the very arrivals and holds that will be measured; the lateness of our timers comes to that, ${timeText(lateMs)}.`,
    figures: Object.fromEntries(named),
  }
}

export function findings(measured: readonly Measured[], conditions: Conditions): Findings {
  const sizes = [...new Set(measured.map(({ level }) => level.servers))]
  const of = (servers: number): readonly Measured[] => measured.filter(({ level }) => level.servers === servers)
  const { holds, roundMs } = conditions
  return {
    headline: headlineFor(of(sizes[0] ?? 1), sizes[0] ?? 1),
    answer: sizes.map((servers) => answerFor(of(servers), servers)).join(' '),
    surprises: [
      ...sizes.flatMap((servers) => notYetLong(of(servers), servers, roundMs)),
      ...unforetold(measured, conditions),
    ],
    remarks: remarks(measured, conditions),
    setup: {
      levels: sizes.length === 0 ? 0 : measured.length / sizes.length,
      'pools of, connections': sizes.join(' and '),
      rounds: measured[0]?.rounds.length ?? 0,
      'round, s': roundMs / 1_000,
      'warm-up, ms': 'none: each round begins with an empty queue, as in the forecast',
      'mean hold, ms': round(variabilityOf(holds).meanMs),
      arrivals: 'Poisson, open loop, all levels at the same time',
    },
    measurements: [...measured.flatMap(measurementsOf), ...ofAll(measured)],
    tables: sizes.map((servers) => tableOf(of(servers), servers)),
    plots: sizes.map((servers) => plotOf(of(servers), servers, conditions.lateMs)),
  }
}

/** Those that texts speak of. */
function isTold({ utilisation }: Level): boolean {
  return [50, 80, 95].includes(Math.round(100 * utilisation))
}

function headlineFor(all: readonly Measured[], servers: number): string {
  const told = all.filter(({ level }) => isTold(level))
  const [first, ...more] = told.map((one) => `${timeText(wait(one, 'mean'))} at ${shareText(one.level.utilisation)}`)
  if (first === undefined) return ''
  const waits = [`${first} of use`, ...more]
  return headlineOf(
    `${connectionsText(servers)}, held for ${timeText(medianOf(all.map(holdMs)))}: one waits ${waits.join(', ')}.`,
    `For ${connectionsText(servers)} one waits ${waits.join(', ')}.`,
  )
}

/** Of some levels with the same connections, ascending. */
function answerFor(all: readonly Measured[], servers: number): string {
  const told = all.filter(({ level }) => isTold(level))
  const waits = told.map((one) => `${timeText(wait(one, 'mean'))} at ${shareText(one.level.utilisation)}`)
  const longer = all.find((one) => wait(one, 'mean') > holdMs(one))
  const hold = timeText(medianOf(all.map(holdMs)))
  const from = longer === undefined ? 'at no level' : `from ${percentText(longer.level.utilisation)} on`
  return `With ${connectionsText(servers)}, held for ${hold} each, one waits ${waits.join(', ')} on average; longer than the hold itself ${from}.`
}

/** Where formulas of the long run say much more than runs as long as ours can show, and than was measured. */
function notYetLong(all: readonly Measured[], servers: number, roundMs: number): string[] {
  const short = all.filter((one) => {
    const { asLong, kingmanMs } = one.foretold
    return kingmanMs > notable.ms && Math.max(asLong.medianMs, wait(one, 'mean')) < (1 - notable.share) * kingmanMs
  })
  const worst = short.at(-1)
  if (worst === undefined) return []
  const { medianMs, lowMs, highMs } = worst.foretold.asLong
  return [
    `With ${connectionsText(servers)} at ${percentText(worst.level.utilisation)} the formula says ${timeText(worst.foretold.kingmanMs)}, and ${timeText(wait(worst, 'mean'))} was measured: ` +
      `a queue that begins empty does not become as long as that within ${timeText(roundMs)}. By the simulator, runs of this length give ${timeText(medianMs)}, eight of ten of them between ${timeText(lowMs)} and ${timeText(highMs)}.`,
  ]
}

/** Where one waited otherwise than the simulator foretold; it is asked again, for what holds really took. */
function unforetold(measured: readonly Measured[], { holds, lateMs }: Conditions): string[] {
  const off = (one: Measured): number => Math.abs(Math.log(wait(one, 'mean') / expectedMs(one, lateMs)))
  const wrong = measured.filter((one) => {
    const expected = expectedMs(one, lateMs)
    return Math.abs(wait(one, 'mean') - expected) > notable.share * expected + notable.ms
  })
  const worst = wrong.toSorted((a, b) => off(b) - off(a))[0]
  if (worst === undefined) return []
  const held = meanOf(worst.rounds.flatMap(({ holdsMs }) => holdsMs))
  const again = medianOf(
    worst.rounds.map((one, index) => asItCame(one, worst.drawn[index] as Drawn, worst.level.servers)),
  )
  return [
    `At ${wrong.length} of ${measured.length} levels the wait is not what the simulator foretold; most of all at ${levelText(worst.level)}, with ${timeText(wait(worst, 'mean'))} in place of ${timeText(expectedMs(worst, lateMs))}. ` +
      `There holds took ${timeText(held)} on average, and ${timeText(variabilityOf(holds).meanMs)} were expected; given the arrivals and holds as they really came, the simulator says ${timeText(again)}.`,
  ]
}

function remarks(measured: readonly Measured[], { leftOut, refusal }: Conditions): string[] {
  const late = measured.flatMap(({ rounds }) => rounds.flatMap(({ lateMs }) => lateMs))
  const lost = measured.reduce((sum, { rounds }) => sum + rounds.reduce((some, { failed }) => some + failed, 0), 0)
  const refused = refusal === undefined ? '' : `, which refused the next with ${refusal}`
  return [
    'Open loop: callers come at times drawn beforehand and wait for nobody; each wait counts from the time its caller was meant to come, so a stall of ours or of the database is in it (no coordinated omission).',
    `Who holds a connection sleeps in the database and uses no core there, so the levels, which all come from one process, hardly disturb each other: by our timers half of all callers come more than ${timeText(percentile(late, 50))} late, and one of a hundred more than ${timeText(percentile(late, 99))}, which is in each wait.`,
    'All levels of a round come from the same random numbers, only closer together: they differ by nothing but utilisation.',
    'Each round begins with an empty queue. The simulator is given the same arrivals and holds, and nothing of what was measured but what a hold takes beyond what was asked for.',
    ...(lost > 0
      ? [
          `${numberText(lost)} of ${numberText(late.length)} callers failed; who of them never had a connection is in no wait.`,
        ]
      : []),
    ...(leftOut > 0 ? [`${leftOut} levels are left out for want of connections on the server${refused}.`] : []),
  ]
}

function measurementsOf(one: Measured): Measurement[] {
  return figures.map((figure) =>
    measurement(
      waitName(figure, one.level),
      'ms',
      one.rounds.map((each) => waitOf(each, figure)),
    ),
  )
}

function ofAll(measured: readonly Measured[]): Measurement[] {
  const rounds = measured[0]?.rounds.map((_, index) => measured.map((one) => one.rounds[index] as Round)) ?? []
  const each = (of: (all: readonly Round[]) => number): number[] => rounds.map(of)
  const late = (percent: number): number[] => {
    return each((all) =>
      percentile(
        all.flatMap(({ lateMs }) => lateMs),
        percent,
      ),
    )
  }
  return [
    measurement(
      'mean hold',
      'ms',
      each((all) => meanOf(all.flatMap(({ holdsMs }) => holdsMs))),
    ),
    measurement('p50 lateness of arrivals', 'ms', late(50)),
    measurement('p99 lateness of arrivals', 'ms', late(99)),
    measurement(
      'arrivals',
      'count',
      each((all) => all.reduce((sum, { lateMs }) => sum + lateMs.length, 0)),
    ),
    measurement(
      'failures',
      'count',
      each((all) => all.reduce((sum, one) => sum + one.failed, 0)),
    ),
  ]
}

function tableOf(all: readonly Measured[], servers: number): Table {
  return {
    caption: `Waiting for ${connectionsText(servers)}, in ms`,
    head: [
      'utilisation',
      'mean',
      'in holds',
      'p50',
      'p99',
      'simulator, same arrivals',
      'other runs as long',
      kingmanName(servers),
      'Erlang C',
    ],
    rows: all.map((one) => {
      const { same, asLong, kingmanMs, erlangMs } = one.foretold
      return [
        percentText(one.level.utilisation),
        wait(one, 'mean'),
        wait(one, 'mean') / holdMs(one),
        wait(one, 'p50'),
        wait(one, 'p99'),
        medianOf(same.map(({ meanMs }) => meanMs)),
        `${numberText(asLong.lowMs)} to ${numberText(asLong.highMs)}`,
        kingmanMs,
        erlangMs,
      ]
    }),
  }
}

function kingmanName(servers: number): string {
  return servers === 1 ? 'Kingman' : 'Allen–Cunneen'
}

function plotOf(all: readonly Measured[], servers: number, lateMs: number): Figure {
  const points = (of: (one: Measured) => number): (readonly [number, number])[] => {
    return all.map((one) => [100 * one.level.utilisation, of(one)])
  }
  const [from, until] = [100 * utilisationToPlanFor, 100 * utilisationToWarnAt]
  return {
    kind: 'plot',
    title: `Waiting for ${connectionsText(servers)}, by utilisation`,
    subtitle: `two formulas of the long run${isOneLine(all) ? ', which lie on each other, since holds are about exponential,' : ','} and the simulator, which was given the same arrivals and holds`,
    x: { label: 'utilisation', unit: '%' },
    y: { label: 'mean wait', unit: 'ms', scale: 'log', from: 0.1 },
    series: [
      { name: kingmanName(servers), color: 1, points: points(({ foretold }) => foretold.kingmanMs) },
      { name: 'Erlang C', color: 2, points: points(({ foretold }) => foretold.erlangMs) },
      { name: 'simulator, and how late our timers are', color: 3, points: points((one) => expectedMs(one, lateMs)) },
      { name: 'measured', color: 0, shape: 'dots', points: points((one) => wait(one, 'mean')) },
    ],
    marks: [{ axis: 'x', at: from, until, text: `${numberText(from)} to ${numberText(until)}%` }],
  }
}

/** On an axis of powers of ten. */
function isOneLine(all: readonly Measured[]): boolean {
  return all.every(({ foretold: { kingmanMs, erlangMs } }) => !isFar(kingmanMs, erlangMs, visibly))
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}
