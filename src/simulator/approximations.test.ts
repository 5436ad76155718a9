/** How far the formulas that approximate are off, by what is simulated. Each error is printed, with its 99 % interval. */

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import {
  durationMsOf,
  logNormal,
  meanWaitMs,
  open,
  queueOf,
  queueRuns,
  runs,
  serviceMs,
} from '../../test/support/queue-runs.ts'
import type { Estimate } from '../../test/support/replications.ts'
import { Random } from '../random.ts'
import { mdc } from '../sizing/mdc.ts'
import { mgc } from '../sizing/mgc.ts'
import { gg1, ggc } from '../sizing/waiting.ts'
import type { ArrivalSpec } from './arrivals.ts'
import { type DurationSpec, durationsOf } from './durations.ts'
import type { LoadSpec } from './scenario.ts'

/** How much more an approximation says than was simulated, in percent. */
function errorOf(approximateMs: number, { mean }: Estimate): number {
  return (approximateMs / mean - 1) * 100
}

function told(what: string, approximateMs: number, estimate: Estimate): string {
  const { mean, half } = estimate
  const error = errorOf(approximateMs, estimate)
  const sign = error < 0 ? '' : '+'
  const [said, simulated, off] = [approximateMs, mean, half].map((ms) => ms.toFixed(2))
  return `${what}: ${said} ms, simulated ${simulated} ± ${off} ms: ${sign}${error.toFixed(1)} %`
}

/** Each is simulated once, however many formulas are held against it. */
const simulatedWaits = new Map<string, Estimate>()

function simulatedWait(servers: number, cv: number, utilisation: number): Estimate {
  const key = `${servers} ${cv} ${utilisation}`
  const known = simulatedWaits.get(key)
  const estimate =
    known ?? meanWaitMs(queueRuns(queueOf(servers, utilisation), logNormal(cv), cv > 1 ? 40_000 : 30_000))
  simulatedWaits.set(key, estimate)
  return estimate
}

const busy = [0.7, 0.8, 0.9] as const

describe("Kimura's approximation of M/G/c", () => {
  for (const servers of [4, 20]) {
    for (const cv of [0.5, 2]) {
      it(`is within 15 % from a utilisation of 0.7 on: ${servers} servers, log-normal service, cv ${cv}`, (t) => {
        for (const utilisation of busy) {
          const approximateMs = mgc({ ...queueOf(servers, utilisation), serviceScv: cv ** 2 }).meanWaitMs
          const simulated = simulatedWait(servers, cv, utilisation)
          t.diagnostic(told(`Kimura, M/G/${servers} at ${utilisation}, cv ${cv}`, approximateMs, simulated))
          assert.ok(Math.abs(errorOf(approximateMs, simulated)) <= 15)
        }
      })
    }
  }
})

describe('the approximation of Allen and Cunneen', () => {
  const errorAt = (t: TestContext, servers: number, cv: number, utilisation: number): number => {
    const queue = queueOf(servers, utilisation)
    const simulated = simulatedWait(servers, cv, utilisation)
    const approximateMs = ggc({ ...queue, arrivalScv: 1, serviceScv: cv ** 2 }).meanWaitMs
    t.diagnostic(told(`Allen-Cunneen, M/G/${servers} at ${utilisation}, cv ${cv}`, approximateMs, simulated))
    return errorOf(approximateMs, simulated)
  }

  for (const servers of [4, 20]) {
    it(`is within 15 % from a utilisation of 0.7 on: ${servers} servers, log-normal service, cv 0.5`, (t) => {
      for (const utilisation of [0.7, 0.8, 0.9]) assert.ok(Math.abs(errorAt(t, servers, 0.5, utilisation)) <= 15)
    })
  }

  it('is within 15 % from a utilisation of 0.8 on: 4 servers, log-normal service, cv 2', (t) => {
    for (const utilisation of [0.8, 0.9]) assert.ok(Math.abs(errorAt(t, 4, 2, utilisation)) <= 15)
  })

  // In runs of four million requests and more: 23 % (± 4) for 4 servers; 60 (± 15), 40 (± 12) and 18 % (± 10) for 20.
  it('says too much where service varies more than exponentially and it is seldom that all wait', (t) => {
    for (const [servers, utilisation] of [
      [4, 0.7],
      [20, 0.7],
      [20, 0.8],
      [20, 0.9],
    ] as const) {
      assert.ok(errorAt(t, servers, 2, utilisation) > 0)
    }
  })

  it('is within 15 % for constant service, except for many servers at 0.7, and says too little', (t) => {
    for (const servers of [4, 10, 20]) {
      for (const utilisation of [0.7, 0.8, 0.9]) {
        const queue = queueOf(servers, utilisation)
        const [approximate, exact] = [ggc({ ...queue, arrivalScv: 1, serviceScv: 0 }), mdc(queue)]
        const error = (approximate.meanWaitMs / exact.meanWaitMs - 1) * 100
        t.diagnostic(`Allen-Cunneen, M/D/${servers} at ${utilisation}: ${error.toFixed(1)} %`)
        assert.ok(error < 0 && error >= (servers === 20 && utilisation === 0.7 ? -19 : -15))
      }
    }
  })
})

/** Arrivals whose gaps are drawn, each by itself. */
function renewals(gaps: DurationSpec, durationMs: number, seed: number): ArrivalSpec {
  const drawn = durationsOf(gaps, new Random(seed).fork(1_000))
  const atMs: number[] = []
  for (let now = drawn.next(); now < durationMs; now += drawn.next()) atMs.push(now)
  return { kind: 'replayed', atMs: Float64Array.from(atMs) }
}

describe("Kingman's approximation", () => {
  for (const [arrivalCv, serviceCv] of [
    [0.5, 0.5],
    [0.5, 2],
    [2, 0.5],
    [2, 2],
  ] as const) {
    it(`is a fifth off at most at 0.9: cv ${arrivalCv} of arrivals, ${serviceCv} of service`, (t) => {
      const errors = [0.7, 0.9].map((utilisation) => {
        const queue = queueOf(1, utilisation)
        const durationMs = durationMsOf(queue, 20_000)
        const gaps: DurationSpec = { kind: 'log-normal', meanMs: serviceMs / utilisation, cv: arrivalCv }
        const load = (seed: number): LoadSpec => open(renewals(gaps, durationMs * 1.1, seed))
        const simulated = meanWaitMs(runs({ load, service: logNormal(serviceCv), poolSize: 1, durationMs }))
        const approximateMs = gg1({ ...queue, arrivalScv: arrivalCv ** 2, serviceScv: serviceCv ** 2 }).meanWaitMs
        t.diagnostic(told(`Kingman, cv ${arrivalCv} and ${serviceCv} at ${utilisation}`, approximateMs, simulated))
        return errorOf(approximateMs, simulated)
      })
      assert.ok(Math.abs(errors[1] as number) <= 20)
    })
  }
})
