import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { assertClose } from '../../test/support/assert-close.ts'
import { mdc } from './mdc.ts'
import { mg1, mmc } from './waiting.ts'

const queueOf = (servers: number, utilisation: number) => ({
  servers,
  serviceMs: 10,
  arrivalsPerSecond: servers * utilisation * 100,
})

/**
 * The same by another road: how many are there after one time of service is how many were there, less the c that are done,
 * and those who arrived. Stepped until it changes no more.
 */
function byStepping(servers: number, load: number): { meanWaiting: number; waitProbability: number } {
  const states = 400
  const arrivals = [Math.exp(-load)]
  for (let count = 1; count < states; count++) arrivals.push(((arrivals[count - 1] as number) * load) / count)
  let now = Array.from<unknown, number>({ length: states }, (_, there) => (there === 0 ? 1 : 0))
  for (let step = 0; step < 400; step++) {
    const left = Array.from<number>({ length: states }).fill(0)
    now.forEach(
      (chance, there) => (left[Math.max(0, there - servers)] = (left[Math.max(0, there - servers)] as number) + chance),
    )
    now = now.map((_, there) => {
      let chance = 0
      for (let came = 0; came <= there; came++) chance += (left[there - came] as number) * (arrivals[came] as number)
      return chance
    })
  }
  const meanWaiting = now.reduce((sum, chance, there) => sum + chance * Math.max(0, there - servers), 0)
  const waitProbability = now.slice(servers).reduce((sum, chance) => sum + chance, 0)
  return { meanWaiting, waitProbability }
}

describe('mdc', () => {
  it('is Pollaczek and Khinchine for one server', () => {
    const spares = fc.double({ min: -9, max: -0.001, noNaN: true }).map((exponent) => 10 ** exponent)
    fc.assert(
      fc.property(spares, (spare) => {
        const queue = queueOf(1, 1 - spare)
        const [actual, expected] = [mdc(queue), mg1({ ...queue, serviceScv: 0 })]
        assertClose(actual.meanWaitMs, expected.meanWaitMs, 1e-9)
        assertClose(actual.waitProbability, expected.waitProbability, 1e-9)
      }),
    )
  })

  it('is where the number of those who are there settles, for several', () => {
    for (const [servers, utilisation] of [
      [2, 0.1],
      [2, 0.8],
      [3, 0.5],
      [5, 0.8],
      [10, 0.7],
      [20, 0.9],
    ] as const) {
      const { meanWaiting, waitProbability } = mdc(queueOf(servers, utilisation))
      const stepped = byStepping(servers, servers * utilisation)
      assertClose(meanWaiting, stepped.meanWaiting, 1e-9)
      assertClose(waitProbability, stepped.waitProbability, 1e-9)
    }
  })

  it('has as many waiting as Little’s law says of their wait', () => {
    const { meanWaitMs, meanWaiting } = mdc(queueOf(5, 0.8))
    assertClose(meanWaiting, 0.4 * meanWaitMs, 1e-12)
  })

  it('waits no less than half as long as exponential service, and nears the half with full use', () => {
    const servers = fc.integer({ min: 1, max: 1_000 })
    const utilisations = fc.double({ min: 0.4, max: 0.999, noNaN: true })
    fc.assert(
      fc.property(servers, utilisations, (servers, utilisation) => {
        const queue = queueOf(servers, utilisation)
        const [constant, exponential] = [mdc(queue).meanWaitMs, mmc(queue).meanWaitMs]
        assert.ok(constant >= (exponential / 2) * (1 - 1e-9) && constant <= exponential, `${constant}, ${exponential}`)
      }),
      { numRuns: 50 },
    )
    assertClose(mdc(queueOf(10, 1 - 1e-9)).meanWaitMs, mmc(queueOf(10, 1 - 1e-9)).meanWaitMs / 2, 1e-6)
  })

  it('has no seam where it changes to the closed form near full use', () => {
    for (const servers of [1, 10, 1_000, 100_000]) {
      const spare = 1e-3 / Math.sqrt(servers)
      const [before, after] = [mdc(queueOf(servers, 1 - spare * 1.0001)), mdc(queueOf(servers, 1 - spare * 0.9999))]
      assertClose(after.meanWaiting - before.meanWaiting, 1e-4 / spare, 1e-3)
      assertClose(after.waitProbability, before.waitProbability, 1e-6)
    }
  })

  it('counts 100,000 servers, at any load, in no time', () => {
    const start = performance.now()
    const [light, half, full] = [0.001, 0.5, 1 - 1e-9].map((utilisation) => mdc(queueOf(100_000, utilisation)))
    assert.deepEqual([light?.meanWaiting, half?.meanWaiting, full?.waitProbability.toFixed(6)], [0, 0, '1.000000'])
    assertClose(mdc(queueOf(100_000, 0.999)).meanWaiting, 339.18406553, 1e-9)
    assert.ok(performance.now() - start < 1_000)
  })

  it('lets all wait for ever when it is overloaded, and nobody if nobody comes', () => {
    assert.deepEqual(mdc(queueOf(2, 1)), {
      utilisation: 1,
      waitProbability: 1,
      meanWaitMs: Infinity,
      meanWaiting: Infinity,
    })
    assert.deepEqual(mdc(queueOf(2, 0)), { utilisation: 0, waitProbability: 0, meanWaitMs: 0, meanWaiting: 0 })
  })

  it('refuses what is out of range', () => {
    const message = 'servers must be a whole number from 1 to 1000000, got 0'
    assert.throws(() => mdc(queueOf(0, 0.5)), { code: 'out_of_range', message })
  })
})
