/**
 * `bun test/engine/main.ts [--steps N] [--seed N]`: the engine's contract under random commands and faults, in virtual time.
 * The last line is `N steps, N worlds, N breaches, seed N`; exit code 0 only without a breach, 2 for wrong options.
 */

import { parseArgs } from 'node:util'
import { simulate } from './simulation.ts'

const usage = 'usage: npm run soak:engine -- [--steps N] [--seed N]'
const reportEvery = 5_000_000

function main(args: readonly string[]): number {
  let steps: number
  let seed: number
  try {
    const text = { type: 'string' } as const
    const { values } = parseArgs({ args: [...args], options: { steps: text, seed: text } })
    steps = whole('steps', values.steps ?? '100000000', 1, 1e12)
    seed = whole('seed', values.seed ?? String(Math.floor(Math.random() * 1e9)), 0, 1e9)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    console.error(usage)
    return 2
  }
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

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new Error(`--${name} must be a whole number from ${least} to ${most}, got ${text}`)
}

process.exit(main(process.argv.slice(2)))
