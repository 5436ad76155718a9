/** The same callers and the same transactions through pools of every size: how many connections are of use, and what more of them do. */

import { numberText, timeText } from '../../../report/number-text.ts'
import { usefulConnections } from '../../../sizing/database-size.ts'
import { mostPerSecond } from '../../../sizing/littles-law.ts'
import type { Experiment } from '../../experiment.ts'
import { closedLoad } from '../../load.ts'
import { meanOf, medianOf } from '../../measurement.ts'
import type { Findings } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import { advisorsPick } from './advisors-pick.ts'
import { ContendedTransactions } from './contended-transactions.ts'
import { sweepFindings } from './sweep-findings.ts'
import { measureSize, type SweepSample } from './sweep-measure.ts'
import { ampleSize, measuringPlan, sweepSizes } from './sweep-sizes.ts'

export const sweep: Experiment = {
  name: 'sweep',
  title: 'The size of a pool, from one to beyond what the server takes',
  question: 'How many connections are of use to the database, and what do more of them do?',
  articles:
    'Cores × 2 + 1 connections are enough, and 20 usually beat 200: with thousands of processes on few cores the time goes ' +
    'to switching between them and to waiting for locks.',
  seconds: { quick: 11, usual: 54 },
  run,
}

const calibrateWindows = 3
const calibrateMs = 80
const watchedSize = 20

async function run(rig: Rig): Promise<Findings> {
  const free = Math.max(1, rig.freeConnections)
  const bounds = {
    // Of a machine that is not known, any number will do: what follows is measured, whatever the sizes are.
    cores: rig.facts.cores ?? 4,
    free,
    most: rig.pace({ quick: 150, usual: 400 }),
    isQuick: rig.isQuick,
  }
  const regular = sweepSizes(bounds)
  const callers = regular.at(-1) ?? 1
  const transactions = new ContendedTransactions(rig.work, 1)
  rig.progress(0, 'one caller alone')
  predict(rig, await calibrate(rig, transactions))

  const watchMs = rig.pace({ quick: 1_200, usual: 6_000 })
  const pickShare = rig.pace({ quick: 0.2, usual: 0.15 })
  const watch = { callers, size: Math.min(watchedSize, free), watchMs }
  const pick = await rig.progressWhile(
    advisorsPick(rig, watch, (pool) => transactions.run(pool)),
    { from: 0, to: pickShare, ms: watchMs + 500, doing: 'the advisor watches' },
  )
  const isNew = pick !== undefined && pick <= free && !regular.includes(pick)
  const sizes = isNew ? [...regular, pick].toSorted((one, other) => one - other) : regular

  const rounds = rig.pace({ quick: 3, usual: 5 })
  const times = rig.pace({
    quick: { warmUpMs: 50, warmUpEachMs: 1, measureMs: 250, tailMs: 150 },
    usual: { warmUpMs: 50, warmUpEachMs: 4, measureMs: 400, tailMs: 1_000 },
  })
  const plan = measuringPlan(sizes, { rounds, free })
  const samples: SweepSample[] = []
  for (const { size, round } of plan) {
    rig.progress(
      pickShare + ((1 - pickShare) * samples.length) / plan.length,
      `a pool of ${numberText(size)}, round ${round + 1} of ${rounds}`,
    )
    samples.push(await measureSize(rig, size, { ...times, callers }, transactions))
  }
  const setup = {
    callers,
    rounds,
    sizes: sizes.join(', '),
    'warm-up, ms': `${times.warmUpMs} + ${times.warmUpEachMs} × size`,
    'measured, ms': times.measureMs,
    'load after it, ms, at most': times.tailMs,
  }
  return sweepFindings({ rig, samples, times, sizes, ample: ampleSize(bounds), pick, watch, setup })
}

/** How long a transaction takes if it has the database for itself: the median of some windows, of which another program may disturb one. */
async function calibrate(rig: Rig, transactions: ContendedTransactions): Promise<number> {
  const pool = rig.pool({ max: 1 })
  const means: number[] = []
  for (let window = 0; window < calibrateWindows; window++) {
    const load = { workers: 1, warmUpMs: 30, measureMs: calibrateMs, signal: rig.signal }
    const { latenciesMs } = await closedLoad(load, () => transactions.run(pool))
    means.push(meanOf(latenciesMs))
  }
  await rig.endPool(pool)
  return medianOf(means)
}

function predict(rig: Rig, aloneMs: number): void {
  const { cores } = rig.facts
  const alone = mostPerSecond(1, aloneMs)
  const one = `a transaction alone takes ${timeText(aloneMs)}, so a pool of 1 serves ${numberText(alone)} a second at most`
  if (cores === null) {
    rig.predict(`By size ÷ service time, ${one}. How many are of use follows from the cores, which are not known.`, {
      'throughput at 1': alone,
    })
    return
  }
  const useful = usefulConnections({ cores })
  const best = mostPerSecond(cores, aloneMs)
  rig.predict(
    `By cores × 2 + 1, ${numberText(useful)} connections are of use. By size ÷ service time, ${one}; ${cores} cores that are ` +
      `always busy serve ${numberText(best)}: no size should serve much more than that.`,
    { 'throughput at 1': alone, 'best throughput': best, knee: useful },
  )
}
