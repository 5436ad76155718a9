import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type LendingOptions, readOptions, requireCheck } from './options.ts'

const refusal = (options: unknown, message: string): void =>
  assert.throws(() => readOptions(options as LendingOptions), { code: 'bad_configuration', message })

const times = [
  'acquireTimeoutMillis',
  'openTimeoutMillis',
  'closeTimeoutMillis',
  'idleTimeoutMillis',
  'maxLifetimeMillis',
  'checkAfterIdleMillis',
  'keepaliveMillis',
  'checkTimeoutMillis',
  'resetTimeoutMillis',
  'suspectAfterPauseMillis',
  'retryMaxMillis',
  'leakDetectionMillis',
  'deadlockDetectionMillis',
] as const

describe('readOptions', () => {
  it('fills in what was left out', () => {
    const { engine, name, telemetry, ...rest } = readOptions({})
    assert.match(name, /^pool-\d+$/)
    assert.deepEqual(telemetry, {})
    assert.deepEqual(rest, {
      max: 10,
      min: 0,
      isPatient: false,
      acquireTimeoutMillis: 0,
      openTimeoutMillis: 0,
      closeTimeoutMillis: 5_000,
      idleTimeoutMillis: 10_000,
      maxLifetimeMillis: 0,
      checkAfterIdleMillis: 0,
      keepaliveMillis: 0,
      checkTimeoutMillis: 5_000,
      resetTimeoutMillis: 5_000,
      suspectAfterPauseMillis: 0,
      retryMaxMillis: 1_000,
      leakDetectionMillis: 0,
      deadlockDetectionMillis: 0,
    })
    assert.equal(engine.name, name)
  })

  it('takes what is undefined for left out', () => {
    const names = ['max', 'min', 'prewarm', 'waitWhenDown', 'lifetimeJitter', 'maxWaiting', 'lanes', ...times]
    const none = Object.fromEntries(names.map((name) => [name, undefined])) as LendingOptions
    assert.deepEqual(readOptions({ ...none, name: 'orders' }), readOptions({ name: 'orders' }))
  })

  it('names those that were not given one apart', () => {
    assert.notEqual(readOptions({}).name, readOptions({}).name)
  })

  it('says in the engine’s words what was said in its users’', () => {
    const { random, ...engine } = readOptions({
      name: 'orders',
      max: 7,
      min: 3,
      prewarm: true,
      acquireTimeoutMillis: 1,
      maxWaiting: 2,
      lanes: [{ name: 'batch', reserved: 0 }],
      shedding: { targetMillis: 3, intervalMillis: 4 },
      idleTimeoutMillis: 5,
      maxLifetimeMillis: 6,
      lifetimeJitter: 0.7,
      checkAfterIdleMillis: 8,
      keepaliveMillis: 9,
      checkTimeoutMillis: 10,
      resetTimeoutMillis: 11,
      retryMaxMillis: 12,
      leakDetectionMillis: 13,
    }).engine
    assert.equal(random, Math.random)
    assert.deepEqual(engine, {
      name: 'orders',
      maxSize: 7,
      minSize: 3,
      refill: true,
      firstAtOnce: 1,
      waitTimeoutMs: 1,
      maxWaiting: 2,
      lanes: [{ name: 'batch', reserved: 0 }],
      shedding: { targetMs: 3, intervalMs: 4 },
      idleTimeoutMs: 5,
      lifetimeMs: 6,
      lifetimeJitter: 0.7,
      checkAfterMs: 8,
      keepAliveMs: 9,
      checkTimeoutMs: 10,
      resetTimeoutMs: 11,
      retryMaxMs: 12,
      leakAfterMs: 13,
    })
  })

  it('never checks before lending, unless told after which time', () => {
    assert.equal(readOptions({}).engine.checkAfterMs, Infinity)
  })

  it('opens as many at first as there are callers, but one where attempts are repeated or made for nobody', () => {
    const atOnce = [{}, { waitWhenDown: true }, { prewarm: true }].map((given) => readOptions(given).engine.firstAtOnce)
    assert.deepEqual(atOnce, [Number.MAX_SAFE_INTEGER, 1, 1])
  })

  for (const max of [0, -1, 1.5, Number.NaN, Infinity, '5']) {
    it(`takes no max of ${JSON.stringify(max)}`, () => {
      refusal({ max }, `pool: max must be a whole number from 1 on, got ${max}`)
    })
  }

  it('takes no min below 0 or above max', () => {
    refusal({ min: -1 }, 'pool: min must be a whole number from 0 on, got -1')
    refusal({ min: 11 }, 'pool: min is 11, and must not exceed max, which is 10')
    refusal({ max: 2, min: 3 }, 'pool: min is 3, and must not exceed max, which is 2')
  })

  for (const name of times) {
    it(`takes for ${name} 0 or any number of milliseconds, and nothing else`, () => {
      assert.deepEqual(
        [0, 0.5, 60_000].map((ms) => readOptions({ [name]: ms })[name]),
        [0, 0.5, 60_000],
      )
      for (const wrong of [-1, Number.NaN, Infinity, '1000', true]) {
        refusal({ [name]: wrong }, `pool: ${name} must be a number of milliseconds from 0 on, got ${wrong}`)
      }
    })
  }
})

describe('requireCheck', () => {
  const owner = { open: () => undefined, close: () => undefined }

  for (const name of ['checkAfterIdleMillis', 'keepaliveMillis', 'suspectAfterPauseMillis']) {
    it(`says that ${name} needs a check`, () => {
      const message = `pool: ${name} needs a check`
      const settings = readOptions({ [name]: 1 })
      assert.throws(() => requireCheck(settings, owner), { code: 'bad_configuration', message })
      requireCheck(settings, { ...owner, check: () => undefined })
    })
  }

  it('says nothing where nothing is to be checked', () => {
    requireCheck(readOptions({}), owner)
  })
})
