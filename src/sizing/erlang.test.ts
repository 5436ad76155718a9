import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { assertClose } from '../../test/support/assert-close.ts'
import { erlangB, erlangC } from './erlang.ts'

/** a^k / k! for k from 0 to `servers`, with a = thousandths / 1000, all times the same whole number: exact. */
function terms(servers: number, thousandths: number): bigint[] {
  const all = [1n]
  for (let k = 1; k <= servers; k++) {
    const last = all[k - 1] as bigint
    for (let at = 0; at < k; at++) all[at] = (all[at] as bigint) * BigInt(1000 * k)
    all.push(last * BigInt(thousandths))
  }
  return all
}

const sum = (numbers: readonly bigint[]) => numbers.reduce((total, each) => total + each, 0n)

/** To 300 digits after the point, then rounded. */
const quotient = (above: bigint, below: bigint) => Number((above * 10n ** 300n) / below) / 1e300

/** As the formula is printed, the last term over the sum of all. */
function exactB(servers: number, thousandths: number): number {
  const all = terms(servers, thousandths)
  return quotient(all.at(-1) as bigint, sum(all))
}

/** As the formula is printed: t / (t + sum of the terms before the last), where t is the last one · c / (c - a). */
function exactC(servers: number, thousandths: number): number {
  const all = terms(servers, thousandths)
  const spare = BigInt(1000 * servers - thousandths)
  const last = (all.pop() as bigint) * BigInt(1000 * servers)
  return quotient(last, last + sum(all) * spare)
}

/** From the traffic tables of telephony, offered load by lines and loss; each is, to its last digit, the load of that loss. */
const tableB = [
  { servers: 1, load: 0.0101, loss: 0.01 },
  { servers: 2, load: 0.153, loss: 0.01 },
  { servers: 5, load: 1.361, loss: 0.01 },
  { servers: 10, load: 3.092, loss: 0.001 },
  { servers: 10, load: 4.461, loss: 0.01 },
  { servers: 10, load: 5.084, loss: 0.02 },
  { servers: 10, load: 6.216, loss: 0.05 },
  { servers: 20, load: 12.031, loss: 0.01 },
  { servers: 50, load: 37.901, loss: 0.01 },
  { servers: 100, load: 84.064, loss: 0.01 },
]

/** As tables of the probability of delay in M/M/c print it, by servers and utilisation: 0.5, 0.8, 0.9. */
const tableC = [
  { servers: 2, load: 1, delay: 0.3333 },
  { servers: 2, load: 1.6, delay: 0.7111 },
  { servers: 5, load: 2.5, delay: 0.1304 },
  { servers: 5, load: 4, delay: 0.5541 },
  { servers: 5, load: 4.5, delay: 0.7625 },
  { servers: 10, load: 5, delay: 0.0361 },
  { servers: 10, load: 8, delay: 0.4092 },
  { servers: 10, load: 9, delay: 0.6687 },
  { servers: 25, load: 20, delay: 0.2091 },
]

const servers = fc.integer({ min: 1, max: 60 })
const share = fc.double({ min: 0, max: 0.999, noNaN: true })

