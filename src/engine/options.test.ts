import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Deadlines } from '../time.ts'
import { checkSizes, type PoolOptions, settle } from './options.ts'

const owner = { open: () => undefined, close: () => undefined }
const least: PoolOptions<string> = {
  noun: 'server',
  owner,
  maxSize: 4,
  deadlines: new Deadlines(0),
  random: () => 0,
}

/** What each is told, who makes a pool with these options. */
const refusals: [options: Partial<PoolOptions<string>>, message: string][] = [
  [{ maxSize: 0 }, 'maxSize must be 1 or more, got 0'],
  [{ maxSize: Infinity }, 'maxSize must be finite, got Infinity'],
  [{ maxSize: '4' as unknown as number }, 'maxSize must be a number, got "4"'],
  [{ reuse: 'fifo' as 'lifo' }, 'reuse must be lifo or round robin, got fifo'],
  [{ maxSize: NaN }, 'maxSize must be 1 or more, got NaN'],
  [{ maxSize: 1.5 }, 'maxSize must be a whole number, got 1.5'],
  [{ minSize: -1 }, 'minSize must be 0 or more, got -1'],
  [{ minSize: 0.5 }, 'minSize must be a whole number, got 0.5'],
  [{ minSize: 5 }, 'minSize is 5, and must not exceed maxSize, which is 4'],
  [{ reserveSize: -1 }, 'reserveSize must be 0 or more, got -1'],
  [{ reserveSize: 0.5 }, 'reserveSize must be a whole number, got 0.5'],
  [{ maxWaiting: -1 }, 'maxWaiting must be 0 or more, got -1'],
  [{ maxWaiting: 0.5 }, 'maxWaiting must be a whole number, got 0.5'],
  [{ sharedDepth: 0 }, 'sharedDepth must be 1 or more, got 0'],
  [{ sharedDepth: 1.5 }, 'sharedDepth must be a whole number, got 1.5'],
  [{ lifetimeJitter: 1.1 }, 'lifetimeJitter must be from 0 to 1, got 1.1'],
  [{ lifetimeJitter: -0.1 }, 'lifetimeJitter must be from 0 to 1, got -0.1'],
  [{ checkAfterMs: -1 }, 'checkAfterMs must be 0 or more, got -1'],
  [{ checkAfterMs: NaN }, 'checkAfterMs must be 0 or more, got NaN'],
  [{ checkAfterMs: 0 }, 'checkAfterMs and keepAliveMs need an owner that can check'],
  [{ keepAliveMs: 1 }, 'checkAfterMs and keepAliveMs need an owner that can check'],
  [{ lanes: [{ name: 'a', reserved: -1 }] }, 'reserved of lane "a" must be 0 or more, got -1'],
  [{ lanes: [{ name: 'a', reserved: 0.5 }] }, 'reserved of lane "a" must be a whole number, got 0.5'],
  [{ lanes: [lane('a', 3), lane('b', 2)] }, 'lanes reserve 5 together, and maxSize is 4'],
  [{ lanes: [lane('a', 4), lane('b', 0)] }, 'lanes reserve all 4, and nothing is left for "b"'],
  [{ lanes: [lane('a', 1), lane('a', 0)] }, 'two lanes have the same name'],
]

function lane(name: string, reserved: number): { name: string; reserved: number } {
  return { name, reserved }
}

const times = [
  'reserveAfterMs',
  'waitTimeoutMs',
  'retryMaxMs',
  'lifetimeMs',
  'idleTimeoutMs',
  'keepAliveMs',
  'checkTimeoutMs',
  'resetTimeoutMs',
  'leakAfterMs',
]

describe('The options of a pool', () => {
  for (const [options, message] of refusals) {
    it(`are refused: ${message} (${JSON.stringify(options)})`, () => {
      assert.throws(() => settle({ ...least, ...options }), { code: 'bad_configuration', message: `pool: ${message}` })
    })
  }

  for (const name of times) {
    it(`are refused, if ${name} is below 0, endless or no number`, () => {
      for (const value of [-1, Infinity, NaN]) {
        const message = `pool: ${name} must be ${value === Infinity ? 'finite' : '0 or more'}, got ${value}`
        assert.throws(() => settle({ ...least, [name]: value }), { code: 'bad_configuration', message })
      }
    })
  }

  for (const name of ['targetMs', 'intervalMs']) {
    it(`are refused, if ${name} of the shedding is not above 0`, () => {
      for (const value of [0, -1, NaN]) {
        const shedding = { targetMs: 1, intervalMs: 1, [name]: value }
        assert.throws(() => settle({ ...least, shedding }), {
          code: 'bad_configuration',
          message: new RegExp(name, 'u'),
        })
      }
    })
  }

  it('say of a shedding what would be allowed, in words', () => {
    const shedding = { targetMs: 0, intervalMs: 1 }
    const message = 'pool: shedding.targetMs must be above 0, got 0'
    assert.throws(() => settle({ ...least, shedding }), { message })
  })

  it('are what they are, where they are left out', () => {
    const { owner: _, deadlines, random, ...settings } = settle(least)
    assert.deepEqual([deadlines, random], [least.deadlines, least.random])
    assert.deepEqual(settings, {
      noun: 'server',
      maxSize: 4,
      name: '',
      minSize: 0,
      refill: true,
      firstAtOnce: 1,
      reserveSize: 0,
      reserveAfterMs: 0,
      limits: [],
      waitTimeoutMs: 0,
      maxWaiting: 0,
      lanes: [],
      reuse: 'lifo',
      sharedDepth: 1,
      retryMaxMs: 1_000,
      lifetimeMs: 0,
      lifetimeJitter: 0.1,
      idleTimeoutMs: 0,
      checkAfterMs: Number.MAX_SAFE_INTEGER,
      keepAliveMs: 0,
      checkTimeoutMs: 5_000,
      resetTimeoutMs: 5_000,
      leakAfterMs: 0,
    })
  })

  it('are taken at their bounds', () => {
    const check = { ...owner, check: () => undefined }
    settle({ ...least, maxSize: 1, minSize: 1, lifetimeJitter: 0, sharedDepth: 1 })
    settle({ ...least, lifetimeJitter: 1, lanes: [lane('a', 4)] })
    settle({ ...least, lanes: [lane('a', 3), lane('b', 0)] })
    settle({ ...least, owner: check, checkAfterMs: 0, keepAliveMs: 1 })
    settle({ ...least, checkAfterMs: Infinity })
  })

  it('are the same, where they are undefined', () => {
    assert.deepEqual(settle({ ...least, reuse: undefined, waitTimeoutMs: undefined } as never), settle(least))
  })

  it('are left alone', () => {
    const frozen = Object.freeze({ ...least })
    assert.notEqual(settle(frozen), frozen)
  })

  it('hold for another size, too', () => {
    const sizes = { maxSize: 2, minSize: 0, reserveSize: 0, reserveAfterMs: 0, lanes: [lane('a', 2), lane('b', 1)] }
    const message = 'pool: lanes reserve 3 together, and maxSize is 2'
    assert.throws(() => checkSizes(sizes), { code: 'bad_configuration', message })
  })
})
