import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Deadline } from '../time.ts'
import { Lease } from './lease.ts'
import { Ledger } from './ledger.ts'
import { Slot } from './slot.ts'

/** A lease that is noted as granted at this instant, after a wait. */
function grant(ledger: Ledger<string>, grantedAtMs: number, waitedMs = 0): Lease<string> {
  const slot = new Slot<string>(() => new Deadline(() => undefined))
  const lease = Object.assign(new Lease(slot), { grantedAtMs, waitedMs })
  ledger.granted(lease)
  return lease
}

/** One that has seen leases which lasted so long, one after the other. */
function seen(...holds: number[]): { ledger: Ledger<string>; now: number } {
  const ledger = new Ledger<string>()
  let now = 1_000
  for (const heldMs of holds) {
    const lease = grant(ledger, now)
    now += heldMs
    ledger.ended(lease, now)
  }
  return { ledger, now }
}

describe('Ledger: how long a lease is held', () => {
  it('is nothing, as long as there was none', () => {
    assert.equal(new Ledger<string>().holdEstimateMs(1_000), 0)
  })

  it('is how long the first one lasted, and then the moving mean, of which the newest is a 32nd', () => {
    const estimates = [[64], [64, 0], [64, 0, 94]].map((holds) => {
      const { ledger, now } = seen(...holds)
      return ledger.holdEstimateMs(now)
    })
    assert.deepEqual(estimates, [64, 62, 63])
  })

  it('counts a lease that was over at once', () => {
    const { ledger, now } = seen(0, 32)
    assert.equal(ledger.holdEstimateMs(now), 1)
  })

  it('is the mean age of those that last, as long as none has ended', () => {
    const ledger = new Ledger<string>()
    grant(ledger, 100)
    grant(ledger, 160)
    assert.deepEqual([ledger.holdEstimateMs(160), ledger.holdEstimateMs(200)], [30, 70])
  })

  it('is the mean age of those that last, if that is more than the mean of those that have ended', () => {
    const { ledger, now } = seen(10)
    grant(ledger, now)
    grant(ledger, now + 4)
    assert.deepEqual([ledger.holdEstimateMs(now + 11), ledger.holdEstimateMs(now + 14)], [10, 12])
  })

  it('has nothing to do with the age of a lease that has ended', () => {
    const ledger = new Ledger<string>()
    const old = grant(ledger, 0)
    grant(ledger, 990)
    ledger.ended(old, 20)
    assert.equal(ledger.holdEstimateMs(1_030), 40)
  })

  it('becomes 0, not ever smaller, when leases are over at once from then on', () => {
    const { ledger, now } = seen(1, ...Array.from({ length: 1_000 }, () => 0))
    assert.equal(ledger.holdEstimateMs(now), 0)
  })
})

describe('Ledger: its figures', () => {
  it('say how many leases there were, and how many without a wait', () => {
    const ledger = new Ledger<string>()
    ledger.ended(grant(ledger, 5), 9)
    grant(ledger, 20, 15)
    ledger.waited++
    const { counters, waitMs, holdMs } = ledger.snapshot(0)
    assert.deepEqual(
      { leases: counters.leases, immediate: counters.immediate, waits: waitMs.count, holds: holdMs.count },
      { leases: 2, immediate: 1, waits: 2, holds: 1 },
    )
  })

  it('say how long leases were waited for and held', () => {
    const ledger = new Ledger<string>()
    for (const waitedMs of [0, 40]) ledger.ended(grant(ledger, 100, waitedMs), 107)
    const { waitMs, holdMs } = ledger.snapshot(0)
    assert.deepEqual([waitMs.sumMs, waitMs.maxMs, holdMs.sumMs, holdMs.maxMs], [40, 40, 14, 7])
  })

  it('stay what they were when they were taken', () => {
    const ledger = new Ledger<string>()
    const before = ledger.snapshot(0)
    ledger.ended(grant(ledger, 0), 10)
    assert.deepEqual([before.counters.leases, before.holdMs.count, ledger.snapshot(0).holdMs.count], [0, 0, 1])
  })
})

describe('Ledger: how long leases have been held in all', () => {
  it('counts those that have ended and the ages of those that last', () => {
    const { ledger, now } = seen(10, 20)
    grant(ledger, now)
    grant(ledger, now + 5)
    assert.deepEqual([ledger.snapshot(now + 5).heldMs, ledger.snapshot(now + 6).heldMs], [35, 37])
  })

  it('never becomes less, although what has ended is rounded to the microsecond', () => {
    const ledger = new Ledger<string>()
    const leases = [0, 0, 0, 0].map((at) => grant(ledger, at))
    const before = ledger.snapshot(5.0004).heldMs
    for (const lease of leases) ledger.ended(lease, 5.0004)
    assert.deepEqual([before, ledger.snapshot(6).heldMs], [20.0016, 20.0016])
    assert.equal(ledger.holdMs.sumMs, 20)
  })
})
