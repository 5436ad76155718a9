import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { Counters } from './counters.ts'
import { Histogram } from './histogram.ts'
import { prometheusText } from './prometheus-text.ts'
import type { PoolSnapshot } from './snapshot.ts'

function histogramOf(...durations: number[]) {
  const histogram = new Histogram()
  for (const ms of durations) histogram.record(ms)
  return histogram.snapshot()
}

function poolNamed(name: string): PoolSnapshot {
  const counters = new Counters()
  Object.assign(counters, { leases: 1_234_567_890_123, immediate: 7, checkFailures: 2 })
  counters.closed.idle = 3
  return {
    name,
    takenAtMs: 5000,
    state: 'paused',
    maxSize: 20,
    minSize: 2,
    reserveSize: 5,
    slots: { opening: 1, checking: 0, idle: 4, leased: 6, shared: 0, resetting: 0, closing: 0 },
    waiting: 3,
    longestWaitMs: 12.3,
    lanes: [
      { name: 'web', reserved: 2, waiting: 1, leased: 5 },
      { name: 'jobs', reserved: 0, waiting: 2, leased: 1 },
    ],
    counters: counters.snapshot(),
    heldMs: 7654.321,
    waitMs: histogramOf(0, 0, 0.1, 0.26, 12.3, 70_000),
    holdMs: histogramOf(),
    openMs: histogramOf(0.999, 1),
    lastFailure: 'connection refused',
  }
}

