/** What the lab has found, as a page. */

import { bytesText, numberText, timeText } from '../report/number-text.ts'
import { type Fact, htmlPage, type Section, type Table } from '../report/page.ts'
import { figureText, hitsText } from './prediction-hits.ts'
import type { ExperimentResult, LabResults } from './results.ts'
import { countText, tookText } from './run-words.ts'

export function labPage(results: LabResults): string {
  return htmlPage({
    title: 'What connections cost, measured',
    lead: leadOf(results),
    sections: [...results.experiments.map(experimentSection), circumstances(results)],
    footer:
      `Taxirank ${results.taxirank}, \`taxirank lab\`, ${results.startedAt.slice(0, 16).replace('T', ' ')} UTC. ` +
      'All numbers, and what this page was made of: `results.json` beside it.',
  })
}

function leadOf({ experiments, database, machine, tookMs, isQuick, isComplete }: LabResults): string {
  const where = database.kind === 'embedded' ? 'its own' : `the one at ${database.address}`
  const kind = isQuick ? 'a quick run: expect less precision than of a whole one' : 'a whole run'
  const missing = isComplete ? '' : ' Not all of it came to its end.'
  return (
    `${countText(experiments.length)} on PostgreSQL ${database.version} (${where}), on ${numberText(machine.cores)} cores, ` +
    `in ${tookText(tookMs)}; ${kind}. Each says first what it expects, by the formulas, and then what it finds. “The articles” are some texts on connection pools, whose claims are tried here.${missing}`
  )
}

function experimentSection(result: ExperimentResult): Section {
  const { name, title, headline, answer, plots, tables, remarks, setup } = result
  const conditions = Object.entries(setup).map(([what, value]) => {
    return `${what}: ${typeof value === 'number' ? numberText(value) : value}`
  })
  return {
    heading: title,
    id: name,
    summary: result.problem === null ? headline || answer : `Not measured: ${result.problem}`,
    facts: factsOf(result),
    figures: plots,
    tables,
    ...(result.measurements.length > 0 && { details: numbersOf(result) }),
    notes: [...remarks, ...(conditions.length === 0 ? [] : [`How it was measured: ${conditions.join('; ')}.`])],
  }
}

/** Each with its spread over the rounds, beside what was predicted of it. */
function numbersOf({ measurements, prediction }: ExperimentResult): Table & { readonly caption: string } {
  const head = ['what', 'predicted', 'median', 'lowest', 'highest', 'rounds']
  const rows = measurements.map((one) => [
    one.name,
    figureText(prediction?.figures[one.name] ?? null, one),
    figureText(one.median, one),
    figureText(one.lowest, one),
    figureText(one.highest, one),
    one.rounds.length,
  ])
  return { caption: `All ${numberText(measurements.length)} numbers, with their spread over the rounds`, head, rows }
}

function factsOf(result: ExperimentResult): Fact[] {
  const { question, articles, prediction, answer, problem, surprises } = result
  const surprised = surprises.length === 0 ? ['Nothing.'] : surprises
  const hits = hitsText(result)
  return [
    { term: 'Question', texts: [question] },
    { term: 'The articles', texts: [articles] },
    ...(prediction === null ? [] : [{ term: 'Predicted', texts: [prediction.text] }]),
    ...(problem === null
      ? [
          { term: 'Measured', texts: [answer, ...(hits === '' ? [] : [hits])] },
          { term: 'Surprising', texts: surprised },
        ]
      : [{ term: 'Not measured', texts: [problem] }]),
  ]
}

function circumstances({ machine, database, tookMs, startedAt }: LabResults): Section {
  const { cores, maxConnections, reservedConnections, otherConnections } = database
  const rows = [
    [
      'machine',
      `${numberText(machine.cores)} cores, ${machine.processor}, ${bytesText(machine.memoryBytes)} of memory`,
    ],
    ['system', machine.system],
    ['load average before', numberText(machine.loadAverage)],
    ['runtime and driver', `${machine.runtime}, ${machine.driver}`],
    ['database', `PostgreSQL ${database.version}, ${database.kind === 'embedded' ? 'embedded' : database.address}`],
    ['its processes', database.isLocal ? 'on this machine, seen' : 'not to be seen from here'],
    ['its cores', cores === null ? 'not known' : numberText(cores)],
    [
      'max_connections',
      `${numberText(maxConnections)}, of which ${numberText(reservedConnections)} are reserved and ${numberText(otherConnections)} were taken`,
    ],
    ...Object.entries(database.settings).filter(([name]) => name !== 'max_connections'),
    ['begun', startedAt],
    ['took', timeText(tookMs)],
  ]
  return {
    heading: 'Where and with what',
    paragraphs: [
      database.isLocal
        ? 'What makes the load runs on the machine of the database and shares its cores: on one of its own the database would have more of them, and all times would have a network in them.'
        : 'What makes the load runs on another machine than the database: all times have the way between them in them.',
    ],
    tables: [{ head: ['what', 'which'], rows }],
  }
}
