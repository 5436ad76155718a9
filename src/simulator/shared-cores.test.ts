/**
 * The simulated database, and callers who wait for their answers, against what queueing theory says exactly: it must lie in the
 * 99 % interval of what is simulated.
 */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  constant,
  durationMsOf,
  exponential,
  logNormal,
  meanLatencyMs,
  meanWaitMs,
  mixed,
  over,
  poisson,
  queueOf,
  runs,
  serviceMs,
} from '../../test/support/queue-runs.ts'
import { assertAgrees, type Estimate } from '../../test/support/replications.ts'
import { mmc } from '../sizing/waiting.ts'
import type { DurationSpec } from './durations.ts'
import type { SimulationFigures } from './figures.ts'
import type { LoadSpec } from './scenario.ts'

describe('a simulated database whose cores are shared', () => {
  const services: [name: string, service: DurationSpec][] = [
    ['exponential', exponential],
    ['constant', constant],
    ['log-normal, cv 2', logNormal(2)],
    ['by percentiles', mixed],
  ]

  /** Sharing is insensitive: how long one takes doesn't depend on how service is distributed, but for its mean. */
  for (const [name, service] of services) {
    for (const cores of [1, 4]) {
      const utilisation = 0.8
      it(`takes as long as theory says of processor sharing, whatever it does: ${name}, ${cores} at ${utilisation}`, () => {
        const queue = queueOf(cores, utilisation)
        const figures = runs({
          load: poisson(queue.arrivalsPerSecond),
          service,
          poolSize: 500,
          durationMs: durationMsOf(queue, 30_000),
          database: { cores },
        })
        assert.ok(figures.every(({ applications }) => applications[0]?.waitMs.maxMs === 0))
        const latencyMs = cores === 1 ? serviceMs / (1 - utilisation) : serviceMs + mmc(queue).meanWaitMs
        assertAgrees('mean response', meanLatencyMs(figures), latencyMs)
      })
    }
  }

  it('lets callers wait for a pool that is larger than the database is quick', () => {
    // As many are there as in M/M/4; beyond 4 each is as many times rarer than the one before as the database is used.
    const queue = queueOf(4, 0.9)
    const figures = runs({
      load: poisson(queue.arrivalsPerSecond),
      service: exponential,
      poolSize: 10,
      durationMs: durationMsOf(queue, 30_000),
      database: { cores: 4 },
    })
    assertAgrees('mean wait', meanWaitMs(figures), mmc(queue).meanWaitMs * 0.9 ** (10 - 4))
    assertAgrees('mean response', meanLatencyMs(figures), serviceMs + mmc(queue).meanWaitMs)
  })
})

/**
 * The machine repairman, exactly: of `callers` who think for `thinkMs` on average, so many are served a second if `at(n)`
 * services go on at a time while `n` have asked. The chances of n are those of births and deaths.
 */
function servedPerSecond(callers: number, thinkMs: number, at: (asked: number) => number): number {
  let chance = 1
  let all = 1
  let served = 0
  for (let asked = 1; asked <= callers; asked++) {
    chance *= ((callers - asked + 1) * serviceMs) / (thinkMs * at(asked))
    all += chance
    served += chance * at(asked)
  }
  return (served * 1_000) / (all * serviceMs)
}

describe('simulated callers who come again when they have been answered', () => {
  const thinkMs = 400
  const thinks: DurationSpec[] = [
    { kind: 'exponential', meanMs: thinkMs },
    { kind: 'fixed', ms: thinkMs },
  ]
  const closed = (callers: number, think = thinks[0] as DurationSpec): LoadSpec => ({ kind: 'closed', callers, think })
  const served = (figures: readonly SimulationFigures[]): Estimate =>
    over(figures, (callers) => callers.servedPerSecond)

  for (const [callers, poolSize] of [
    [6, 1],
    [20, 4],
    [40, 10],
  ] as const) {
    it(`are served as machines by their repairmen: ${callers} and a pool of ${poolSize}`, () => {
      const figures = runs({ load: closed(callers), service: exponential, poolSize, durationMs: 500_000 })
      const exact = servedPerSecond(callers, thinkMs, (asked) => Math.min(asked, poolSize))
      assertAgrees('served a second', served(figures), exact)
      assertAgrees('mean wait', meanWaitMs(figures), (callers * 1_000) / exact - thinkMs - serviceMs)
    })
  }

  for (const [callers, cores] of [
    [6, 1],
    [20, 4],
  ] as const) {
    for (const [name, service] of [
      ['exponential', exponential],
      ['log-normal', logNormal(2)],
    ] as const) {
      it(`are served as fast by shared cores, whatever is distributed how: ${callers} and ${cores}, ${name} service`, () => {
        const exact = servedPerSecond(callers, thinkMs, (asked) => Math.min(asked, cores))
        for (const think of thinks) {
          const setting = { load: closed(callers, think), service, poolSize: callers + 5, durationMs: 500_000 }
          assertAgrees('served a second', served(runs({ ...setting, database: { cores } })), exact)
        }
      })
    }
  }

  it('are served by a database as quick as was measured', () => {
    const throughput = [
      [1, 10],
      [5, 30],
      [9, 22],
    ] as const
    const at = (asked: number): number => {
      if (asked <= 5) return 1 + (asked - 1) * 0.5
      return Math.max(2.2, 3 - (asked - 5) * 0.2)
    }
    const setting = { load: closed(12), service: exponential, poolSize: 15, durationMs: 500_000 }
    const figures = runs({ ...setting, database: { throughput } })
    assertAgrees('served a second', served(figures), servedPerSecond(12, thinkMs, at))
  })
})
