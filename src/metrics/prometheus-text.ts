/**
 * The figures of pools in Prometheus' text exposition format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). Base units are seconds, counters end in `_total`.
 *
 * Each metric is a row of `metrics`: its samples of all pools stand together under one HELP and TYPE. The last failure's
 * text is not exported: as a label it would be a new time series for every wording.
 */

import { closeReasons, type PoolCounters } from './counters.ts'
import type { HistogramSnapshot } from './histogram.ts'
import { type LaneSnapshot, poolStates, type PoolSnapshot, slotStates } from './snapshot.ts'

interface Metric {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly samplesOf: (pool: PoolSnapshot) => readonly Sample[]
}

interface Sample {
  readonly value: number
  /** Behind the metric's name. */
  readonly suffix?: '_bucket' | '_sum' | '_count'
  /** Beside `pool`. */
  readonly label?: readonly [name: string, value: string]
}

/** Upper ends of the exported buckets. */
const boundsMs = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 15_000, 60_000]

const counterHelp: Readonly<Record<Exclude<keyof PoolCounters, 'closed'>, string>> = {
  leases: 'Leases granted.',
  immediate: 'Leases granted without waiting.',
  timedOut: 'Waits that ended by their time limit.',
  cancelled: 'Waits that their caller gave up.',
  queueFull: 'Callers refused because too many were waiting.',
  shed: 'Callers refused because their wait would have been too long.',
  refused: 'Callers refused because the pool had ended or nothing could be opened.',
  opened: 'Connections opened.',
  openFailures: 'Attempts to open a connection that failed.',
  abandoned: 'Attempts to open a connection that were given up.',
  checks: 'Checks of an idle connection, before it was lent or to keep it alive.',
  checkFailures: 'Checks that failed.',
  resets: 'Resets of a connection after it was given back.',
  resetFailures: 'Resets that failed.',
  staleUses: 'Attempts to use or give back a lease that was over.',
  leaks: 'Leases that were held for too long or did not come back.',
}

const metrics: readonly Metric[] = [
  gauge('state', 'Whether the pool is in this state: 1 or 0.', (pool) =>
    poolStates.map((state) => ({ label: ['state', state], value: Number(state === pool.state) })),
  ),
  gauge('max_size', 'Most connections at any instant.', (pool) => [{ value: pool.maxSize }]),
  gauge('min_size', 'Connections kept open at least.', (pool) => [{ value: pool.minSize }]),
  gauge('reserve_size', 'Additional connections for callers who wait too long.', (pool) => [
    { value: pool.reserveSize },
  ]),
  gauge('slots', 'Connections by state.', (pool) =>
    slotStates.map((state) => ({ label: ['state', state], value: pool.slots[state] })),
  ),
  gauge('waiting', 'Callers who wait for a connection, by lane.', byLane('waiting')),
  gauge('longest_wait_seconds', 'How long the longest waiting caller has been waiting.', (pool) => [
    { value: secondsOf(pool.longestWaitMs) },
  ]),
  gauge('lane_reserved', 'Connections kept for a lane.', byLane('reserved')),
  gauge('lane_leased', 'Connections leased to a lane.', byLane('leased')),
  ...(Object.keys(counterHelp) as (keyof typeof counterHelp)[]).map((key) =>
    counter(snakeCase(key), counterHelp[key], ({ counters }) => [{ value: counters[key] }]),
  ),
  counter('closed', 'Connections closed, by reason.', ({ counters }) =>
    closeReasons.map((reason) => ({ label: ['reason', reason], value: counters.closed[reason] })),
  ),
  histogram('wait_seconds', 'How long callers waited until they were granted a lease.', (pool) => pool.waitMs),
  histogram('hold_seconds', 'How long leases were held.', (pool) => pool.holdMs),
  histogram('open_seconds', 'How long it took to open a connection.', (pool) => pool.openMs),
]

/**
 * All figures of the pools, to be served as `text/plain; version=0.0.4; charset=utf-8`. The pools' names differ, or
 * Prometheus refuses the page. A recorded bucket counts as below a bound only if all of it is: counts err to the slow
 * side, by durations up to 1/32 below the bound.
 */
export function prometheusText(pools: readonly PoolSnapshot[]): string {
  return metrics.map((metric) => textOf(metric, pools)).join('')
}

function textOf({ name, type, help, samplesOf }: Metric, pools: readonly PoolSnapshot[]): string {
  const lines = pools.flatMap((pool) => samplesOf(pool).map((sample) => lineOf(name, pool.name, sample)))
  return lines.length === 0 ? '' : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n')
}

function lineOf(name: string, pool: string, { value, suffix, label }: Sample): string {
  const labels = [['pool', pool] as const, ...(label ? [label] : [])]
  const written = labels.map(([key, text]) => `${key}="${escape(text)}"`)
  return `${name}${suffix ?? ''}{${written.join(',')}} ${value}`
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function gauge(name: string, help: string, samplesOf: Metric['samplesOf']): Metric {
  return { name: `taxirank_pool_${name}`, type: 'gauge', help, samplesOf }
}

function counter(name: string, help: string, samplesOf: Metric['samplesOf']): Metric {
  return { name: `taxirank_pool_${name}_total`, type: 'counter', help, samplesOf }
}

function histogram(name: string, help: string, of: (pool: PoolSnapshot) => HistogramSnapshot): Metric {
  return { name: `taxirank_pool_${name}`, type: 'histogram', help, samplesOf: (pool) => histogramSamples(of(pool)) }
}

function histogramSamples({ count, sumMs, buckets }: HistogramSnapshot): Sample[] {
  const remaining = [...buckets].reverse()
  let below = 0
  const bounded = boundsMs.map((boundMs): Sample => {
    for (let last = remaining.at(-1); last && last[0] <= boundMs; last = remaining.at(-1)) {
      below += last[1]
      remaining.pop()
    }
    return { suffix: '_bucket', label: ['le', String(secondsOf(boundMs))], value: below }
  })
  return [
    ...bounded,
    { suffix: '_bucket', label: ['le', '+Inf'], value: count },
    { suffix: '_sum', value: secondsOf(sumMs) },
    { suffix: '_count', value: count },
  ]
}

function byLane(key: Exclude<keyof LaneSnapshot, 'name'>): Metric['samplesOf'] {
  return ({ lanes }) => lanes.map((lane) => ({ label: ['lane', lane.name], value: lane[key] }))
}

/** To the microsecond, so that 12.3 ms are 0.0123 and not 0.012300000000000002. */
function secondsOf(ms: number): number {
  return Math.round(ms * 1000) / 1e6
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
