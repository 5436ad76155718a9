/**
 * What is measured: the rows of the benchmark, as arguments of pgbench or as orders for our own load generator, and what
 * each of them must reach. Ratios are always Taxirank divided by its baseline.
 */

import type { Load, TimedLoad } from './load/order.ts'
import type { SetupName } from './poolers.ts'
import { scramPassword } from './scram.ts'

/** `tps` and `mbPerSecond` are better when higher, the others when lower. */
export type Metric =
  | 'tps'
  | 'cpuMicros'
  | 'p50Ms'
  | 'p99Ms'
  | 'servedMs'
  | 'idleKb'
  | 'mbPerSecond'
  | 'peakMb'
  | 'growthMb'

/** What Taxirank is compared with: PgBouncer, PostgreSQL without a pooler, Taxirank with `session_state = allow`. */
export type Peer = 'pgbouncer' | 'direct' | 'allow'

export interface Target {
  readonly metric: Metric
  readonly baseline: Peer
  /** Whether the limits are for the ratio, or for Taxirank's own figure. */
  readonly judged: 'ratio' | 'value'
  /** At least (where higher is better) or at most (elsewhere) to be reached; undefined: shown only. */
  readonly mustReach: number | undefined
  readonly aim: number | undefined
}

interface AnyWorkload {
  /** What `--rows` calls it. */
  readonly name: string
  readonly title: string
  readonly setup: SetupName
  /** The first takes turns with Taxirank. */
  readonly peers: readonly [Peer, ...Peer[]]
  /** Major and minor version, where what the row asks for was new in PgBouncer: an older one takes no part. */
  readonly pgbouncerSince: readonly [number, number]
  /** Of each side, before the first pair: until the runtime has compiled what this row runs. */
  readonly warmUpSeconds: number
  /** Rows whose runs take minutes, and are judged by a figure of their own, have fewer pairs than `--pairs` says. */
  readonly mostPairs: number
  readonly targets: readonly Target[]
}

export interface PgbenchWorkload extends AnyWorkload {
  readonly kind: 'pgbench'
  readonly clients: number
  readonly pgbenchArguments: readonly string[]
  /** What the connection string says beside the database: `sslmode=require`. */
  readonly connection: string
  /** A thread of pgbench waits for each connection: where every transaction makes one, a single thread is too few. */
  readonly fewestThreads: number
  /** Added to every run: pgbench takes the time of logging in out of a run's time. */
  readonly loginSeconds: number
  /**
   * Every run begins with so much that does not count for its throughput. A new backend is slow until it has mapped
   * what it reads of shared memory, which takes some ten seconds: a pooler's are old, direct connections always new.
   */
  readonly warmingSeconds: number
  /** Open loop: transactions begin on schedule, at this part of what PgBouncer can do at most. Undefined: closed loop. */
  readonly openLoop: number | undefined
  /** Writes leave dead rows behind: the small tables are vacuumed before each run. */
  readonly writes: boolean
  /** Every transaction's latency is logged, for p50 and p99. */
  readonly latencies: boolean
}

/** A row of our own load generator. */
export interface GeneratedWorkload extends AnyWorkload {
  readonly kind: 'generated'
  /** The name alone: it goes on for as long as a run takes. */
  readonly load: Load | TimedLoad
  /** Memory is measured on a process that has done nothing before. */
  readonly freshProcess: boolean
  /** File descriptors that the pooler and the generator need, each. */
  readonly descriptors: number
}

export type Workload = PgbenchWorkload | GeneratedWorkload

/** Without PgBouncer where it is too old. `version` is its own line, `PgBouncer 1.18.0`, or of who stands in for it. */
export function forPgBouncer(workload: Workload, version: string): Workload {
  if (!isOlder(version, workload.pgbouncerSince)) return workload
  const [peer, ...others] = workload.peers
  return {
    ...workload,
    peers: [peer, ...others.filter((other) => other !== 'pgbouncer')],
    targets: workload.targets.filter(({ baseline }) => baseline !== 'pgbouncer'),
  }
}

