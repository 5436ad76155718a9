/**
 * The simulator against what queueing theory says exactly: it must lie in the 99 % interval of what is simulated. Of
 * comparisons one in a hundred fails by chance; which, the seeds have settled.
 */

import { describe, it } from 'node:test'
import { assertClose } from '../../test/support/assert-close.ts'
import {
  constant,
  durationMsOf,
  exponential,
  logNormal,
  meanWaitMs,
  mixed,
  mixedScv,
  open,
  over,
  poisson,
  queueOf,
  queueRuns,
  runs,
  serviceMs,
} from '../../test/support/queue-runs.ts'
import { assertAgrees, type Estimate, estimateOf } from '../../test/support/replications.ts'
import { meanOf, percentileOf } from '../metrics/histogram.ts'
import { mdc } from '../sizing/mdc.ts'
import { waitPercentileMs } from '../sizing/wait-percentile.ts'
import { mg1, mmc } from '../sizing/waiting.ts'
import { type DurationSpec, meanMsOf } from './durations.ts'
import type { ApplicationFigures, SimulationFigures } from './figures.ts'

function waitProbability(figures: readonly SimulationFigures[]): Estimate {
  return over(figures, ({ waitMs: { buckets, count } }) => {
    const [upToMs, atOnce] = buckets[0] as readonly [number, number]
    return upToMs === 0 ? 1 - atOnce / count : 1
  })
}

/** What a percentile of a histogram is too long by at most: the width of a bucket. */
const bucketWidth = 1 / 32

describe('a simulated queue of Poisson arrivals and exponential service', () => {
  const settings: [servers: number, utilisation: number, requests?: number][] = [
    [1, 0.3],
    [1, 0.5],
    [1, 0.7],
    [1, 0.8],
    [1, 0.9, 60_000],
    [1, 0.95, 24_000],
    [4, 0.3],
    [4, 0.5],
    [4, 0.8],
    [4, 0.9, 60_000],
    [20, 0.7, 60_000],
    [20, 0.8, 60_000],
    [20, 0.95, 24_000],
  ]
  for (const [servers, utilisation, requests] of settings) {
    it(`waits as Erlang C says, ${servers} at ${utilisation}: how often, how long, how long the unlucky`, () => {
      const queue = queueOf(servers, utilisation)
      const figures = queueRuns(queue, exponential, requests)
      const exact = mmc(queue)
      assertAgrees('mean wait', meanWaitMs(figures), exact.meanWaitMs)
      assertAgrees('wait probability', waitProbability(figures), exact.waitProbability)
      const p99 = over(figures, ({ waitMs }) => percentileOf(waitMs, 99))
      assertAgrees('99th percentile', p99, waitPercentileMs(queue, 99), bucketWidth)
    })
  }
})

describe('a simulated queue that is one of several, or in a pooler', () => {
  const queue = queueOf(4, 0.8)
  const { arrivalsPerSecond } = queue
  const setting = { service: exponential, poolSize: 4, durationMs: durationMsOf(queue, 30_000) }

  it('waits as Erlang C says, if instances get their callers at random', () => {
    const figures = runs({ ...setting, load: poisson(3 * arrivalsPerSecond), instances: 3 })
    assertAgrees('mean wait', meanWaitMs(figures), mmc(queue).meanWaitMs)
  })

  it('waits as Erlang C says, if all instances go through one pooler', () => {
    const figures = runs({ ...setting, load: poisson(arrivalsPerSecond), instances: 3, hasPooler: true })
    assertAgrees('mean wait', meanWaitMs(figures), mmc(queue).meanWaitMs)
  })
})

