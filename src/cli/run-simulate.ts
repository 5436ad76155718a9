/** `taxirank simulate`: reads a scenario or a recording, simulates, and tells. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { TaxirankError } from '../errors.ts'
import { Recording } from '../metrics/recording.ts'
import { outcomeOf } from '../simulator/outcome.ts'
import { type ReadRecorded, readScenario } from '../simulator/read-scenario.ts'
import { type Recorded, recordedOf } from '../simulator/recorded.ts'
import { likelyCallers, type ReplayOptions, replay } from '../simulator/replay.ts'
import { type ReplayedSize, type ReplayFindings, replayText } from '../simulator/replay-text.ts'
import { replayPage, simulationPage, sweepPage } from '../simulator/simulation-page.ts'
import { simulationText, sweepText } from '../simulator/simulation-text.ts'
import { simulate } from '../simulator/simulate.ts'
import { kneeOf, sweep } from '../simulator/sweep.ts'
import { print } from './print.ts'
import type { ReplayRun, ScenarioRun, SimulateCommand } from './simulate-command.ts'
import { version } from './version.ts'

/** What was found, in the three ways to tell it. */
interface Findings {
  readonly text: string
  readonly json: unknown
  readonly page: string
}

/** Resolves with the exit code. */
export function runSimulate({ what, report, isJson }: SimulateCommand): Promise<number> {
  if (report !== undefined) checkReport(report, what.file)
  const findings = what.kind === 'scenario' ? runScenario(what) : runReplay(what)
  if (report !== undefined) writePage(report, findings.page)
  return print(isJson ? `${JSON.stringify(findings.json)}\n` : findings.text + written(report))
}

function written(report: string | undefined): string {
  return report === undefined ? '' : `\nThe page with the plots: ${report}\n`
}

function runScenario(run: ScenarioRun): Findings {
  const value = withSeed(parseScenario(run.file), run.seed)
  const names = { name: basename(run.file), footer: `Taxirank ${version}, ${basename(run.file)}` }
  const recordings = recordingsIn(dirname(resolve(run.file)))
  if (run.sweep) {
    const points = [...sweep(value, run.sweep, recordings)]
    const json = { sweep: run.sweep.key, points, knee: kneeOf(points)?.value ?? null }
    return { text: sweepText(run.sweep, points), json, page: sweepPage(run.sweep, points, names) }
  }
  const startedAtMs = performance.now()
  const figures = simulate(readScenario(value, recordings))
  const seconds = (performance.now() - startedAtMs) / 1_000
  const speed = `  simulated in ${seconds.toFixed(1)} s: ${Math.round(figures.requests / seconds).toLocaleString('en')} requests a second\n`
  return { text: simulationText(figures) + speed, json: figures, page: simulationPage(figures, names) }
}

/** What is no table is left as it is, and refused with what it is. */
function withSeed(parsed: unknown, seed: number | undefined): unknown {
  const isTable = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
  return isTable && seed !== undefined ? { ...parsed, seed } : parsed
}

function parseScenario(file: string): unknown {
  const text = readInput(file)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
  try {
    return file.endsWith('.json') ? (JSON.parse(text) as unknown) : Bun.TOML.parse(text)
  } catch (cause) {
    const { message } = cause as Error
    const line = file.endsWith('.json') ? undefined : lineOf(text, message)
    const place = line === undefined ? file : `${file}:${line}`
    throw new TaxirankError('bad_configuration', `${place}: ${message}`, { cause })
  }
}

/** Longer files are not tried again for each of their lines. */
const mostLines = 1_000

/** Bun doesn't say where a text stops being TOML: it is the first line with which the lines so far fail as all of them do. */
function lineOf(text: string, message: string): number | undefined {
  const lines = text.split('\n')
  if (lines.length > mostLines) return undefined
  const failsAlike = (end: number): boolean => {
    const soFar = lines.slice(0, end).join('\n')
    return parseError(soFar) === message || parseError(`${soFar}\n`) === message
  }
  return lines.findIndex((_, index) => failsAlike(index + 1)) + 1 || undefined
}

