/**
 * `npm run session-state -- [--kinds TEXT] [--situations TEXT] [--policies allow,track] [--alone]`: the session-state matrix
 * by Taxirank, policy by policy, by PgBouncer beside it, and by both in session mode, which shows what is possible. A whole
 * run writes docs/reports/session-state.md and .json; of a part, or with `--alone` (Taxirank only), the report is printed.
 * The last line is `N cells, N leaks where none may be, N surprises`; exit code 0 only if the last two are 0, 2 for wrong
 * options. Without `--policies` those are left out that this version does not have.
 */

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine, describeTaxirank, projectRoot } from '../../bench/machine.ts'
import { Processes } from '../../bench/processes.ts'
import { temporaryFolder } from '../support/postgres.ts'
import { findProgram } from '../support/tools.ts'
import { type Contender, inSessionMode, isKnown, pgBouncer, policies, type Policy, taxirank } from './contenders.ts'
import { type Ground, prepareGround } from './ground.ts'
import { allKinds, themes } from './kinds.ts'
import type { Verdict } from './judge.ts'
import { asJson, type MatrixCircumstances, renderReport, sign, summary, tell } from './report.ts'
import { type Column, judgeAll } from './result.ts'
import { type Cell, findCells, playAll } from './run.ts'
import { situations } from './situations.ts'

const usage =
  'usage: npm run session-state -- [--kinds TEXT] [--situations TEXT] [--policies allow,track,pin,reset,reject] [--alone]'

interface Options {
  readonly kinds: typeof allKinds
  readonly situations: typeof situations
  readonly policies: readonly Policy[]
  /** Left out as this version does not have them. */
  readonly missing: readonly Policy[]
  readonly isAlone: boolean
  /** Everything that this version has. */
  readonly isWhole: boolean
}

function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const
  const options = { kinds: text, situations: text, policies: text, alone: { type: 'boolean' } } as const
  const { values } = parseArgs({ args: [...args], options })
  const asked = values.policies?.split(',').map(policyNamed)
  return {
    kinds: named('kinds', allKinds, values.kinds),
    situations: named('situations', situations, values.situations),
    policies: asked ?? policies.filter(isKnown),
    missing: asked ? [] : policies.filter((policy) => !isKnown(policy)),
    isAlone: values.alone ?? false,
    isWhole: Object.keys(values).length === 0,
  }
}

function policyNamed(name: string): Policy {
  const policy = policies.find((one) => one === name)
  if (policy === undefined) throw new Error(`--policies must be some of ${policies.join(', ')}, got ${name}`)
  return policy
}

function named<T extends { readonly name: string }>(option: string, all: readonly T[], text = ''): readonly T[] {
  const found = all.filter(({ name }) => name.includes(text))
  if (found.length === 0) throw new Error(`--${option}: none has “${text}” in its name`)
  return found
}

/** Each ground is a lane: what a pooler waits for leaves most of the time to another. */
async function play(options: Options, grounds: readonly Ground[], processes: Processes): Promise<Column[]> {
  const dir = temporaryFolder()
  try {
    const cells = await findAll(options, grounds)
    console.log(`${cells.length} cells for each pooler`)
    const contenders = contendersOf(options)
    const columns = new Map<Contender, Column>()
    const waiting = [...contenders]
    const run = async (ground: Ground): Promise<void> => {
      for (let contender = waiting.shift(); contender; contender = waiting.shift())
        columns.set(contender, await playColumn(contender, cells, processes, ground, dir))
    }
    await Promise.all(grounds.map(run))
    return contenders.flatMap((contender) => columns.get(contender) ?? [])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function findAll({ kinds, situations }: Options, grounds: readonly Ground[]): Promise<Cell[]> {
  const parts = grounds.map((ground, lane) => {
    const own = kinds.filter((_kind, index) => index % grounds.length === lane)
    return findCells(ground, own, situations)
  })
  return (await Promise.all(parts)).flat()
}

async function playColumn(
  contender: Contender,
  cells: readonly Cell[],
  processes: Processes,
  ground: Ground,
  dir: string,
): Promise<Column> {
  const own = contender.policy === 'session' ? cells.filter(({ situation }) => situation === situations[0]) : cells
  const tell = ({ kind, situation }: Cell, verdict: Verdict | string): void =>
    console.log(`${contender.name}: ${kind.name}, ${situation.name}: ${sign(verdict)}`)
  return { contender, verdicts: await playAll(contender, own, processes, { ground, dir, tell }) }
}

function contendersOf(options: Options): Contender[] {
  const ours = options.policies.map(taxirank)
  return options.isAlone ? ours : [...ours, pgBouncer, inSessionMode('taxirank'), inSessionMode('pgbouncer')]
}

async function main(args: readonly string[]): Promise<number> {
  let options: Options
  try {
    options = readOptions(args)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    console.error(usage)
    return 2
  }
  for (const policy of options.missing) console.log(`session_state = ${policy}: not in this version`)
  const processes = new Processes()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const machine = describeMachine()
  const startMs = performance.now()
  const grounds = [await prepareGround(), await prepareGround()]
  try {
    const columns = await play(options, grounds, processes)
    const minutes = (performance.now() - startMs) / 60_000
    tellReport(options, columns, { machine, minutes, ...(await circumstances(args, options, grounds, processes)) })
    const judgement = judgeAll(columns)
    console.log(summary(judgement))
    return judgement.leaks.length + judgement.surprises.length === 0 ? 0 : 1
  } finally {
    await processes.stopAll()
    for (const ground of grounds) await ground.remove()
  }
}

async function circumstances(
  args: readonly string[],
  { isAlone, missing }: Options,
  grounds: readonly Ground[],
  processes: Processes,
): Promise<Omit<MatrixCircumstances, 'machine' | 'minutes'>> {
  const versions = [
    await describeTaxirank(processes),
    ...(isAlone ? [] : [await pgBouncerVersion(processes)]),
    `PostgreSQL ${await grounds[0]?.outside.value('show server_version')} (embedded)`,
  ]
  return {
    date: new Date().toISOString().slice(0, 10),
    command: ['npm run session-state', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
    versions: versions.join('; '),
    missing,
  }
}

async function pgBouncerVersion(processes: Processes): Promise<string> {
  const { stdout } = await processes.run('pgbouncer', findProgram('pgbouncer') ?? 'pgbouncer', ['--version'], 10_000)
  return stdout.split('\n', 1)[0] ?? ''
}

function tellReport(options: Options, columns: readonly Column[], about: MatrixCircumstances): void {
  const played = themes
    .map(({ name, kinds }) => ({ name, kinds: kinds.filter((kind) => options.kinds.includes(kind)) }))
    .filter(({ kinds }) => kinds.length > 0)
  const report = renderReport(played, columns, about)
  const { leaks, surprises } = judgeAll(columns)
  for (const finding of [...leaks, ...surprises]) console.log(tell(finding))
  if (!options.isWhole) return console.log(report)
  const file = (type: string): string => join(projectRoot, `docs/reports/session-state.${type}`)
  writeFileSync(file('md'), report)
  writeFileSync(file('json'), asJson(played, columns, about))
}

process.exit(await main(process.argv.slice(2)))
