/** pgbench: its arguments, and what it prints and logs. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Processes } from './processes.ts'
import type { PgbenchWorkload } from './workloads.ts'

/** What pgbench says at the end of a run. */
export interface Summary {
  readonly transactions: number
  readonly failed: number
  /** Without the time of the first connections; with the reconnecting, where each transaction connects. */
  readonly tps: number
  readonly latencyMs: number
}

export interface PgbenchResult extends Summary {
  /** Microseconds of every transaction; empty unless the workload asks for them. */
  readonly latenciesMicros: Float64Array
}

export interface PgbenchRun {
  readonly command: string
  readonly workload: PgbenchWorkload
  readonly port: number
  readonly threads: number
  readonly seconds: number
  readonly seed: number
  /** Transactions a second that are begun on schedule; undefined: each client begins the next when one is answered. */
  readonly rate: number | undefined
}

/**
 * Threads of pgbench itself. One spends a sixth less CPU than two (14 µs a transaction against 17): time the poolers
 * can have on two cores. With more cores a single one could be what is measured.
 */
export function threadsFor(workload: PgbenchWorkload, cores: number): number {
  return Math.max(workload.fewestThreads, cores < 4 ? 1 : 2)
}

/** A run may take this much longer than its time, for logging in and out. */
const graceMs = 60_000

/** Runs pgbench; rejects when it fails, when a transaction failed, or when it hangs. */
export async function runPgbench(processes: Processes, run: PgbenchRun): Promise<PgbenchResult> {
  const logDir = mkdtempSync(join(tmpdir(), 'taxirank-bench-log-'))
  try {
    const args = pgbenchArguments(run, join(logDir, 'log'))
    const { stdout, stderr } = await processes.run('pgbench', run.command, args, run.seconds * 1000 + graceMs)
    const summary = parseSummary(stdout)
    if (summary.failed > 0) throw new Error(`${summary.failed} transactions failed, of ${summary.transactions}`)
    const { warmingSeconds } = run.workload
    const tps = warmingSeconds === 0 ? summary.tps : parseProgress(stderr, warmingSeconds)
    return { ...summary, tps, latenciesMicros: parseLatencies(readLogs(logDir)) }
  } finally {
    rmSync(logDir, { recursive: true, force: true })
  }
}

export function pgbenchArguments(run: PgbenchRun, logPrefix: string): string[] {
  const { workload, rate } = run
  const logging = workload.latencies ? ['--log', `--log-prefix=${logPrefix}`] : []
  const target = ['-h', '127.0.0.1', '-p', String(run.port), '-U', 'postgres', '--no-vacuum']
  const size = ['-c', String(workload.clients), '-j', String(run.threads), '-T', String(run.seconds)]
  const progress = workload.warmingSeconds === 0 ? [] : ['--progress=1']
  const schedule = rate === undefined ? [] : ['--rate', rate.toFixed(0)]
  const database = `dbname=postgres ${workload.connection}`.trim()
  return [
    ...target,
    ...size,
    ...progress,
    ...schedule,
    `--random-seed=${run.seed}`,
    ...workload.pgbenchArguments,
    ...logging,
    database,
  ]
}

/** Reads the summary; throws when a number is missing, or nothing was done. */
export function parseSummary(stdout: string): Summary {
  const transactions = numberIn(stdout, /^number of transactions actually processed: (\d+)/m, 'transactions')
  if (transactions === 0) throw new Error('pgbench finished no transaction: logging in took all of its time')
  return {
    transactions,
    failed: numberIn(stdout, /^number of failed transactions: (\d+)/m, 'failed transactions', 0),
    tps: numberIn(
      stdout,
      /^tps = ([\d.]+) \((?:without initial connection time|including reconnection times)\)/m,
      'tps',
    ),
    latencyMs: numberIn(stdout, /^latency average = ([\d.]+) ms/m, 'latency'),
  }
}

/** Transactions a second after the first `warmingSeconds`, of lines like `progress: 2.0 s, 2946.7 tps, lat …`. */
export function parseProgress(stderr: string, warmingSeconds: number): number {
  let [begin, counted, transactions] = [0, 0, 0]
  for (const [, endText, tpsText] of stderr.matchAll(/^progress: ([\d.]+) s, ([\d.]+) tps/gm)) {
    const end = Number(endText)
    // Times are written to a tenth of a second.
    if (begin > warmingSeconds - 0.1) {
      counted += end - begin
      transactions += Number(tpsText) * (end - begin)
    }
    begin = end
  }
  if (counted === 0) throw new Error(`pgbench made no progress after ${warmingSeconds} s:\n${stderr.slice(-1000)}`)
  return transactions / counted
}

/**
 * Reads the third column of a transaction log: microseconds, from when the transaction began, or with a rate from when it
 * should have begun. A last line that was cut off is left out. */
export function parseLatencies(log: string): Float64Array {
  const lines = log.split('\n')
  lines.pop()
  return Float64Array.from(lines, (line) => Number(line.split(' ', 3)[2]))
}

function readLogs(dir: string): string {
  return readdirSync(dir)
    .map((name) => readFileSync(join(dir, name), 'utf8'))
    .join('')
}

function numberIn(text: string, pattern: RegExp, what: string, ifMissing?: number): number {
  const found = pattern.exec(text)?.[1]
  if (found !== undefined) return Number(found)
  if (ifMissing !== undefined) return ifMissing
  throw new Error(`pgbench printed no ${what}:\n${text.slice(0, 1000)}`)
}
