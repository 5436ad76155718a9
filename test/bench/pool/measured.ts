/** Rows and samples for the tests of judgement and report. */

import type { Measured } from '../../../bench/pool/judge.ts'
import type { LenderName } from '../../../bench/pool/lenders.ts'
import type { Metric, Must, Row } from '../../../bench/pool/rows.ts'

/** A row of one figure, `ns` unless told, and what each process measured. */
export function measuredRow(
  values: Partial<Record<LenderName, readonly number[]>>,
  { must, better = 'lower', ...row }: { must?: Must; better?: Metric['better'] } & Partial<Row> = {},
): Measured {
  const names = Object.keys(values) as LenderName[]
  const isOurs = (name: LenderName) => name === 'createPool' || name === 'Pool'
  return {
    row: {
      name: 'acquire-1',
      title: 'acquire and release, one caller',
      runtime: 'Node',
      measurement: 'lease',
      callers: 1,
      ours: names.filter(isOurs),
      peers: names.filter((name) => !isOurs(name)),
      metrics: [{ key: 'ns', label: '', unit: 'ns', digits: 0, better, ...(must && { must }) }],
      ...row,
    },
    samples: Object.fromEntries(names.map((name) => [name, values[name]?.map((ns) => ({ ns })) ?? []])),
  }
}
