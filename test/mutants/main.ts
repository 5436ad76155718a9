/**
 * `bun test/mutants/main.ts [--only NAME]… [--seed N] [--statements N]`: puts each known bug into a copy of the sources
 * and runs the soak there; the checker or the canary must see it. With `--engine` the bugs are the lending engine's, and its
 * own tests must see them. Exit code 0 only if every one goes red and the sound copy, which comes first, stays green; 2 for
 * wrong options and for mutants that are stale.
 */

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runCommand, wholeNumber } from '../support/command-line.ts'
import { engineMutants } from './engine-mutants.ts'
import { mutants, type Mutant } from './mutants.ts'
import { runEngineTrial, runTrial, type Verdict } from './trial.ts'
import { Workshop } from './workshop.ts'

interface Options {
  readonly isEngine: boolean
  readonly chosen: readonly Mutant[]
  readonly seed: number
  readonly statements: number
}

const usage = 'usage: bun test/mutants/main.ts [--engine] [--only NAME]... [--seed N] [--statements N]'
/** How many soaks a bug may take to be seen. */
const mostSeeds = 3
const longestMessage = 300

function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const
  const only = { type: 'string', multiple: true } as const
  const options = { engine: { type: 'boolean' }, only, seed: text, statements: text } as const
  const { values } = parseArgs({ args: [...args], options })
  const all = values.engine ? engineMutants : mutants
  const unknown = values.only?.find((name) => !all.some((mutant) => mutant.name === name))
  if (unknown !== undefined) {
    throw new Error(`there is no mutant "${unknown}": ${all.map(({ name }) => name).join(', ')}`)
  }
  return {
    isEngine: values.engine ?? false,
    chosen: all.filter(({ name }) => values.only?.includes(name) ?? true),
    seed: wholeNumber('seed', values.seed ?? '1', 0, 1e9),
    statements: wholeNumber('statements', values.statements ?? '3000', 1, 1e7),
  }
}

async function run(options: Options): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const workshop = new Workshop(join(import.meta.dirname, '../..'))
  process.once('exit', () => workshop.remove())
  if (sayStale(workshop, options.chosen) > 0) return 2
  return (await runAll(workshop, options)) ? 0 : 1
}

function sayStale(workshop: Workshop, chosen: readonly Mutant[]): number {
  const problems = chosen.flatMap((mutant) => {
    const problem = workshop.whyStale(mutant)
    return problem === undefined ? [] : [`${mutant.name} is ${problem}`]
  })
  for (const problem of problems) console.error(problem)
  return problems.length
}

/** True if the sound copy is green and every mutant red. */
async function runAll(workshop: Workshop, { isEngine, chosen, seed, statements }: Options): Promise<boolean> {
  console.log('| mutant | what it does | result | checker | canary | first message |\n|---|---|---|---|---|---|')
  const trial = (folder: string, one: number): Promise<Verdict> =>
    isEngine ? runEngineTrial(folder) : runTrial({ folder, seed: one, statements })
  const sound = await workshop.with(undefined, (folder) => trial(folder, seed))
  say('sound', 'nothing', sound.isGreen ? 'green' : 'NOT GREEN', sound)
  if (!sound.isGreen) return false
  let seen = 0
  for (const mutant of chosen) {
    const { verdict, seeds } = await workshop.with(mutant, (folder) => tryOften(trial, folder, seed))
    say(mutant.name, mutant.bug, verdict.isRed ? `red at seed ${seed + seeds - 1}` : 'NOT SEEN', verdict)
    if (verdict.isRed) seen++
  }
  console.log(`${chosen.length} mutants, ${seen} red, ${chosen.length - seen} not seen, seed ${seed}`)
  return seen === chosen.length
}

/** With one seed after the other, until it is seen. */
async function tryOften(
  trial: (folder: string, seed: number) => Promise<Verdict>,
  folder: string,
  seed: number,
): Promise<{ readonly verdict: Verdict; readonly seeds: number }> {
  for (let seeds = 1; ; seeds++) {
    const verdict = await trial(folder, seed + seeds - 1)
    if (verdict.isRed || seeds === mostSeeds) return { verdict, seeds }
  }
}

/** One row of the table. */
function say(name: string, bug: string, result: string, { canary, checker, first }: Verdict): void {
  const message = first.slice(0, longestMessage).replaceAll('|', '\\|')
  console.log(`| ${name} | ${bug} | ${result} | ${checker || '–'} | ${canary || '–'} | ${message} |`)
}

await runCommand({ usage, readOptions, run })