function isOlder(version: string, [sinceMajor, sinceMinor]: readonly [number, number]): boolean {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? []
  return Number(major) < sinceMajor || (Number(major) === sinceMajor && Number(minor) < sinceMinor)
}

export const usualWarmUpSeconds = 6

const everyPair = Number.POSITIVE_INFINITY

function shown(metric: Metric): Target {
  return { metric, baseline: 'pgbouncer', judged: 'ratio', mustReach: undefined, aim: undefined }
}

/** Compared with PgBouncer. */
function ratio(metric: Metric, mustReach: number, aim?: number): Target {
  return { metric, baseline: 'pgbouncer', judged: 'ratio', mustReach, aim }
}

/** Compared with another peer than PgBouncer. */
function against(baseline: Peer, metric: Metric, mustReach: number, aim?: number): Target {
  return { metric, baseline, judged: 'ratio', mustReach, aim }
}

/** Whatever PgBouncer needs. */
function value(metric: Metric, mustReach: number, aim?: number): Target {
  return { metric, baseline: 'pgbouncer', judged: 'value', mustReach, aim }
}

const selectOnlyTargets: readonly Target[] = [ratio('tps', 0.9, 1), ratio('cpuMicros', 1.3, 1.1)]

const writeTargets: readonly Target[] = [ratio('tps', 0.95, 1), shown('cpuMicros')]

const usual = {
  kind: 'pgbench',
  warmUpSeconds: usualWarmUpSeconds,
  setup: 'plain',
  peers: ['pgbouncer'],
  pgbouncerSince: [0, 0],
  mostPairs: everyPair,
  clients: 32,
  connection: '',
  fewestThreads: 1,
  loginSeconds: 0,
  warmingSeconds: 0,
  openLoop: undefined,
  writes: false,
  latencies: false,
} as const

const generated = {
  kind: 'generated',
  warmUpSeconds: usualWarmUpSeconds,
  setup: 'many',
  peers: ['pgbouncer'],
  pgbouncerSince: [0, 0],
  mostPairs: 3,
  freshProcess: true,
  descriptors: 100,
} as const

/** On its schedule, whatever the poolers do: what waits is part of the latency. */
function openLoop(name: string, share: number): PgbenchWorkload {
  return {
    ...usual,
    name,
    title: `select-only, open loop at ${share * 100} % of PgBouncer's maximum`,
    pgbenchArguments: ['-S'],
    openLoop: share,
    latencies: true,
    targets: [shown('p50Ms'), ratio('p99Ms', 1), shown('cpuMicros')],
  }
}