function parseError(text: string): string | undefined {
  try {
    Bun.TOML.parse(text)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function readInput(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new TaxirankError('bad_configuration', `${file} can't be read: ${(cause as Error).message}`, { cause })
  }
}

/** Recordings that a scenario names stand beside it. Each is read once, however often a sweep asks. */
function recordingsIn(folder: string): ReadRecorded {
  const known = new Map<string, Recorded>()
  return (file) => {
    const path = resolve(folder, file)
    const recorded = known.get(path) ?? readRecorded(path).recorded
    known.set(path, recorded)
    return recorded
  }
}

function readRecorded(file: string): { recorded: Recorded } & Pick<ReplayFindings, 'about'> {
  try {
    const { recording, about } = Recording.fromBytes(readInput(file))
    const recorded = recordedOf([...recording.entries()], recording.overwritten > 0)
    return { recorded, about }
  } catch (cause) {
    if (!(cause instanceof TaxirankError) || cause.code !== 'bad_recording') throw cause
    throw new TaxirankError('bad_recording', `${file}: ${cause.message}`, { cause })
  }
}

/** Of fewer nothing can be said. */
const fewestServed = 20

function checkEnough({ waitMs }: Recorded, file: string): void {
  if (waitMs.count >= fewestServed) return
  throw new TaxirankError(
    'bad_recording',
    `${file}: ${waitMs.count} requests are too few to be replayed, ${fewestServed} are enough`,
  )
}

function runReplay({ file, poolSizes, callers: wanted, coreUse }: ReplayRun): Findings {
  const { recorded, about } = readRecorded(file)
  checkEnough(recorded, file)
  const callers = wanted ?? likelyCallers(recorded)
  const todaySize = about && about.maxSize > 0 ? about.maxSize : recorded.mostLeased
  const replayed = (poolSize: number, options: Pick<ReplayOptions, 'callers' | 'coreUse'>): ReplayedSize => {
    return { poolSize, ...outcomeOf(replay(recorded, about, { poolSize, ...options })) }
  }
  // As it came: nothing is assumed for the size at which it was measured.
  const today = replayed(todaySize, { callers: 'open', coreUse: undefined })
  const sizes = poolSizes.filter((size) => size !== todaySize)
  const others = sizes.map((size) => replayed(size, { callers, coreUse }))
  const isAssuming = others.length > 0 || wanted !== undefined || coreUse !== undefined
  const assumed = isAssuming ? replayed(todaySize, { callers, coreUse }) : undefined
  const findings: ReplayFindings = { recorded, about, callers, coreUse, today, assumed, others }
  const names = { name: basename(file), footer: `Taxirank ${version}, replayed from ${basename(file)}` }
  return { text: replayText(findings), json: replayJson(findings), page: replayPage(findings, names) }
}

function replayJson({ recorded, about, callers, coreUse, today, assumed, others }: ReplayFindings): unknown {
  const { atMs: _, waitsMs: __, holdsMs: ___, isServed: ____, ...summary } = recorded
  return {
    recorded: summary,
    pool: about ?? null,
    callers,
    coreUse: coreUse ?? null,
    today,
    assumed: assumed ?? null,
    others,
  }
}

/** Before anything is simulated, which may take minutes. */
function checkReport(report: string, input: string): void {
  if (resolve(report) === resolve(input)) {
    throw new TaxirankError('bad_configuration', `--report: ${report} is what is read, and would be overwritten`)
  }
  const folder = dirname(resolve(report))
  if (!existsSync(folder)) throw new TaxirankError('bad_configuration', `--report: there is no folder ${folder}`)
}

function writePage(path: string, page: string): void {
  try {
    writeFileSync(path, page)
  } catch (cause) {
    throw new TaxirankError('bad_configuration', `--report: ${(cause as Error).message}`, { cause })
  }
}
