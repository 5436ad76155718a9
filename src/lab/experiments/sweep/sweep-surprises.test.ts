import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Rig } from '../../rig.ts'
import type { Sweep } from './sweep-findings.ts'
import type { SweepSample } from './sweep-measure.ts'
import { latencyText, summaryOf } from './sweep-summary.ts'
import { sweepSurprises } from './sweep-surprises.ts'

type Rounds = Readonly<Record<number, readonly number[]>>

/** Of throughput by size, and the 99th percentile of each size in all rounds. */
function sweepOf(perSecond: Rounds, p99Ms: Readonly<Record<number, number>> = {}, predicted = Number.NaN): Sweep {
  const sizes = Object.keys(perSecond).map(Number)
  const samples = sizes.flatMap((size) =>
    (perSecond[size] ?? []).map((value) => sampleOf(size, value, p99Ms[size] ?? 50)),
  )
  return {
    rig: {
      facts: { cores: 2, isLocal: true },
      prediction: { text: '', figures: { 'best throughput': predicted } },
    } as unknown as Rig,
    samples,
    times: { warmUpMs: 50, warmUpEachMs: 1, measureMs: 250, tailMs: 150 },
    sizes,
    ample: 8,
    pick: 8,
    watch: { callers: 9, size: 9, watchMs: 9 },
    setup: {},
  }
}

function sampleOf(size: number, perSecond: number, p99Ms: number): SweepSample {
  const activity = { active: 1, onLock: 0, onLightweightLock: 0, onDisk: 0 }
  const seen = { switchesPerSecond: 1, activity, hitShare: 1, memoryBytes: 1 }
  return {
    size,
    opened: size,
    refusal: undefined,
    refused: 0,
    perSecond,
    p50Ms: 30,
    p99Ms,
    failures: new Map(),
    ...seen,
  }
}

const surprisesOf = (sweep: Sweep): string[] => sweepSurprises(summaryOf(sweep), sweep)

describe('a summary', () => {
  it('compares with the best size round by round: a slow round is slow for both', () => {
    const { best, ample, knee } = summaryOf(sweepOf({ 5: [1_000, 500, 1_000], 8: [980, 490, 600] }))
    assert.deepEqual([best.size, knee.size, ample.shares, ample.share], [5, 5, [0.98, 0.98, 0.6], 0.98])
  })

  it('has as the best a size of all rounds, not the luck of one', () => {
    assert.equal(summaryOf(sweepOf({ 5: [990, 1_000, 1_010], 120: [1_200] })).best.size, 5)
  })

  it('throws where nothing was served', () => {
    assert.throws(() => summaryOf(sweepOf({ 5: [0, 0, 0] })), /no transaction succeeded/)
  })

  it('says of a latency that is longer than the load went on that it is a lower bound', () => {
    const summary = summaryOf(sweepOf({ 5: [1, 1, 1] }))
    assert.deepEqual([latencyText(150, summary), latencyText(151, summary)], ['150 ms', 'at least 151 ms'])
  })
})

describe('a surprise', () => {
  it('is the throughput of the pick if no round of it came to the worst of the best size', () => {
    const rounds = { 5: [990, 1_000, 1_010], 8: [800, 810, 820] }
    assert.deepEqual(surprisesOf(sweepOf(rounds)), [`The advisor's pick, 8, served 81% of the best throughput.`])
  })

  it('is none if the rounds differ by as much', () => {
    assert.deepEqual(surprisesOf(sweepOf({ 5: [700, 1_000, 1_010], 8: [800, 805, 810] })), [])
  })

  it('is that many serve as much as few, and whether the 99th percentile tells them apart', () => {
    const rounds = { 5: [990, 1_000, 1_010], 8: [980, 990, 1_000], 96: [980, 990, 1_000] }
    const [apart] = surprisesOf(sweepOf(rounds, { 5: 40, 96: 400 }))
    assert.match(
      apart ?? '',
      /: it is the latency's 99th percentile that tells them apart, at least 400 ms against 40 ms with 5\.$/,
    )
    const [alike] = surprisesOf(sweepOf(rounds))
    assert.match(
      alike ?? '',
      /: nor does the latency's 99th percentile tell them apart clearly, 50 ms against 50 ms with 5\.$/,
    )
  })

  it('is that the cores serve more than one connection foretells, if one in the same rounds foretells it, too', () => {
    const best = { 5: [990, 1_000, 1_010], 8: [980, 990, 1_000] }
    const [more] = surprisesOf(sweepOf({ 1: [300, 310, 320], ...best }, {}, 500))
    assert.match(more ?? '', /^The best throughput was 2 times what the cores should serve/)
    assert.deepEqual(surprisesOf(sweepOf({ 1: [500, 510, 520], ...best }, {}, 500)), [])
  })
})
