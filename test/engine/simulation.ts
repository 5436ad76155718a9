/** Random commands with faults against one world after the other, each with options of its own; a failure names its seed. */

import { type Command, picks, tolds, type WorldOptions } from './commands.ts'
import { Random } from './random.ts'
import { World } from './world.ts'

const stepsPerWorld = 500

export interface SimulationReport {
  readonly steps: number
  readonly worlds: number
}

/** Throws at the first breach of the contract, with the world's seed and step. */
export function simulate(
  steps: number,
  seed: number,
  progress: (steps: number) => void = () => undefined,
): SimulationReport {
  let done = 0
  let worlds = 0
  while (done < steps) {
    const count = Math.min(stepsPerWorld, steps - done)
    simulateWorld(seed + worlds, count)
    worlds++
    done += count
    progress(done)
  }
  return { steps: done, worlds }
}

function simulateWorld(seed: number, steps: number): void {
  const random = new Random(seed)
  const options = randomOptions(random)
  const world = new World(options)
  let step = 0
  try {
    for (; step < steps; step++) world.run(randomCommand(random, options), random.below(3))
    world.settle()
  } catch (error) {
    throw new Error(`broken at step ${step} of seed ${seed}: ${(error as Error).message}`, { cause: error })
  }
}

function randomOptions(random: Random): WorldOptions {
  const off = (...values: number[]): number => (random.chance(0.6) ? 0 : random.pick(values))
  const reserved = off(1)
  const maxSize = reserved + 1 + random.below(5)
  return {
    maxSize,
    minSize: Math.min(off(1, 2), maxSize),
    reserveSize: off(1, 2),
    reserveAfterMs: random.pick([100, 200]),
    waitTimeoutMs: off(300, 1_000),
    maxWaiting: off(3, 8),
    reserved,
    isShedding: random.chance(0.3),
    isRoundRobin: random.chance(0.3),
    sharedDepth: 1 + random.below(3),
    retryMaxMs: random.pick([50, 100, 1_000]),
    lifetimeMs: off(400, 1_000, 5_000),
    idleTimeoutMs: off(250, 1_000),
    checkAfterMs: random.chance(0.6) ? Infinity : random.pick([0, 100, 300]),
    keepAliveMs: off(200, 900),
    checkTimeoutMs: random.pick([100, 0]),
    resetTimeoutMs: random.pick([100, 0]),
    leakAfterMs: off(200, 2_000),
    limit: off(1, 3, 5),
    limit2: off(1, 2, 4),
    canReset: random.chance(0.5),
    isPrompt: random.chance(0.2),
  }
}

const weights = picks.reduce((sum, [, weight]) => sum + weight, 0)

function randomCommand(random: Random, options: WorldOptions): Command {
  const which = random.below(8)
  const at = random.below(60)
  if (at < 18) return randomAcquire(random, options)
  if (at < 28) return { do: 'advance', ms: random.below(random.chance(0.1) ? 1_000 : 60) }
  if (at < 55) return { do: randomPick(random), which }
  if (at < 58) return { do: 'openFailed', which, told: random.pick(tolds) }
  return randomOrder(random)
}

function randomAcquire(random: Random, options: WorldOptions): Command {
  return {
    do: 'acquire',
    mode: random.chance(0.3) ? 'shared' : 'exclusive',
    stateKey: random.below(3),
    lane: options.reserved > 0 ? random.below(2) : 0,
    timeoutMs: random.chance(0.8) ? 0 : random.pick([50, 700]),
    reaction: random.chance(0.6) ? 'keep' : random.pick(['give back', 'ask again']),
  }
}

function randomPick(random: Random): (typeof picks)[number][0] {
  let left = random.below(weights)
  for (const [name, weight] of picks) {
    left -= weight
    if (left < 0) return name
  }
  return 'release'
}

/** What an operator does; seldom the end of a pool, so that the others happen to one that lives. */
function randomOrder(random: Random): Command {
  const at = random.below(60)
  if (at < 12) return { do: 'resize', maxSize: 1 + random.below(5), minSize: random.below(4) }
  if (at < 20) return { do: 'resizeLimit', max: 1 + random.below(6) }
  if (at < 28) return { do: 'pause' }
  if (at < 44) return { do: 'resume' }
  if (at < 50) return { do: 'retireAll' }
  if (at < 58) return { do: 'suspect' }
  return { do: 'drain', ms: 50 + random.below(500), waiting: random.pick(['serve', 'refuse']) }
}
