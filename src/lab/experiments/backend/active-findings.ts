/** What is said of many backends at work at a time. */

import { numberText } from '../../../report/number-text.ts'
import { measurement, medianOf } from '../../measurement.ts'
import type { Figure } from '../../../report/figure.ts'
import type { Table } from '../../../report/page.ts'
import type { Measurement } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import { shareText } from '../../share-text.ts'
import { type ActivePlan, type ActiveSample, statementMs } from './active-backends.ts'

export interface ActiveRun {
  readonly plan: ActivePlan
  readonly active: readonly ActiveSample[]
}

interface ActiveFigures {
  readonly active: number
  readonly statementsPerSecond: number
  readonly switchesPerSecond: number
  readonly perStatement: number
}

function figuresOf({ plan, active: samples }: ActiveRun): ActiveFigures[] {
  return plan.counts.map((active) => {
    const own = samples.filter((sample) => sample.active === active)
    return {
      active,
      statementsPerSecond: medianOf(own.map((sample) => sample.statementsPerSecond)),
      switchesPerSecond: medianOf(own.map((sample) => sample.switchesPerSecond)),
      perStatement: medianOf(own.map(perStatement)),
    }
  })
}

function perStatement({ switchesPerSecond, statementsPerSecond }: ActiveSample): number {
  return switchesPerSecond / statementsPerSecond
}

export function activeHeadline(run: ActiveRun): string | undefined {
  const [few, ...more] = figuresOf(run)
  const most = more.at(-1)
  if (!few || !most) return undefined
  return `${numberText(most.active)} backends at work serve ${shareText(most.statementsPerSecond / few.statementsPerSecond)} of what ${numberText(few.active)} do.`
}

export function activeAnswer(run: ActiveRun): string {
  const [few, ...more] = figuresOf(run)
  if (!few) return ''
  const most = more.at(-1)
  const beside = most
    ? `, ${numberText(most.active)} serve ${shareText(most.statementsPerSecond / few.statementsPerSecond)} of that`
    : ''
  return `${numberText(few.active)} at work serve ${numberText(few.statementsPerSecond)} statements of ${statementMs} ms a second${beside}${switchesText(few, most)}.`
}

function switchesText({ perStatement: withFew }: ActiveFigures, most: ActiveFigures | undefined): string {
  if (!Number.isFinite(withFew)) return ''
  const withMost = most && Number.isFinite(most.perStatement) ? ` and ${numberText(most.perStatement)}` : ''
  return `, at ${numberText(withFew)}${withMost} context switches for each`
}

/** Rounds differ by less. */
const clearly = 1.5

export function activeSurprises(run: ActiveRun): string[] {
  const figures = figuresOf(run)
  const [few] = figures
  const most = figures.at(-1)
  if (!few || !most || most.active < 2 * few.active) return []
  const surprises: string[] = []
  if (most.perStatement < clearly * few.perStatement) {
    surprises.push(
      `Otherwise than in the articles, many backends do not switch clearly more: each statement has ${numberText(most.perStatement)} context switches with ${numberText(most.active)} at work and ${numberText(few.perStatement)} with ${numberText(few.active)}; ` +
        (most.perStatement < 2
          ? `a statement of ${statementMs} ms mostly ends in one turn on a core, however many wait for theirs.`
          : 'how many wait for a core does not shorten the turns on it.'),
    )
  }
  const share = most.statementsPerSecond / few.statementsPerSecond
  if (share > 0.9) {
    surprises.push(
      `${numberText(most.active)} at work serve ${shareText(share)} of what ${numberText(few.active)} do: as long as they share nothing, many cost time in the queue, not throughput.`,
    )
  }
  return surprises
}

export function activeMeasurements({ counts }: ActivePlan, samples: readonly ActiveSample[]): Measurement[] {
  return counts
    .flatMap((active) => {
      const own = samples.filter((sample) => sample.active === active)
      return [
        measurement(
          `statements with ${active} at work`,
          '1/s',
          own.map((sample) => sample.statementsPerSecond),
        ),
        measurement(
          `context switches with ${active} at work`,
          '1/s',
          own.map((sample) => sample.switchesPerSecond),
        ),
        measurement(`context switches per statement with ${active} at work`, 'ratio', own.map(perStatement)),
      ]
    })
    .filter(({ median: found }) => found !== null)
}

export function activeTable(run: ActiveRun): Table {
  return {
    caption: `Statements of ${statementMs} ms, medians over the rounds`,
    head: ['backends at work', 'statements/s', 'context switches/s', 'context switches per statement'],
    rows: figuresOf(run).map(({ active, statementsPerSecond, switchesPerSecond, perStatement: each }) => [
      active,
      numberText(statementsPerSecond),
      numberText(switchesPerSecond),
      numberText(each),
    ]),
  }
}

export function activePlots({ processes }: Rig, plan: ActivePlan, active: readonly ActiveSample[]): Figure[] {
  if (!processes) return []
  return [
    {
      kind: 'bars',
      title: 'Statements and context switches by how many are at work',
      subtitle: `statements of ${statementMs} ms, each backend always at work; medians over the rounds`,
      unit: 'a second',
      series: [{ name: 'statements' }, { name: 'context switches' }],
      groups: figuresOf({ plan, active }).map(({ active: count, statementsPerSecond, switchesPerSecond }) => ({
        label: `${count} at work`,
        values: [statementsPerSecond, switchesPerSecond],
      })),
    },
  ]
}
