/** From pairs of runs to what the report says about each metric. */

import { type Contestant, type Row, valueOf } from './measure.ts'
import { compare, type Comparison } from './comparison.ts'
import { medianInterval } from '../src/metrics/statistics.ts'
import type { Metric, Target, Workload } from './workloads.ts'

export type Verdict = 'reaches the aim' | 'reached' | 'level, within the noise' | 'MISSED' | 'shown only'

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

/**
 * The median decides: of the pairs' ratios, or of Taxirank's own figures. Where the limit is to be no worse than
 * PgBouncer, a draw is not a miss: the interval says whether it is one.
 */
export function judge(target: Target, comparison: Comparison): Verdict {
  if (target.mustReach === undefined) return 'shown only'
  const judged = target.judged === 'ratio' ? comparison.ratio : comparison.ours
  const reaches = (limit: number) => (isBetterHigher(target.metric) ? judged >= limit : judged <= limit)
  if (reaches(target.mustReach)) return target.aim !== undefined && reaches(target.aim) ? 'reaches the aim' : 'reached'
  const isNoWorse = target.judged === 'ratio' && target.mustReach === 1
  const isDraw = isNoWorse && standing(target.metric, comparison) === 'behind, within the noise'
  return isDraw ? 'level, within the noise' : 'MISSED'
}

/** Against a ratio of 1. */
export function standing(metric: Metric, { ratio, ratios, interval }: Comparison): Standing {
  const higher = isBetterHigher(metric)
  if (!(higher ? ratio < 1 : ratio > 1)) return 'ahead or level'
  if (interval.confidence < 0.95) return 'behind, of too few pairs to be sure'
  const { low, high } = medianInterval(ratios)
  return (higher ? high >= 1 : low <= 1) ? 'behind, within the noise' : 'behind'
}

export function isBetterHigher(metric: Metric): boolean {
  return metric === 'tps' || metric === 'mbPerSecond'
}

function find(row: Row & { name: 'measured' }, target: Target): Finding {
  const values = (who: Contestant) =>
    row.pairs.flatMap((pair) => {
      const run = pair[who]
      return run === undefined ? [] : [valueOf(run, target.metric)]
    })
  const ours = values('taxirank')
  const compared = compare(values(target.baseline), ours)
  const comparison = target.judged === 'ratio' ? compared : { ...compared, interval: medianInterval(ours) }
  return { workload: row.workload, target, comparison, verdict: judge(target, comparison) }
}
