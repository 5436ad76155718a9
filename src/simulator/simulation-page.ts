/** What simulations have found, as pages with plots. */

import { percentileOf } from '../metrics/histogram.ts'
import { numberText, percentText, timeText } from '../report/number-text.ts'
import { htmlPage, type Section } from '../report/page.ts'
import type { Figure } from '../report/figure.ts'
import type { Plot } from '../report/plot.ts'
import type { ApplicationFigures, Sample, SimulationFigures } from './figures.ts'
import { failedOf, percentileIfAny } from './outcome.ts'
import { type ReplayedSize, type ReplayFindings, replaySentences, sizesOf } from './replay-text.ts'
import { kneeText } from './simulation-text.ts'
import { kneeOf, type SweepPlan, type SweepPoint } from './sweep.ts'

/** `name`: what was simulated; `footer`: by what, from what. */
export interface PageNames {
  readonly name: string
  readonly footer: string
}

export function simulationPage(figures: SimulationFigures, { name, footer }: PageNames): string {
  const { durationMs, warmUpMs, seed } = figures
  return htmlPage({
    title: `Simulated: ${name}`,
    lead: `${numberText(durationMs / 1_000)} s of virtual time, of which the first ${numberText(warmUpMs / 1_000)} s do not count; seed ${seed}.`,
    sections: [
      applicationSection(figures.applications),
      poolSection(figures),
      { heading: 'Over time', figures: timePlots(figures).map(asFigure) },
    ],
    footer,
  })
}

function asFigure(plot: Plot): Figure {
  return { kind: 'plot', ...plot }
}

function applicationSection(applications: readonly ApplicationFigures[]): Section {
  return {
    heading: 'Applications',
    figures: [asFigure(latencyPlot(applications))],
    tables: [
      {
        head: ['application', 'instances', 'served/s', 'failed', 'wait p50', 'wait p99', 'latency p50', 'latency p99'],
        rows: applications.map((one) => [
          one.name,
          one.instances,
          one.servedPerSecond,
          failedOf(one),
          timeText(percentileIfAny(one.waitMs, 50)),
          timeText(percentileIfAny(one.waitMs, 99)),
          timeText(percentileIfAny(one.latencyMs, 50)),
          timeText(percentileIfAny(one.latencyMs, 99)),
        ]),
      },
    ],
  }
}

const percents = [1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5, 99.9]

function latencyPlot(applications: readonly ApplicationFigures[]): Plot {
  return {
    title: 'How long it took',
    subtitle: 'of those served: from asking to the answer, and of that until they had a connection',
    x: { label: 'percent of requests', unit: '%' },
    y: { label: 'no longer than', unit: 'ms' },
    series: applications.flatMap(({ name, latencyMs, waitMs }) => [
      { name: `${name}, latency`, points: percents.map((p) => [p, percentileIfAny(latencyMs, p)] as const) },
      { name: `${name}, wait`, points: percents.map((p) => [p, percentileIfAny(waitMs, p)] as const) },
    ]),
  }
}

function poolSection({ applications, poolers, database }: SimulationFigures): Section {
  const pools = [...applications.flatMap(({ pools: own }) => own ?? []), ...poolers]
  return {
    heading: 'Pools and the database',
    paragraphs: [
      `At most ${numberText(database.peakConnections)} of ${numberText(database.mostConnections)} connections to the database, ` +
        `where all pools together may have ${numberText(database.poolConnections)}; ` +
        `${numberText(database.refused)} were turned away. ` +
        `${numberText(database.meanRunning)} statements ran at once on average, ${numberText(database.mostRunning)} at most.`,
    ],
    tables: [
      {
        head: ['pool', 'pools', 'size', 'used', 'open at most', 'waiting at most', 'opened'],
        rows: pools.map((pool) => [
          pool.name,
          pool.count,
          pool.maxSize,
          percentText(pool.utilisation),
          pool.peakSize,
          pool.peakWaiting,
          pool.opened,
        ]),
      },
    ],
  }
}

/** Connections, answers and waits, in this order. */
export function timePlots({ series, warmUpMs }: SimulationFigures): Plot[] {
  const x = { label: 'time', unit: 's' }
  const marks = warmUpMs > 0 ? [{ axis: 'x' as const, at: 0, until: warmUpMs / 1_000, text: 'warm-up' }] : []
  const line = (name: string, of: (sample: Sample) => number) => {
    return { name, points: series.map((sample) => [sample.atMs / 1_000, of(sample)] as const) }
  }
  return [
    {
      title: 'Connections, and who waits for one',
      x,
      y: { label: 'how many', from: 0 },
      marks,
      series: [
        line('connections', ({ connections }) => connections),
        line('statements that run', ({ running }) => running),
        line('callers who wait', ({ waiting }) => waiting),
      ],
    },
    {
      title: 'Answers',
      x,
      y: { label: 'per second', from: 0 },
      marks,
      series: [
        line('served', ({ servedPerSecond }) => servedPerSecond),
        line('failed', ({ failedPerSecond }) => failedPerSecond),
      ],
    },
    {
      title: 'The wait for a connection',
      subtitle: '99th percentile of each interval',
      x,
      y: { label: 'wait', unit: 'ms', from: 0 },
      marks,
      series: [line('', ({ waitP99Ms }) => waitP99Ms)],
    },
  ]
}

