import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { utilisationOf } from './queue.ts'
import { serversFor, serversForWait } from './servers-for.ts'
import { waitPercentileMs } from './wait-percentile.ts'

const demand = { arrivalsPerSecond: 1_000, serviceMs: 8 }
const refuses = (ask: () => unknown, message: string) => assert.throws(ask, { code: 'out_of_range', message })

const arrivalsPerSecond = fc.double({ min: 0, max: 5_000, noNaN: true })
const serviceMs = fc.double({ min: 0, max: 100, noNaN: true })

describe('serversFor', () => {
  it('is the load over the utilisation that is allowed, 0.8 unless said otherwise, and at least 1', () => {
    assert.equal(serversFor(demand), 10)
    assert.equal(serversFor({ ...demand, mostUtilisation: 0.5 }), 16)
    assert.equal(serversFor({ ...demand, arrivalsPerSecond: 1_001 }), 11)
    assert.equal(serversFor({ ...demand, arrivalsPerSecond: 0 }), 1)
  })

  it('takes no server more for a rounding: 2.1 / 3 is 0.7', () => {
    assert.equal(serversFor({ arrivalsPerSecond: 210, serviceMs: 10, mostUtilisation: 0.7 }), 3)
  })

  it('is enough, and one fewer is not', () => {
    const most = fc.double({ min: 0.01, max: 0.99, noNaN: true })
    fc.assert(
      fc.property(arrivalsPerSecond, serviceMs, most, (arrivalsPerSecond, serviceMs, mostUtilisation) => {
        const servers = serversFor({ arrivalsPerSecond, serviceMs, mostUtilisation })
        const used = (servers: number) => utilisationOf({ servers, arrivalsPerSecond, serviceMs })
        assert.ok(used(servers) <= mostUtilisation * (1 + 1e-11))
        assert.ok(servers === 1 || used(servers - 1) > mostUtilisation)
      }),
    )
  })

  it('refuses what is out of range', () => {
    for (const mostUtilisation of [0, 1, NaN]) {
      const message = `mostUtilisation must be above 0 and below 1, got ${mostUtilisation}`
      refuses(() => serversFor({ ...demand, mostUtilisation }), message)
    }
    refuses(() => serversFor({ ...demand, serviceMs: -8 }), 'serviceMs must be finite, 0 or more, got -8')
    refuses(
      () => serversFor({ arrivalsPerSecond: 1e6, serviceMs: 1e3 }),
      'the number of servers needed must be at most 1000000, got 1250000',
    )
  })
})

describe('serversForWait', () => {
  it('is the fewest that keep the percentile of the wait at or below the limit', () => {
    const ask = { ...demand, percentile: 99, mostWaitMs: 5 }
    const waits = [11, 12, 13].map((servers) => waitPercentileMs({ ...demand, servers }, 99))
    assert.ok((waits[0] as number) > 5 && (waits[1] as number) > 5 && (waits[2] as number) <= 5, waits.join())
    assert.equal(serversForWait(ask), 13)
    assert.equal(serversForWait({ ...ask, serviceScv: 9 }), 14)
  })

  it('is enough, and one fewer is not', () => {
    const percentile = fc.double({ min: 0, max: 99.99, noNaN: true })
    const mostWaitMs = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1_000, noNaN: true }))
    const scv = fc.double({ min: 0, max: 10, noNaN: true })
    fc.assert(
      fc.property(
        fc.record({ arrivalsPerSecond, serviceMs, arrivalScv: scv, serviceScv: scv }),
        percentile,
        mostWaitMs,
        (demand, percentile, mostWaitMs) => {
          const servers = serversForWait({ ...demand, percentile, mostWaitMs })
          const isEnough = (servers: number) => waitPercentileMs({ ...demand, servers }, percentile) <= mostWaitMs
          assert.ok(isEnough(servers))
          assert.ok(servers === 1 || !isEnough(servers - 1))
        },
      ),
    )
  })

  it('is one where nobody comes', () => {
    assert.equal(serversForWait({ ...demand, arrivalsPerSecond: 0, percentile: 99, mostWaitMs: 0 }), 1)
  })

  it('is quick with 100,000 servers', () => {
    const start = performance.now()
    const servers = serversForWait({ arrivalsPerSecond: 10_000_000, serviceMs: 10, percentile: 99, mostWaitMs: 0 })
    assert.ok(servers > 100_000 && servers < 101_000, `${servers}`)
    assert.ok(performance.now() - start < 1_000)
  })

  it('refuses what is out of range', () => {
    const ask = { ...demand, percentile: 99, mostWaitMs: 5 }
    refuses(() => serversForWait({ ...ask, mostWaitMs: -1 }), 'mostWaitMs must be finite, 0 or more, got -1')
    refuses(() => serversForWait({ ...ask, percentile: 100 }), 'percentile must be from 0 to below 100, got 100')
    refuses(
      () => serversForWait({ ...ask, arrivalsPerSecond: NaN }),
      'arrivalsPerSecond must be finite, 0 or more, got NaN',
    )
    const much = { ...ask, serviceMs: 1_000 }
    refuses(
      () => serversForWait({ ...much, arrivalsPerSecond: 1_000_000 }),
      'the number of servers needed must be at most 1000000, got 1000001',
    )
    refuses(
      () => serversForWait({ ...much, arrivalsPerSecond: 999_990 }),
      'the number of servers needed must be at most 1000000, got 1000001',
    )
  })
})
