import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { assertClose } from '../../test/support/assert-close.ts'
import type { QueueFigures } from './queue.ts'
import { gg1, ggc, mg1, mm1, mmc } from './waiting.ts'

/** A server that takes 10 ms, asked for 80 % of its time. */
const one = { servers: 1, arrivalsPerSecond: 80, serviceMs: 10 }

const servers = fc.integer({ min: 1, max: 500 })
const utilisation = fc.double({ min: 0.01, max: 0.99, noNaN: true })
const serviceMs = fc.double({ min: 0.01, max: 1000, noNaN: true })
const scv = fc.double({ min: 0, max: 20, noNaN: true })
const queues = fc.tuple(servers, utilisation, serviceMs).map(([servers, utilisation, serviceMs]) => ({
  servers,
  serviceMs,
  arrivalsPerSecond: (servers * utilisation * 1000) / serviceMs,
}))
const singles = queues.map((queue) => ({
  ...queue,
  servers: 1,
  arrivalsPerSecond: queue.arrivalsPerSecond / queue.servers,
}))

describe('mm1', () => {
  it('waits u / (1 - u) service times, and u² / (1 - u) wait', () => {
    assertClose(mm1(one), { utilisation: 0.8, waitProbability: 0.8, meanWaitMs: 40, meanWaiting: 3.2 })
  })

  it('needs not be told that it has one server', () => {
    assert.deepEqual(mm1({ arrivalsPerSecond: 80, serviceMs: 10 }), mm1(one))
  })
})

describe('mg1', () => {
  it('is mm1 for exponential service, and half of it for constant service', () => {
    fc.assert(
      fc.property(singles, (queue) => {
        const { meanWaitMs, meanWaiting, ...same } = mm1(queue)
        assertClose(mg1({ ...queue, serviceScv: 1 }), mm1(queue))
        assertClose(mg1({ ...queue, serviceScv: 0 }), {
          ...same,
          meanWaitMs: meanWaitMs / 2,
          meanWaiting: meanWaiting / 2,
        })
      }),
    )
  })

  it('is what Pollaczek and Khinchine say of the second moment', () => {
    // Nine of ten take 1 ms, one takes 91 ms: mean 10, second moment 829. λ E(S²) / (2 (1 - u)).
    const serviceScv = 829 / 100 - 1
    assertClose(mg1({ ...one, serviceScv }), {
      utilisation: 0.8,
      waitProbability: 0.8,
      meanWaitMs: (0.08 * 829) / (2 * 0.2),
      meanWaiting: (0.08 * 0.08 * 829) / (2 * 0.2),
    })
  })
})

describe('gg1', () => {
  it('is Kingman’s formula: u / (1 - u) · (ca² + cs²) / 2 service times', () => {
    assertClose(gg1({ ...one, arrivalScv: 2, serviceScv: 0.5 }), {
      utilisation: 0.8,
      waitProbability: 0.8,
      meanWaitMs: 50,
      meanWaiting: 4,
    })
  })

  it('is mg1 for Poisson arrivals, and nobody waits where nothing varies', () => {
    fc.assert(
      fc.property(singles, scv, (queue, serviceScv) =>
        assertClose(gg1({ ...queue, arrivalScv: 1, serviceScv }), mg1({ ...queue, serviceScv })),
      ),
    )
    assert.equal(gg1({ ...one, arrivalScv: 0, serviceScv: 0 }).meanWaitMs, 0)
  })
})

