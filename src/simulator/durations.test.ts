import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Random } from '../random.ts'
import { type DurationSpec, durationsOf, meanMsOf } from './durations.ts'

const draws = 200_000

function drawn(spec: DurationSpec): number[] {
  const durations = durationsOf(spec, new Random(11))
  return Array.from({ length: draws }, () => durations.next())
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function cv(values: readonly number[]): number {
  const about = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - about) ** 2))) / about
}

const close = (value: number, expected: number, tolerance = 0.02) => {
  assert.ok(Math.abs(value / expected - 1) < tolerance, `${value} is not within ${tolerance} of ${expected}`)
}

describe('durations', () => {
  it('have the mean and the variation that was asked for', () => {
    const specs: [DurationSpec, number][] = [
      [{ kind: 'fixed', ms: 5 }, 0],
      [{ kind: 'exponential', meanMs: 5 }, 1],
      [{ kind: 'log-normal', meanMs: 5, cv: 2 }, 2],
      [{ kind: 'pareto', meanMs: 5, shape: 5 }, Math.sqrt(1 / 15)],
    ]
    for (const [spec, variation] of specs) {
      const values = drawn(spec)
      close(mean(values), 5)
      close(1 + cv(values), 1 + variation, 0.05)
      assert.equal(meanMsOf(spec), 5)
    }
  })

  it('have a tail as heavy as asked for: a tenth of the chance for each factor of ten at a shape of 1', () => {
    const values = drawn({ kind: 'pareto', meanMs: 100, shape: 1.5 })
    const longer = (ms: number): number => values.filter((value) => value > ms).length
    close(longer(100) / longer(1_000), 10 ** 1.5, 0.25)
  })

  it('lie between percentiles as they were given', () => {
    const spec: DurationSpec = {
      kind: 'percentiles',
      points: [
        [0, 1],
        [50, 3],
        [100, 23],
      ],
    }
    const values = drawn(spec)
    close(meanMsOf(spec), 7.5)
    close(mean(values), 7.5)
    close(values.filter((value) => value <= 3).length / draws, 0.5)
    assert.ok(values.every((value) => value >= 1 && value <= 23))
  })

  it('are drawn from what was measured, or come one after the other and from the beginning again', () => {
    const values = Float64Array.of(1, 2, 6)
    assert.deepEqual(new Set(drawn({ kind: 'measured', values })), new Set([1, 2, 6]))
    const sequence = durationsOf({ kind: 'sequence', values }, new Random(1))
    assert.deepEqual(
      Array.from({ length: 5 }, () => sequence.next()),
      [1, 2, 6, 1, 2],
    )
    assert.deepEqual([meanMsOf({ kind: 'measured', values }), meanMsOf({ kind: 'sequence', values })], [3, 3])
  })

  it('are the same for the same seed', () => {
    assert.deepEqual(drawn({ kind: 'log-normal', meanMs: 1, cv: 1 }), drawn({ kind: 'log-normal', meanMs: 1, cv: 1 }))
  })
})
