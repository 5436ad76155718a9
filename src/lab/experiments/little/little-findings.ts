/** What was found of Little's law, in words, a table and a plot. */

import type { Figure } from '../../../report/figure.ts'
import { numberText, percentText } from '../../../report/number-text.ts'
import { inUse } from '../../../sizing/littles-law.ts'
import { headlineOf } from '../../headline.ts'
import { meanOf, measurement, medianOf } from '../../measurement.ts'
import type { Findings } from '../../results.ts'
import { shareText } from '../../share-text.ts'

/** A load. */
export interface Level {
  readonly arrivalsPerSecond: number
  readonly heldMs: number
}

export interface Window {
  readonly level: Level
  /** How many were there, by looking. */
  readonly counted: number
  /** λ · W of those who came in it. */
  readonly reckoned: number
}

interface Found {
  readonly levels: readonly Level[]
  readonly windows: readonly Window[]
  readonly windowMs: number
  readonly warmUpMs: number
  readonly failures: number
}

/** The law holds as far as anybody could tell. */
const near = 0.1

export function expected({ arrivalsPerSecond, heldMs }: Level): number {
  return inUse(arrivalsPerSecond, heldMs)
}

export function levelText({ arrivalsPerSecond, heldMs }: Level): string {
  return `${arrivalsPerSecond}/s × ${heldMs} ms`
}

export function littleFindings({ levels, windows, windowMs, warmUpMs, failures }: Found): Findings {
  const of = (level: Level): readonly Window[] => windows.filter((window) => window.level === level)
  const offs = levels.map((level) => {
    const counted = meanOf(of(level).map((window) => window.counted))
    return { level, counted, reckoned: meanOf(of(level).map(({ reckoned }) => reckoned)) }
  })
  const worst = Math.max(...offs.map(({ counted, reckoned }) => Math.abs(counted / reckoned - 1)))
  const inWindows = medianOf(windows.map(({ counted, reckoned }) => Math.abs(counted / reckoned - 1)))
  return {
    headline: headlineOf(
      `What is counted is within ${shareText(worst)} of arrivals × time, at all ${levels.length} loads.`,
    ),
    answer:
      `${worst <= near ? 'Yes: over' : 'Not quite: over'} the whole run, what was counted is within ${percentText(worst)} of λ · W at all ${levels.length} loads; ` +
      `in single windows of ${numberText(windowMs / 1_000)} s the median difference is ${percentText(inWindows)}.`,
    surprises:
      worst > near
        ? [
            `One load was ${percentText(worst)} off over the whole run: more windows would be needed, or who came did not leave.`,
          ]
        : [],
    remarks: [
      'The two numbers are found apart: one by asking the pool, every few milliseconds, how many connections it has lent and how many callers wait; the other from what each caller notes of when it came and how long it stayed.',
      'In a window the law holds but for those who came before it or leave after it: the longer they stay beside its length, the more the dots scatter.',
    ],
    setup: { windows: windows.length, 'window, ms': windowMs, 'warm-up, ms': warmUpMs, arrivals: 'Poisson, open loop' },
    measurements: [
      ...levels.flatMap((level) => [
        measurement(
          `counted at ${levelText(level)}`,
          'count',
          of(level).map(({ counted }) => counted),
        ),
        measurement(
          `reckoned at ${levelText(level)}`,
          'count',
          of(level).map(({ reckoned }) => reckoned),
        ),
      ]),
      measurement('failures', 'count', [failures]),
    ],
    tables: [
      {
        caption: 'In use or waited for, on average over all windows',
        head: ['load', 'predicted', 'λ · W as it came', 'counted'],
        rows: offs.map(({ level, counted, reckoned }) => [levelText(level), expected(level), reckoned, counted]),
      },
    ],
    plots: [plotOf(levels, windows)],
  }
}

function plotOf(levels: readonly Level[], windows: readonly Window[]): Figure {
  const largest = Math.max(...windows.map(({ counted, reckoned }) => Math.max(counted, reckoned)))
  return {
    kind: 'plot',
    title: 'Counted, against what the law says',
    subtitle: 'a dot for each window of each load; the line is where both are the same',
    x: { label: 'arrivals a second × how long each stayed', from: 0 },
    y: { label: 'counted there', from: 0 },
    series: [
      {
        name: 'the same',
        points: [
          [0, 0],
          [largest, largest],
        ],
      },
      ...levels.map((level) => ({
        name: levelText(level),
        shape: 'dots' as const,
        points: windows
          .filter((window) => window.level === level)
          .map(({ reckoned, counted }) => [reckoned, counted] as const),
      })),
    ],
  }
}
