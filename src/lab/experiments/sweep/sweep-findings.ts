/** What the sweep says: numbers of each size, the knee among them, and where it came otherwise. */

import { bytesText, numberText, percentText, timeText } from '../../../report/number-text.ts'
import { headlineOf } from '../../headline.ts'
import { measurement } from '../../measurement.ts'
import type { Table } from '../../../report/page.ts'
import type { Findings, Measurement, Unit } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import { shareText } from '../../share-text.ts'
import type { Watch } from './advisors-pick.ts'
import { changingShare, readRows, wantedRows } from './contended-transactions.ts'
import { enough } from './knee.ts'
import type { SweepSample, SweepTimes } from './sweep-measure.ts'
import { sweepPlots } from './sweep-plots.ts'
import { hasBounds, latencyText, summaryOf, type SweepSummary } from './sweep-summary.ts'
import { sweepSurprises } from './sweep-surprises.ts'

export interface Sweep {
  readonly rig: Rig
  /** In the order in which they were measured: of a size that the server can't let in whole from the first round alone. */
  readonly samples: readonly SweepSample[]
  readonly times: SweepTimes
  /** Ascending. */
  readonly sizes: readonly number[]
  /** Four for each core, or what the server has. */
  readonly ample: number
  /** The advisor's; undefined: it advised none. */
  readonly pick: number | undefined
  readonly watch: Watch
  readonly setup: Findings['setup']
}

type Quantity = readonly [name: string, unit: Unit, of: (sample: SweepSample) => number]

const quantities: readonly Quantity[] = [
  ['throughput', '1/s', ({ perSecond }) => perSecond],
  ['latency p50', 'ms', ({ p50Ms }) => p50Ms],
  ['latency p99', 'ms', ({ p99Ms }) => p99Ms],
  ['context switches', '1/s', ({ switchesPerSecond }) => switchesPerSecond],
  ['active', 'count', ({ activity }) => activity.active],
  ['waiting for a lock', 'count', ({ activity }) => activity.onLock],
  ['waiting for a lightweight lock', 'count', ({ activity }) => activity.onLightweightLock],
  ['waiting for the disk', 'count', ({ activity }) => activity.onDisk],
  ['buffer hits', 'share', ({ hitShare }) => hitShare],
  ['memory of all backends', 'bytes', ({ memoryBytes }) => memoryBytes],
  ['connections open', 'count', ({ opened }) => opened],
  ['attempts refused by the server', 'count', ({ refused }) => refused],
]

export function sweepFindings(sweep: Sweep): Findings {
  const summary = summaryOf(sweep)
  return {
    headline: headlineFor(summary),
    answer: answerOf(summary),
    surprises: sweepSurprises(summary, sweep),
    remarks: remarksOf(summary, sweep),
    setup: sweep.setup,
    measurements: measurementsOf(summary, sweep),
    tables: [tableOf(summary)],
    plots: sweepPlots(summary, sweep.rig),
  }
}

function headlineFor({ knee, largest }: SweepSummary): string {
  const few = `${numberText(knee.size)} ${knee.size === 1 ? 'connection reaches' : 'connections reach'} ${shareText(enough)} of the best throughput`
  return headlineOf(
    largest.size > knee.size
      ? `${few}; with ${numberText(largest.size)} it is ${shareText(largest.share)}, at a p99 of ${timeText(largest.p99Ms)}.`
      : undefined,
    `${few}.`,
  )
}

function answerOf(summary: SweepSummary): string {
  const { best, knee, ample, largest, formula } = summary
  const few =
    `${numberText(knee.size)} ${knee.size === 1 ? 'connection reaches' : 'connections reach'} ${percentText(enough)} of the best throughput, ` +
    `which is ${numberText(best.perSecond)} transactions a second with ${numberText(best.size)}` +
    (formula === undefined
      ? ''
      : `; cores × 2 + 1 is ${numberText(formula)}, and 4 × cores, ${numberText(ample.size)}, reach ${percentText(ample.share)}`)
  const many =
    `With ${numberText(largest.size)} it is ${percentText(largest.share)}, ` +
    `and the 99th percentile of the latency ${latencyText(largest.p99Ms, summary)} against ${latencyText(knee.p99Ms, summary)}`
  return largest.size === knee.size ? `${few}.` : `${few}. ${many}.`
}

