/**
 * What is measured: the rows of the benchmark, as arguments of pgbench, and what each of them must reach.
 * Ratios are always Taxirank divided by its baseline.
 */

/** `tps` is better when higher, the others when lower. */
export type Metric = 'tps' | 'cpuMicros' | 'p50Ms' | 'p99Ms'

/** What Taxirank is compared with: the other pooler, or PostgreSQL without a pooler. */
export type Baseline = 'pgbouncer' | 'direct'

export interface Target {
  readonly metric: Metric
  readonly baseline: Baseline
  /** The ratio at least (tps) or at most (the others) to be reached; undefined: shown only. */
  readonly mustReach: number | undefined
  readonly aim: number | undefined
}

export interface Workload {
  /** What `--rows` calls it. */
  readonly name: string
  readonly title: string
  readonly clients: number
  readonly pgbenchArguments: readonly string[]
  /** A thread of pgbench waits for each connection: where every transaction makes one, a single thread is too few. */
  readonly fewestThreads: number
  /** Added to every run: pgbench takes the time of logging in out of a run's time. */
  readonly loginSeconds: number
  /** Writes leave dead rows behind: the small tables are vacuumed before each run. */
  readonly writes: boolean
  /** Every transaction's latency is logged, for p50 and p99. */
  readonly latencies: boolean
  /** Runs against PostgreSQL itself as well, once a pair. */
  readonly direct: boolean
  readonly targets: readonly Target[]
}

const shownOnly = { mustReach: undefined, aim: undefined }
const cpuShown: Target = { metric: 'cpuMicros', baseline: 'pgbouncer', ...shownOnly }

const selectOnlyTargets: readonly Target[] = [
  { metric: 'tps', baseline: 'pgbouncer', mustReach: 0.9, aim: 1 },
  { metric: 'cpuMicros', baseline: 'pgbouncer', mustReach: 1.3, aim: 1.1 },
]

const writeTargets: readonly Target[] = [{ metric: 'tps', baseline: 'pgbouncer', mustReach: 0.95, aim: 1 }, cpuShown]

const usual = { clients: 32, fewestThreads: 1, loginSeconds: 0, writes: false, latencies: false, direct: false }

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
    direct: true,
    targets: [
      { metric: 'tps', baseline: 'pgbouncer', mustReach: 0.9, aim: 1 },
      { metric: 'tps', baseline: 'direct', mustReach: 8, aim: undefined },
      cpuShown,
    ],
  },
  {
    ...usual,
    name: 'thousand',
    title: 'select-only, 1,000 clients over 20 servers',
    clients: 1000,
    loginSeconds: 5,
    pgbenchArguments: ['-S'],
    latencies: true,
    targets: [
      { metric: 'tps', baseline: 'pgbouncer', mustReach: 0.9, aim: 1 },
      { metric: 'p50Ms', baseline: 'pgbouncer', ...shownOnly },
      { metric: 'p99Ms', baseline: 'pgbouncer', mustReach: 1.15, aim: 1 },
      cpuShown,
    ],
  },
]
