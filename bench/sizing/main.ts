/**
 * `npm run report:sizing`: is the advice right? Three loads on an embedded PostgreSQL are watched, recorded and advised on;
 * then all sizes are measured beside one another. A whole run takes about half an hour and writes docs/reports/sizing.md, its
 * plots and sizing.json; a shorter one (`--rounds`, `--only`) is printed. Exit code 0 when it ran to its end, whatever it found.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runCommand, wholeNumber } from '../../test/support/command-line.ts'
import { describeMachine, describeTaxirank, projectRoot } from '../machine.ts'
import { Processes } from '../processes.ts'
import { type Load, loads } from './loads.ts'
import { type LoadPlan, measureLoad, type MeasuredLoad } from './measure-load.ts'
import { plotOf, renderReport, type Results } from './report.ts'
import { simulatorSpeed } from './simulator-speed.ts'
import { Stage } from './stage.ts'

interface Options {
  readonly loads: readonly Load[]
  readonly rounds: number
  readonly seconds: number
}

const wholeRounds = 9
const watchSeconds = 15

await runCommand({
  usage: `npm run report:sizing -- [--only ${loads.map(({ name }) => name).join(',')}] [--rounds N] [--seconds N]`,
  readOptions,
  run,
})

function readOptions(args: readonly string[]): Options {
  const options = { only: { type: 'string' }, rounds: { type: 'string' }, seconds: { type: 'string' } } as const
  const { values } = parseArgs({ args: [...args], options })
  return {
    loads: chosen(values.only),
    rounds: wholeNumber('rounds', values.rounds ?? String(wholeRounds), 1, 1_000),
    seconds: wholeNumber('seconds', values.seconds ?? '3', 1, 600),
  }
}

function chosen(only: string | undefined): readonly Load[] {
  const names = only?.split(',')
  const unknown = names?.find((name) => !loads.some((load) => load.name === name))
  if (unknown !== undefined) throw new Error(`--only: there is no load called ${unknown}`)
  return loads.filter(({ name }) => names?.includes(name) ?? true)
}

async function run(options: Options, args: readonly string[]): Promise<number> {
  const processes = new Processes()
  const dir = mkdtempSync(join(tmpdir(), 'taxirank-sizing-'))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void processes.stopAll())
  try {
    const results = await measure(processes, dir, options, args)
    publish(results, options)
    return 0
  } finally {
    await processes.stopAll()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function measure(
  processes: Processes,
  dir: string,
  { loads: chosenLoads, rounds, seconds }: Options,
  args: readonly string[],
): Promise<Results> {
  const pgbench = process.env['PGBENCH'] ?? 'pgbench'
  const { stdout: version } = await processes.run('pgbench', pgbench, ['--version'], 10_000)
  const machine = describeMachine()
  const acquiresPerSecond = simulatorSpeed()
  const stage = await Stage.start(processes, pgbench, dir)
  const plan: LoadPlan = { rounds, seconds, watchSeconds, progress: (line) => process.stderr.write(`${line}\n`) }
  const measured: MeasuredLoad[] = []
  for (const load of chosenLoads) measured.push(await measureLoad(stage, load, plan))
  return {
    date: new Date().toISOString().slice(0, 10),
    command: ['npm run report:sizing', ...(args.length === 0 ? [] : ['--', ...args])].join(' '),
    taxirank: await describeTaxirank(processes),
    pgbench: version.trim(),
    machine,
    rounds,
    seconds,
    acquiresPerSecond,
    loads: measured,
  }
}

function publish(results: Results, { loads: chosenLoads, rounds }: Options): void {
  const report = renderReport(results)
  process.stdout.write(report)
  if (chosenLoads.length < loads.length || rounds < wholeRounds) {
    process.stderr.write('printed only: docs/reports is written by a whole run\n')
    return
  }
  const reports = join(projectRoot, 'docs/reports')
  writeFileSync(join(reports, 'sizing.md'), report)
  writeFileSync(join(reports, 'sizing.json'), `${JSON.stringify(results, undefined, 2)}\n`)
  for (const load of results.loads) writeFileSync(join(reports, `sizing-${load.load.name}.svg`), plotOf(load))
}
