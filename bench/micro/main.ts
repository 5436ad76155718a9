/**
 * `npm run bench:micro -- [--rounds N]`: what the engine costs, on Bun and on Node, and what it decides in virtual time.
 * Writes docs/reports/engine.md and .json, and the plots of docs/guide/. Exit code 0 only if every figure is reached.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine, projectRoot } from '../machine.ts'
import { median } from '../../src/metrics/statistics.ts'
import { type Figure, type MicroResults, renderMicroReport } from './micro-report.ts'
import { drawScenarios } from './plots.ts'
import { coldStart, outage, spike } from './scenarios.ts'

const usage = 'usage: npm run bench:micro -- [--rounds N]'
const queueLengths = [0, 1_000, 100_000] as const
const mostNs = 60
const mostRatio = 1.5
const runtimes = ['Bun', 'Node'] as const
/** A young generation that a million operations of 100 bytes don't fill. */
const nodeFlags = ['--expose-gc', '--max-semi-space-size=512']

type Runtime = (typeof runtimes)[number]

class Bench {
  readonly #folder = mkdtempSync(join(tmpdir(), 'taxirank-micro-'))
  readonly #probe = join(import.meta.dirname, 'probe.ts')
  readonly #bundle = join(this.#folder, 'probe.mjs')

  constructor() {
    execFileSync(process.execPath, ['build', this.#probe, '--target=node', '--outfile', this.#bundle], {
      stdio: 'ignore',
    })
  }

  run(runtime: Runtime, what: 'ns' | 'bytes', waiting: number): number {
    const [program, args] =
      runtime === 'Bun' ? [process.execPath, [this.#probe]] : ['node', [...nodeFlags, this.#bundle]]
    const output = execFileSync(program, [...args, what, String(waiting)], { encoding: 'utf8' })
    const value = Number(output)
    if (output.trim() === '' || !Number.isFinite(value)) throw new Error(`${runtime} measured nothing: ${output}`)
    return value
  }

  nodeVersion(): string {
    return execFileSync('node', ['--version'], { encoding: 'utf8' }).trim().slice(1)
  }

  end(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function main(args: readonly string[]): number {
  let rounds: number
  try {
    rounds = readRounds(args)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    console.error(usage)
    return 2
  }
  const bench = new Bench()
  try {
    return report(bench, rounds)
  } finally {
    bench.end()
  }
}

function readRounds(args: readonly string[]): number {
  const { values } = parseArgs({ args: [...args], options: { rounds: { type: 'string' } } })
  const rounds = Number(values.rounds ?? '7')
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= 100) return rounds
  throw new Error(`--rounds must be a whole number from 1 to 100, got ${values.rounds}`)
}

function report(bench: Bench, rounds: number): number {
  const machine = describeMachine()
  const figures = [...timings(bench, rounds), ...allocations(bench), ...decisions()]
  const versions = `Bun ${process.versions.bun}, Node ${bench.nodeVersion()}`
  const date = new Date().toISOString().slice(0, 10)
  const results: MicroResults = { date, machine, versions, rounds, figures }
  for (const { what, value, must, isReached } of figures) {
    console.log(`${isReached ? 'reached' : 'MISSED '}  ${what}: ${value} (must: ${must})`)
  }
  writeFileSync(join(projectRoot, 'docs/reports/engine.md'), renderMicroReport(results))
  writeFileSync(join(projectRoot, 'docs/reports/engine.json'), `${JSON.stringify(results, undefined, 2)}\n`)
  drawScenarios(join(projectRoot, 'docs/guide'))
  return figures.every(({ isReached }) => isReached) ? 0 : 1
}

/** Every runtime and queue length once a round: what disturbs the machine for a while disturbs all. */
function timings(bench: Bench, rounds: number): Figure[] {
  const all = runtimes.flatMap((runtime) => queueLengths.map((waiting) => ({ runtime, waiting, ns: [] as number[] })))
  for (let round = 0; round < rounds; round++) {
    for (const one of all) one.ns.push(bench.run(one.runtime, 'ns', one.waiting))
  }
  return all.map(({ runtime, waiting, ns }) => {
    const free = median(all.find((one) => one.runtime === runtime && one.waiting === 0)?.ns ?? [])
    const middle = median(ns)
    const range = `${middle.toFixed(0)} ns (${Math.min(...ns).toFixed(0)}–${Math.max(...ns).toFixed(0)})`
    const what = `${runtime}: acquire and release, ${waiting === 0 ? 'nobody waits' : `${whole(waiting)} wait`}`
    if (waiting === 0) return { what, value: range, must: `at most ${mostNs} ns`, isReached: middle <= mostNs }
    const ratio = middle / free
    const must = `at most ${mostRatio} × as long as nobody waits`
    return { what, value: `${range}, ${ratio.toFixed(2)} ×`, must, isReached: ratio <= mostRatio }
  })
}

function allocations(bench: Bench): Figure[] {
  const [free = Number.NaN, queued = Number.NaN] = [0, 1_000].map((waiting) =>
    median(Array.from({ length: 3 }, () => bench.run('Node', 'bytes', waiting))),
  )
  return [
    bytesFigure('Node: bytes allocated by it, nobody waits', free, 1),
    bytesFigure('Node: bytes allocated by it, 1,000 wait', queued, 64),
  ]
}

function bytesFigure(what: string, bytes: number, most: number): Figure {
  return { what, value: bytes.toFixed(2), must: `under ${most}`, isReached: bytes < most }
}

function decisions(): Figure[] {
  const cold = coldStart()
  const peak = spike()
  const outages = [0, 0.5, 0.999].map((fraction) => outage(() => fraction))
  const attempts = Math.max(...outages.map((one) => one.attempts.length))
  const latest = Math.max(...outages.map((one) => one.firstSuccessMs - one.backAtMs))
  return [
    {
      what: '1,000 callers at once, nothing open, opening 20 ms, hold 1 ms',
      value: `${cold.opened} opened, the last served after ${cold.lastServedMs} ms`,
      must: 'at most 64 and 130 ms',
      isReached: cold.opened <= 64 && cold.lastServedMs <= 130,
    },
    {
      what: '50 callers at once, 5 open, opening 150 ms, hold 2 ms',
      value: `${peak.opened} ever open, the last served after ${peak.lastServedMs} ms`,
      must: 'at most 6 ever open',
      isReached: peak.opened <= 6,
    },
    {
      what: '100 callers, database down for 10 s, opening 20 ms, with the least, the mean and the most jitter',
      value: `at most ${attempts} attempts; the first success at most ${whole(latest)} ms after its return`,
      must: 'at most 20; within 1,020 ms',
      isReached: attempts <= 20 && latest <= 1_020,
    },
  ]
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

process.exit(main(process.argv.slice(2)))
