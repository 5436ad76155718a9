/**
 * `npm run soak -- --statements N [--seed N] [--clients N] [--pool N]`: the pooler under load while everything around it
 * breaks. The last line is `N statements, N faults, N breaches, seed N`. Exit code 0 only without a breach and if every
 * kind of fault happened; 2 for wrong options. A run of ten million statements writes docs/reports/soak.md.
 */

import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from '../../bench/machine.ts'
import { circumstancesOf } from '../support/circumstances.ts'
import { runCommand, wholeNumber } from '../support/command-line.ts'
import { missing, sumOf } from './faults.ts'
import { formatReport } from './report.ts'
import { soak, type SoakOptions } from './soak.ts'

const usage = 'usage: npm run soak -- --statements N [--seed N] [--clients N] [--pool N]'

/** Fewer make no report. */
const reportedStatements = 10_000_000

function readOptions(args: readonly string[]): SoakOptions {
  const text = { type: 'string' } as const
  const options = { statements: text, seed: text, clients: text, pool: text }
  const { values } = parseArgs({ args: [...args], options })
  return {
    statements: wholeNumber('statements', values.statements, 1, 1e9),
    seed: wholeNumber('seed', values.seed ?? String(randomInt(1, 1e9)), 0, Number.MAX_SAFE_INTEGER),
    clients: wholeNumber('clients', values.clients ?? '40', 1, 2000),
    pool: wholeNumber('pool', values.pool ?? '4', 1, 100),
  }
}

async function run(options: SoakOptions, args: readonly string[]): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const startMs = performance.now()
  const circumstances = await circumstancesOf('soak', args, options.seed)
  const outcome = await soak(options, (line) => console.log(line))
  const { statements, faults, breaches } = outcome
  if (options.statements >= reportedStatements) {
    const minutes = (performance.now() - startMs) / 60_000
    writeFileSync(
      join(projectRoot, 'docs/reports/soak.md'),
      formatReport(outcome, options, { ...circumstances, minutes }),
    )
  }
  console.log(`${statements} statements, ${sumOf(faults)} faults, ${breaches} breaches, seed ${options.seed}`)
  return breaches === 0 && missing(faults).length === 0 ? 0 : 1
}

await runCommand({ usage, readOptions, run })
