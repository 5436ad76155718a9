/** What the pool decides, in virtual time: the same figures on every machine. */

import { Random } from '../../test/engine/random.ts'
import { type Fate, type Sample, VirtualPool } from './virtual-pool.ts'

/** 1,000 callers at once and nothing open. */
export function coldStart(): {
  readonly opened: number
  readonly lastServedMs: number
  readonly samples: readonly Sample[]
} {
  const world = new VirtualPool({ pool: { maxSize: 1_000 }, openingMs: 20, holdMs: () => 1 })
  world.ask(1_000)
  world.run(1_000)
  return { opened: world.openings.length, lastServedMs: lastServed(world.fates), samples: until(world.samples, 120) }
}

/** HikariCP's spike: 50 callers at once, five connections open, opening takes 75 times as long as a query. */
export function spike(): {
  readonly opened: number
  readonly lastServedMs: number
  readonly samples: readonly Sample[]
} {
  const world = new VirtualPool({ pool: { maxSize: 50, minSize: 5 }, openingMs: 150, holdMs: () => 2 })
  world.run(1_000)
  world.ask(50)
  const begin = world.now
  world.run(2_000)
  const samples = world.samples.filter(({ atMs }) => atMs >= begin).map((one) => ({ ...one, atMs: one.atMs - begin }))
  return { opened: world.openings.length, lastServedMs: lastServed(world.fates), samples: until(samples, 30) }
}

export interface OutageFigures {
  readonly attempts: readonly number[]
  readonly firstSuccessMs: number
  readonly backAtMs: number
  readonly openingMs: number
  readonly samples: readonly Sample[]
}

/** 100 callers, and a database that is down for 10 s. `random` is what the jitter is made of. */
export function outage(random: () => number): OutageFigures {
  const backAtMs = 10_000
  const openingMs = 20
  const isDown = (now: number): boolean => now < backAtMs
  const world = new VirtualPool({ pool: { maxSize: 20 }, openingMs, holdMs: () => 50, isDown, random })
  world.ask(100)
  world.run(12_000)
  const attempts = world.attempts.filter((at) => at + openingMs <= (world.openings[0] ?? Infinity))
  return { attempts, firstSuccessMs: world.openings[0] ?? Infinity, backAtMs, openingMs, samples: world.samples }
}

export interface OverloadFigures {
  readonly fates: readonly Fate[]
  readonly served: number
  readonly refused: number
}

/** Ten resources, holds of 10 ms: 1,000 callers a second can be served. For 5 s there come 1,500, before and after 700. */
export function overload(isShedding: boolean): OverloadFigures {
  const random = new Random(7)
  const shedding = { targetMs: 50, intervalMs: 200 }
  const world = new VirtualPool({
    pool: { maxSize: 10, minSize: 10, ...(isShedding && { shedding }) },
    openingMs: 20,
    holdMs: () => 10,
  })
  world.run(1_000)
  const begin = world.now
  const arrive = (now: number): void => {
    const at = now - begin
    const perMs = at >= 2_000 && at < 7_000 ? 1.5 : 0.7
    const count = poisson(perMs, random)
    if (count > 0) world.ask(count)
    if (at < 12_000) world.at(now + 1, arrive)
  }
  arrive(begin)
  world.run(30_000)
  const fates = world.fates.map((fate) => ({ ...fate, askedAtMs: fate.askedAtMs - begin }))
  const served = fates.filter(({ isServed }) => isServed).length
  return { fates, served, refused: fates.length - served }
}

/** Batch jobs fill the pool, and every 100 ms somebody looks whether all is well: with and without a place kept for them. */
export function healthChecks(reserved: number): {
  readonly waits: readonly (readonly [atMs: number, waitedMs: number])[]
} {
  const lanes = [
    { name: 'batch', reserved: 0 },
    { name: 'health', reserved },
  ]
  const isCheck = (caller: number): boolean => caller >= batchCallers
  const batchCallers = 400
  const world = new VirtualPool({
    pool: { maxSize: 10, minSize: 10, lanes },
    openingMs: 20,
    holdMs: (caller) => (isCheck(caller) ? 1 : 100),
  })
  world.run(1_000)
  const begin = world.now
  world.ask(batchCallers, 0)
  const checks: number[] = []
  const check = (now: number): void => {
    checks.push(now)
    world.ask(1, 1)
    if (now - begin < 5_000) world.at(now + 100, check)
  }
  world.at(begin + 50, check)
  world.run(20_000)
  const waits = world.fates
    .filter(({ askedAtMs }) => checks.includes(askedAtMs))
    .map(({ askedAtMs, waitedMs }) => [askedAtMs - begin, waitedMs] as const)
  return { waits: waits.toSorted(([a], [b]) => a - b) }
}

/** Knuth, "The Art of Computer Programming", vol. 2, 3.4.1: multiplies uniform numbers until their product is small. */
function poisson(mean: number, random: Random): number {
  const least = Math.exp(-mean)
  let count = 0
  for (let product = random.next(); product > least; product *= random.next()) count++
  return count
}

function lastServed(fates: readonly Fate[]): number {
  return Math.max(...fates.map(({ waitedMs }) => waitedMs))
}

function until(samples: readonly Sample[], ms: number): readonly Sample[] {
  return samples.filter(({ atMs }) => atMs <= ms)
}
