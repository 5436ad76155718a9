/** One load: watched, advised and recorded at today's size, and then measured at every size. */

import type { Advice } from '../../src/advisor/advice.ts'
import { percentileOf } from '../../src/metrics/histogram.ts'
import { Recording } from '../../src/metrics/recording.ts'
import { type Outcome, outcomeOf } from '../../src/simulator/outcome.ts'
import { type CoreUse, type Recorded, recordedOf } from '../../src/simulator/recorded.ts'
import { likelyCallers, type ReplayOptions, replay } from '../../src/simulator/replay.ts'
import { type Interval, median, medianInterval } from '../../src/metrics/statistics.ts'
import type { Load } from './loads.ts'
import { type Stage, usualSize } from './stage.ts'

export interface LoadPlan {
  readonly rounds: number
  /** Of each run of a size. */
  readonly seconds: number
  /** For which today's size is watched and recorded. */
  readonly watchSeconds: number
  readonly progress: (line: string) => void
}

export interface MeasuredLoad {
  readonly load: Pick<Load, 'name' | 'title' | 'about' | 'clients'>
  readonly sizeNow: number
  readonly sizeAdvised: number
  readonly decidedBy: string
  /** By the replay of what was recorded, as it came. */
  readonly waits: ReplayedWaits
  /** By a replay with what is assumed for other sizes. */
  readonly assumedWaits: ReplayedWaits
  readonly sizes: readonly MeasuredSize[]
}

export interface ReplayedWaits {
  readonly p50: ReplayedWait
  readonly p99: ReplayedWait
}

/** In milliseconds, at the size that was recorded. */
export interface ReplayedWait {
  readonly measuredMs: number
  readonly replayedMs: number
}

/** Transactions a second. */
export interface MeasuredSize {
  readonly size: number
  readonly runs: readonly number[]
  readonly median: number
  readonly interval: Interval
  /** By the replay of what was recorded at today's size. */
  readonly replayed: number
}

const ladder = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32]
const warmUpSeconds = 2

export async function measureLoad(stage: Stage, load: Load, plan: LoadPlan): Promise<MeasuredLoad> {
  const { advice, recorded, about } = await watchNow(stage, load, plan)
  const [pool] = advice.pools
  if (pool?.sizeAdvised === undefined) throw new Error(`no size was advised for ${load.name}`)
  const { name, title, about: text, clients } = load
  const { sizeAdvised, decidedBy = 'demand' } = pool
  plan.progress(`${name}: ${sizeAdvised} advised`)
  const all = new Set([...ladder, clients, sizeAdvised])
  const runs = await measureSizes(
    stage,
    load,
    [...all].toSorted((a, b) => a - b),
    plan,
  )
  const assumed = { callers: likelyCallers(recorded), coreUse: coreUseOf(advice) }
  const replayed = (poolSize: number, options: Pick<ReplayOptions, 'callers' | 'coreUse'>): Outcome => {
    return outcomeOf(replay(recorded, about, { poolSize, ...options }))
  }
  return {
    load: { name, title, about: text, clients },
    sizeNow: usualSize,
    sizeAdvised,
    decidedBy,
    waits: waitsOf(replayed(usualSize, { callers: 'open', coreUse: undefined }), recorded),
    assumedWaits: waitsOf(replayed(usualSize, assumed), recorded),
    sizes: [...runs].map(([size, values]) => ({
      size,
      runs: values,
      median: median(values),
      interval: medianInterval(values),
      replayed: replayed(size, assumed).servedPerSecond,
    })),
  }
}

async function watchNow(stage: Stage, load: Load, { watchSeconds }: LoadPlan) {
  await stage.resize(usualSize)
  await stage.run(load, warmUpSeconds)
  await stage.recordAnew()
  const [advice] = await Promise.all([stage.advice(watchSeconds), stage.run(load, watchSeconds + warmUpSeconds)])
  const { recording, about } = Recording.fromBytes(await stage.recording())
  return {
    advice: JSON.parse(advice) as Advice,
    recorded: recordedOf([...recording.entries()], recording.overwritten > 0),
    about,
  }
}

function coreUseOf({ cores, onCore }: Advice): CoreUse | undefined {
  return cores === undefined || onCore === undefined || onCore === 0 ? undefined : { cores, onCore }
}

function waitsOf({ waitP50Ms, waitP99Ms }: Outcome, { waitMs }: Recorded): ReplayedWaits {
  return {
    p50: { measuredMs: percentileOf(waitMs, 50), replayedMs: waitP50Ms },
    p99: { measuredMs: percentileOf(waitMs, 99), replayedMs: waitP99Ms },
  }
}

/** Up and down by turns, so that a drift of the machine meets all sizes alike. */
async function measureSizes(
  stage: Stage,
  load: Load,
  sizes: readonly number[],
  { rounds, seconds, progress }: LoadPlan,
): Promise<ReadonlyMap<number, number[]>> {
  const runs = new Map(sizes.map((size): [number, number[]] => [size, []]))
  for (let round = 0; round < rounds; round++) {
    for (const size of round % 2 === 0 ? sizes : sizes.toReversed()) {
      await stage.resize(size)
      const tps = await stage.run(load, seconds)
      runs.get(size)?.push(tps)
      progress(`${load.name}, round ${round + 1} of ${rounds}: ${size} connections, ${Math.round(tps)}/s`)
    }
  }
  return runs
}
