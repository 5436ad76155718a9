import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Run } from '../../bench/measure.ts'
import { findings, judge, standing } from '../../bench/verdict.ts'
import { compare, type Comparison } from '../../bench/comparison.ts'
import { type Target, workloads } from '../../bench/workloads.ts'

const throughput: Target = { metric: 'tps', baseline: 'pgbouncer', judged: 'ratio', mustReach: 0.9, aim: 1 }
const cpu: Target = { metric: 'cpuMicros', baseline: 'pgbouncer', judged: 'ratio', mustReach: 1.3, aim: 1.1 }

/** Nine pairs whose ratios lie around `ratio`, by up to `spread`. */
function comparing(ratio: number, spread = 0): Comparison {
  return compare(
    Array.from({ length: 9 }, () => 1),
    Array.from({ length: 9 }, (_, index) => ratio + ((index - 4) / 4) * spread),
  )
}

describe('judge', () => {
  it('wants throughput to be high enough', () => {
    assert.deepEqual(
      [0.899, 0.9, 0.999, 1].map((ratio) => judge(throughput, comparing(ratio))),
      ['MISSED', 'reached', 'reached', 'reaches the aim'],
    )
  })

  it('wants CPU time to be low enough', () => {
    assert.deepEqual(
      [1.301, 1.3, 1.101, 1.1].map((ratio) => judge(cpu, comparing(ratio))),
      ['MISSED', 'reached', 'reached', 'reaches the aim'],
    )
  })

  it('reaches a target without an aim, but never its aim', () => {
    assert.equal(judge({ ...throughput, baseline: 'direct', mustReach: 8, aim: undefined }, comparing(12)), 'reached')
  })

  it('judges nothing where nothing is to be reached', () => {
    assert.equal(judge({ ...cpu, mustReach: undefined, aim: undefined }, comparing(99)), 'shown only')
  })
})

describe('judge, where the limit is to be no worse or a figure', () => {
  const noWorse: Target = { metric: 'p99Ms', baseline: 'pgbouncer', judged: 'ratio', mustReach: 1, aim: undefined }

  it('calls a draw level, and what is surely worse a miss', () => {
    assert.deepEqual(
      [comparing(0.99), comparing(1.02, 0.1), comparing(1.02, 0.01)].map((comparison) => judge(noWorse, comparison)),
      ['reached', 'level, within the noise', 'MISSED'],
    )
  })

  it('gives no draw on any other limit', () => {
    assert.equal(judge({ ...noWorse, mustReach: 1.01 }, comparing(1.02, 0.1)), 'MISSED')
  })

  it("judges Taxirank's own figure where the limit is one, whatever PgBouncer's is", () => {
    const kilobytes: Target = { metric: 'idleKb', baseline: 'pgbouncer', judged: 'value', mustReach: 3, aim: 2 }
    const figures = [2, 2.5, 3.1].map((ours) => compare([0, 0, 0], [ours, ours, ours]))
    assert.deepEqual(
      figures.map((comparison) => judge(kilobytes, comparison)),
      ['reaches the aim', 'reached', 'MISSED'],
    )
  })
})

describe('standing', () => {
  const comparison = (ratio: number, low: number, high: number): Comparison => {
    const ratios = [low, low, low, ratio, ratio, ratio, high, high, high]
    return { baseline: 1, ours: ratio, ratios, ratio, interval: { low, high, confidence: 0.95 } }
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
    const found = findings([{ name: 'measured', workload, rate: undefined, pairs: [pair, pair] }])
    assert.deepEqual(
      found.map(({ target, comparison, verdict }) => [target.metric, target.baseline, comparison.ratio, verdict]),
      [
        ['tps', 'pgbouncer', 0.95, 'reached'],
        ['tps', 'direct', 9.5, 'reached'],
        ['cpuMicros', 'pgbouncer', 1.2, 'shown only'],
      ],
    )
  })

  it('compares with whoever is in the place of PgBouncer', () => {
    const workload = workloads.find(({ name }) => name === 'track')
    assert.ok(workload)
    const pair = { first: 'allow', allow: run(1000, 100), taxirank: run(950, 104) } as const
    const found = findings([{ name: 'measured', workload, rate: undefined, pairs: [pair, pair] }])
    assert.deepEqual(
      found.map(({ comparison, verdict }) => [comparison.baseline, comparison.ratio, verdict]),
      [[100, 1.04, 'reached']],
    )
  })

  it('has nothing to say about a row that failed', () => {
    const [workload] = workloads
    assert.ok(workload)
    assert.deepEqual(findings([{ name: 'failed', workload, reason: 'a reason' }]), [])
  })
})
