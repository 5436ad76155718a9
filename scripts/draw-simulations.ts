/**
 * `npm run docs`: draws the plots of docs/guide/simulating.md, from the examples that it speaks of; into another folder, if one is
 * named. The same bytes for the same code.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Plot, svgPlot } from '../src/report/plot.ts'
import { readScenario } from '../src/simulator/read-scenario.ts'
import { simulate } from '../src/simulator/simulate.ts'
import { sweepPlots, timePlots } from '../src/simulator/simulation-page.ts'
import { parseSweep, sweep } from '../src/simulator/sweep.ts'

const root = join(import.meta.dirname, '..')
const folder = process.argv[2] ?? join(root, 'docs/guide')
const plots = { 'simulated-outage': outagePlot(), 'simulated-knee': kneePlot(), 'simulated-day': dayPlot() }
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

function example(name: string): unknown {
  return Bun.TOML.parse(readFileSync(join(root, `examples/simulate/${name}.toml`), 'utf8'))
}

function nothingRecorded(file: string): never {
  throw new Error(`the examples need no recordings, and one names ${file}`)
}
