import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Histogram } from '../metrics/histogram.ts'
import type { SimulationFigures } from './figures.ts'
import { simulationText, sweepText } from './simulation-text.ts'
import type { SweepPoint } from './sweep.ts'

function histogramOf(...durationsMs: number[]) {
  const histogram = new Histogram()
  for (const ms of durationsMs) histogram.record(ms)
  return histogram.snapshot()
}

const pool = { name: 'web', count: 50, maxSize: 20, utilisation: 0.25, peakSize: 4, peakWaiting: 0, opened: 1_090 }
const web = { name: 'web', instances: 50, asked: 10, served: 2, servedPerSecond: 2_000.4 }
const figures: SimulationFigures = {
  seed: 7,
  durationMs: 3_600_000,
  warmUpMs: 500,
  requests: 10,
  acquires: 12,
  applications: [
    {
      ...web,
      failures: { server_lost: 3, acquire_timeout: 1_234 },
      waitMs: histogramOf(0, 7),
      latencyMs: histogramOf(2, 1_500),
      pools: { ...pool, openFailures: 0 },
    },
    {
      ...web,
      name: 'nobody',
      served: 0,
      servedPerSecond: 0,
      failures: {},
      waitMs: histogramOf(),
      latencyMs: histogramOf(),
    },
  ],
  poolers: [],
  database: {
    mostConnections: 97,
    poolConnections: 1_000,
    peakConnections: 97,
    refused: 292,
    opened: 109,
    meanRunning: 7.031,
    mostRunning: 37,
  },
  series: [],
}

describe('simulationText', () => {
  it('has a row for each application and pool, why requests failed, the most frequent first, and the database', () => {
    const lines = [
      '3,600 s simulated, of which the first 0.5 s do not count; seed 7',
      '  application  served/s  failed  wait p50   p99   max  latency p50    p99    max',
      '  web             2,000   1,237      0 ms  7 ms  7 ms      2.02 ms  1.5 s  1.5 s',
      '  nobody              0       0         –     –     –            –      –      –',
      '  web failed: 1,234 × acquire_timeout, 3 × server_lost',
      '',
      '  pool  pools  size  used  open at most  waiting at most  opened',
      '  web      50    20   25%             4                0   1,090',
      '',
      '  database: at most 97 of 97 connections (all pools together may have 1,000), 292 turned away; ' +
        '7.03 statements ran at once on average, 37 at most',
      '',
    ]
    assert.deepEqual(simulationText(figures).split('\n'), lines)
  })

  it('has no table of pools, and no sum of them, where there are none', () => {
    const { pools: _, ...direct } = figures.applications[0] as SimulationFigures['applications'][0]
    const database = { ...figures.database, poolConnections: 0, refused: 0 }
    const text = simulationText({ ...figures, applications: [direct], database })
    assert.doesNotMatch(text, /open at most|together|turned away/)
  })
})

describe('sweepText', () => {
  const point = (value: number, servedPerSecond: number, failedShare: number, latencyP99Ms: number): SweepPoint => {
    const times = { waitP50Ms: 0, waitP99Ms: 1, latencyP50Ms: 5, latencyP99Ms }
    return { value, servedPerSecond, failedShare, ...times, peakConnections: value, utilisation: Number.NaN }
  }
  const plan = { key: 'web.pool_size', values: [2, 4, 8] }

  it('has a row for each value, and says what the knee is', () => {
    const points = [point(2, 50, 0.5, 900), point(4, 100, 0, 10.5), point(8, 101, 0.0004, 10)]
    assert.deepEqual(sweepText(plan, points).split('\n'), [
      '  web.pool_size  served/s  failed  wait p99  latency p50  latency p99  used  connections',
      '              2        50     50%      1 ms         5 ms       900 ms     –            2',
      '              4       100      0%      1 ms         5 ms      10.5 ms     –            4',
      '              8       101   0.04%      1 ms         5 ms        10 ms     –            8',
      '',
      'The knee is web.pool_size = 4: the smallest that serves 98% of the most, fails hardly more often than the best, and has ' +
        'a latency p99 within 1.1 of the shortest.',
      '',
    ])
  })

  it('says so if the knee is the last that was tried, and nothing of a knee where nobody was served', () => {
    assert.match(
      sweepText(plan, [point(2, 50, 0, 9), point(4, 100, 0, 9)]),
      /shortest\. It is the largest that was tried/,
    )
    assert.doesNotMatch(sweepText(plan, [point(2, 0, 1, Number.NaN), point(4, 0, 1, Number.NaN)]), /knee/)
  })
})
