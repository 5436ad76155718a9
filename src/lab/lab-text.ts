/** What the lab has found, for a terminal. */

import { wrapped } from '../report/wrapped.ts'
import type { ExperimentResult, LabResults } from './results.ts'
import { countText, tookText } from './run-words.ts'

const width = 100
const indent = '  '

/** Ends with a line break. */
export function labText({ experiments, database, tookMs, isComplete }: LabResults): string {
  const head = `PostgreSQL ${database.version} at ${database.address}, ${countText(experiments.length)} in ${tookText(tookMs)}`
  return `\n${head}${isComplete ? '' : ', not all to their end'}.\n${experiments.map(experimentText).join('')}`
}

function experimentText({ title, answer, problem, surprises }: ExperimentResult): string {
  const said = problem === null ? answer : `Not measured: ${problem}`
  const lines = [said, ...surprises.map((one) => `Surprising: ${one}`)]
  return `\n${title}\n${lines.map((line) => wrapped(line, width, indent)).join('')}`
}
