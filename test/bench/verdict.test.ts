import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Run } from '../../bench/measure.ts'
import { findings, judge, standing } from '../../bench/verdict.ts'
import { type Target, workloads } from '../../bench/workloads.ts'

const throughput: Target = { metric: 'tps', baseline: 'pgbouncer', mustReach: 0.9, aim: 1 }
const cpu: Target = { metric: 'cpuMicros', baseline: 'pgbouncer', mustReach: 1.3, aim: 1.1 }

describe('judge', () => {
  it('wants throughput to be high enough', () => {
    assert.deepEqual(
      [0.899, 0.9, 0.999, 1].map((ratio) => judge(throughput, ratio)),
      ['MISSED', 'reached', 'reached', 'reaches the aim'],
    )
  })

  it('wants CPU time to be low enough', () => {
    assert.deepEqual(
      [1.301, 1.3, 1.101, 1.1].map((ratio) => judge(cpu, ratio)),
      ['MISSED', 'reached', 'reached', 'reaches the aim'],
    )
  })

  it('reaches a target without an aim, but never its aim', () => {
    assert.equal(judge({ ...throughput, baseline: 'direct', mustReach: 8, aim: undefined }, 12), 'reached')
  })

  it('judges nothing where nothing is to be reached', () => {
    assert.equal(judge({ ...cpu, mustReach: undefined, aim: undefined }, 99), 'shown only')
  })
})

describe('standing', () => {
  const comparison = (ratio: number, low: number, high: number) => {
    return { baseline: 1, ours: ratio, ratios: [ratio], ratio, interval: { low, high, confidence: 0.95 } }
  }

  it('calls less throughput behind, within the noise where the interval reaches 1', () => {
    assert.deepEqual(
      [comparison(1, 0.9, 1.1), comparison(0.98, 0.9, 1), comparison(0.98, 0.9, 0.99)].map((c) => standing('tps', c)),
      ['ahead or level', 'behind, within the noise', 'behind'],
    )
  })

  it('is never sure on an interval of less than 95 %', () => {
    const few = { ...comparison(0.8, 0.7, 0.9), interval: { low: 0.7, high: 0.9, confidence: 0.5 } }
    assert.equal(standing('tps', few), 'behind, of too few pairs to be sure')
  })

  it('calls more CPU time or latency behind', () => {
    assert.deepEqual(
      [comparison(1, 0.9, 1.1), comparison(1.02, 1, 1.1), comparison(1.02, 1.01, 1.1)].map((c) => standing('p99Ms', c)),
      ['ahead or level', 'behind, within the noise', 'behind'],
    )
  })
})

describe('findings', () => {
  const run = (tps: number, micros: number): Run => ({
    tps,
    transactions: tps,
    latencyMs: 1,
    cpu: { userMicros: micros / 4, kernelMicros: (micros / 4) * 3, totalMicros: micros },
    p50Ms: undefined,
    p99Ms: undefined,
  })

  it('compares each metric with its own baseline, pair by pair', () => {
    const workload = workloads.find(({ name }) => name === 'connect')
    assert.ok(workload)
    const pair = {
      first: 'pgbouncer',
      pgbouncer: run(1000, 100),
      taxirank: run(950, 120),
      direct: run(100, 0),
    } as const
    const found = findings([{ name: 'measured', workload, pairs: [pair, pair] }])
    assert.deepEqual(
      found.map(({ target, comparison, verdict }) => [target.metric, target.baseline, comparison.ratio, verdict]),
      [
        ['tps', 'pgbouncer', 0.95, 'reached'],
        ['tps', 'direct', 9.5, 'reached'],
        ['cpuMicros', 'pgbouncer', 1.2, 'shown only'],
      ],
    )
  })

  it('has nothing to say about a row that failed', () => {
    const [workload] = workloads
    assert.ok(workload)
    assert.deepEqual(findings([{ name: 'failed', workload, reason: 'a reason' }]), [])
  })
})