describe('a simulated queue of Poisson arrivals and one server', () => {
  const settings: [name: string, service: DurationSpec, serviceScv: number, utilisation: number, requests?: number][] =
    [
      ['log-normal service, cv 0.5', logNormal(0.5), 0.25, 0.3],
      ['log-normal service, cv 0.5', logNormal(0.5), 0.25, 0.7],
      ['log-normal service, cv 0.5', logNormal(0.5), 0.25, 0.95, 8_000],
      ['log-normal service, cv 2', logNormal(2), 4, 0.3, 100_000],
      ['log-normal service, cv 2', logNormal(2), 4, 0.7, 100_000],
      ['log-normal service, cv 2', logNormal(2), 4, 0.9, 40_000],
      ['constant service', constant, 0, 0.3],
      ['constant service', constant, 0, 0.7],
      ['constant service', constant, 0, 0.95, 8_000],
      ['service by percentiles', mixed, mixedScv, 0.5],
      ['service by percentiles', mixed, mixedScv, 0.9],
    ]
  for (const [name, service, serviceScv, utilisation, requests] of settings) {
    it(`waits as Pollaczek and Khinchine say: ${name}, at ${utilisation}`, () => {
      assertClose(meanMsOf(service), serviceMs)
      const queue = queueOf(1, utilisation)
      const figures = queueRuns(queue, service, requests)
      assertAgrees('mean wait', meanWaitMs(figures), mg1({ ...queue, serviceScv }).meanWaitMs)
      assertAgrees('wait probability', waitProbability(figures), utilisation)
    })
  }
})

describe('a simulated queue of Poisson arrivals and constant service', () => {
  const settings: [servers: number, utilisation: number, requests?: number][] = [
    [1, 0.9],
    [2, 0.3],
    [2, 0.7],
    [2, 0.95, 8_000],
    [4, 0.5],
    [4, 0.9],
    [10, 0.7],
    [10, 0.8],
    [10, 0.95, 8_000],
  ]
  for (const [servers, utilisation, requests] of settings) {
    it(`waits as Crommelin's formula says, ${servers} at ${utilisation}`, () => {
      const queue = queueOf(servers, utilisation)
      const figures = queueRuns(queue, constant, requests)
      const exact = mdc(queue)
      assertAgrees('mean wait', meanWaitMs(figures), exact.meanWaitMs)
      assertAgrees('wait probability', waitProbability(figures), exact.waitProbability)
    })
  }
})

describe('what holds in every queue', () => {
  const load = poisson(32)
  const away: DurationSpec = { kind: 'exponential', meanMs: 25 }
  const figures = (): SimulationFigures[] =>
    runs({ load, service: { kind: 'exponential', meanMs: 75 }, away, poolSize: 4, durationMs: 1_000_000 })

  it('holds in a simulated one: as many are leased, and work, as come times how long they hold, and work', () => {
    const all = figures()
    const leased = (callers: ApplicationFigures): number => 4 * (callers.pools?.utilisation ?? 0)
    assertAgrees('leased', over(all, leased), 32 * 0.1)
    assertAgrees('running', estimateOf(all.map(({ database }) => database.meanRunning)), 32 * 0.075)
    for (const { applications } of all) {
      const callers = applications[0] as ApplicationFigures
      const holdMs = meanOf(callers.latencyMs) - meanOf(callers.waitMs)
      // Of 32,000 requests, up to 4 at each end are counted on one side only.
      assertClose(leased(callers), (callers.servedPerSecond * holdMs) / 1_000, 8 / 32_000)
    }
  })

  it('holds in a simulated one: as many wait as come times how long they wait', () => {
    const queue = queueOf(4, 0.8)
    const waiting = queueRuns(queue, exponential).map(({ series, warmUpMs }) => {
      const samples = series.filter(({ atMs }) => atMs > warmUpMs)
      return samples.reduce((sum, sample) => sum + sample.waiting, 0) / samples.length
    })
    assertAgrees('waiting', estimateOf(waiting), mmc(queue).meanWaiting)
  })
})

describe('a simulated queue of regular arrivals and exponential service', () => {
  it('waits as the root of its equation says', () => {
    for (const utilisation of [0.5, 0.9]) {
      // An arrival finds n there with the chance (1 - root) · rootⁿ, root = e^(-(1 - root) / utilisation) (D/M/1).
      let root = 0
      for (let step = 0; step < 1_000; step++) root = Math.exp((root - 1) / utilisation)
      const queue = queueOf(1, utilisation)
      const load = open({ kind: 'regular', perSecond: queue.arrivalsPerSecond })
      const figures = runs({ load, service: exponential, poolSize: 1, durationMs: durationMsOf(queue, 30_000) })
      assertAgrees('mean wait', meanWaitMs(figures), (root / (1 - root)) * serviceMs)
      assertAgrees('wait probability', waitProbability(figures), root)
    }
  })
})
