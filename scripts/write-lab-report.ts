/**
 * `npm run report:lab`, behind the run itself: makes of docs/reports/lab/results.json a page that code hosts show (README.md), with the
 * first plot of each experiment as a file of its own. The same bytes for the same results.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExperimentResult, LabResults } from '../src/lab/results.ts'
import { drawFigure, type Figure } from '../src/report/figure.ts'

const folder = join(import.meta.dirname, '../docs/reports/lab')
const width = 720

const results = JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')) as LabResults
const { machine, database, taxirank, startedAt } = results
const sections = results.experiments.map(sectionOf)
writeFileSync(
  join(folder, 'README.md'),
  `# What connections cost, measured

\`npm run report:lab\` (\`taxirank lab\`; [guide](../../guide/lab.md)) on ${machine.cores} cores (${machine.processor}, ${machine.system}), PostgreSQL ${database.version}, Taxirank ${taxirank}, ${machine.runtime}, ${machine.driver}, ${startedAt.slice(0, 10)}.
All plots and tables are in [index.html](index.html), which is one file to be opened in a browser; all numbers in [results.json](results.json) ([fields](../../lab-results.md)).

${sections.join('\n')}`,
)

function sectionOf({ name, title, question, prediction, answer, surprises, plots }: ExperimentResult): string {
  const [first] = plots
  if (first) writeFileSync(join(folder, `${name}.svg`), drawFigure(withGaps(first), width))
  const picture = first ? [`![${first.title}](${name}.svg)`] : []
  const said = [`*${question}*`, `**Predicted.** ${prediction?.text ?? ''}`, `**Measured.** ${answer}`]
  const surprise = surprises.length === 0 ? [] : [`**Surprising.** ${surprises.join(' ')}`]
  return `${[`## ${title}`, ...said, ...surprise, ...picture].join('\n\n')}\n`
}

/** JSON has no NaN: a gap came as null. */
function withGaps(figure: Figure): Figure {
  const value = (one: number | null): number => one ?? Number.NaN
  if (figure.kind === 'bars') {
    return { ...figure, groups: figure.groups.map((group) => ({ ...group, values: group.values.map(value) })) }
  }
  const series = figure.series.map((one) => {
    return { ...one, points: one.points.map(([x, y]) => [value(x), value(y)] as const) }
  })
  return { ...figure, series }
}
