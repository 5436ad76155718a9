import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TaxirankError } from '../errors.ts'
import { readScenario } from './read-scenario.ts'

const nothingRecorded = (): never => {
  throw new Error('nothing is recorded')
}

function read(application: object, rest: object = {}): unknown {
  const applications = [{ name: 'a', pool_size: 10, service: '1ms', ...application }]
  return readScenario(JSON.parse(JSON.stringify({ database: { cores: 4 }, applications, ...rest })), nothingRecorded)
}

const refused = (application: object, message: RegExp, rest?: object): void => {
  assert.throws(
    () => read(application, rest),
    (error) => error instanceof TaxirankError && error.code === 'bad_configuration' && message.test(error.message),
  )
}

describe('the limits of a scenario', () => {
  it('let a day of much work pass, a crowd who wait for few cores, and ten million callers', () => {
    read({ arrivals: { kind: 'poisson', per_second: 10_000 } }, { duration: '1d' })
    read({ callers: 1_000_000 }, { duration: '1h' })
    read({ callers: 10_000_000, think: '1m' })
    read({ callers: 1_000, pool_size: undefined, service: '0.1ms' }, { database: { cores: 1_000, connect: '100ms' } })
  })

  it('refuse what would take hours, or all memory, with the numbers', () => {
    refused({ callers: 20, instances: 1_000_000 / 10 + 1 }, /instances must be a whole number from 1 to 100,000/)
    refused({ callers: 101, instances: 100_000 }, /about 10,100,000 callers, and at most 10,000,000 can be/)
    refused({ callers: 1, instances: 20_001 }, /about 20,001 pools, one in each .*, and at most 20,000 can be/)
    refused(
      { callers: 1, instances: 20_000, pool_size: 51, min_pool_size: 51 },
      /about 1,020,000 connections that pools/,
    )
    refused({ arrivals: { kind: 'regular', per_second: 1e9 } }, /about 60,000,000,000 requests \(a shorter duration/)
    const bursts = { kind: 'bursty', per_second: 0, burst_per_second: 1, calm: '0.001us', burst: '0.001us' }
    refused({ arrivals: bursts }, /about 60,000,000,030 requests/)
    refused({ callers: 10, service: '1us' }, /about 240,000,000,000 requests/, { duration: '1000m' })
  })

  it('refuse callers who would call again within the same instant', () => {
    const zero = { kind: 'exponential', mean: '0ms' }
    refused({ callers: 1, service: zero }, /a: service, away and think are all 0/)
    read({ callers: 1, service: zero, think: '1ms' })
    read({ arrivals: { kind: 'poisson', per_second: 1 }, service: zero })
  })

  it('refuse a failure that never comes', () => {
    const failures = [{ kind: 'database down', at: '60s', lasts: '1s' }]
    refused({ callers: 1 }, /a failure \(database down\) at 60000 ms comes too late: the duration is 60000 ms/, {
      failures,
    })
  })
})
