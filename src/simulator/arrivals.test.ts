import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Random } from '../random.ts'
import { type ArrivalSpec, arrivalsOf, meanPerSecondOf } from './arrivals.ts'

function arrived(spec: ArrivalSpec, untilMs: number): number[] {
  const arrivals = arrivalsOf(spec, new Random(5))
  const all: number[] = []
  for (let at = arrivals.after(0); at <= untilMs; at = arrivals.after(at)) all.push(at)
  return all
}

const close = (value: number, expected: number, tolerance: number) => {
  assert.ok(Math.abs(value / expected - 1) < tolerance, `${value} is not within ${tolerance} of ${expected}`)
}

/** Variance of the counts in windows, divided by their mean: 1 for Poisson, more for bursts. */
function dispersion(times: readonly number[], windowMs: number, windows: number): number {
  const counts = Array.from({ length: windows }, () => 0)
  for (const at of times) counts[Math.floor(at / windowMs)] = (counts[Math.floor(at / windowMs)] ?? 0) + 1
  const mean = times.length / windows
  return counts.slice(0, windows).reduce((sum, count) => sum + (count - mean) ** 2, 0) / windows / mean
}

const minute = 60_000

describe('arrivals', () => {
  it('come as often as asked for, whatever their kind', () => {
    const specs: ArrivalSpec[] = [
      { kind: 'poisson', perSecond: 500 },
      { kind: 'regular', perSecond: 500 },
      { kind: 'bursty', perSecond: 100, burstPerSecond: 2_100, calmMs: 400, burstMs: 100 },
      { kind: 'diurnal', perSecond: 500, peakPerSecond: 900, periodMs: minute },
    ]
    for (const spec of specs) {
      assert.equal(meanPerSecondOf(spec), 500)
      close(arrived(spec, 4 * minute).length, 120_000, spec.kind === 'bursty' ? 0.1 : 0.02)
    }
  })

  it('are independent of each other if they are Poisson, and crowd if they are bursty', () => {
    close(dispersion(arrived({ kind: 'poisson', perSecond: 500 }, minute), 100, 600), 1, 0.2)
    const bursty: ArrivalSpec = { kind: 'bursty', perSecond: 0, burstPerSecond: 2_500, calmMs: 400, burstMs: 100 }
    assert.ok(dispersion(arrived(bursty, minute), 100, 600) > 20)
  })

  it('are fewest at the beginning of a period and most in its middle, if they are diurnal', () => {
    const times = arrived({ kind: 'diurnal', perSecond: 500, peakPerSecond: 900, periodMs: minute }, minute)
    const within = (from: number, to: number): number => times.filter((at) => at >= from && at < to).length
    close(within(0, 1_000), 100, 0.3)
    close(within(29_500, 30_500), 900, 0.1)
  })

  it('come as they were recorded, and nobody after the last', () => {
    const atMs = Float64Array.of(0, 5, 5, 9)
    assert.deepEqual(arrived({ kind: 'replayed', atMs }, 100), [...atMs])
    close(meanPerSecondOf({ kind: 'replayed', atMs }), 4_000 / 9, 1e-9)
  })
})
