/** How many acquires the simulator does in a second, on one core: a pool of 20 that is used by 80 %. */

import type { Scenario } from '../../src/simulator/scenario.ts'
import { simulate } from '../../src/simulator/simulate.ts'

const runs = 9
const servers = 20
const utilisation = 0.8
const serviceMs = 10
const requests = 3_000_000

/** Acquires a second, of each run. */
export function simulatorSpeed(): number[] {
  return Array.from({ length: runs }, (_, index) => {
    const startedAtMs = performance.now()
    const { acquires } = simulate(scenarioOf(index + 1))
    return (acquires * 1_000) / (performance.now() - startedAtMs)
  })
}

function scenarioOf(seed: number): Scenario {
  const perSecond = (servers * utilisation * 1_000) / serviceMs
  const durationMs = (requests * 1_000) / perSecond
  const none = { kind: 'fixed', ms: 0 } as const
  return {
    seed,
    durationMs,
    warmUpMs: durationMs / 10,
    database: { cores: servers, maxConnections: servers, reservedConnections: 0, connect: none, connectWorkMs: 0 },
    poolers: [],
    applications: [
      {
        name: 'a',
        instances: 1,
        load: { kind: 'open', arrivals: { kind: 'poisson', perSecond }, balance: 'round robin' },
        service: { kind: 'exponential', meanMs: serviceMs },
        away: none,
        pool: { maxSize: servers, minSize: servers, waitTimeoutMs: 30_000 },
        connectsEachTime: false,
      },
    ],
    failures: [],
  }
}
