/** Little's law on live data: how many are there, counted, against how many should be, from how often they come and how long they stay. */

import { setTimeout as sleep } from 'node:timers/promises'
import { inUse } from '../../../sizing/littles-law.ts'
import { numberText, percentText } from '../../../report/number-text.ts'
import type { Experiment } from '../../experiment.ts'
import { failed, openLoad } from '../../load.ts'
import { measurement, medianOf } from '../../measurement.ts'
import type { Figure } from '../../../report/figure.ts'
import type { Findings } from '../../results.ts'
import type { Rig } from '../../rig.ts'

/** A load: the first and the fourth are the articles' own. */
interface Level {
  readonly arrivalsPerSecond: number
  readonly heldMs: number
}

interface Window {
  readonly level: Level
  /** How many were there, by looking. */
  readonly counted: number
  /** λ · W of those who came in it. */
  readonly reckoned: number
}

const levels: readonly Level[] = [
  { arrivalsPerSecond: 50, heldMs: 20 },
  { arrivalsPerSecond: 100, heldMs: 20 },
  { arrivalsPerSecond: 100, heldMs: 50 },
  { arrivalsPerSecond: 50, heldMs: 200 },
  { arrivalsPerSecond: 200, heldMs: 100 },
]
const lookEachMs = 4
const warmUpMs = 600

export const little: Experiment = {
  name: 'little',
  title: "Little's law, in every window",
  question: 'How many connections does a load need on average: is it how often it comes times how long it holds one?',
  articles: '50 requests a second that hold a connection for 20 ms need 1; at 200 ms they need 10.',
  seconds: { quick: 4, usual: 18 },
  run,
}

async function run(rig: Rig): Promise<Findings> {
  const windowMs = rig.pace({ quick: 500, usual: 1_000 })
  const windows = rig.pace({ quick: 5, usual: 16 })
  rig.predict(
    `By Little's law, L = λ · W: ${levels.map((level) => `${numberText(expected(level))} for ${levelText(level)}`).join(', ')}.`,
    Object.fromEntries(levels.map((level) => [`counted at ${levelText(level)}`, expected(level)])),
  )
  const found = await Promise.all(levels.map((level, index) => measure(rig, level, index, windowMs, windows)))
  const failures = found.reduce((sum, { failures: some }) => sum + some, 0)
  return findings(
    found.flatMap(({ windows: some }) => some),
    windowMs,
    failures,
  )
}

function expected({ arrivalsPerSecond, heldMs }: Level): number {
  return inUse(arrivalsPerSecond, heldMs)
}

function levelText({ arrivalsPerSecond, heldMs }: Level): string {
  return `${arrivalsPerSecond}/s × ${heldMs} ms`
}

async function measure(
  rig: Rig,
  level: Level,
  seed: number,
  windowMs: number,
  windows: number,
): Promise<{ windows: Window[]; failures: number }> {
  const pool = rig.pool({ max: Math.ceil(1.6 * expected(level)) + 2 })
  const { text, values } = rig.work.holding(level.heldMs)
  const stays: { atMs: number; ms: number }[] = []
  const looks: { atMs: number; count: number }[] = []
  const there = { count: 0, isOver: false }
  const measureMs = windowMs * windows
  const fromMs = performance.now() + warmUpMs
  const looking = look(there, looks, rig, seed === 0 ? (atMs) => (atMs - fromMs) / measureMs : undefined)
  const load = { arrivalsPerSecond: level.arrivalsPerSecond, warmUpMs, measureMs, seed: seed + 1, signal: rig.signal }
  const served = await openLoad(load, async () => {
    const atMs = performance.now()
    there.count++
    try {
      await pool.query(text, [...values])
    } finally {
      // Also who fails has been there for so long.
      there.count--
      stays.push({ atMs, ms: performance.now() - atMs })
    }
  })
  there.isOver = true
  await looking
  await rig.endPool(pool)
  const counted = Array.from({ length: windows }, (_, index) => {
    const isIn = ({ atMs }: { readonly atMs: number }): boolean => Math.floor((atMs - fromMs) / windowMs) === index
    const came = stays.filter(isIn)
    const meanMs = came.reduce((sum, { ms }) => sum + ms, 0) / came.length
    const counts = looks.filter(isIn).map(({ count }) => count)
    return {
      level,
      counted: counts.reduce((sum, count) => sum + count, 0) / counts.length,
      reckoned: came.length === 0 ? 0 : inUse((came.length * 1_000) / windowMs, meanMs),
    }
  })
  return { windows: counted, failures: failed(served) }
}

/** Counts who is there now and then, which knows nothing of who came when. */
async function look(
  there: { readonly count: number; readonly isOver: boolean },
  looks: { atMs: number; count: number }[],
  rig: Rig,
  progress: ((atMs: number) => number) | undefined,
): Promise<void> {
  while (!there.isOver && !rig.signal.aborted) {
    const atMs = performance.now()
    looks.push({ atMs, count: there.count })
    if (progress) rig.progress(progress(atMs), 'five loads at once')
    await sleep(lookEachMs)
  }
}

function findings(windows: readonly Window[], windowMs: number, failures: number): Findings {
  const of = (level: Level): readonly Window[] => windows.filter((window) => window.level === level)
  const offs = levels.map((level) => {
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
    const counted = mean(of(level).map((window) => window.counted))
    return { level, counted, reckoned: mean(of(level).map(({ reckoned }) => reckoned)) }
  })
  const worst = Math.max(...offs.map(({ counted, reckoned }) => Math.abs(counted / reckoned - 1)))
  const inWindows = medianOf(windows.map(({ counted, reckoned }) => Math.abs(counted / reckoned - 1)))
  return {
    answer:
      `Yes: over the whole run, what was counted is within ${percentText(worst)} of λ · W at all ${levels.length} loads; ` +
      `in single windows of ${numberText(windowMs / 1_000)} s the median difference is ${percentText(inWindows)}.`,
    surprises:
      worst > 0.1
        ? [
            `One load was ${percentText(worst)} off over the whole run: more windows would be needed, or who came did not leave.`,
          ]
        : [],
    remarks: [
      'The two numbers are found apart: one by looking, every few milliseconds, at how many are there; the other from a note of when each came and how long it stayed.',
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
        caption: 'Connections in use, on average over all windows',
        head: ['load', 'predicted', 'λ · W as it came', 'counted'],
        rows: offs.map(({ level, counted, reckoned }) => [levelText(level), expected(level), reckoned, counted]),
      },
    ],
    plots: [plotOf(windows)],
  }
}

function plotOf(windows: readonly Window[]): Figure {
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
