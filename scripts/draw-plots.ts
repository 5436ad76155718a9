/**
 * `npm run docs`: draws the plots of the guides: of docs/guide/simulating.md from the examples that it speaks of, and of sizing.md
 * from the arithmetic; into another folder, if one is named. The same bytes for the same code.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Plot, svgPlot } from '../src/report/plot.ts'
import { readScenario } from '../src/simulator/read-scenario.ts'
import { simulate } from '../src/simulator/simulate.ts'
import { sweepPlots, timePlots } from '../src/simulator/simulation-page.ts'
import { parseSweep, sweep } from '../src/simulator/sweep.ts'
import { utilisationToPlanFor, utilisationToWarnAt } from '../src/sizing/utilisation.ts'
import { mmc } from '../src/sizing/waiting.ts'

const root = join(import.meta.dirname, '..')
const folder = process.argv[2] ?? join(root, 'docs/guide')
const plots = {
  'simulated-outage': outagePlot(),
  'simulated-knee': kneePlot(),
  'simulated-day': dayPlot(),
  'wait-by-utilisation': waitPlot(),
}
for (const [name, plot] of Object.entries(plots)) writeFileSync(join(folder, `${name}.svg`), svgPlot(plot))

function outagePlot(): Plot {
  const [plot] = timePlots(simulate(readScenario(example('outage'), nothingRecorded)))
  const title = 'The database is gone for ten seconds, and callers come in bursts'
  const down = { axis: 'x', at: 30, until: 40, text: 'gone' } as const
  return { ...(plot as Plot), title, marks: [...(plot?.marks ?? []), down] }
}

function kneePlot(): Plot {
  const plan = parseSweep('pool_size=2..200')
  const [plot] = sweepPlots(plan, [...sweep(example('knee'), plan, nothingRecorded)])
  return { ...(plot as Plot), title: 'What 200 callers are served, by the size of their pool' }
}

function dayPlot(): Plot {
  const [, answers] = timePlots(simulate(readScenario(example('diurnal'), nothingRecorded)))
  return { ...(answers as Plot), title: 'A pool for the average, under a load that goes up and down' }
}

/** In units of how long one is held, so that it is everybody's. */
function waitPlot(): Plot {
  const holdMs = 1
  const percents = Array.from({ length: 96 }, (_, index) => index + 1)
  const waitAt = (servers: number, percent: number): number => {
    return mmc({ servers, arrivalsPerSecond: (servers * percent * 10) / holdMs, serviceMs: holdMs }).meanWaitMs
  }
  return {
    title: 'The wait for a connection, by how much the pool is used',
    subtitle:
      'mean wait, in units of how long one is held; callers come at random and hold for exponentially long (Erlang C)',
    x: { label: 'in use', unit: '%', from: 0, to: 100 },
    y: { label: 'wait / hold', from: 0, to: 15 },
    marks: [
      { axis: 'x', at: 100 * utilisationToPlanFor, text: 'plan for' },
      { axis: 'x', at: 100 * utilisationToWarnAt, text: 'worry' },
    ],
    series: [1, 2, 5, 20].map((servers) => ({
      name: `${servers} ${servers === 1 ? 'connection' : 'connections'}`,
      points: percents.map((percent) => [percent, waitAt(servers, percent)] as const),
    })),
  }
}

function example(name: string): unknown {
  return Bun.TOML.parse(readFileSync(join(root, `examples/simulate/${name}.toml`), 'utf8'))
}

function nothingRecorded(file: string): never {
  throw new Error(`the examples need no recordings, and one names ${file}`)
}
