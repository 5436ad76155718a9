/** Measures a workload: both poolers in turn, pair by pair, and PostgreSQL itself where the workload asks for it. */

import type { CpuPerTransaction } from './cpu.ts'
import type { Pooler, SetupName } from './poolers.ts'
import { type RunPlace, runDirect, runOn } from './runs.ts'
import type { Metric, Workload } from './workloads.ts'

export type Side = 'pgbouncer' | 'taxirank'

/** What one run measured. A workload measures what its targets name, and a little more. */
export interface Run {
  readonly tps?: number | undefined
  readonly transactions?: number | undefined
  readonly latencyMs?: number | undefined
  /** Of the pooler; without a pooler there is none. */
  readonly cpu?: CpuPerTransaction | undefined
  readonly p50Ms?: number | undefined
  readonly p99Ms?: number | undefined
  readonly servedMs?: number | undefined
  readonly idleKb?: number | undefined
  readonly mbPerSecond?: number | undefined
  readonly peakMb?: number | undefined
  readonly growthMb?: number | undefined
}

export interface Pair {
  readonly first: Side
  readonly pgbouncer: Run
  readonly taxirank: Run
  readonly direct: Run | undefined
}

/** A row of the report: its pairs, or why it has none. */
export type Row =
  | {
      readonly name: 'measured'
      readonly workload: Workload
      /** Transactions a second of an open loop. */
      readonly rate: number | undefined
      readonly pairs: readonly Pair[]
    }
  | { readonly name: 'failed'; readonly workload: Workload; readonly reason: string }

export type Poolers = Readonly<Record<Side, Pooler>>

export interface Bench extends RunPlace {
  /** Both poolers, told what a row needs. Those of another setup are stopped. */
  readonly poolers: (setup: SetupName) => Promise<Poolers>
  readonly pairs: number
  readonly seconds: number
  readonly progress: (line: string) => void
}

export const warmUpSeconds = 6

/** A run that fails ends its row only: the other rows are still worth having. */
export async function measure(bench: Bench, workload: Workload): Promise<Row> {
  try {
    const poolers = await bench.poolers(workload.setup)
    const rate = await warmUp(bench, workload, poolers)
    const count = Math.min(bench.pairs, workload.mostPairs)
    const pairs: Pair[] = []
    for (let index = 0; index < count; index++) {
      const pair = await measurePair(bench, workload, poolers, rate, index)
      bench.progress(`${workload.name} ${index + 1}/${count}: ${describePair(workload, poolers, pair)}`)
      pairs.push(pair)
    }
    return { name: 'measured', workload, rate, pairs }
  } catch (error) {
    if (bench.processes.stopping.aborted) throw error
    const reason = error instanceof Error ? error.message : String(error)
    bench.progress(`${workload.name}: ${reason}`)
    return { name: 'failed', workload, reason }
  }
}

/** The metric's value of a run; throws when the run has none. */
export function valueOf(run: Run, metric: Metric): number {
  const value = metric === 'cpuMicros' ? run.cpu?.totalMicros : run[metric]
  if (value === undefined) throw new Error(`a run without ${metric} was asked for it`)
  return value
}

/** A B, B A, A B …: whoever is second finds the machine as the other left it. */
export function orderOf(index: number): readonly [Side, Side] {
  return index % 2 === 0 ? ['pgbouncer', 'taxirank'] : ['taxirank', 'pgbouncer']
}

/** Gives an open loop its rate: the part that it asks for of what PgBouncer does when it may do all it can. */
async function warmUp(bench: Bench, workload: Workload, poolers: Poolers): Promise<number | undefined> {
  if (workload.kind === 'generated' && workload.freshProcess) return undefined
  const run = { seconds: warmUpSeconds, seed: 0, rate: undefined }
  const { tps } = await runOn(bench, workload, poolers.pgbouncer, run)
  await runOn(bench, workload, poolers.taxirank, run)
  const share = workload.kind === 'pgbench' ? workload.openLoop : undefined
  return share === undefined || tps === undefined ? undefined : Math.round(tps * share)
}

async function measurePair(
  bench: Bench,
  workload: Workload,
  poolers: Poolers,
  rate: number | undefined,
  index: number,
): Promise<Pair> {
  const [first, second] = orderOf(index)
  const run = { seconds: bench.seconds, seed: index + 1, rate }
  const runs = {
    [first]: await runOn(bench, workload, poolers[first], run),
    [second]: await runOn(bench, workload, poolers[second], run),
  } as Record<Side, Run>
  const isDirect = workload.kind === 'pgbench' && workload.direct
  return { first, ...runs, direct: isDirect ? await runDirect(bench, workload, run) : undefined }
}

function describePair({ targets }: Workload, poolers: Poolers, { pgbouncer, taxirank, direct }: Pair): string {
  const metrics = [...new Set(targets.map(({ metric }) => metric))]
  const side = (pooler: Pooler, run: Run) =>
    `${pooler.name} ${metrics.map((metric) => `${valueOf(run, metric).toPrecision(4)} ${metric}`).join(' ')}`
  const straight = direct === undefined ? '' : `; direct ${valueOf(direct, 'tps').toFixed(0)} tps`
  return `${side(poolers.pgbouncer, pgbouncer)}, ${side(poolers.taxirank, taxirank)}${straight}`
}
