import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { assertClose } from '../../test/support/assert-close.ts'
import { mdc } from './mdc.ts'
import { mgc } from './mgc.ts'
import { ggc, mg1, mmc } from './waiting.ts'

const queue = { servers: 4, arrivalsPerSecond: 32, serviceMs: 100 }

describe('M/G/c', () => {
  it('is M/M/c for exponential service, M/D/c for constant service, and Pollaczek and Khinchine for one server', () => {
    assertClose(mgc({ ...queue, serviceScv: 1 }).meanWaitMs, mmc(queue).meanWaitMs)
    assertClose(mgc({ ...queue, serviceScv: 0 }).meanWaitMs, mdc(queue).meanWaitMs)
    const single = { servers: 1, arrivalsPerSecond: 8, serviceMs: 100 }
    for (const serviceScv of [0.25, 4]) {
      assertClose(mgc({ ...single, serviceScv }).meanWaitMs, mg1({ ...single, serviceScv }).meanWaitMs, 1e-9)
    }
  })

  it('waits longer the more service varies, and is positive and finite whatever it is', () => {
    const demand = fc.record({
      servers: fc.integer({ min: 1, max: 100 }),
      utilisation: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
    })
    const scv = fc.double({ min: 0, max: 100, noNaN: true })
    fc.assert(
      fc.property(demand, scv, scv, ({ servers, utilisation }, one, other) => {
        const waitOf = (serviceScv: number) =>
          mgc({ servers, arrivalsPerSecond: servers * utilisation, serviceMs: 1_000, serviceScv }).meanWaitMs
        const [less, more] = [waitOf(Math.min(one, other)), waitOf(Math.max(one, other))]
        assert.ok(less >= 0 && more < Infinity && less <= more * (1 + 1e-9), `${less} ms, ${more} ms`)
      }),
      { numRuns: 200 },
    )
  })

  it('nears Allen and Cunneen where nearly all wait', () => {
    const busy = { servers: 4, arrivalsPerSecond: 39.9, serviceMs: 100 }
    const wait = mgc({ ...busy, serviceScv: 4 }).meanWaitMs
    assertClose(wait, ggc({ ...busy, arrivalScv: 1, serviceScv: 4 }).meanWaitMs, 0.02)
  })

  it('never waits if nobody comes, and for ever if too many do', () => {
    assert.equal(mgc({ ...queue, arrivalsPerSecond: 0, serviceScv: 4 }).meanWaitMs, 0)
    assert.equal(mgc({ ...queue, arrivalsPerSecond: 40, serviceScv: 4 }).meanWaitMs, Infinity)
    assert.throws(() => mgc({ ...queue, serviceScv: -1 }), /serviceScv must be finite, 0 or more, got -1/)
  })
})
