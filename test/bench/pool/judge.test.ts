import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findings, type Measured, needsMorePairs } from '../../../bench/pool/judge.ts'
import type { Must } from '../../../bench/pool/rows.ts'
import { measuredRow } from './measured.ts'

const times: Must = { kind: 'times', least: 3, aim: 5 }
const noSlower: Must = { kind: 'no slower' }
const nine = (value: number) => Array.from({ length: 9 }, () => value)

function only(measured: Measured) {
  const [finding, second] = findings([measured])
  assert.ok(finding !== undefined && second === undefined)
  return finding
}

describe('findings', () => {
  it('compare with the peer that is best in the median, round by round', () => {
    const found = only(
      measuredRow({ createPool: [100, 200, 100], tarn: [900, 900, 1], 'generic-pool': [400, 600, 450] }),
    )
    assert.equal(found.bestPeer, 'generic-pool')
    assert.deepEqual(found.advantage?.ratios, [4, 3, 4.5])
    assert.deepEqual(found.medians, { createPool: 100, tarn: 900, 'generic-pool': 450 })
  })

  it('count more as better where more is better', () => {
    const found = only(measuredRow({ Pool: [300], 'pg-pool': [200] }, { better: 'higher' }))
    assert.equal(found.advantage?.ratio, 1.5)
  })

  it('say whether so many times is reached, or the aim', () => {
    const verdict = (ns: number) => only(measuredRow({ createPool: [ns], tarn: [1_500] }, { must: times })).verdict
    assert.deepEqual([300, 301, 500, 501].map(verdict), ['reaches the aim', 'reached', 'reached', 'MISSED'])
  })

  it('show what has no must', () => {
    assert.equal(only(measuredRow({ createPool: [900], tarn: [100] })).verdict, 'shown only')
  })

  it('want less than the best peer where better is a must, and not as much', () => {
    const verdict = (bytes: number) =>
      only(measuredRow({ Pool: [bytes], 'pg-pool': [100] }, { must: { kind: 'better' } })).verdict
    assert.deepEqual([99, 100].map(verdict), ['reached', 'MISSED'])
  })

  it('hold each of our pools to a limit, whatever its peers do', () => {
    const verdict = (values: Parameters<typeof measuredRow>[0]) =>
      only(measuredRow(values, { must: { kind: 'at most', limit: 6 } })).verdict
    assert.equal(verdict({ createPool: [6], Pool: [5], tarn: [50] }), 'reached')
    assert.equal(verdict({ createPool: [5], Pool: [7], tarn: [1] }), 'MISSED')
  })

  it('call nothing level that had fewer than nine pairs, or whose interval is wide or ends below 1', () => {
    const verdict = (ours: readonly number[], peer: readonly number[]) =>
      only(measuredRow({ Pool: ours, 'pg-pool': peer }, { better: 'higher', must: noSlower })).verdict
    assert.equal(verdict(nine(100), nine(100)), 'reached')
    assert.equal(verdict(nine(200), nine(100)), 'reached')
    assert.equal(verdict(nine(100).slice(1), nine(100).slice(1)), 'MISSED')
    assert.equal(verdict(nine(99), nine(100)), 'MISSED')
    assert.equal(verdict([90, 90, 95, 95, 100, 105, 105, 110, 110], nine(100)), 'MISSED')
    assert.equal(verdict([95, 96, 96, 97, 97, 98, 99, 101, 110], nine(100)), 'reached')
  })
})

describe('needsMorePairs', () => {
  it('is true while an interval that must be narrow is wide, or of too few pairs', () => {
    const row = { better: 'higher', must: noSlower } as const
    const wide = [50, 60, 70, 80, 90, 100, 110, 120, 130]
    assert.equal(needsMorePairs(measuredRow({ Pool: wide, 'pg-pool': nine(100) }, row)), true)
    assert.equal(needsMorePairs(measuredRow({ Pool: [100], 'pg-pool': [100] }, row)), true)
    assert.equal(needsMorePairs(measuredRow({ Pool: nine(50), 'pg-pool': nine(100) }, row)), false)
    assert.equal(needsMorePairs(measuredRow({ createPool: wide, tarn: nine(100) }, { must: times })), false)
  })
})
