import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { assertClose } from '../../test/support/assert-close.ts'

import { mgc } from './mgc.ts'
import { waitPercentileMs } from './wait-percentile.ts'
import { mmc } from './waiting.ts'

/** Four of five arrivals wait, those who do for 50 ms on average. */
const single = { servers: 1, arrivalsPerSecond: 80, serviceMs: 10 }
const pool = { servers: 10, arrivalsPerSecond: 900, serviceMs: 10 }

describe('waitPercentileMs', () => {
  it('is 0 for those who find a free server, and then the exponential tail of those who do not', () => {
    assert.deepEqual([waitPercentileMs(single, 0), waitPercentileMs(single, 19.9)], [0, 0])
    // Of 80 %, half wait longer than the median of their exponential distribution, ln 2 · 50 ms.
    assertClose(waitPercentileMs(single, 60), 50 * Math.LN2)
    assertClose(waitPercentileMs(single, 99), 50 * Math.log(80))
  })

  it('has the mean of M/M/c under it', () => {
    const steps = 200_000
    let sum = 0
    for (let step = 0; step < steps; step++) sum += waitPercentileMs(pool, (100 * (step + 0.5)) / steps)
    assertClose(sum / steps, mmc(pool).meanWaitMs, 1e-4)
  })

  it('has the tail stretched where the times vary more, or less', () => {
    const varied = { ...pool, arrivalScv: 1, serviceScv: 4 }
    assertClose(
      waitPercentileMs(varied, 99) / waitPercentileMs(pool, 99),
      mgc(varied).meanWaitMs / mmc(pool).meanWaitMs,
    )
    assert.equal(waitPercentileMs({ ...pool, arrivalScv: 0, serviceScv: 0 }, 99), 0)
  })

  it('rises with the percentage and falls with servers', () => {
    const percent = fc.double({ min: 0, max: 99.999, noNaN: true })
    fc.assert(
      fc.property(percent, percent, (one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)]
        assert.ok(waitPercentileMs(pool, low) <= waitPercentileMs(pool, high))
        assert.ok(waitPercentileMs({ ...pool, servers: 11 }, high) <= waitPercentileMs(pool, high))
      }),
    )
  })

  it('is Infinity in an overloaded queue, and 0 where nobody comes', () => {
    assert.deepEqual(
      [0, 50, 99].map((p) => waitPercentileMs({ ...pool, servers: 9 }, p)),
      [Infinity, Infinity, Infinity],
    )
    assert.equal(waitPercentileMs({ ...pool, arrivalsPerSecond: 0 }, 99.9), 0)
  })

  it('refuses what is out of range', () => {
    for (const p of [-1, 100, NaN]) {
      const message = `percentile must be from 0 to below 100, got ${p}`
      assert.throws(() => waitPercentileMs(pool, p), { code: 'out_of_range', message })
    }
    assert.throws(() => waitPercentileMs({ ...pool, servers: 0 }, 50), { code: 'out_of_range' })
  })
})
