/** One run of a workload against one pooler, or against PostgreSQL itself. */

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { cpuPerTransaction, type CpuTime, readCpuTime } from './cpu.ts'
import type { Database } from './database.ts'
import { assertDescriptors } from './descriptors.ts'
import type { Load, LoadFigures, LoadOrder } from './load/order.ts'
import { projectRoot } from './machine.ts'
import type { Run } from './measure.ts'
import { type PgbenchResult, runPgbench, threadsFor } from './pgbench.ts'
import type { Pooler } from './poolers.ts'
import type { Processes } from './processes.ts'
import { percentile } from '../src/metrics/statistics.ts'
import type { GeneratedWorkload, PgbenchWorkload, Workload } from './workloads.ts'

export interface RunPlace {
  readonly processes: Processes
  readonly pgbench: string
  readonly database: Database
}

export interface RunOptions {
  readonly seconds: number
  readonly seed: number
  /** Transactions a second of an open loop. */
  readonly rate: number | undefined
}

/** Longer than any order takes on a slow machine. */
const loadLimitMs = 300_000

/** Rejects with the pooler's name before the reason. */
export async function runOn(place: RunPlace, workload: Workload, pooler: Pooler, options: RunOptions): Promise<Run> {
  try {
    return workload.kind === 'pgbench'
      ? await pgbenchOn(place, workload, pooler, options)
      : await generatorOn(place, workload, pooler, options)
  } catch (cause) {
    throw new Error(`${pooler.name}: ${messageOf(cause)}`, { cause })
  }
}

export async function runDirect(place: RunPlace, workload: PgbenchWorkload, options: RunOptions): Promise<Run> {
  try {
    return toRun(await pgbench(place, workload, place.database.port, options))
  } catch (cause) {
    throw new Error(`PostgreSQL without a pooler: ${messageOf(cause)}`, { cause })
  }
}

async function pgbenchOn(
  place: RunPlace,
  workload: PgbenchWorkload,
  pooler: Pooler,
  options: RunOptions,
): Promise<Run> {
  if (workload.writes) await place.database.tidy()
  pooler.assertRunning()
  const before = readCpuTime(pooler.pid)
  const result = await pgbench(place, workload, pooler.port, options)
  pooler.assertRunning()
  return { ...toRun(result), cpu: cpuPerTransaction(before, readCpuTime(pooler.pid), result.transactions) }
}

function pgbench(
  place: RunPlace,
  workload: PgbenchWorkload,
  port: number,
  { seconds, seed, rate }: RunOptions,
): Promise<PgbenchResult> {
  const threads = threadsFor(workload, availableParallelism())
  const length = seconds + workload.loginSeconds + workload.warmingSeconds
  return runPgbench(place.processes, { command: place.pgbench, workload, port, threads, seconds: length, seed, rate })
}

function toRun({ tps, transactions, latencyMs, latenciesMicros }: PgbenchResult): Run {
  return { tps, transactions, latencyMs, ...percentiles(latenciesMicros, 1000) }
}

async function generatorOn(
  { processes }: RunPlace,
  workload: GeneratedWorkload,
  pooler: Pooler,
  { seconds }: RunOptions,
): Promise<Run> {
  if (workload.freshProcess) {
    await pooler.stop()
    await pooler.startAgain()
  }
  pooler.assertRunning()
  assertDescriptors(pooler.name, readFileSync(`/proc/${pooler.pid}/limits`, 'utf8'), workload.descriptors)
  assertDescriptors('the load generator', readFileSync('/proc/self/limits', 'utf8'), workload.descriptors)
  const load: Load = typeof workload.load === 'string' ? { load: workload.load, seconds } : workload.load
  const before = readCpuTime(pooler.pid)
  const ordered = order(processes, { ...load, port: pooler.port, pid: pooler.pid })
  const [figures] = await Promise.all([ordered, load.load === 'reconnect' ? pooler.startAgain() : undefined])
  pooler.assertRunning()
  return fromFigures(figures, before, readCpuTime(pooler.pid))
}

async function order(processes: Processes, what: LoadOrder): Promise<LoadFigures> {
  const program = join(projectRoot, 'bench/load/main.ts')
  const args = [program, JSON.stringify(what)]
  const { stdout } = await processes.run('the load generator', process.execPath, args, loadLimitMs)
  return JSON.parse(stdout) as LoadFigures
}

/** Cancels are counted as transactions; whatever else the generator measured is taken as it is. */
function fromFigures({ latenciesMs, ...figures }: LoadFigures, before: CpuTime, after: CpuTime): Run {
  const transactions = latenciesMs?.length ?? figures.transactions
  if (transactions === undefined) return figures
  return {
    ...figures,
    transactions,
    ...percentiles(latenciesMs ?? [], 1),
    cpu: cpuPerTransaction(before, after, transactions),
  }
}

/** `unitsPerMs`: of the latencies. */
function percentiles(latencies: ArrayLike<number>, unitsPerMs: number): Pick<Run, 'p50Ms' | 'p99Ms'> {
  if (latencies.length === 0) return {}
  return { p50Ms: percentile(latencies, 50) / unitsPerMs, p99Ms: percentile(latencies, 99) / unitsPerMs }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
