import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { backendMemoryBytes, fleet, nestedMinimum } from './fleet.ts'

const refuses = (ask: () => unknown, message: string) => assert.throws(ask, { code: 'out_of_range', message })

describe('fleet', () => {
  const options = { instances: 4, poolSize: 20, maxConnections: 100 }

  it('is within if all pools together are no more than PostgreSQL has left', () => {
    assert.deepEqual(fleet(options), { total: 80, available: 97, isWithin: true, mostPerPool: 24 })
    assert.deepEqual(fleet({ ...options, maxConnections: 83 }), {
      total: 80,
      available: 80,
      isWithin: true,
      mostPerPool: 20,
    })
    assert.deepEqual(fleet({ ...options, maxConnections: 82 }), {
      total: 80,
      available: 79,
      isWithin: false,
      mostPerPool: 19,
    })
  })

  it('counts a pool for each process, what is reserved, and the others', () => {
    assert.deepEqual(fleet({ ...options, processesPerInstance: 2, superuserReserved: 5, reserved: 10, others: 25 }), {
      total: 160,
      available: 60,
      isWithin: false,
      mostPerPool: 7,
    })
  })

  it('has nothing left if the others take all', () => {
    assert.deepEqual(fleet({ ...options, others: 500 }), { total: 80, available: 0, isWithin: false, mostPerPool: 0 })
  })

  it('is within exactly if a pool is no larger than the largest that would be', () => {
    const some = fc.integer({ min: 1, max: 100 })
    fc.assert(
      fc.property(
        some,
        some,
        some,
        fc.integer({ min: 4, max: 10_000 }),
        (instances, processes, poolSize, maxConnections) => {
          const { isWithin, mostPerPool } = fleet({
            instances,
            processesPerInstance: processes,
            poolSize,
            maxConnections,
          })
          assert.equal(isWithin, poolSize <= mostPerPool)
        },
      ),
    )
  })

  it('refuses what is out of range', () => {
    for (const name of ['instances', 'processesPerInstance', 'poolSize', 'maxConnections']) {
      refuses(() => fleet({ ...options, [name]: 0 }), `${name} must be a whole number, 1 or more, got 0`)
    }
    for (const name of ['superuserReserved', 'reserved', 'others']) {
      refuses(() => fleet({ ...options, [name]: -1 }), `${name} must be a whole number, 0 or more, got -1`)
    }
    refuses(
      () => fleet({ ...options, reserved: 97 }),
      'superuserReserved + reserved must be below maxConnections, 100, got 100',
    )
  })
})

describe('nestedMinimum', () => {
  it('is one more than what all callers hold when each lacks its last', () => {
    assert.deepEqual([nestedMinimum(3, 4), nestedMinimum(8, 2), nestedMinimum(50, 1)], [10, 9, 1])
  })

  it('refuses what is out of range', () => {
    refuses(() => nestedMinimum(0, 1), 'callers must be a whole number, 1 or more, got 0')
    refuses(() => nestedMinimum(1, 0), 'connectionsEach must be a whole number, 1 or more, got 0')
  })
})

describe('backendMemoryBytes', () => {
  it('is that of one, times their number', () => {
    assert.deepEqual([backendMemoryBytes(3, 7e6), backendMemoryBytes(0, 7e6)], [21e6, 0])
  })

  it('refuses what is out of range', () => {
    refuses(() => backendMemoryBytes(1.5, 1), 'connections must be a whole number, 0 or more, got 1.5')
    refuses(() => backendMemoryBytes(1, -1), 'bytesEach must be finite, 0 or more, got -1')
  })
})
