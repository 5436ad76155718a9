/**
 * `npm run drivers [-- --only pg,psycopg] [--steps 4,7] [--targets direct,…] [--seed N] [--install]`: real drivers and
 * ORMs, each with the same 20 steps, directly and through both poolers in both modes. A whole run writes
 * `docs/reports/drivers.md` and `.json`; of some drivers, steps or targets only, or where some are not installed, the report is printed. Exit code 1 when
 * something fails through Taxirank that works directly and known.ts has no reason for it, 2 for wrong options.
 * `--install` gets Debian's packages that are missing.
 */

import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { existsSync, lstatSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Guard } from '../../bench/guard.ts'
import { describeMachine, describeTaxirank, projectRoot } from '../../bench/machine.ts'
import { Processes } from '../../bench/processes.ts'
import { Random } from '../../src/random.ts'
import { findProgram } from '../support/tools.ts'
import { type Driver, drivers as allDrivers, findVersion } from './drivers.ts'
import { renderJson, renderReport, type Tried, unexplained } from './report.ts'
import { type Command, type Outcome, runDriver } from './run-driver.ts'
import { steps as allSteps } from './steps.ts'
import { Place, startTarget, type TargetName, targetNames } from './targets.ts'

const usage =
  'usage: npm run drivers [-- --only pg,psycopg] [--steps 4,7] [--targets "direct,taxirank session"] [--seed N] [--install]'
const npmPackages = join(import.meta.dirname, 'node_modules')
const compileLimitMs = 180_000

interface Options {
  readonly drivers: readonly Driver[]
  readonly steps: readonly number[]
  readonly targets: readonly TargetName[]
  readonly isWhole: boolean
  /** Decides the order of the drivers, and with it what each finds on the servers. */
  readonly seed: number
  readonly isInstalling: boolean
}

function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const
  const options = { only: text, steps: text, targets: text, seed: text, install: { type: 'boolean' } } as const
  const { values } = parseArgs({ args: [...args], options })
  const seed = Number(values.seed ?? randomInt(1, 1e9))
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`--seed must be a whole number, got ${values.seed}`)
  return {
    drivers: chosen('--only', values.only, allDrivers, ({ name }) => name),
    steps: chosen('--steps', values.steps, allSteps, ({ number }) => String(number)).map(({ number }) => number),
    targets: chosen('--targets', values.targets, targetNames, (name) => name),
    isWhole: [values.only, values.steps, values.targets].every((value) => value === undefined),
    seed,
    isInstalling: values.install ?? false,
  }
}

function chosen<T>(option: string, list: string | undefined, all: readonly T[], nameOf: (one: T) => string): T[] {
  const wanted = list?.split(',') ?? all.map(nameOf)
  const unknown = wanted.find((name) => !all.some((one) => nameOf(one) === name))
  if (unknown !== undefined)
    throw new Error(`${option} must name some of ${all.map(nameOf).join(', ')}, got ${unknown}`)
  return all.filter((one) => wanted.includes(nameOf(one)))
}

/** The npm packages of this folder, on first use and when package-lock.json has changed. */
function installNpmPackages(): void {
  // Through a link `npm ci` would empty a folder that is another tree's.
  if (lstatSync(npmPackages, { throwIfNoEntry: false })?.isSymbolicLink()) return
  const present = join(npmPackages, '.package-lock.json')
  const wanted = join(import.meta.dirname, 'package-lock.json')
  if (existsSync(present) && statSync(present).mtimeMs >= statSync(wanted).mtimeMs) return
  // None of them needs a script of its own to be installed.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  const { status } = spawnSync('npm', args, { cwd: import.meta.dirname, stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error('npm ci failed in test/drivers: it needs the npm registry')
}

function installDebianPackages(drivers: readonly Driver[]): void {
  const missing = drivers.filter((driver) => 'missing' in findVersion(driver)).flatMap(({ packages }) => packages)
  if (missing.length === 0) return
  const program = join(projectRoot, '.ci/install-packages')
  const { status } = spawnSync(program, [...new Set(missing)], { stdio: ['ignore', 2, 2] })
  if (status !== 0) console.error(`could not install ${missing.join(' ')}: drivers that need them are left out`)
}

interface Run {
  readonly options: Options
  readonly processes: Processes
  readonly guard: Guard
  readonly place: Place
}

