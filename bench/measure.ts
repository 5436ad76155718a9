/** Measures a workload: Taxirank and its peers in turn, pair by pair. */

import { strict as assert } from 'node:assert'
import type { CpuPerTransaction } from './cpu.ts'
import type { Pooler, PoolerName, SetupName } from './poolers.ts'
import { type RunOptions, type RunPlace, runDirect, runOn } from './runs.ts'
import type { Metric, Peer, Workload } from './workloads.ts'

export type Side = 'pgbouncer' | 'taxirank'

export type Contestant = Peer | 'taxirank'

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

/** A run of Taxirank, and one of each of the workload's peers. */
export interface Pair extends Readonly<Partial<Record<Peer, Run>>> {
  readonly first: Contestant
  readonly taxirank: Run
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

export interface Bench extends RunPlace {
  /** A running pooler, told what a row needs. Those of another setup are stopped. */
  readonly pooler: (setup: SetupName, pooler: PoolerName) => Promise<Pooler>
  readonly pairs: number
  readonly seconds: number
  readonly progress: (line: string) => void
}

/** A run that fails ends its row only: the other rows are still worth having. */
export async function measure(bench: Bench, workload: Workload): Promise<Row> {
  try {
    const rate = await warmUp(bench, workload)
    const count = Math.min(bench.pairs, workload.mostPairs)
    const pairs: Pair[] = []
    for (let index = 0; index < count; index++) {
      const pair = await measurePair(bench, workload, rate, index)
      bench.progress(`${workload.name} ${index + 1}/${count}: ${describePair(workload, pair)}`)
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
export function orderOf<Name extends Peer>(index: number, peer: Name): readonly [Name | 'taxirank', Name | 'taxirank'] {
  return index % 2 === 0 ? [peer, 'taxirank'] : ['taxirank', peer]
}

/** Gives an open loop its rate: the part that it asks for of what PgBouncer does when it may do all it can. */
async function warmUp(bench: Bench, workload: Workload): Promise<number | undefined> {
  if (workload.kind === 'generated' && workload.freshProcess) return undefined
  const { pgbouncer } = await runAll(bench, workload, 0, { seconds: workload.warmUpSeconds, seed: 0, rate: undefined })
  const share = workload.kind === 'pgbench' ? workload.openLoop : undefined
  return share === undefined || pgbouncer?.tps === undefined ? undefined : Math.round(pgbouncer.tps * share)
}

async function measurePair(bench: Bench, workload: Workload, rate: number | undefined, index: number): Promise<Pair> {
  return runAll(bench, workload, index, { seconds: bench.seconds, seed: index + 1, rate })
}

async function runAll(bench: Bench, workload: Workload, index: number, options: RunOptions): Promise<Pair> {
  const [peer, ...others] = workload.peers
  const order = orderOf(index, peer)
  const runs: Partial<Record<Contestant, Run>> = {}
  for (const who of [...order, ...others]) runs[who] = await runOne(bench, workload, who, options)
  return { first: order[0], ...runs } as Pair
}

async function runOne(bench: Bench, workload: Workload, who: Contestant, options: RunOptions): Promise<Run> {
  if (who !== 'direct') return runOn(bench, workload, await bench.pooler(workload.setup, who), options)
  assert(workload.kind === 'pgbench', 'the load generator measures poolers only')
  return runDirect(bench, workload, options)
}

function describePair(workload: Workload, pair: Pair): string {
  const metrics = [...new Set(workload.targets.map(({ metric }) => metric))]
  const describeRun = (who: Contestant, run: Run) => {
    const known = metrics.filter((metric) => who !== 'direct' || metric === 'tps')
    return [who, ...known.map((metric) => `${valueOf(run, metric).toPrecision(4)} ${metric}`)].join(' ')
  }
  const peers = workload.peers.flatMap((peer) => (pair[peer] === undefined ? [] : [describeRun(peer, pair[peer])]))
  return [describeRun('taxirank', pair.taxirank), ...peers].join(', ')
}
