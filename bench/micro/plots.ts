/** The scenarios as plots, for docs/guide/how-the-pool-decides.md. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Plot, svgPlot } from '../../src/report/plot.ts'
import { coldStart, healthChecks, outage, overload, spike } from './scenarios.ts'
import type { Sample } from './virtual-pool.ts'

export function drawScenarios(folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, plot] of Object.entries(plots())) writeFileSync(join(folder, `${name}.svg`), svgPlot(plot))
}

function plots(): Record<string, Plot> {
  return {
    'cold-start': coldStartPlot(),
    spike: spikePlot(),
    outage: outagePlot(),
    overload: overloadPlot(),
    lanes: lanesPlot(),
  }
}

const time = { label: 'time', unit: 'ms' }

function coldStartPlot(): Plot {
  const { samples, opened, lastServedMs } = coldStart()
  return {
    title: '1,000 callers at once, nothing open',
    subtitle: `opening takes 20 ms, a lease 1 ms: ${opened} opened, the last caller served after ${lastServedMs} ms`,
    x: time,
    y: { label: 'how many', scale: 'log', from: 1 },
    series: [
      steps('callers who wait', samples, ({ waiting }) => waiting),
      steps('open or being opened', samples, ({ opening, leased, idle }) => opening + leased + idle),
    ],
  }
}

function spikePlot(): Plot {
  const { samples, opened, lastServedMs } = spike()
  return {
    title: '50 callers at once, five open',
    subtitle: `opening takes 150 ms, a lease 2 ms: ${opened} ever open, the last caller served after ${lastServedMs} ms`,
    x: time,
    y: { label: 'how many', from: 0 },
    series: [
      steps('callers who wait', samples, ({ waiting }) => waiting),
      steps('leased', samples, ({ leased }) => leased),
      steps('being opened', samples, ({ opening }) => opening),
    ],
  }
}

function outagePlot(): Plot {
  const { samples, attempts, firstSuccessMs, backAtMs } = outage(() => 0.5)
  return {
    title: 'The database is down for 10 s, 100 callers wait',
    subtitle: `${attempts.length} attempts; the first success ${Math.round(firstSuccessMs - backAtMs)} ms after its return`,
    x: time,
    y: { label: 'how many', from: 0 },
    series: [
      steps('callers who wait', samples, ({ waiting }) => waiting),
      { name: 'attempts so far', shape: 'step', points: attempts.map((at, index) => [at, index + 1] as const) },
    ],
    marks: [{ axis: 'x', at: 0, until: backAtMs, text: 'down' }],
  }
}

function overloadPlot(): Plot {
  const [all, shed] = [overload(false), overload(true)]
  return {
    title: 'Half again as many callers as can be served, for 5 s',
    subtitle: `all are served late, or ${Math.round((100 * shed.refused) / shed.fates.length)} % are refused and the others served in time`,
    x: { label: 'when they asked', unit: 'ms' },
    y: { label: 'wait of those who were served', unit: 'ms', from: 0 },
    series: [
      { name: 'without shedding', shape: 'line', points: waits(all.fates) },
      { name: 'with shedding', shape: 'line', points: waits(shed.fates) },
    ],
    marks: [{ axis: 'x', at: 2_000, until: 7_000, text: 'overload' }],
  }
}

function waits(fates: ReturnType<typeof overload>['fates']): (readonly [number, number])[] {
  const served = fates.filter(({ isServed }) => isServed)
  return served.map(({ askedAtMs, waitedMs }) => [askedAtMs, waitedMs] as const).toSorted(([a], [b]) => a - b)
}

function lanesPlot(): Plot {
  return {
    title: '400 batch jobs in a pool of ten, and a health check every 100 ms',
    subtitle: 'how long each check waits, with and without one place kept for them',
    x: { label: 'when it asked', unit: 'ms' },
    y: { label: 'wait', unit: 'ms', from: 0 },
    series: [
      { name: 'nothing kept', shape: 'line', points: healthChecks(0).waits },
      { name: 'one of ten kept', shape: 'line', points: healthChecks(1).waits },
    ],
  }
}

function steps(name: string, samples: readonly Sample[], of: (sample: Sample) => number): Plot['series'][number] {
  return { name, shape: 'step', points: samples.map((sample) => [sample.atMs, of(sample)] as const) }
}