/** All drivers on one target, then the next: a target's poolers run only while they are tried. */
async function tryAll(run: Run): Promise<Tried[]> {
  const random = new Random(run.options.seed)
  const tried = await Promise.all(run.options.drivers.map((driver) => prepare(driver, run)))
  for (const name of run.options.targets) {
    const target = await startTarget(name, run.place, run.processes)
    try {
      for (const one of shuffled(tried, random)) {
        if (one.command === undefined) continue
        const surroundings = { target, guard: run.guard, restart: () => run.place.postgres.postgres.restart() }
        const outcomes = await runDriver(one.command, run.options.steps, surroundings)
        one.outcomes.set(name, outcomes)
        print(one.name, name, outcomes)
      }
    } finally {
      await target.stop()
    }
  }
  return tried
}

type Prepared = Tried & { readonly command?: Command; readonly outcomes: Map<TargetName, readonly Outcome[]> }

async function prepare(driver: Driver, { place, processes }: Run): Promise<Prepared> {
  const { name, command, compile } = driver
  const found = findVersion(driver)
  if ('missing' in found) {
    console.log(`${name}: ${found.missing}`)
    return { name, missing: found.missing, outcomes: new Map() }
  }
  if (compile === undefined) return { name, version: found.version, command, outcomes: new Map() }
  const { by, run } = compile(place.folder)
  await processes.run(name, 'env', [...environmentArgs(by), by.program, ...by.args], compileLimitMs)
  return { name, version: found.version, command: run, outcomes: new Map() }
}

const environmentArgs = ({ environment = {} }: Command): string[] =>
  Object.entries(environment).map(([name, value]) => `${name}=${value}`)

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const keyed = list.map((one) => ({ one, key: random.uint32() }))
  return keyed.sort((a, b) => a.key - b.key).map(({ one }) => one)
}

function print(driver: string, target: TargetName, outcomes: readonly Outcome[]): void {
  const count = (result: Outcome['result']): number => outcomes.filter((outcome) => outcome.result === result).length
  console.log(`${driver}, ${target}: ${count('ok')} ok, ${count('failed')} failed, ${count('n/a')} n/a`)
  const failed = outcomes.filter(({ result }) => result === 'failed')
  const isOneTrouble =
    failed.length === outcomes.length && failed.every(({ message }) => message === failed[0]?.message)
  for (const { step, message } of isOneTrouble ? failed.slice(0, 1) : failed) {
    console.log(`    ${step} ${allSteps[step - 1]?.name}: ${message}`)
  }
}

async function pgBouncerVersion(processes: Processes): Promise<string> {
  const program = findProgram('pgbouncer')
  if (program === undefined) throw new Error('pgbouncer is not installed: install it, or set PGBOUNCER=/path/to/it')
  const { stdout } = await processes.run('pgbouncer', program, ['--version'], 10_000)
  return stdout.split('\n', 1)[0] ?? ''
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
  installNpmPackages()
  if (options.isInstalling) installDebianPackages(options.drivers)
  const processes = new Processes()
  const guard = new Guard()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const startMs = performance.now()
  const machine = describeMachine()
  const pgbouncer = await pgBouncerVersion(processes)
  const place = await Place.make()
  try {
    const tried = await tryAll({ options, processes, guard, place })
    const about = {
      date: new Date().toISOString().slice(0, 10),
      command: ['npm run drivers', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
      machine,
      versions: `${await describeTaxirank(processes)}; ${pgbouncer}; PostgreSQL ${place.postgres.postgres.version} (embedded)`,
      seed: options.seed,
      minutes: (performance.now() - startMs) / 60_000,
      steps: options.steps,
    }
    const report = `${renderReport(tried, about).trimEnd()}\n`
    const absent = tried.flatMap(({ name, missing }) => (missing === undefined ? [] : [name]))
    if (options.isWhole && absent.length === 0) {
      const reports = join(projectRoot, 'docs/reports')
      writeFileSync(join(reports, 'drivers.md'), report)
      writeFileSync(join(reports, 'drivers.json'), renderJson(tried, about))
    } else console.log(report)
    if (options.isWhole && absent.length > 0)
      console.log(`not written: without ${absent.join(', ')} (--install gets them)`)
    const wrong = unexplained(tried)
    for (const line of wrong) console.log(`fails through Taxirank only: ${line}`)
    return wrong.length === 0 ? 0 : 1
  } finally {
    await processes.stopAll()
    await place.remove()
    await guard.close()
  }
}

process.exit(await main(process.argv.slice(2)))
