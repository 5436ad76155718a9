/** What `starvation` finds, in words, tables and plots. */

import { percentile } from '../../../metrics/statistics.ts'
import { numberText, timeText } from '../../../report/number-text.ts'
import { headlineOf } from '../../headline.ts'
import { failed, failuresText, latencyMs, type Load, perSecond } from '../../load.ts'
import { isFar, measurement, medianOf } from '../../measurement.ts'
import type { Figure } from '../../../report/figure.ts'
import type { Table } from '../../../report/page.ts'
import type { Findings, Measurement, Prediction } from '../../results.ts'
import { shareText } from '../../share-text.ts'
import type { Arrangement, Kind } from './starvation-forecast.ts'

/** What is measured. */
export interface Variant {
  readonly name: string
  readonly kind: Kind
  readonly arrangement: Arrangement
  /** Its pools are those of a pooler, not the application's own. */
  readonly isPooler: boolean
}

export interface Plan {
  readonly poolSize: number
  readonly rounds: number
  readonly callers: number
  readonly lookupsPerSecond: number
  /** How long analytics take alone, on average. */
  readonly analyticsMs: Readonly<Record<Kind, number>>
  readonly pace: Readonly<Record<Kind, { readonly warmUpMs: number; readonly measureMs: number }>>
  readonly variants: readonly Variant[]
}

export interface Round {
  readonly lookups: Load
  readonly analytics: Load
  /** By how much each lookup came later than meant, by our own timers. */
  readonly lateMs: readonly number[]
}

type Found = ReadonlyMap<string, readonly Round[]>

/** Beyond these, measured and foretold are said to differ. */
const notable = { times: 1.5, ms: 2 }
/** Analytics that get through less of what was foretold say something of the cores. */
const slower = 0.8
/** A tail of lookups that is so many times as long is said to be longer. */
const longer = 2
const kinds: readonly Kind[] = ['wait', 'compute']
const shares = [1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.9]

export function figureNames({ name }: Variant): {
  readonly p50: string
  readonly p99: string
  readonly perSecond: string
} {
  return { p50: `lookups p50, ${name}`, p99: `lookups p99, ${name}`, perSecond: `analytics per second, ${name}` }
}

export function findings(plan: Plan, found: Found, prediction: Prediction): Findings {
  const { variants } = plan
  const own = variants.filter(({ isPooler }) => !isPooler)
  const ofKind = (kind: Kind): readonly Variant[] => own.filter((variant) => variant.kind === kind)
  return {
    headline: headlineFor(ofKind('wait'), found),
    answer: `${waitingText(ofKind('wait'), found)} ${computingText(ofKind('compute'), found)}`,
    surprises: [...coresText(own, found), ...unforetold(variants, found, prediction)],
    remarks: remarks(plan, found),
    setup: {
      'pool size': plan.poolSize,
      'analytics callers': plan.callers,
      'analytics that wait, ms': plan.analyticsMs.wait,
      'analytics that compute, ms': plan.analyticsMs.compute,
      'lookups a second': plan.lookupsPerSecond,
      rounds: plan.rounds,
      'warm-up, ms': `${plan.pace.wait.warmUpMs} and ${plan.pace.compute.warmUpMs}, in the first round twice as long`,
      'each round, ms': `${plan.pace.wait.measureMs} and ${plan.pace.compute.measureMs}`,
    },
    measurements: variants.flatMap((variant) => measurementsOf(variant, found)),
    tables: [tableOf(variants, found)],
    plots: [
      plotOf(
        'analytics that wait',
        variants.filter(({ kind }) => kind === 'wait'),
        found,
      ),
      plotOf('analytics that compute', ofKind('compute'), found),
    ],
  }
}

function headlineFor([one, two]: readonly Variant[], found: Found): string {
  if (!one || !two) return ''
  return headlineOf(
    `A lookup takes ${timeText(lookupsMs(one, found, 50))} in one pool with analytics, ${timeText(lookupsMs(two, found, 50))} in a pool of its own.`,
  )
}

function roundsOf({ name }: Variant, found: Found): readonly Round[] {
  return found.get(name) ?? []
}

function lookupsMs(variant: Variant, found: Found, percent: number): number {
  return medianOf(roundsOf(variant, found).map(({ lookups }) => latencyMs(lookups, percent)))
}

