import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { meanOf } from '../../measurement.ts'
import { drawnFor, foretell, simulated, variabilityOf } from './utilisation-queue.ts'

const holds = { drawnMs: 10, beyondMs: 0.5 }

describe('the queues of the experiment utilisation', () => {
  it('know mean and variability of what is drawn', () => {
    const { askedMs } = drawnFor({ utilisation: 0.9, servers: 50 }, holds, 60_000, 1)
    const held = [...askedMs].map((ms) => ms + holds.beyondMs)
    const mean = meanOf(held)
    const scv = meanOf(held.map((ms) => (ms - mean) ** 2)) / mean ** 2
    const known = variabilityOf(holds)
    assert.ok(Math.abs(mean / known.meanMs - 1) < 0.01, `${mean} ${known.meanMs}`)
    assert.ok(Math.abs(scv / known.scv - 1) < 0.03, `${scv} ${known.scv}`)
  })

  it('ask for as much as the utilisation says, in whole milliseconds', () => {
    const { arrivalsPerSecond, atMs, askedMs } = drawnFor({ utilisation: 0.8, servers: 4 }, holds, 1_000, 1)
    assert.equal(arrivalsPerSecond * variabilityOf(holds).meanMs, 3_200)
    assert.equal(atMs.length, askedMs.length)
    assert.ok(askedMs.every((ms) => Number.isInteger(ms) && ms >= 1))
  })

  it('differ within a round by nothing but how close callers come together', () => {
    const draw = (utilisation: number) => drawnFor({ utilisation, servers: 1 }, holds, 10_000, 7)
    const [half, full] = [draw(0.45), draw(0.9)]
    const shared = half.atMs.length
    assert.deepEqual(full.askedMs.slice(0, shared), half.askedMs)
    assert.ok(half.atMs.every((ms, index) => Math.abs(2 * (full.atMs[index] as number) - ms) < 1e-6))
  })

  it('wait as can be reckoned by hand, everybody to the last', () => {
    const callers = { atMs: Float64Array.of(10, 11, 12), holdsMs: Float64Array.of(5, 6, 100) }
    assert.equal(simulated(1, callers).meanMs, (0 + 4 + 9) / 3)
    assert.equal(simulated(2, callers).meanMs, (0 + 0 + 3) / 3)
    assert.deepEqual(simulated(3, callers), { meanMs: 0, p50Ms: 0, p99Ms: 0 })
  })

  it('wait the longer, the fuller they are', () => {
    const waits = [0.5, 0.8, 0.95].map((utilisation) => {
      const level = { utilisation, servers: 1 }
      const [same] = foretell(level, holds, 2_000, [drawnFor(level, holds, 2_000, 3)]).same
      return same?.meanMs ?? Number.NaN
    })
    assert.deepEqual(
      waits,
      waits.toSorted((a, b) => a - b),
    )
  })
})
