import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AxisOptions, linearScale, logScale, scaleFor } from './scale.ts'

const label = 'wait'
const round = { bounds: 'round', ticks: 5 } as const
const tight = { bounds: 'tight', ticks: 5 } as const
const bounds = (
  options: Omit<AxisOptions, 'label'>,
  data: [number, number] | undefined,
  fit: typeof round | typeof tight,
) => {
  const { from, to } = scaleFor({ label, ...options }, data, fit)
  return [from, to]
}
const texts = (scale: { ticks(most: number): { text: string }[] }, most: number) =>
  scale.ticks(most).map(({ text }) => text)

describe('linearScale', () => {
  it('places values evenly', () => {
    const scale = linearScale(-10, 10)
    assert.deepEqual(
      [-10, 0, 10, 20].map((value) => scale.place(value)),
      [0, 0.5, 1, 1.5],
    )
  })

  it('has ticks at 1, 2 or 5 times a power of ten', () => {
    assert.deepEqual(texts(linearScale(0, 1), 5), ['0.0', '0.2', '0.4', '0.6', '0.8', '1.0'])
    assert.deepEqual(texts(linearScale(0, 97), 5), ['0', '20', '40', '60', '80'])
    assert.deepEqual(texts(linearScale(-1500, 2600), 5), ['−1,000', '0', '1,000', '2,000'])
    assert.deepEqual(texts(linearScale(0.001, 0.0023), 3), ['0.0010', '0.0015', '0.0020'])
  })

  it('takes no NaN and nothing infinite', () => {
    assert.deepEqual([NaN, Infinity, -Infinity, 1e300, 0, -5].map(linearScale(0, 1).accepts), [
      false,
      false,
      false,
      false,
      true,
      true,
    ])
  })
})

describe('logScale', () => {
  it('places values by their ratios', () => {
    assert.deepEqual(
      [1, 10, 100].map((value) => logScale(1, 100).place(value)),
      [0, 0.5, 1],
    )
  })

  it('has ticks at powers of ten, between them with room, and as a linear scale within a decade', () => {
    assert.deepEqual(texts(logScale(0.1, 1000), 5), ['0.1', '1', '10', '100', '1,000'])
    assert.deepEqual(texts(logScale(1, 20), 6), ['1', '2', '5', '10', '20'])
    assert.deepEqual(texts(logScale(1, 1e12), 5), ['1', '1,000', '1,000,000', '1,000,000,000', '1,000,000,000,000'])
    assert.deepEqual(texts(logScale(30, 45), 4), ['30', '35', '40', '45'])
  })

  it('takes nothing at or below zero', () => {
    assert.deepEqual([0, -1, NaN, 1].map(logScale(1, 10).accepts), [false, false, false, true])
  })
})

describe('scaleFor', () => {
  it('goes on to round numbers, and to zero if that takes up no more than half', () => {
    assert.deepEqual(bounds({}, [3, 87], round), [0, 100])
    assert.deepEqual(bounds({}, [1003, 1087], round), [1000, 1100])
    assert.deepEqual(bounds({}, [-87, -3], round), [-100, 0])
    assert.deepEqual(bounds({ scale: 'log' }, [3, 870], round), [2, 1000])
  })

  it('ends with the data, or a round number close by', () => {
    assert.deepEqual(bounds({}, [0.1, 59.9], tight), [0, 60])
    assert.deepEqual(bounds({}, [3, 87], tight), [3, 87])
  })

  it('leaves given bounds alone', () => {
    assert.deepEqual(bounds({ from: 3, to: 7.7 }, [0, 100], round), [3, 7.7])
    assert.deepEqual(bounds({ from: 50 }, [0, 10], round), [50, 100])
    assert.deepEqual(bounds({ scale: 'log', to: 5 }, [10, 100], round), [0.5, 5])
  })

  it('has room on both sides of a single value', () => {
    assert.deepEqual(bounds({}, [12, 12], round), [0, 25])
    assert.deepEqual(bounds({}, [0, 0], round), [0, 1])
    assert.deepEqual(bounds({}, [5, 5], tight), [4.5, 5.5])
    assert.deepEqual(bounds({ scale: 'log' }, [10, 10], round), [1, 100])
  })

  it('has bounds without data', () => {
    assert.deepEqual(
      [bounds({}, undefined, round), bounds({ scale: 'log' }, undefined, round)],
      [
        [0, 1],
        [1, 10],
      ],
    )
  })

  it('refuses bounds that are none', () => {
    assert.throws(() => bounds({ from: 5, to: 5 }, undefined, round), /the axis "wait" can't go from 5 to 5/)
    assert.throws(() => bounds({ from: NaN }, undefined, round), /the axis "wait" can't have the bound NaN/)
    assert.throws(() => bounds({ scale: 'log', from: 0 }, undefined, round), /the axis "wait" can't have the bound 0/)
  })
})