describe('mmc', () => {
  it('is mm1 for one server', () => {
    fc.assert(fc.property(singles, (queue) => assertClose(mmc(queue), mm1(queue))))
  })

  it('is the closed form for two: the wait is u² / (1 - u²) service times', () => {
    const u = 0.75
    assertClose(mmc({ servers: 2, arrivalsPerSecond: 150, serviceMs: 10 }), {
      utilisation: u,
      waitProbability: (2 * u ** 2) / (1 + u),
      meanWaitMs: (10 * u ** 2) / (1 - u ** 2),
      meanWaiting: (2 * u ** 3) / (1 - u ** 2),
    })
  })

  it('waits less with more servers, and longer with more arrivals', () => {
    fc.assert(
      fc.property(queues, (queue) => {
        const wait = mmc(queue).meanWaitMs * (1 + 1e-12)
        assert.ok(mmc({ ...queue, servers: queue.servers + 1 }).meanWaitMs <= wait)
        assert.ok(mmc({ ...queue, arrivalsPerSecond: queue.arrivalsPerSecond * 0.9 }).meanWaitMs <= wait)
      }),
    )
  })

  it('waits less in one large pool than in two halves of it', () => {
    fc.assert(
      fc.property(queues, (half) => {
        const whole = { ...half, servers: half.servers * 2, arrivalsPerSecond: half.arrivalsPerSecond * 2 }
        assert.ok(mmc(whole).meanWaitMs <= mmc(half).meanWaitMs)
      }),
    )
  })

  it('counts 100,000 servers', () => {
    const { utilisation, meanWaitMs } = mmc({ servers: 100_000, arrivalsPerSecond: 9_990_000, serviceMs: 10 })
    assert.equal(utilisation, 0.999)
    assert.ok(meanWaitMs > 0.06 && meanWaitMs < 0.07, `${meanWaitMs}`)
  })
})

describe('ggc', () => {
  it('is mmc where both vary as exponentially distributed times do', () => {
    fc.assert(fc.property(queues, (queue) => assertClose(ggc({ ...queue, arrivalScv: 1, serviceScv: 1 }), mmc(queue))))
  })

  it('is gg1 for one server', () => {
    fc.assert(
      fc.property(singles, scv, scv, (queue, arrivalScv, serviceScv) => {
        const varied = { ...queue, arrivalScv, serviceScv }
        assertClose(ggc(varied), gg1(varied))
      }),
    )
  })

  it('stretches the wait of mmc by the mean of the two variabilities', () => {
    const queue = { servers: 2, arrivalsPerSecond: 150, serviceMs: 10 }
    const { meanWaitMs, meanWaiting, ...same } = mmc(queue)
    assertClose(ggc({ ...queue, arrivalScv: 4, serviceScv: 2 }), {
      ...same,
      meanWaitMs: 3 * meanWaitMs,
      meanWaiting: 3 * meanWaiting,
    })
  })
})

describe('every kind of queue', () => {
  const kinds = [
    mm1,
    mmc,
    (queue: typeof one) => mg1({ ...queue, serviceScv: 0 }),
    (queue: typeof one) => gg1({ ...queue, arrivalScv: 0, serviceScv: 0 }),
    (queue: typeof one) => ggc({ ...queue, arrivalScv: 0, serviceScv: 0 }),
  ]

  it('lets all wait for ever when it is overloaded, and says by how much', () => {
    for (const kind of kinds) {
      for (const utilisation of [1, 1.5]) {
        assert.deepEqual(kind({ ...one, arrivalsPerSecond: utilisation * 100 }), {
          utilisation,
          waitProbability: 1,
          meanWaitMs: Infinity,
          meanWaiting: Infinity,
        })
      }
    }
  })

  it('lets nobody wait if nobody comes, or if service takes no time', () => {
    const none: QueueFigures = { utilisation: 0, waitProbability: 0, meanWaitMs: 0, meanWaiting: 0 }
    for (const kind of kinds) {
      assert.deepEqual(kind({ ...one, arrivalsPerSecond: 0 }), none)
      assert.deepEqual(kind({ ...one, serviceMs: 0 }), none)
    }
  })

  it('refuses what is out of range', () => {
    const refuses = (ask: () => unknown, message: string) => assert.throws(ask, { code: 'out_of_range', message })
    const two = { ...one, servers: 2 }
    for (const ask of [() => mm1(two), () => mg1({ ...two, serviceScv: 1 })]) {
      refuses(ask, 'servers must be 1, got 2')
    }
    for (const kind of kinds) {
      refuses(() => kind({ ...one, arrivalsPerSecond: NaN }), 'arrivalsPerSecond must be finite, 0 or more, got NaN')
      refuses(() => kind({ ...one, serviceMs: -1 }), 'serviceMs must be finite, 0 or more, got -1')
    }
    for (const kind of [gg1, ggc]) {
      refuses(() => kind({ ...one, arrivalScv: -1, serviceScv: 1 }), 'arrivalScv must be finite, 0 or more, got -1')
      refuses(() => kind({ ...one, arrivalScv: 1, serviceScv: NaN }), 'serviceScv must be finite, 0 or more, got NaN')
    }
  })
})
