/** What the samples of a row say of each of its figures. */

import { type Comparison, compare } from '../comparison.ts'
import { median } from '../../src/metrics/statistics.ts'
import { type LenderName, lenderNames } from './lenders.ts'
import { fewestPairs, type Metric, type Must, type Row, widestInterval } from './rows.ts'

/** Of one process, by the figure's key. */
export type Figures = Readonly<Record<string, number>>
export type Samples = Readonly<Partial<Record<LenderName, readonly Figures[]>>>

export interface Measured {
  readonly row: Row
  readonly samples: Samples
}

export type Verdict = 'reaches the aim' | 'reached' | 'MISSED' | 'shown only'

export interface Finding {
  readonly row: Row
  readonly metric: Metric
  /** Of each pool that took part. */
  readonly medians: Readonly<Partial<Record<LenderName, number>>>
  readonly bestPeer: LenderName
  /** How many times as good as the best peer, pair by pair; above 1 is ahead. Where one pool of Taxirank's takes part. */
  readonly advantage: Comparison | undefined
  readonly verdict: Verdict
}

export function findings(measured: readonly Measured[]): readonly Finding[] {
  return measured.flatMap((one) => one.row.metrics.map((metric) => find(one, metric)))
}

/** The interval of the row's ratios is too wide to say that it is no slower. */
export function needsMorePairs({ row, samples }: Measured): boolean {
  return row.metrics.some((metric) => {
    const { advantage } = find({ row, samples }, metric)
    return metric.must?.kind === 'no slower' && advantage !== undefined && !isNarrow(advantage)
  })
}

function find({ row, samples }: Measured, metric: Metric): Finding {
  const values = (name: LenderName) => (samples[name] ?? []).map((figures) => figures[metric.key] as number)
  const part = lenderNames.filter((name) => values(name).length > 0)
  const medians = Object.fromEntries(part.map((name) => [name, median(values(name))])) as Record<LenderName, number>
  const bestPeer = best(row.peers, medians, metric)
  const [ours, second] = row.ours as [LenderName, LenderName?]
  const advantage = second === undefined ? advantageOf(values(ours), values(bestPeer), metric) : undefined
  const worstOwn = Math.max(...row.ours.map((name) => medians[name]))
  return { row, metric, medians, bestPeer, advantage, verdict: judge(metric.must, advantage, worstOwn) }
}

function best(peers: readonly LenderName[], medians: Record<LenderName, number>, { better }: Metric): LenderName {
  const sign = better === 'lower' ? 1 : -1
  return [...peers].sort((a, b) => sign * (medians[a] - medians[b]))[0] as LenderName
}

function advantageOf(ours: readonly number[], peer: readonly number[], { better }: Metric): Comparison {
  return better === 'lower' ? compare(ours, peer) : compare(peer, ours)
}

function judge(must: Must | undefined, advantage: Comparison | undefined, worstOwn: number): Verdict {
  if (must === undefined) return 'shown only'
  if (must.kind === 'at most') return worstOwn <= must.limit ? 'reached' : 'MISSED'
  if (advantage === undefined) throw new Error('a ratio is of one pool and its peers')
  const { ratio, interval } = advantage
  switch (must.kind) {
    case 'times':
      return ratio >= must.aim ? 'reaches the aim' : ratio >= must.least ? 'reached' : 'MISSED'
    case 'no slower':
      return interval.high >= 1 && isNarrow(advantage) ? 'reached' : 'MISSED'
    case 'better':
      return ratio > 1 ? 'reached' : 'MISSED'
  }
}

function isNarrow({ ratios, interval: { low, high } }: Comparison): boolean {
  return ratios.length >= fewestPairs && high - low <= widestInterval
}