function remarksOf(summary: SweepSummary, { rig, watch, sizes, setup }: Sweep): string[] {
  const mix =
    `${percentText(1 - changingShare)} of the transactions read ${numberText(readRows)} rows in one statement. The others read as many and change ` +
    `one of ${wantedRows} rows, in two messages, and their COMMIT does not wait for the disk (synchronous_commit = off): ` +
    'what is measured are cores and locks.'
  const load = rig.facts.isLocal
    ? `The load is made by one process on the same ${numberText(rig.facts.cores ?? Number.NaN)} cores, so what it takes of them PostgreSQL has not.`
    : 'The load is made by one process on this machine: where the way to the database is long, connections are also needed for the time on it.'
  const remarks = [
    mix,
    load,
    'Shares of the best throughput are medians over the rounds of the share in each, against the best size in the same round: a machine that is slow for a while ' +
      'is so for both. The best is the size with the highest median, so in a round, or by little in all, another may have more than 100%.',
    `Always ${setup['callers']} callers, each of whom asks again at once: latencies include the wait for the pool.`,
    'A backend that is ready to run, but has had no core yet, is counted as idle by PostgreSQL: "active" are those that had begun.',
    `For its pick the advisor watched this load for ${timeText(watch.watchMs)} through a pooler with ${watch.size} servers.`,
  ]
  if (!rig.processes)
    remarks.push("PostgreSQL's processes are not this machine's: context switches and memory are not known.")
  if (Math.max(...sizes) <= rig.freeConnections) {
    remarks.push(`The server takes ${numberText(rig.freeConnections)}: so many were not opened, to spare this machine.`)
  }
  if (sizes.some((size) => size > rig.freeConnections)) {
    remarks.push('A pool of more than the server takes is measured in the first round alone.')
  }
  if (hasBounds(summary)) {
    remarks.push(
      `Latencies are those of the calls that began in the time that was measured. The load went on for ${timeText(summary.wholeMs)} after it at most, ` +
        'and with fewer callers the last calls end sooner: a latency above that is said as "at least".',
    )
  }
  return remarks
}

function measurementsOf({ best, knee, ample, formula, pick }: SweepSummary, { samples, sizes }: Sweep): Measurement[] {
  const of = (size: number): readonly SweepSample[] => samples.filter((sample) => sample.size === size)
  const single = (name: string, unit: Unit, value: number): Measurement => measurement(name, unit, [value])
  return [
    single('best throughput', '1/s', best.perSecond),
    single('knee', 'count', knee.size),
    ...(formula === undefined
      ? []
      : [
          single('cores × 2 + 1', 'count', formula),
          single('4 × cores', 'count', ample.size),
          measurement('share of the best throughput at 4 × cores', 'ratio', ample.shares),
        ]),
    ...(pick === undefined ? [] : [single("the advisor's pick", 'count', pick)]),
    ...sizes.flatMap((size) =>
      quantities.map(([name, unit, value]) => measurement(`${name} at ${size}`, unit, of(size).map(value))),
    ),
    ...sizes.flatMap((size) => failuresOf(of(size), size)),
  ].filter(({ median }) => median !== null)
}

function failuresOf(samples: readonly SweepSample[], size: number): Measurement[] {
  const codes = new Set(samples.flatMap(({ failures }) => [...failures.keys()]))
  return [...codes].map((code) => {
    const counts = samples.map(({ failures }) => failures.get(code) ?? 0)
    return measurement(`calls failed with ${code} at ${size}`, 'count', counts)
  })
}

function tableOf(summary: SweepSummary): Table {
  const { points, wholeMs } = summary
  const bound = hasBounds(summary) ? `; a latency above ${timeText(wholeMs)} was at least so long` : ''
  return {
    caption: `By the size of the pool, medians over the rounds${bound}`,
    head: [
      'size',
      'open',
      'transactions/s',
      'of the best',
      'p50',
      'p99',
      'context switches/s',
      'active',
      'waiting for a lock',
      'for a lightweight lock',
      'buffer hits',
      'memory',
    ],
    rows: points.map((point) => [
      point.size,
      point.opened,
      numberText(point.perSecond),
      percentText(point.share),
      timeText(point.p50Ms),
      timeText(point.p99Ms),
      numberText(point.switchesPerSecond),
      numberText(point.active),
      numberText(point.onLock),
      numberText(point.onLightweightLock),
      percentText(point.hitShare),
      bytesText(point.memoryBytes),
    ]),
  }
}
