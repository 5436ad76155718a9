/**
 * The simulator: the engine that lends connections in production, in virtual time. What is simulated is everything around it:
 * callers, instances, poolers as places, the database. A run follows from its scenario and its seed alone.
 */

import type { PoolCounters } from '../metrics/counters.ts'
import type { Application } from './application.ts'
import type { ApplicationFigures, DatabaseFigures, PoolFigures, SimulationFigures } from './figures.ts'
import { Sampler } from './sampler.ts'
import { type FailureSpec, mostConnectionsOf, type Scenario } from './scenario.ts'
import type { SimulatedPool } from './simulated-pool.ts'
import { World } from './world.ts'
import { sumOf } from './sum-of.ts'

/** Simulates a scenario that `readScenario` has checked. */
export function simulate(scenario: Scenario): SimulationFigures {
  const { seed, durationMs, warmUpMs } = scenario
  const world = new World(scenario)
  for (const failure of scenario.failures) schedule(failure, world)
  const sampler = new Sampler(world, durationMs)
  for (const application of world.applications) application.begin()
  world.time.run(warmUpMs)
  for (const application of world.applications) application.clear()
  const atStart = heldOf(world)
  const runningMs = world.database.processors.runningMs(warmUpMs)
  world.time.run(durationMs)
  const measuredMs = durationMs - warmUpMs
  const usedOf = (pools: readonly SimulatedPool[]): number => {
    return sumOf(pools, (pool) => heldMsOf(pool, durationMs) - (atStart.get(pool) ?? 0)) / measuredMs
  }
  const database = world.database.processors
  return {
    seed,
    durationMs,
    warmUpMs,
    requests: sumOf(world.applications, ({ total }) => total),
    acquires: sumOf(world.pools, acquiresOf),
    applications: world.applications.map((application) => applicationFigures(application, measuredMs, usedOf)),
    poolers: [...world.poolers].map(([name, poolers]) => {
      const pools = poolers.map(({ servers }) => servers)
      return poolFigures(name, pools, pools.length, usedOf(pools))
    }),
    database: databaseFigures(
      world,
      mostConnectionsOf(scenario),
      (database.runningMs(durationMs) - runningMs) / measuredMs,
    ),
    series: sampler.samples,
  }
}

function schedule(failure: FailureSpec, { time, database, applications }: World): void {
  const { atMs, lastsMs } = failure
  // The end is queued by the beginning: of two at the same instant either may happen first.
  const fromTo = ({ begin, end }: { begin: (now: number) => void; end: (now: number) => void }): void => {
    const happen = (now: number): void => {
      begin(now)
      time.at(now + lastsMs, { happen: end })
    }
    time.at(atMs, { happen })
  }
  if (failure.kind === 'database down') {
    return fromTo({ begin: (now) => database.goDown(now), end: () => database.comeBack() })
  }
  const application = applications.find(({ name }) => name === failure.application) as Application
  const some = application.instances.slice(0, Math.round(application.instances.length * failure.share))
  fromTo({ begin: (now) => application.stop(some, now), end: (now) => application.start(some, now) })
}

function heldOf(world: World): Map<SimulatedPool, number> {
  return new Map(world.pools.map((pool) => [pool, heldMsOf(pool, world.time.now)]))
}

function heldMsOf({ pool }: SimulatedPool, now: number): number {
  return pool.snapshot(now).heldMs
}

function applicationFigures(
  { name, instances, pools, asked, waitMs, latencyMs, failures }: Application,
  measuredMs: number,
  usedOf: (pools: readonly SimulatedPool[]) => number,
): ApplicationFigures {
  return {
    name,
    instances: instances.length,
    asked,
    served: waitMs.count,
    servedPerSecond: (waitMs.count * 1_000) / measuredMs,
    failures: Object.fromEntries(failures),
    waitMs: waitMs.snapshot(),
    latencyMs: latencyMs.snapshot(),
    ...(pools.length > 0 && { pools: poolFigures(name, pools, instances.length, usedOf(pools)) }),
  }
}

/** `used`: how many were leased, on average; `count`: at any one time. */
function poolFigures(name: string, pools: readonly SimulatedPool[], count: number, used: number): PoolFigures {
  const counters = pools.map(countersOf)
  const maxSize = pools[0]?.spec.maxSize ?? 0
  return {
    name,
    count,
    maxSize,
    utilisation: used / (count * maxSize),
    peakSize: Math.max(0, ...pools.map(({ peakSize }) => peakSize)),
    peakWaiting: Math.max(0, ...pools.map(({ peakWaiting }) => peakWaiting)),
    opened: sumOf(counters, ({ opened }) => opened),
    openFailures: sumOf(counters, ({ openFailures }) => openFailures),
  }
}

function countersOf({ pool, time }: SimulatedPool): PoolCounters {
  return pool.snapshot(time.now).counters
}

function acquiresOf(pool: SimulatedPool): number {
  const { leases, timedOut, queueFull, refused } = countersOf(pool)
  return leases + timedOut + queueFull + refused + pool.pool.waiting
}

function databaseFigures({ database }: World, poolConnections: number, meanRunning: number): DatabaseFigures {
  const { mostConnections, peakConnections, refused, opened, processors } = database
  const { mostRunning } = processors
  return { mostConnections, poolConnections, peakConnections, refused, opened, meanRunning, mostRunning }
}
