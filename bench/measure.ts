/** Measures a workload: both poolers in turn, pair by pair, and PostgreSQL itself where the workload asks for it. */

import { availableParallelism } from 'node:os'
import { cpuPerTransaction, type CpuPerTransaction, readCpuTime } from './cpu.ts'
import type { Database } from './database.ts'
import { type PgbenchResult, runPgbench, threadsFor } from './pgbench.ts'
import type { Pooler } from './poolers.ts'
import type { Processes } from './processes.ts'
import { percentile } from './statistics.ts'
import type { Metric, Workload } from './workloads.ts'

export type Side = 'pgbouncer' | 'taxirank'

/** One run of pgbench. */
export interface Run {
  readonly tps: number
  readonly transactions: number
  readonly latencyMs: number
  /** Of the pooler; without a pooler there is none. */
  readonly cpu: CpuPerTransaction | undefined
  readonly p50Ms: number | undefined
  readonly p99Ms: number | undefined
}

export interface Pair {
  readonly first: Side
  readonly pgbouncer: Run
  readonly taxirank: Run
  readonly direct: Run | undefined
}

/** A row of the report: its pairs, or why it has none. */
export type Row =
  | { readonly name: 'measured'; readonly workload: Workload; readonly pairs: readonly Pair[] }
  | { readonly name: 'failed'; readonly workload: Workload; readonly reason: string }

export interface Bench {
  readonly processes: Processes
  readonly pgbench: string
  readonly database: Database
  readonly poolers: Readonly<Record<Side, Pooler>>
  readonly pairs: number
  readonly seconds: number
  readonly progress: (line: string) => void
}

export const warmUpSeconds = 6

/** A run that fails ends its row only: the other rows are still worth having. */
export async function measure(bench: Bench, workload: Workload): Promise<Row> {
  try {
    await runOn(bench, workload, 'pgbouncer', warmUpSeconds, 0)
    await runOn(bench, workload, 'taxirank', warmUpSeconds, 0)
    const pairs: Pair[] = []
    for (let index = 0; index < bench.pairs; index++) {
      const pair = await measurePair(bench, workload, index)
      bench.progress(`${workload.name} ${index + 1}/${bench.pairs}: ${describePair(bench, pair)}`)
      pairs.push(pair)
    }
    return { name: 'measured', workload, pairs }
  } catch (error) {
    if (bench.processes.stopping.aborted) throw error
    const reason = messageOf(error)
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

async function measurePair(bench: Bench, workload: Workload, index: number): Promise<Pair> {
  const [first, second] = orderOf(index)
  const seed = index + 1
  const runs = {
    [first]: await runOn(bench, workload, first, bench.seconds, seed),
    [second]: await runOn(bench, workload, second, bench.seconds, seed),
  } as Record<Side, Run>
  const direct = workload.direct ? await runDirect(bench, workload, seed) : undefined
  return { first, ...runs, direct }
}

async function runOn(bench: Bench, workload: Workload, side: Side, seconds: number, seed: number): Promise<Run> {
  const pooler = bench.poolers[side]
  try {
    if (workload.writes) await bench.database.tidy()
    pooler.assertRunning()
    const before = readCpuTime(pooler.pid)
    const result = await pgbenchOn(bench, workload, pooler.port, seconds, seed)
    pooler.assertRunning()
    const cpu = cpuPerTransaction(before, readCpuTime(pooler.pid), result.transactions)
    return toRun(result, cpu)
  } catch (cause) {
    throw new Error(`${pooler.name}: ${messageOf(cause)}`, { cause })
  }
}

async function runDirect(bench: Bench, workload: Workload, seed: number): Promise<Run> {
  try {
    return toRun(await pgbenchOn(bench, workload, bench.database.port, bench.seconds, seed), undefined)
  } catch (cause) {
    throw new Error(`PostgreSQL without a pooler: ${messageOf(cause)}`, { cause })
  }
}

function pgbenchOn(
  bench: Bench,
  workload: Workload,
  port: number,
  seconds: number,
  seed: number,
): Promise<PgbenchResult> {
  const threads = threadsFor(workload, availableParallelism())
  const run = { command: bench.pgbench, workload, port, threads, seconds: seconds + workload.loginSeconds, seed }
  return runPgbench(bench.processes, run)
}

function toRun(result: PgbenchResult, cpu: CpuPerTransaction | undefined): Run {
  const { tps, transactions, latencyMs, latenciesMicros } = result
  const percentileMs = (percent: number) =>
    latenciesMicros.length === 0 ? undefined : percentile(latenciesMicros, percent) / 1000
  return { tps, transactions, latencyMs, cpu, p50Ms: percentileMs(50), p99Ms: percentileMs(99) }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function describePair({ poolers }: Bench, { pgbouncer, taxirank, direct }: Pair): string {
  const side = (pooler: Pooler, { tps, cpu }: Run) =>
    `${pooler.name} ${tps.toFixed(0)} tps ${cpu?.totalMicros.toFixed(1) ?? '–'} µs`
  const straight = direct === undefined ? '' : `; direct ${direct.tps.toFixed(0)} tps`
  const ratio = (taxirank.tps / pgbouncer.tps).toFixed(3)
  return `${side(poolers.pgbouncer, pgbouncer)}, ${side(poolers.taxirank, taxirank)}${straight}; ratio ${ratio}`
}
