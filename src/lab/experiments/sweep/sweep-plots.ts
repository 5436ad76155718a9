/** What the sweep shows. */

import { timeText } from '../../../report/number-text.ts'
import type { Mark, Series } from '../../../report/plot.ts'
import type { Figure } from '../../../report/figure.ts'
import type { Rig } from '../../rig.ts'
import { hasBounds, type SweepPoint, type SweepSummary } from './sweep-summary.ts'

const sizes = { label: 'size of the pool', unit: 'connections', scale: 'log' } as const

export function sweepPlots(summary: SweepSummary, rig: Rig): Figure[] {
  const { points } = summary
  const bound = hasBounds(summary) ? `; above ${timeText(summary.wholeMs)}: at least` : ''
  const line = (of: (point: SweepPoint) => number) => points.map((point) => [point.size, of(point)] as const)
  return [
    {
      kind: 'plot',
      title: 'Throughput by the size of the pool',
      subtitle: 'the same callers and transactions at every size; medians over the rounds',
      x: sizes,
      y: { label: 'transactions', unit: '1/s', from: 0 },
      series: [{ name: 'measured', points: line(({ perSecond }) => perSecond) }, ...predictedSeries(points, rig)],
      marks: marksOf(summary, rig),
    },
    {
      kind: 'plot',
      title: 'Latency by the size of the pool',
      subtitle: `from the call to the answer, the wait for the pool included${bound}`,
      x: sizes,
      y: { label: 'latency', unit: 'ms', scale: 'log' },
      series: [
        { name: 'p50', points: line(({ p50Ms }) => p50Ms) },
        { name: 'p99', points: line(({ p99Ms }) => p99Ms) },
      ],
      marks: [limitMark(rig)].filter(isWithin(points)),
    },
    {
      kind: 'plot',
      title: 'What the connections do',
      subtitle: 'backends that had begun a statement, and those of them that waited, on average over looks',
      x: sizes,
      y: { label: 'backends', from: 0 },
      series: [
        { name: 'active', points: line(({ active }) => active) },
        { name: 'waiting for a lock', points: line(({ onLock }) => onLock) },
        { name: 'for a lightweight lock', points: line(({ onLightweightLock }) => onLightweightLock) },
      ],
    },
  ]
}

/** Size ÷ service time, until all cores are busy. */
function predictedSeries(points: readonly SweepPoint[], { prediction, facts: { cores } }: Rig): Series[] {
  const alone = prediction?.figures['throughput at 1'] ?? null
  if (alone === null || cores === null) return []
  const ends = [...new Set([...points.map(({ size }) => size), cores])].toSorted((one, other) => one - other)
  return [{ name: 'predicted', points: ends.map((size) => [size, Math.min(size, cores) * alone] as const) }]
}

function marksOf({ points, knee, formula, pick }: SweepSummary, rig: Rig): Mark[] {
  const marks: Mark[] = [
    { axis: 'x', at: knee.size, text: `knee ${knee.size}` },
    ...(formula === undefined ? [] : [{ axis: 'x', at: formula, text: `cores × 2 + 1: ${formula}` } as const]),
    ...(pick === undefined ? [] : [{ axis: 'x', at: pick, text: `advisor ${pick}` } as const]),
    limitMark(rig),
  ]
  return marks.filter(isWithin(points))
}

function limitMark(rig: Rig): Mark {
  return { axis: 'x', at: Math.max(1, rig.freeConnections), text: `the server's limit ${rig.freeConnections}` }
}

/** A mark beyond the data would make the axis longer. */
function isWithin(points: readonly SweepPoint[]): (mark: Mark) => boolean {
  const largest = Math.max(...points.map(({ size }) => size))
  return ({ at }) => at <= largest
}
