/**
 * The figures of engine pools as Prometheus' metrics, one row of `metrics` for each. The last failure's text is not
 * exported: as a label it would be a new time series for every wording.
 */

import { closeReasons, type PoolCounters } from './counters.ts'
import { expositionText, type Family, histogramSamples, type Label, type Sample, secondsOf } from './exposition.ts'
import type { HistogramSnapshot } from './histogram.ts'
import { type LaneSnapshot, poolStates, type PoolSnapshot, slotStates } from './snapshot.ts'

/** A pool and the labels that tell it from the others. */
export interface LabelledPool {
  readonly labels: readonly Label[]
  readonly snapshot: PoolSnapshot
}

interface Metric {
  readonly name: string
  readonly type: Family['type']
  readonly help: string
  /** With the labels that stand beside the pool's. */
  readonly samplesOf: (pool: PoolSnapshot) => readonly Sample[]
}

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
    poolStates.map((state) => ({ labels: [['state', state]], value: Number(state === pool.state) })),
  ),
  gauge('max_size', 'Most connections at any instant.', (pool) => [{ labels: [], value: pool.maxSize }]),
  gauge('min_size', 'Connections kept open at least.', (pool) => [{ labels: [], value: pool.minSize }]),
  gauge('reserve_size', 'Additional connections for callers who wait too long.', (pool) => [
    { labels: [], value: pool.reserveSize },
  ]),
  gauge('slots', 'Connections by state.', (pool) =>
    slotStates.map((state) => ({ labels: [['state', state]], value: pool.slots[state] })),
  ),
  gauge('waiting', 'Callers who wait for a connection, by lane.', byLane('waiting')),
  gauge('longest_wait_seconds', 'How long the longest waiting caller has been waiting.', (pool) => [
    { labels: [], value: secondsOf(pool.longestWaitMs) },
  ]),
  gauge('lane_reserved', 'Connections kept for a lane.', byLane('reserved')),
  gauge('lane_leased', 'Connections leased to a lane.', byLane('leased')),
  counter('held_seconds', 'How long leases have been held, those that last included.', (pool) => [
    { labels: [], value: secondsOf(pool.heldMs) },
  ]),
  ...(Object.keys(counterHelp) as (keyof typeof counterHelp)[]).map((key) =>
    counter(snakeCase(key), counterHelp[key], ({ counters }) => [{ labels: [], value: counters[key] }]),
  ),
  counter('closed', 'Connections closed, by reason.', ({ counters }) =>
    closeReasons.map((reason) => ({ labels: [['reason', reason]], value: counters.closed[reason] })),
  ),
  histogram('wait_seconds', 'How long callers waited until they were granted a lease.', (pool) => pool.waitMs),
  histogram('hold_seconds', 'How long leases were held.', (pool) => pool.holdMs),
  histogram('open_seconds', 'How long it took to open a connection.', (pool) => pool.openMs),
]

/** All figures of the pools. Their labels differ, and have the same names. */
export function poolFamilies(pools: readonly LabelledPool[]): Family[] {
  return metrics.map(({ name, type, help, samplesOf }) => ({
    name,
    type,
    help,
    samples: pools.flatMap(({ labels, snapshot }) =>
      samplesOf(snapshot).map((sample) => ({ ...sample, labels: [...labels, ...sample.labels] })),
    ),
  }))
}

/** The figures of pools that have a name and nothing else to tell them apart. The names differ. */
export function prometheusText(pools: readonly PoolSnapshot[]): string {
  return expositionText(poolFamilies(pools.map((snapshot) => ({ labels: [['pool', snapshot.name]], snapshot }))))
}

function gauge(name: string, help: string, samplesOf: Metric['samplesOf']): Metric {
  return { name: `taxirank_pool_${name}`, type: 'gauge', help, samplesOf }
}

function counter(name: string, help: string, samplesOf: Metric['samplesOf']): Metric {
  return { name: `taxirank_pool_${name}_total`, type: 'counter', help, samplesOf }
}

function histogram(name: string, help: string, of: (pool: PoolSnapshot) => HistogramSnapshot): Metric {
  const samplesOf: Metric['samplesOf'] = (pool) => histogramSamples(of(pool), [])
  return { name: `taxirank_pool_${name}`, type: 'histogram', help, samplesOf }
}

function byLane(key: Exclude<keyof LaneSnapshot, 'name'>): Metric['samplesOf'] {
  return ({ lanes }) => lanes.map((lane) => ({ labels: [['lane', lane.name]], value: lane[key] }))
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