function latenessMs(variant: Variant, found: Found, percent: number): number {
  return medianOf(roundsOf(variant, found).map((round) => latenessOf(round, percent)))
}

function latenessOf({ lateMs }: Round, percent: number): number {
  return lateMs.length === 0 ? Number.NaN : percentile(lateMs, percent)
}

function analyticsPerSecond(variant: Variant, found: Found): number {
  return medianOf(roundsOf(variant, found).map(({ analytics }) => perSecond(analytics)))
}

/** `150 ms, 99% 310 ms`. */
function lookupsText(variant: Variant, found: Found): string {
  return `${timeText(lookupsMs(variant, found, 50))} (p99 ${timeText(lookupsMs(variant, found, 99))})`
}

function waitingText([one, two]: readonly Variant[], found: Found): string {
  if (!one || !two) return ''
  return `Beside analytics that wait in the database, a lookup takes ${lookupsText(one, found)} in one pool with them, and ${lookupsText(two, found)} in a pool of its own.`
}

function computingText([one, two, bounded]: readonly Variant[], found: Found): string {
  if (!one || !two) return ''
  const rest = bounded ? `, ${lookupsText(bounded, found)} if analytics have ${connectionsText(bounded)} only` : ''
  return `Beside analytics that compute it takes ${lookupsText(one, found)} in one pool, ${lookupsText(two, found)} in its own${rest}.`
}

function connectionsText({ arrangement: { analytics } }: Variant): string {
  return analytics === 1 ? '1 connection' : `${analytics} connections`
}

/** What pools of their own don't cure, and what a smaller one for analytics does, and costs. */
function coresText(own: readonly Variant[], found: Found): string[] {
  const [, waiting] = own.filter(({ kind }) => kind === 'wait')
  const [, two, bounded] = own.filter(({ kind }) => kind === 'compute')
  if (!waiting || !two) return []
  const [idleMs, busyMs] = [lookupsMs(waiting, found, 99), lookupsMs(two, found, 99)]
  if (!(busyMs > longer * idleMs)) return []
  const cause = `Two pools end the waiting for a connection, not that for a core: the p99 of lookups in their own pool is ${timeText(idleMs)} beside analytics that wait, and ${timeText(busyMs)} beside ${two.arrangement.analytics} that compute.`
  if (!bounded) return [cause]
  const [much, little] = [analyticsPerSecond(two, found), analyticsPerSecond(bounded, found)]
  return [
    cause,
    `With ${connectionsText(bounded)} for analytics it is ${timeText(lookupsMs(bounded, found, 99))}, and analytics get through ${numberText(little)} a second in place of ${numberText(much)} (${shareText(little / much)}).`,
  ]
}

interface Miss {
  readonly variant: Variant
  /** `50` or `99`. */
  readonly percent: number
  readonly foundMs: number
  readonly foretoldMs: number
}

/** One sentence for each kind of analytics. */
function unforetold(variants: readonly Variant[], found: Found, prediction: Prediction): string[] {
  return kinds.flatMap((kind) => {
    const own = variants.filter((variant) => variant.kind === kind)
    const missed = own.flatMap((variant) => missesOf(variant, found, prediction))
    if (missed.length === 0) return []
    const texts = missed.map(({ variant, percent, foundMs, foretoldMs }) => {
      return `${placeText(variant)} p${percent} ${timeText(foundMs)}, not ${timeText(foretoldMs)}`
    })
    return [
      `Lookups beside analytics that ${kind}, otherwise than the simulator foretold: ${texts.join('; ')}.${whyText(missed, found, prediction)}`,
    ]
  })
}

function missesOf(variant: Variant, found: Found, { figures }: Prediction): Miss[] {
  const names = figureNames(variant)
  return ([50, 99] as const).flatMap((percent) => {
    const foretoldMs = figures[names[`p${percent}`]] ?? Number.NaN
    const foundMs = lookupsMs(variant, found, percent)
    const isMissed = isFar(foundMs, foretoldMs, notable.times) && Math.abs(foundMs - foretoldMs) > notable.ms
    return isMissed ? [{ variant, percent, foundMs, foretoldMs }] : []
  })
}