/** Name, labels, value; the value as JavaScript prints what is not negative. */
const sampleLine = /^([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*"(?:,(?=.)|(?=\})))+)\} (\d+(?:\.\d+)?(?:e[+-]\d+)?)$/
const commentLine = /^# (HELP|TYPE) ([a-z_]+) (.+)$/

/** Reads the text as strictly as the format is described. Samples by the metric that TYPE announced. */
function parse(text: string): Map<string, { name: string; labels: string; value: number }[]> {
  const metrics = new Map<string, { name: string; labels: string; value: number }[]>()
  let announced = ''
  assert.ok(text.endsWith('\n'))
  for (const line of text.slice(0, -1).split('\n')) {
    const [, keyword, metric = ''] = commentLine.exec(line) ?? []
    if (keyword === 'TYPE') {
      assert.equal(metric, announced, 'HELP stands before TYPE')
      metrics.set(metric, [])
    } else if (keyword === 'HELP') {
      assert.ok(!metrics.has(metric), `${metric} comes once`)
      announced = metric
    } else {
      const [, name = '', labels = '', value] = sampleLine.exec(line) ?? assert.fail(`not in the grammar: ${line}`)
      assert.equal(name.replace(/_(bucket|sum|count)$/, ''), announced, 'a sample stands below its metric')
      metrics.get(announced)?.push({ name, labels, value: Number(value) })
    }
  }
  return metrics
}

describe('prometheusText', () => {
  it('writes every figure of a pool, in seconds where it is a time', () => {
    assert.deepEqual(prometheusText([poolNamed('app')]).split('\n'), textOfApp.split('\n'))
  })

  it('keeps to the grammar, with the samples of all pools together under one HELP and TYPE', () => {
    const metrics = parse(prometheusText([poolNamed('one'), poolNamed('two')]))
    for (const samples of metrics.values()) {
      const pools = samples.map(({ labels }) => labels.slice(0, 10))
      assert.deepEqual(
        [pools.filter((pool) => pool === 'pool="one"').length, pools.filter((pool) => pool === 'pool="two"').length],
        [samples.length / 2, samples.length / 2],
      )
      assert.equal(new Set(samples.map(({ name, labels }) => name + labels)).size, samples.length, 'no sample twice')
    }
    assert.equal(metrics.size, 30)
  })

  it('writes nothing without pools', () => {
    assert.equal(prometheusText([]), '')
  })

  it('escapes backslashes, quotes and line ends in names', () => {
    const text = prometheusText([poolNamed('a\\n"b"\nc')])
    parse(text)
    assert.ok(text.includes(String.raw`taxirank_pool_max_size{pool="a\\n\"b\"\nc"} 20`))
  })

  it('has buckets that never decrease and end with the count, and none below a bound that is not wholly below', () => {
    const recorded = fc.array(fc.double({ min: 0, max: 100_000, noNaN: true }), { maxLength: 50 })
    fc.assert(
      fc.property(recorded, (durations) => {
        const pool = { ...poolNamed('app'), holdMs: histogramOf(...durations) }
        const samples = parse(prometheusText([pool])).get('taxirank_pool_hold_seconds') ?? []
        const values = samples.map(({ value }) => value)
        const [infinite, , count] = values.splice(-3)
        assert.deepEqual([infinite, count], [durations.length, durations.length])
        assert.deepEqual(
          values,
          [...values].sort((one, other) => one - other),
        )
        values.forEach((value, index) => {
          const boundMs = Number(/le="(.*)"/.exec(samples[index]?.labels ?? '')?.[1]) * 1000
          const below = durations.filter((ms) => Math.round(ms * 1000) / 1000 <= boundMs).length
          const wellBelow = durations.filter((ms) => ms < (boundMs * 31) / 32).length
          assert.ok(wellBelow <= value && value <= below, `${value} up to ${boundMs} ms`)
        })
      }),
    )
  })
})

const textOfApp = `# HELP taxirank_pool_state Whether the pool is in this state: 1 or 0.
# TYPE taxirank_pool_state gauge
taxirank_pool_state{pool="app",state="open"} 0
taxirank_pool_state{pool="app",state="paused"} 1
taxirank_pool_state{pool="app",state="draining"} 0
taxirank_pool_state{pool="app",state="ended"} 0
# HELP taxirank_pool_max_size Most connections at any instant.
# TYPE taxirank_pool_max_size gauge
taxirank_pool_max_size{pool="app"} 20
# HELP taxirank_pool_min_size Connections kept open at least.
# TYPE taxirank_pool_min_size gauge
taxirank_pool_min_size{pool="app"} 2
# HELP taxirank_pool_reserve_size Additional connections for callers who wait too long.
# TYPE taxirank_pool_reserve_size gauge
taxirank_pool_reserve_size{pool="app"} 5
# HELP taxirank_pool_slots Connections by state.
# TYPE taxirank_pool_slots gauge
taxirank_pool_slots{pool="app",state="opening"} 1
taxirank_pool_slots{pool="app",state="checking"} 0
taxirank_pool_slots{pool="app",state="idle"} 4
taxirank_pool_slots{pool="app",state="leased"} 6
taxirank_pool_slots{pool="app",state="shared"} 0
taxirank_pool_slots{pool="app",state="resetting"} 0
taxirank_pool_slots{pool="app",state="closing"} 0
# HELP taxirank_pool_waiting Callers who wait for a connection, by lane.
# TYPE taxirank_pool_waiting gauge
taxirank_pool_waiting{pool="app",lane="web"} 1
taxirank_pool_waiting{pool="app",lane="jobs"} 2
# HELP taxirank_pool_longest_wait_seconds How long the longest waiting caller has been waiting.
# TYPE taxirank_pool_longest_wait_seconds gauge
taxirank_pool_longest_wait_seconds{pool="app"} 0.0123
# HELP taxirank_pool_lane_reserved Connections kept for a lane.
# TYPE taxirank_pool_lane_reserved gauge
taxirank_pool_lane_reserved{pool="app",lane="web"} 2
taxirank_pool_lane_reserved{pool="app",lane="jobs"} 0
# HELP taxirank_pool_lane_leased Connections leased to a lane.
# TYPE taxirank_pool_lane_leased gauge
taxirank_pool_lane_leased{pool="app",lane="web"} 5
taxirank_pool_lane_leased{pool="app",lane="jobs"} 1
# HELP taxirank_pool_held_seconds_total How long leases have been held, those that last included.
# TYPE taxirank_pool_held_seconds_total counter
taxirank_pool_held_seconds_total{pool="app"} 7.654321
# HELP taxirank_pool_leases_total Leases granted.
# TYPE taxirank_pool_leases_total counter
taxirank_pool_leases_total{pool="app"} 1234567890123
# HELP taxirank_pool_immediate_total Leases granted without waiting.
# TYPE taxirank_pool_immediate_total counter
taxirank_pool_immediate_total{pool="app"} 7
# HELP taxirank_pool_timed_out_total Waits that ended by their time limit.
# TYPE taxirank_pool_timed_out_total counter
taxirank_pool_timed_out_total{pool="app"} 0
# HELP taxirank_pool_cancelled_total Waits that their caller gave up.
# TYPE taxirank_pool_cancelled_total counter
taxirank_pool_cancelled_total{pool="app"} 0
# HELP taxirank_pool_queue_full_total Callers refused because too many were waiting.
# TYPE taxirank_pool_queue_full_total counter
taxirank_pool_queue_full_total{pool="app"} 0
# HELP taxirank_pool_shed_total Callers refused because their wait would have been too long.
# TYPE taxirank_pool_shed_total counter
taxirank_pool_shed_total{pool="app"} 0
# HELP taxirank_pool_refused_total Callers refused because the pool had ended or nothing could be opened.
# TYPE taxirank_pool_refused_total counter
taxirank_pool_refused_total{pool="app"} 0
# HELP taxirank_pool_opened_total Connections opened.
# TYPE taxirank_pool_opened_total counter
taxirank_pool_opened_total{pool="app"} 0
# HELP taxirank_pool_open_failures_total Attempts to open a connection that failed.
# TYPE taxirank_pool_open_failures_total counter
taxirank_pool_open_failures_total{pool="app"} 0
# HELP taxirank_pool_abandoned_total Attempts to open a connection that were given up.
# TYPE taxirank_pool_abandoned_total counter
taxirank_pool_abandoned_total{pool="app"} 0
# HELP taxirank_pool_checks_total Checks of an idle connection, before it was lent or to keep it alive.
# TYPE taxirank_pool_checks_total counter
taxirank_pool_checks_total{pool="app"} 0
# HELP taxirank_pool_check_failures_total Checks that failed.
# TYPE taxirank_pool_check_failures_total counter
taxirank_pool_check_failures_total{pool="app"} 2
# HELP taxirank_pool_resets_total Resets of a connection after it was given back.
# TYPE taxirank_pool_resets_total counter
taxirank_pool_resets_total{pool="app"} 0
# HELP taxirank_pool_reset_failures_total Resets that failed.
# TYPE taxirank_pool_reset_failures_total counter
taxirank_pool_reset_failures_total{pool="app"} 0
# HELP taxirank_pool_stale_uses_total Attempts to use or give back a lease that was over.
# TYPE taxirank_pool_stale_uses_total counter
taxirank_pool_stale_uses_total{pool="app"} 0
# HELP taxirank_pool_leaks_total Leases that were held for too long or did not come back.
# TYPE taxirank_pool_leaks_total counter
taxirank_pool_leaks_total{pool="app"} 0
# HELP taxirank_pool_closed_total Connections closed, by reason.
# TYPE taxirank_pool_closed_total counter
taxirank_pool_closed_total{pool="app",reason="idle"} 3
taxirank_pool_closed_total{pool="app",reason="lifetime"} 0
taxirank_pool_closed_total{pool="app",reason="check"} 0
taxirank_pool_closed_total{pool="app",reason="reset"} 0
taxirank_pool_closed_total{pool="app",reason="retired"} 0
taxirank_pool_closed_total{pool="app",reason="evicted"} 0
taxirank_pool_closed_total{pool="app",reason="resized"} 0
taxirank_pool_closed_total{pool="app",reason="dirty"} 0
taxirank_pool_closed_total{pool="app",reason="destroyed"} 0
taxirank_pool_closed_total{pool="app",reason="lost"} 0
taxirank_pool_closed_total{pool="app",reason="ended"} 0
# HELP taxirank_pool_wait_seconds How long callers waited until they were granted a lease.
# TYPE taxirank_pool_wait_seconds histogram
taxirank_pool_wait_seconds_bucket{pool="app",le="0.0001"} 2
taxirank_pool_wait_seconds_bucket{pool="app",le="0.00025"} 3
taxirank_pool_wait_seconds_bucket{pool="app",le="0.0005"} 4
taxirank_pool_wait_seconds_bucket{pool="app",le="0.001"} 4
taxirank_pool_wait_seconds_bucket{pool="app",le="0.0025"} 4
taxirank_pool_wait_seconds_bucket{pool="app",le="0.005"} 4
taxirank_pool_wait_seconds_bucket{pool="app",le="0.01"} 4
taxirank_pool_wait_seconds_bucket{pool="app",le="0.025"} 5
taxirank_pool_wait_seconds_bucket{pool="app",le="0.05"} 5
taxirank_pool_wait_seconds_bucket{pool="app",le="0.1"} 5
taxirank_pool_wait_seconds_bucket{pool="app",le="0.25"} 5
taxirank_pool_wait_seconds_bucket{pool="app",le="0.5"} 5
taxirank_pool_wait_seconds_bucket{pool="app",le="1"} 5
taxirank_pool_wait_seconds_bucket{pool="app",le="5"} 5
taxirank_pool_wait_seconds_bucket{pool="app",le="15"} 5
taxirank_pool_wait_seconds_bucket{pool="app",le="60"} 5
taxirank_pool_wait_seconds_bucket{pool="app",le="+Inf"} 6
taxirank_pool_wait_seconds_sum{pool="app"} 70.01266
taxirank_pool_wait_seconds_count{pool="app"} 6
# HELP taxirank_pool_hold_seconds How long leases were held.
# TYPE taxirank_pool_hold_seconds histogram
taxirank_pool_hold_seconds_bucket{pool="app",le="0.0001"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="0.00025"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="0.0005"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="0.001"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="0.0025"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="0.005"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="0.01"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="0.025"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="0.05"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="0.1"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="0.25"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="0.5"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="1"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="5"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="15"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="60"} 0
taxirank_pool_hold_seconds_bucket{pool="app",le="+Inf"} 0
taxirank_pool_hold_seconds_sum{pool="app"} 0
taxirank_pool_hold_seconds_count{pool="app"} 0
# HELP taxirank_pool_open_seconds How long it took to open a connection.
# TYPE taxirank_pool_open_seconds histogram
taxirank_pool_open_seconds_bucket{pool="app",le="0.0001"} 0
taxirank_pool_open_seconds_bucket{pool="app",le="0.00025"} 0
taxirank_pool_open_seconds_bucket{pool="app",le="0.0005"} 0
taxirank_pool_open_seconds_bucket{pool="app",le="0.001"} 0
taxirank_pool_open_seconds_bucket{pool="app",le="0.0025"} 2
taxirank_pool_open_seconds_bucket{pool="app",le="0.005"} 2
taxirank_pool_open_seconds_bucket{pool="app",le="0.01"} 2
taxirank_pool_open_seconds_bucket{pool="app",le="0.025"} 2
taxirank_pool_open_seconds_bucket{pool="app",le="0.05"} 2
taxirank_pool_open_seconds_bucket{pool="app",le="0.1"} 2
taxirank_pool_open_seconds_bucket{pool="app",le="0.25"} 2
taxirank_pool_open_seconds_bucket{pool="app",le="0.5"} 2
taxirank_pool_open_seconds_bucket{pool="app",le="1"} 2
taxirank_pool_open_seconds_bucket{pool="app",le="5"} 2
taxirank_pool_open_seconds_bucket{pool="app",le="15"} 2
taxirank_pool_open_seconds_bucket{pool="app",le="60"} 2
taxirank_pool_open_seconds_bucket{pool="app",le="+Inf"} 2
taxirank_pool_open_seconds_sum{pool="app"} 0.001999
taxirank_pool_open_seconds_count{pool="app"} 2
`
