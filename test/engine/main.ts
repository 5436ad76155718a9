/**
 * `bun test/engine/main.ts [--steps N] [--seed N]`: the engine's contract under random commands and faults, in virtual time.
 * The last line is `N steps, N worlds, N breaches, seed N`; exit code 0 only without a breach, 2 for wrong options.
 */

import { parseArgs } from 'node:util'
import { runCommand, wholeNumber } from '../support/command-line.ts'
import { simulate } from './simulation.ts'

const usage = 'usage: npm run soak:engine -- [--steps N] [--seed N]'
const reportEvery = 5_000_000

interface Options {
  readonly steps: number
  readonly seed: number
}

function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args: [...args], options: { steps: text, seed: text } })
  return {
    steps: wholeNumber('steps', values.steps ?? '100000000', 1, 1e12),
    seed: wholeNumber('seed', values.seed ?? String(Math.floor(Math.random() * 1e9)), 0, 1e9),
  }
}

function run({ steps, seed }: Options): number {
  try {
    let reported = 0
    const { worlds } = simulate(steps, seed, (done) => {
      if (done - reported < reportEvery) return
      reported = done
      console.log(`${done.toLocaleString('en-US')} of ${steps.toLocaleString('en-US')} steps`)
    })
    console.log(`${steps} steps, ${worlds} worlds, 0 breaches, seed ${seed}`)
    return 0
  } catch (error) {
    console.error(error)
    console.log(`1 breach, seed ${seed}`)
    return 1
  }
}

await runCommand({ usage, readOptions, run })