/** As far as the numbers show: our timers were watched, and what is wrong with the cores is seen in analytics, too. */
function whyText(missed: readonly Miss[], found: Found, { figures }: Prediction): string {
  const variants = [...new Set(missed.map(({ variant }) => variant))]
  const late = (percent: number): number => Math.max(...variants.map((variant) => latenessMs(variant, found, percent)))
  const served = variants.map((variant) => {
    const foretold = figures[figureNames(variant).perSecond] ?? Number.NaN
    return { variant, share: analyticsPerSecond(variant, found) / foretold }
  })
  const worst = served.filter(({ share }) => share < slower).toSorted((a, b) => a.share - b.share)[0]
  return (
    ` Our timers, whose lateness is in these times, were late by up to ${timeText(late(50))} then (p99 ${timeText(late(99))}).` +
    (worst
      ? ` Analytics got through ${shareText(worst.share)} of what was foretold (${placeText(worst.variant)})${worst.variant.kind === 'compute' ? ': the database had less of the cores than it was reckoned with' : ''}.`
      : '')
  )
}

function remarks({ callers, variants, lookupsPerSecond, pace }: Plan, found: Found): string[] {
  const rounds = variants.flatMap((variant) => roundsOf(variant, found))
  const failures = failuresText(rounds.flatMap(({ lookups, analytics }) => [lookups, analytics]))
  return [
    'Lookups are an open load, and their times count from when each was meant to come: the wait for a connection is in them, and so is that for our own timers.',
    `Analytics are asked by ${callers} callers who each ask again at once. Those that wait use no core, as with locks or disks, and all arrangements are measured at the same time; those that compute are measured one arrangement after the other.`,
    `A round has about ${numberText((lookupsPerSecond * pace.wait.measureMs) / 1_000)} lookups beside analytics that wait, ${numberText((lookupsPerSecond * pace.compute.measureMs) / 1_000)} beside those that compute; of no more than 100, the p99 is the longest.`,
    'The simulator gives all who compute an equal share of the cores at every moment, where a system gives turns, and it knows nothing of our own process.',
    'Through the pooler each caller has a client of its own, and the two pools are two names with a pool_size each.',
    ...(failures === '' ? [] : [`Refused or failed: ${failures}.`]),
  ]
}

function measurementsOf(variant: Variant, found: Found): Measurement[] {
  const rounds = roundsOf(variant, found)
  const names = figureNames(variant)
  const lookups = (percent: number): number[] => rounds.map((round) => latencyMs(round.lookups, percent))
  return [
    measurement(names.p50, 'ms', lookups(50)),
    measurement(names.p99, 'ms', lookups(99)),
    measurement(
      names.perSecond,
      '1/s',
      rounds.map(({ analytics }) => perSecond(analytics)),
    ),
    ...[50, 99].map((percent) =>
      measurement(
        `lateness of our timers p${percent}, ${variant.name}`,
        'ms',
        rounds.map((round) => latenessOf(round, percent)),
      ),
    ),
    measurement(
      `failures, ${variant.name}`,
      'count',
      rounds.map((round) => failed(round.lookups) + failed(round.analytics)),
    ),
  ]
}

/** Among those beside the same analytics. */
function placeText({ arrangement, isPooler }: Variant): string {
  return `${arrangement.name}${isPooler ? ' of a pooler' : ''}`
}

function tableOf(variants: readonly Variant[], found: Found): Table {
  return {
    caption: 'Lookups beside analytics',
    head: ['analytics', 'arrangement', 'lookups p50, ms', 'lookups p99, ms', 'analytics a second'],
    rows: variants.map((variant) => [
      `that ${variant.kind}`,
      placeText(variant),
      lookupsMs(variant, found, 50),
      lookupsMs(variant, found, 99),
      analyticsPerSecond(variant, found),
    ]),
  }
}

/** Of all rounds together. */
function plotOf(beside: string, variants: readonly Variant[], found: Found): Figure {
  return {
    kind: 'plot',
    title: `Lookups beside ${beside}`,
    subtitle: 'how many of them take no longer than that',
    x: { label: 'time of a lookup', unit: 'ms', scale: 'log' },
    y: { label: 'lookups', unit: '%', from: 0, to: 100 },
    series: variants.map((variant) => {
      const all = roundsOf(variant, found).flatMap(({ lookups }) => lookups.latenciesMs)
      return {
        name: placeText(variant),
        points: all.length === 0 ? [] : shares.map((share) => [percentile(all, share), share] as const),
      }
    }),
  }
}
