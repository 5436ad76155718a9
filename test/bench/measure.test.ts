import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { orderOf, valueOf, type Run } from '../../bench/measure.ts'

describe('orderOf', () => {
  it('lets each side begin every other pair: A B, B A, A B', () => {
    const orders = [0, 1, 2].map((index) => orderOf(index, 'pgbouncer'))
    assert.deepEqual(orders, [
      ['pgbouncer', 'taxirank'],
      ['taxirank', 'pgbouncer'],
      ['pgbouncer', 'taxirank'],
    ])
  })
})

describe('valueOf', () => {
  const run: Run = { tps: 7, transactions: 35, latencyMs: 1, cpu: undefined, p50Ms: undefined, p99Ms: 9 }

  it('reads a metric of a run', () => {
    assert.deepEqual([valueOf(run, 'tps'), valueOf(run, 'p99Ms')], [7, 9])
    const cpu = { userMicros: 2, kernelMicros: 3, totalMicros: 5 }
    assert.equal(valueOf({ ...run, cpu }, 'cpuMicros'), 5)
  })

  it('never makes up what a run did not measure', () => {
    assert.throws(() => valueOf(run, 'cpuMicros'), /a run without cpuMicros/)
    assert.throws(() => valueOf(run, 'p50Ms'), /a run without p50Ms/)
  })
})