describe('erlangB', () => {
  it('is the load of a given loss that the tables print', () => {
    for (const { servers, load, loss } of tableB) {
      const step = load < 0.1 ? 0.00005 : 0.0005
      assert.ok(erlangB(servers, load - step) <= loss && loss <= erlangB(servers, load + step), `${servers}, ${load}`)
    }
  })

  it('is the printed formula in exact arithmetic', () => {
    for (const { servers, load } of tableB.slice(1)) assertClose(erlangB(servers, load), exactB(servers, load * 1000))
    const whole = fc.nat({ max: 90_000 })
    fc.assert(fc.property(servers, whole, (c, load) => assertClose(erlangB(c, load / 1000), exactB(c, load))))
  })

  it('is a fraction for few servers', () => {
    assert.deepEqual([erlangB(0, 5), erlangB(1, 1), erlangB(2, 1), erlangB(2, 2)], [1, 1 / 2, 1 / 5, 2 / 5])
  })

  it('is 0 without load, and 1 - servers / load under a heavy one', () => {
    assert.deepEqual([erlangB(0, 0), erlangB(1, 0), erlangB(100_000, 0)], [1, 0, 0])
    assertClose(erlangB(10, 1e9), 1 - 10 / 1e9)
    assert.equal(erlangB(10, Number.MAX_VALUE), 1)
  })

  it('falls with servers and rises with load', () => {
    fc.assert(
      fc.property(servers, share, share, (c, one, other) => {
        const [low, high] = [Math.min(one, other) * c, Math.max(one, other) * c]
        assert.ok(erlangB(c, low) <= erlangB(c, high) && erlangB(c + 1, high) <= erlangB(c, high))
      }),
    )
  })

  it('is stable and quick with 100,000 servers', () => {
    const start = performance.now()
    // Where the load is c, 1/B = sqrt(π c / 2) + 2/3 and less and less (Jagerman 1974).
    assertClose(erlangB(100_000, 100_000), 1 / (Math.sqrt((Math.PI * 100_000) / 2) + 2 / 3), 1e-6)
    assertClose(erlangB(100_000, 200_000), 1 / 2, 1e-4)
    assert.equal(erlangB(100_000, 1), 0)
    assert.ok(performance.now() - start < 500)
  })

  it('refuses what is out of range', () => {
    const refuses = (servers: number, load: number, message: string) =>
      assert.throws(() => erlangB(servers, load), { code: 'out_of_range', message })
    refuses(-1, 1, 'servers must be a whole number from 0 to 1000000, got -1')
    refuses(2.5, 1, 'servers must be a whole number from 0 to 1000000, got 2.5')
    refuses(1e9, 1, 'servers must be a whole number from 0 to 1000000, got 1000000000')
    refuses(1, -1, 'offeredLoad must be finite, 0 or more, got -1')
    refuses(1, NaN, 'offeredLoad must be finite, 0 or more, got NaN')
  })
})

describe('erlangC', () => {
  it('is the probability of delay that the tables print', () => {
    const printed = tableC.map(({ servers, load }) => ({
      servers,
      load,
      delay: Math.round(erlangC(servers, load) * 1e4) / 1e4,
    }))
    assert.deepEqual(printed, tableC)
  })

  it('is the printed formula in exact arithmetic', () => {
    for (const { servers, load } of tableC) assertClose(erlangC(servers, load), exactC(servers, load * 1000))
    fc.assert(
      fc.property(servers, share, (c, share) => {
        const thousandths = Math.floor(share * c * 1000)
        assertClose(erlangC(c, thousandths / 1000), exactC(c, thousandths))
      }),
    )
  })

  it('is the utilisation for one server, and 2 u² / (1 + u) for two', () => {
    assertClose(erlangC(1, 0.3), 0.3)
    assertClose(erlangC(2, 1.5), (2 * 0.75 ** 2) / 1.75)
  })

  it('is 0 without load, nears 1 with full use, is 1 from there on, and is never below erlangB', () => {
    assert.deepEqual([erlangC(1, 0), erlangC(100_000, 0)], [0, 0])
    assertClose(erlangC(10, 10 - 1e-9), 1, 1e-8)
    assert.deepEqual([erlangC(10, 10), erlangC(10, 25), erlangC(1, Number.MAX_VALUE)], [1, 1, 1])
    fc.assert(fc.property(servers, share, (c, u) => assert.ok(erlangC(c, c * u) >= erlangB(c, c * u) * (1 - 1e-14))))
  })

  it('falls with servers and rises with load', () => {
    fc.assert(
      fc.property(servers, share, share, (c, one, other) => {
        const [low, high] = [Math.min(one, other) * c, Math.max(one, other) * c]
        const rounding = 1 + 1e-14
        assert.ok(erlangC(c, low) <= erlangC(c, high) * rounding && erlangC(c + 1, high) <= erlangC(c, high) * rounding)
      }),
    )
  })

  it('is stable and quick with 100,000 servers', () => {
    const start = performance.now()
    // Halfin and Whitt, 1981: with b · sqrt(servers) to spare it nears 1 / (1 + b Φ(b) / φ(b)); b = 1.
    assertClose(
      erlangC(100_000, 100_000 - Math.sqrt(100_000)),
      1 / (1 + 0.8413447460685429 / 0.24197072451914337),
      1e-3,
    )
    assert.equal(erlangC(100_000, 50_000), 0)
    assert.ok(performance.now() - start < 500)
  })

  it('refuses what is out of range', () => {
    const refuses = (servers: number, load: number, message: string) =>
      assert.throws(() => erlangC(servers, load), { code: 'out_of_range', message })
    refuses(0, 0, 'servers must be a whole number from 1 to 1000000, got 0')
    refuses(2, -1, 'offeredLoad must be finite, 0 or more, got -1')
    refuses(2, Infinity, 'offeredLoad must be finite, 0 or more, got Infinity')
  })
})
