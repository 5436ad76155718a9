import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TaxirankError } from '../errors.ts'
import { readScenario } from './read-scenario.ts'

const nothingRecorded = (file: string): never => {
  throw new Error(`nothing is recorded in ${file}`)
}

const service = { kind: 'exponential', mean: '5ms' }
const web = { name: 'web', pool_size: 10, arrivals: { kind: 'poisson', per_second: 100 }, service }
const database = { cores: 4 }

function refused(scenario: unknown, message: RegExp): void {
  assert.throws(
    () => readScenario(scenario, nothingRecorded),
    (error) => error instanceof TaxirankError && error.code === 'bad_configuration' && message.test(error.message),
  )
}

describe('a scenario', () => {
  it('is read with what it says, and with defaults for the rest', () => {
    assert.deepEqual(readScenario({ database, applications: [web] }, nothingRecorded), {
      seed: 1,
      durationMs: 60_000,
      warmUpMs: 6_000,
      database: {
        cores: 4,
        maxConnections: 100,
        reservedConnections: 3,
        connect: { kind: 'fixed', ms: 10 },
        connectWorkMs: 1,
      },
      poolers: [],
      applications: [
        {
          name: 'web',
          instances: 1,
          load: { kind: 'open', arrivals: { kind: 'poisson', perSecond: 100 }, balance: 'random' },
          service: { kind: 'exponential', meanMs: 5 },
          away: { kind: 'fixed', ms: 0 },
          connectsEachTime: false,
          pool: { maxSize: 10, minSize: 0, waitTimeoutMs: 0, maxWaiting: 0, idleTimeoutMs: 10_000, lifetimeMs: 0 },
        },
      ],
      failures: [],
    })
  })

  it('may have poolers, callers who come again, measured throughput and failures', () => {
    const scenario = readScenario(
      {
        seed: 7,
        duration: '2m',
        warm_up: '1.5s',
        database: {
          throughput: [
            [1, 900],
            [4, 3000],
            [64, 2000],
          ],
          max_connections: 40,
          connect: { kind: 'log-normal', mean: '8ms', cv: 1 },
        },
        poolers: [{ name: 'bouncers', count: 2, pool_size: 15, reserve_pool_size: 5, reserve_pool_timeout: '3s' }],
        applications: [
          {
            name: 'jobs',
            callers: 30,
            think: '1s',
            service: '20ms',
            via: 'bouncers',
            away: { kind: 'pareto', mean: '2ms', shape: 2 },
          },
        ],
        failures: [
          { kind: 'database down', at: '30s', lasts: '10s' },
          { kind: 'restart', application: 'jobs', share: 0.5, at: '60s', lasts: '0s' },
        ],
      },
      nothingRecorded,
    )
    assert.deepEqual(scenario, {
      seed: 7,
      durationMs: 120_000,
      warmUpMs: 1_500,
      database: {
        cores: 1,
        throughput: [
          [1, 900],
          [4, 3000],
          [64, 2000],
        ],
        maxConnections: 40,
        reservedConnections: 3,
        connect: { kind: 'log-normal', meanMs: 8, cv: 1 },
        connectWorkMs: 1,
      },
      poolers: [
        {
          name: 'bouncers',
          count: 2,
          connect: { kind: 'fixed', ms: 1 },
          pool: {
            maxSize: 15,
            minSize: 0,
            reserveSize: 5,
            reserveAfterMs: 3_000,
            waitTimeoutMs: 120_000,
            maxWaiting: 0,
            idleTimeoutMs: 600_000,
            lifetimeMs: 3_600_000,
          },
        },
      ],
      applications: [
        {
          name: 'jobs',
          instances: 1,
          load: { kind: 'closed', callers: 30, think: { kind: 'fixed', ms: 1_000 } },
          service: { kind: 'fixed', ms: 20 },
          away: { kind: 'pareto', meanMs: 2, shape: 2 },
          connectsEachTime: false,
          via: 'bouncers',
        },
      ],
      failures: [
        { kind: 'database down', atMs: 30_000, lastsMs: 10_000 },
        { kind: 'restart', application: 'jobs', share: 0.5, atMs: 60_000, lastsMs: 0 },
      ],
    })
  })

  it('may bring arrivals and holds from a recording', () => {
    const recorded = { atMs: Float64Array.of(0, 4), holdsMs: Float64Array.of(2, 3) }
    const files: string[] = []
    const scenario = readScenario(
      {
        database,
        applications: [
          { name: 'a', pool_size: 2, arrivals: { kind: 'recorded', file: 'shop.recording' } },
          { ...web, service: { kind: 'recorded', file: 'other' } },
        ],
      },
      (file) => {
        files.push(file)
        return recorded
      },
    )
    const [first, second] = scenario.applications
    assert.deepEqual(files, ['shop.recording', 'other'])
    assert.deepEqual(first?.load, {
      kind: 'open',
      arrivals: { kind: 'replayed', atMs: recorded.atMs },
      balance: 'random',
    })
    assert.deepEqual(first.service, { kind: 'sequence', values: recorded.holdsMs })
    assert.deepEqual(second?.service, { kind: 'measured', values: recorded.holdsMs })
  })

  it('is refused by the place of what is wrong, with what is allowed', () => {
    const without = (changes: object) => ({ database, applications: [{ ...web, ...changes }] })
    const refusals: [unknown, RegExp][] = [
      [[], /scenario must be a table, got \[\]/],
      [{ database }, /there are no applications: \[\[applications\]\]/],
      [{ applications: [web] }, /database is missing/],
      [{ database: {}, applications: [web] }, /database\.cores is missing/],
      [{ database: { cores: 0 }, applications: [web] }, /database\.cores must be a number from 1 to 100,000, got 0/],
      [{ database: { cores: 4, speed: 3 }, applications: [web] }, /database\.speed is unknown here; known: .*cores/],
      [{ database, applications: [web], duration: '60' }, /duration must be a time with its unit .* got "60"/],
      [{ database, applications: [web], duration: '0s' }, /duration must be above 0/],
      [{ database, applications: [web], warm_up: '60s' }, /warm_up must be shorter than duration/],
      [without({ pool_size: 2.5 }), /web\.pool_size must be a whole number from 1 to 100,000, got 2\.5/],
      [without({ min_pool_size: 11 }), /web\.min_pool_size must be a whole number from 0 to 10, got 11/],
      [without({ service: 5 }), /web\.service must be a time such as "20ms", or a table, got 5/],
      [without({ service: undefined }), /web\.service is missing/],
      [without({ service: { kind: 'normal' } }), /web\.service\.kind must be "fixed" or .* got "normal"/],
      [without({ service: { kind: 'exponential', mean: '-1ms' } }), /web\.service\.mean must be a time/],
      [without({ service: { kind: 'log-normal', mean: '0ms', cv: 1 } }), /web\.service mean must be above 0/],
      [
        without({ service: { kind: 'pareto', mean: '5ms', shape: 1 } }),
        /web\.service\.shape must be a number from 1\.01/,
      ],
      [
        without({ service: { kind: 'percentiles', points: [[50, '1ms']] } }),
        /web\.service points must begin at 0 percent/,
      ],
      [
        without({
          service: {
            kind: 'percentiles',
            points: [
              [0, '2ms'],
              [100, '1ms'],
            ],
          },
        }),
        /points\[1\] is shorter than/,
      ],
      [without({ service: { kind: 'measured', values: [] } }), /web\.service\.values must be a list of one or more/],
      [without({ arrivals: { kind: 'poisson', per_second: 0 } }), /web\.arrivals\.per_second must be a number from/],
      [
        without({ arrivals: { kind: 'diurnal', per_second: 10, peak_per_second: 21, period: '1h' } }),
        /peak_per_second must be a number from 10 to 20/,
      ],
      [without({ name: 'a\u001B[31m' }), /applications\[0\]\.name must be a text without control characters/],
      [without({ arrivals: { kind: 'poisson', per_second: 0 } }), /per_second must be a number from 0\.000001 to/],
      [without({ arrivals: undefined }), /web needs arrivals, or callers/],
      [without({ callers: 3 }), /web has arrivals and callers/],
      [without({ connect: 'each time' }), /web has a pool_size: it does not connect each time/],
      [without({ pool_size: undefined, connect: 'once' }), /web connects once, and needs a pool_size/],
      [without({ via: 'bouncers' }), /web\.via names "bouncers", and there are no poolers of that name/],
      [{ database, applications: [web, web] }, /two are called "web"/],
      [
        { database, applications: [web], failures: [{ kind: 'restart', application: 'x', at: '1s', lasts: '1s' }] },
        /a restart names "x"/,
      ],
      [{ database: { throughput: [[2, 5]] }, applications: [web] }, /throughput must begin with one statement/],
      [
        {
          database: {
            throughput: [
              [1, 5],
              [1, 6],
            ],
          },
          applications: [web],
        },
        /database\.throughput\[1\] does not ascend/,
      ],
      [{ database: { throughput: [[1, 0]] }, applications: [web] }, /throughput must be above 0 everywhere, got 0/],
    ]
    for (const [scenario, message] of refusals) refused(JSON.parse(JSON.stringify(scenario)), message)
  })
})
