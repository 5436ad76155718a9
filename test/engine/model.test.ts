import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { type Command, picks, tolds, type WorldOptions } from './commands.ts'
import { World } from './world.ts'

const which = fc.nat({ max: 7 })
const acquire = fc.record({
  do: fc.constant('acquire' as const),
  mode: fc.constantFrom('exclusive' as const, 'exclusive' as const, 'shared' as const),
  stateKey: fc.nat({ max: 2 }),
  lane: fc.constant(0),
  timeoutMs: fc.constantFrom(0, 0, 50, 700),
  reaction: fc.constantFrom('keep' as const, 'keep' as const, 'give back' as const, 'ask again' as const),
})
const time = fc.integer({ min: 0, max: 12 }).map((n) => n * 50)
const command: fc.Arbitrary<Command> = fc.oneof(
  { arbitrary: acquire, weight: 12 },
  ...picks.map(([name, weight]) => ({ arbitrary: fc.record({ do: fc.constant(name), which }), weight })),
  {
    arbitrary: fc.record({ do: fc.constant('openFailed' as const), which, told: fc.constantFrom(...tolds) }),
    weight: 3,
  },
  { arbitrary: fc.record({ do: fc.constant('advance' as const), ms: time }), weight: 8 },
  {
    arbitrary: fc.record({
      do: fc.constant('resize' as const),
      maxSize: fc.integer({ min: 1, max: 5 }),
      minSize: fc.integer({ min: 0, max: 3 }),
    }),
    weight: 1,
  },
  { arbitrary: fc.record({ do: fc.constant('resizeLimit' as const), max: fc.integer({ min: 1, max: 6 }) }), weight: 1 },
  {
    arbitrary: fc.record({
      do: fc.constant('drain' as const),
      ms: time.map((ms) => ms + 50),
      waiting: fc.constantFrom('serve' as const, 'refuse' as const),
    }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      do: fc.constantFrom('pause' as const, 'resume' as const, 'retireAll' as const, 'suspect' as const),
    }),
    weight: 3,
  },
)
const off = (...values: number[]) => fc.constantFrom(0, 0, ...values)
const options: fc.Arbitrary<WorldOptions> = fc
  .record({
    maxSize: fc.integer({ min: 1, max: 4 }),
    minSize: off(1, 2),
    reserveSize: off(2),
    reserveAfterMs: fc.constantFrom(100, 200),
    waitTimeoutMs: off(300),
    maxWaiting: off(3),
    reserved: off(1),
    isShedding: fc.boolean(),
    isRoundRobin: fc.boolean(),
    sharedDepth: fc.integer({ min: 1, max: 3 }),
    retryMaxMs: fc.constantFrom(50, 100, 1_000),
    lifetimeMs: off(400, 1_000),
    idleTimeoutMs: off(250),
    checkAfterMs: fc.constantFrom(Infinity, Infinity, 0, 100, 300),
    keepAliveMs: off(200),
    checkTimeoutMs: fc.constantFrom(100, 0),
    resetTimeoutMs: fc.constantFrom(100, 0),
    leakAfterMs: off(200),
    limit: off(1, 3, 5),
    limit2: off(1, 2, 4),
    canReset: fc.boolean(),
    isPrompt: fc.boolean(),
  })
  .map((some) => ({ ...some, maxSize: Math.max(some.maxSize, some.reserved + 1) }))
  .map((some) => ({ ...some, minSize: Math.min(some.minSize, some.maxSize) }))

describe('Pool and its contract', () => {
  it('keeps it, whatever is asked of it and in whatever order', { timeout: 60_000 }, () => {
    const step = fc.tuple(command, fc.nat({ max: 2 }), fc.nat({ max: 1 }))
    const property = fc.property(options, fc.array(step, { maxLength: 60 }), (world, steps) => {
      const lanes = world.reserved > 0 ? 2 : 1
      const it = new World(world)
      for (const [one, pool, lane] of steps) it.run(one.do === 'acquire' ? { ...one, lane: lane % lanes } : one, pool)
      it.settle()
    })
    fc.assert(property, { numRuns: 5_000 })
  })
})
