/**
 * `npm run classifier -- [--seed N] [--statements N]`: what the classifier says of statements, against what they do to a real session; with the
 * usual number of statements docs/reports/classifier.md is written. Exit code 0 only if none changes its session unseen, 2 for wrong options.
 */

import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from '../../bench/machine.ts'
import { circumstancesOf } from '../support/circumstances.ts'
import { runCommand, wholeNumber } from '../support/command-line.ts'
import { describeFinding, formatReport } from './report.ts'
import { speeds } from './speed.ts'
import { tryClassifier } from './try-classifier.ts'

const usage = 'usage: npm run classifier -- [--seed N] [--statements N]'
const usualStatements = 12_000

interface Options {
  readonly seed: number
  readonly statements: number
}

function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args: [...args], options: { seed: text, statements: text } })
  return {
    seed: wholeNumber('seed', values.seed ?? String(randomInt(1e9)), 0, 1e9),
    statements: wholeNumber('statements', values.statements ?? String(usualStatements), 1, 1e6),
  }
}

async function run(options: Options, args: readonly string[]): Promise<number> {
  const { seed, statements } = options
  const circumstances = await circumstancesOf('classifier', args, seed)
  const measured = await speeds()
  const startMs = performance.now()
  const outcome = await tryClassifier(seed, statements)
  const minutes = (performance.now() - startMs) / 60_000
  const page = formatReport(outcome, measured, { ...circumstances, minutes })
  if (statements >= usualStatements) writeFileSync(join(projectRoot, 'docs/reports/classifier.md'), page)
  else console.log(page)
  for (const miss of outcome.oracle.misses) console.log(describeFinding(miss))
  const tried = [...outcome.oracle.tallies.values()].reduce((sum, tally) => sum + tally.statements, 0)
  console.log(`${tried} statements, ${outcome.oracle.misses.length} misses, seed ${seed}`)
  return outcome.oracle.misses.length === 0 ? 0 : 1
}

await runCommand({ usage, readOptions, run })
