/** From pairs of runs to what the report says about each metric. */

import { type Row, valueOf } from './measure.ts'
import { compare, type Comparison } from './statistics.ts'
import type { Metric, Target, Workload } from './workloads.ts'

export type Verdict = 'reaches the aim' | 'reached' | 'MISSED' | 'shown only'

export interface Finding {
  readonly workload: Workload
  readonly target: Target
  readonly comparison: Comparison
  readonly verdict: Verdict
}

/** How far a ratio stands on the losing side, and whether the interval leaves room for a draw. */
export type Standing = 'ahead or level' | 'behind, within the noise' | 'behind, of too few pairs to be sure' | 'behind'

/** One finding per target of every measured row, in the order of the rows. */
export function findings(rows: readonly Row[]): readonly Finding[] {
  return rows.flatMap((row) => (row.name === 'failed' ? [] : row.workload.targets.map((target) => find(row, target))))
}

/** The median of the pairs' ratios decides; the interval says how sure it is. */
export function judge(target: Target, ratio: number): Verdict {
  if (target.mustReach === undefined) return 'shown only'
  const reaches = (limit: number) => (isBetterHigher(target.metric) ? ratio >= limit : ratio <= limit)
  if (!reaches(target.mustReach)) return 'MISSED'
  return target.aim !== undefined && reaches(target.aim) ? 'reaches the aim' : 'reached'
}

/** Against a ratio of 1. */
export function standing(metric: Metric, { ratio, interval }: Comparison): Standing {
  const higher = isBetterHigher(metric)
  if (higher ? ratio >= 1 : ratio <= 1) return 'ahead or level'
  if (interval.confidence < 0.95) return 'behind, of too few pairs to be sure'
  return (higher ? interval.high >= 1 : interval.low <= 1) ? 'behind, within the noise' : 'behind'
}

export function isBetterHigher(metric: Metric): boolean {
  return metric === 'tps'
}

function find(row: Row & { name: 'measured' }, target: Target): Finding {
  const values = (side: 'pgbouncer' | 'taxirank' | 'direct') =>
    row.pairs.flatMap((pair) => {
      const run = pair[side]
      return run === undefined ? [] : [valueOf(run, target.metric)]
    })
  const comparison = compare(values(target.baseline), values('taxirank'))
  return { workload: row.workload, target, comparison, verdict: judge(target, comparison.ratio) }
}
