import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { measurement } from './measurement.ts'
import { figureText, hitsText } from './prediction-hits.ts'
import type { ExperimentResult } from './results.ts'

function resultOf(figures: Record<string, number | null>, measured: Record<string, number>): ExperimentResult {
  const measurements = Object.entries(measured).map(([name, value]) => measurement(name, 'ms', [value]))
  return { prediction: { text: '', figures }, measurements } as unknown as ExperimentResult
}

describe('how near predictions came', () => {
  it('counts those within a quarter, and names the farthest', () => {
    const result = resultOf({ a: 100, b: 10, c: 1, d: 5, e: null }, { a: 120, b: 30, c: 1.1, f: 3, e: 1 })
    assert.equal(
      hitsText(result),
      'Of 3 figures that were predicted, 2 came within 25% of it; farthest off is b: 30 ms in place of 10 ms.',
    )
  })

  it('says so where all are near, and where there is one', () => {
    assert.equal(
      hitsText(resultOf({ a: 1, b: 0 }, { a: 1, b: 0 })),
      'All 2 figures that were predicted came within 25% of it.',
    )
    assert.equal(hitsText(resultOf({ a: 0 }, { a: 2 })), 'The one figure that was predicted is 2 ms in place of 0 ms.')
  })

  it('says nothing where nothing can be compared', () => {
    assert.equal(hitsText(resultOf({ a: 1 }, { b: 1 })), '')
    assert.equal(hitsText({ ...resultOf({}, { b: 1 }), prediction: null }), '')
  })
})

describe('a figure', () => {
  it('has its unit', () => {
    const texts = (['ms', 'bytes', 'share', '1/s', 'count', 'ratio'] as const).map((unit) =>
      figureText(1_048_576, { unit }),
    )
    assert.deepEqual(texts, ['1,049 s', '1 MiB', '104,857,600%', '1,048,576 /s', '1,048,576', '1,048,576'])
    assert.equal(figureText(null, { unit: 'ms' }), '–')
  })
})