export const workloads: readonly Workload[] = [
  {
    ...usual,
    name: 'simple',
    title: 'select-only, simple protocol',
    pgbenchArguments: ['-S', '-M', 'simple'],
    targets: selectOnlyTargets,
  },
  {
    ...usual,
    name: 'extended',
    title: 'select-only, extended protocol',
    pgbenchArguments: ['-S', '-M', 'extended'],
    targets: selectOnlyTargets,
  },
  {
    ...usual,
    name: 'prepared',
    title: 'select-only, prepared statements',
    setup: 'prepared',
    pgbenchArguments: ['-S', '-M', 'prepared'],
    warmingSeconds: 12,
    peers: ['direct', 'pgbouncer'],
    pgbouncerSince: [1, 21],
    targets: [against('direct', 'tps', 0.68, 0.8), shown('tps'), shown('cpuMicros')],
  },
  {
    ...usual,
    name: 'track',
    title: 'select-only, simple protocol, `session_state = track`',
    setup: 'track',
    pgbenchArguments: ['-S', '-M', 'simple'],
    peers: ['allow'],
    targets: [against('allow', 'cpuMicros', 1.05, 1.02)],
  },
  {
    ...usual,
    name: 'tpcb',
    title: 'TPC-B',
    pgbenchArguments: ['-b', 'tpcb-like'],
    writes: true,
    targets: writeTargets,
  },
  {
    ...usual,
    name: 'mix',
    title: 'mix: 80 % select-only, 20 % TPC-B',
    pgbenchArguments: ['-b', 'select-only@80', '-b', 'tpcb-like@20'],
    writes: true,
    targets: writeTargets,
  },
  {
    ...usual,
    name: 'connect',
    title: 'a connection per transaction, select-only',
    pgbenchArguments: ['-S', '-C'],
    fewestThreads: 2,
    peers: ['pgbouncer', 'direct'],
    targets: [ratio('tps', 0.9, 1), against('direct', 'tps', 8), shown('cpuMicros')],
  },
  {
    ...usual,
    name: 'thousand',
    title: 'select-only, 1,000 clients over 20 servers',
    clients: 1000,
    loginSeconds: 5,
    pgbenchArguments: ['-S'],
    latencies: true,
    targets: [ratio('tps', 0.9, 1), shown('p50Ms'), ratio('p99Ms', 1.15, 1), shown('cpuMicros')],
  },
  {
    ...usual,
    name: 'tls',
    title: 'select-only, TLS',
    setup: 'tls',
    connection: 'sslmode=require',
    pgbenchArguments: ['-S'],
    targets: [ratio('tps', 0.9, 1), shown('cpuMicros')],
  },
  {
    ...usual,
    name: 'tls-connect',
    title: 'a TLS connection per transaction, select-only',
    setup: 'tls',
    connection: 'sslmode=require',
    pgbenchArguments: ['-S', '-C'],
    fewestThreads: 2,
    targets: [shown('tps'), shown('cpuMicros')],
  },
  {
    ...usual,
    name: 'scram',
    title: 'a SCRAM login per transaction, select-only',
    setup: 'scram',
    connection: `password=${scramPassword}`,
    pgbenchArguments: ['-S', '-C'],
    fewestThreads: 2,
    targets: [ratio('tps', 1), shown('cpuMicros')],
  },
  openLoop('open-50', 0.5),
  openLoop('open-90', 0.9),
  {
    ...generated,
    name: 'parameters',
    title: 'five parameters differ for every client, select-only, servers 1 ms away',
    setup: 'parameters',
    // A tenth of the transactions of other rows in the same time.
    warmUpSeconds: 30,
    mostPairs: everyPair,
    freshProcess: false,
    load: 'parameters',
    targets: [ratio('tps', 1.6, 1.8), shown('cpuMicros')],
  },
  {
    ...generated,
    name: 'cancel',
    title: 'a cancel, until its statement fails',
    setup: 'plain',
    mostPairs: everyPair,
    freshProcess: false,
    load: 'cancel',
    targets: [shown('p50Ms'), shown('p99Ms'), shown('cpuMicros')],
  },
  {
    ...generated,
    name: 'reconnect',
    title: '5,000 clients after a kill and a restart, until all are served',
    descriptors: 5_100,
    load: { load: 'reconnect', clients: 5_000 },
    targets: [shown('servedMs')],
  },
  {
    ...generated,
    name: 'idle',
    title: '10,000 idle clients, each',
    descriptors: 10_100,
    load: { load: 'idle', clients: 10_000 },
    targets: [value('idleKb', 3, 2)],
  },
  {
    ...generated,
    name: 'result',
    title: 'a result of 1 GB',
    setup: 'plain',
    mostPairs: everyPair,
    load: { load: 'result', megabytes: 1_000 },
    targets: [ratio('mbPerSecond', 1), value('peakMb', 120)],
  },
  {
    ...generated,
    name: 'stopped',
    title: 'a result of 1 GB whose reader stops for 30 s, growth',
    setup: 'plain',
    load: { load: 'stopped', megabytes: 1_000, seconds: 30 },
    targets: [value('growthMb', 2)],
  },
]