export function sweepPage(plan: SweepPlan, points: readonly SweepPoint[], { name, footer }: PageNames): string {
  return htmlPage({
    title: `Simulated: ${name}, ${plan.key} from ${points[0]?.value ?? 0} to ${points.at(-1)?.value ?? 0}`,
    lead: kneeText(plan.key, points).trim(),
    sections: [
      { heading: 'What is served, and how fast', figures: sweepPlots(plan, points).map(asFigure) },
      { heading: 'All that was tried', tables: [sweepTable(plan, points)] },
    ],
    footer,
  })
}

/** Throughput and latency, in this order. */
export function sweepPlots({ key }: SweepPlan, points: readonly SweepPoint[]): Plot[] {
  const isWide = (points.at(-1)?.value ?? 1) > 20 * (points[0]?.value ?? 1)
  const x = { label: key, ...(isWide && { scale: 'log' as const }) }
  const knee = kneeOf(points)
  const marks = knee ? [{ axis: 'x' as const, at: knee.value, text: `the knee: ${knee.value}` }] : []
  const line = (name: string, of: (point: SweepPoint) => number) => {
    return { name, points: points.map((point) => [point.value, of(point)] as const) }
  }
  return [
    {
      title: 'Throughput',
      x,
      y: { label: 'served per second', from: 0 },
      marks,
      series: [line('', ({ servedPerSecond }) => servedPerSecond)],
    },
    {
      title: 'Latency, and the wait in it',
      x,
      y: { label: '99th percentile', unit: 'ms', scale: 'log' },
      marks,
      series: [
        line('latency', ({ latencyP99Ms }) => latencyP99Ms),
        line('wait', ({ waitP99Ms }) => (waitP99Ms > 0 ? waitP99Ms : Number.NaN)),
      ],
    },
  ]
}

function sweepTable({ key }: SweepPlan, points: readonly SweepPoint[]) {
  return {
    head: [key, 'served/s', 'failed', 'wait p99', 'latency p50', 'latency p99', 'used', 'connections'],
    rows: points.map((point) => [
      point.value,
      point.servedPerSecond,
      percentText(point.failedShare),
      timeText(point.waitP99Ms),
      timeText(point.latencyP50Ms),
      timeText(point.latencyP99Ms),
      percentText(point.utilisation),
      point.peakConnections,
    ]),
  }
}

/** `findings`: as `replayText` tells them. */
export function replayPage(findings: ReplayFindings, { name, footer }: PageNames): string {
  const { recorded, today } = findings
  const sentences = replaySentences(findings)
  const sizes = sizesOf(findings)
  const waits: Plot = {
    title: 'The wait for a connection, by the size of the pool',
    x: { label: 'pool size', from: 0 },
    y: { label: 'wait', unit: 'ms', from: 0 },
    marks: [{ axis: 'x', at: today.poolSize, text: `recorded: ${today.poolSize}` }],
    series: [
      { name: 'p99', points: sizes.map(({ poolSize, waitP99Ms }) => [poolSize, waitP99Ms] as const) },
      { name: 'p50', points: sizes.map(({ poolSize, waitP50Ms }) => [poolSize, waitP50Ms] as const) },
      { name: 'p99, measured', shape: 'dots', points: [[today.poolSize, percentileOf(recorded.waitMs, 99)]] },
    ],
  }
  return htmlPage({
    title: `Replayed: ${name}`,
    lead: sentences.recorded,
    sections: [
      { heading: 'How well it fits', paragraphs: [sentences.fit] },
      {
        heading: 'Other sizes',
        paragraphs: [sentences.assumption, sentences.assumedFit].filter((sentence) => sentence !== undefined),
        figures: [asFigure(waits)],
        tables: [sizesTable(sizes)],
      },
    ],
    footer,
  })
}

function sizesTable(sizes: readonly ReplayedSize[]) {
  return {
    head: ['pool size', 'served/s', 'failed', 'wait p50', 'wait p99', 'latency p99', 'used'],
    rows: sizes.map((size) => [
      size.poolSize,
      size.servedPerSecond,
      percentText(size.failedShare),
      timeText(size.waitP50Ms),
      timeText(size.waitP99Ms),
      timeText(size.latencyP99Ms),
      percentText(size.utilisation),
    ]),
  }
}
