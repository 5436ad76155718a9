/**
 * `npm run soak:pool -- [--statements N] [--minutes N] [--seed N]`: callers of the pool for pg, of whom none may see what is
 * another's. The last line is `N statements, N faults, N breaches, seed N`. Exit code 1 at a breach, 2 for wrong options. A
 * run of 100,000 statements or more writes docs/reports/pool-soak.md.
 */

import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from '../../../bench/machine.ts'
import { Random } from '../../../src/random.ts'
import { circumstancesOf } from '../../support/circumstances.ts'
import { runCommand, wholeNumber } from '../../support/command-line.ts'
import { Stage } from '../support/stage.ts'
import { Books, sumOf } from './books.ts'
import { neededSettings, runCampaign } from './campaign.ts'
import { formatReport } from './report.ts'

const usage = 'usage: npm run soak:pool -- [--statements N] [--minutes N] [--seed N]'
/** Asked for fewer, it makes no report. */
const reportedStatements = 100_000
const roundStatements = 15_000
const progressMs = 10_000

interface SoakOptions {
  readonly statements: number
  readonly minutes: number
  readonly seed: number
}

function readOptions(args: readonly string[]): SoakOptions {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args: [...args], options: { statements: text, minutes: text, seed: text } })
  return {
    statements: wholeNumber('statements', values.statements ?? '300000', 1, 1e9),
    minutes: wholeNumber('minutes', values.minutes ?? '6', 1, 10_000),
    seed: wholeNumber('seed', values.seed ?? String(randomInt(1, 1e9)), 0, Number.MAX_SAFE_INTEGER),
  }
}

async function soak({ statements, minutes, seed }: SoakOptions): Promise<Books> {
  const books = new Books((line) => console.log(`seed ${seed}: ${line}`))
  const stage = await Stage.start(neededSettings)
  const startMs = performance.now()
  const seconds = (): number => (performance.now() - startMs) / 1_000
  const progress = setInterval(() => console.log(`${seconds().toFixed(0)} s: ${summaryOf(books)}`), progressMs)
  const isOver = (): boolean => books.statements >= statements || seconds() >= minutes * 60
  try {
    await runCampaign({ stage, random: new Random(seed), books, isOver, roundStatements })
  } finally {
    clearInterval(progress)
    await stage.remove()
  }
  return books
}

function summaryOf({ statements, faults, breachCount }: Books): string {
  return `${statements} statements, ${sumOf(faults)} faults, ${breachCount} breaches`
}

async function run(options: SoakOptions, args: readonly string[]): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const startMs = performance.now()
  const circumstances = await circumstancesOf('soak:pool', args, options.seed)
  const books = await soak(options)
  const report = formatReport(books, { ...circumstances, minutes: (performance.now() - startMs) / 60_000 })
  if (options.statements >= reportedStatements) writeFileSync(join(projectRoot, 'docs/reports/pool-soak.md'), report)
  else console.log(report)
  console.log(`${summaryOf(books)}, seed ${options.seed}`)
  return books.breachCount === 0 ? 0 : 1
}

await runCommand({ usage, readOptions, run })
