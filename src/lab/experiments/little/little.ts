/** Little's law on live data: how many are there, counted, against how many should be, from how often they come and how long they stay. */

import { setTimeout as sleep } from 'node:timers/promises'
import { inUse } from '../../../sizing/littles-law.ts'
import type { Pool } from '../../../pg/public-types.ts'
import { numberText } from '../../../report/number-text.ts'
import type { Experiment } from '../../experiment.ts'
import { failed, openLoad } from '../../load.ts'
import type { Findings } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import { expected, type Level, levelText, littleFindings, type Window } from './little-findings.ts'

/** The first and the fourth are the articles' own. */
const allLevels: readonly Level[] = [
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
  const levels = fitting(rig.freeConnections)
  rig.predict(
    `By Little's law, L = λ · W: ${levels.map((level) => `${numberText(expected(level))} for ${levelText(level)}`).join(', ')}.`,
    Object.fromEntries(levels.map((level) => [`counted at ${levelText(level)}`, expected(level)])),
  )
  const found = await Promise.all(levels.map((level, index) => measure(rig, level, index, windowMs, windows)))
  const failures = found.reduce((sum, { failures: some }) => sum + some, 0)
  return littleFindings({ levels, windows: found.flatMap(({ windows: some }) => some), windowMs, warmUpMs, failures })
}

/** As many loads as there are connections for; the smallest always. */
function fitting(free: number): readonly Level[] {
  let left = free
  return allLevels.filter((level, index) => {
    const fits = index === 0 || poolSizeFor(level) <= left
    if (fits) left -= poolSizeFor(level)
    return fits
  })
}

/** So many that hardly anybody waits: the law would hold all the same, but a queue takes long to settle. */
function poolSizeFor(level: Level): number {
  return Math.ceil(1.6 * expected(level)) + 2
}

async function measure(
  rig: Rig,
  level: Level,
  seed: number,
  windowMs: number,
  windows: number,
): Promise<{ windows: Window[]; failures: number }> {
  const pool = await rig.fullPool({ max: poolSizeFor(level) })
  const { text, values } = rig.work.holding(level.heldMs)
  const stays: { atMs: number; ms: number }[] = []
  const looks: { atMs: number; count: number }[] = []
  const there = { isOver: false }
  const measureMs = windowMs * windows
  const fromMs = performance.now() + warmUpMs
  const looking = look(pool, there, looks, rig, seed === 0 ? (atMs) => (atMs - fromMs) / measureMs : undefined)
  const load = { arrivalsPerSecond: level.arrivalsPerSecond, warmUpMs, measureMs, seed: seed + 1, signal: rig.signal }
  const served = await openLoad(load, async () => {
    const atMs = performance.now()
    try {
      await pool.query(text, [...values])
    } finally {
      // Also who fails has been there for so long.
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

/** Asks the pool now and then how many it has lent, and how many wait: it knows nothing of who came when. */
async function look(
  pool: Pool,
  there: { readonly isOver: boolean },
  looks: { atMs: number; count: number }[],
  rig: Rig,
  progress: ((atMs: number) => number) | undefined,
): Promise<void> {
  while (!there.isOver && !rig.signal.aborted) {
    const atMs = performance.now()
    looks.push({ atMs, count: pool.totalCount - pool.idleCount + pool.waitingCount })
    if (progress) rig.progress(progress(atMs), 'several loads at once')
    await sleep(lookEachMs)
  }
}
