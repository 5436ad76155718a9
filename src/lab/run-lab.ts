/** A run of the lab: the database, then one experiment after the other, and what each has found, as soon as it has. */

import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import driver from 'pg/package.json' with { type: 'json' }
import { TaxirankError } from '../errors.ts'
import { reasonOf } from './control.ts'
import type { Experiment } from './experiment.ts'
import { type Janitor, type LabDatabase, openDatabase } from './lab-database.ts'
import type { StartPooler } from './pooler-request.ts'
import type { ExperimentResult, Findings, LabResults, MachineFacts } from './results.ts'
import { Rig } from './rig.ts'

export interface LabOptions {
  readonly experiments: readonly Experiment[]
  /** Absent: the embedded PostgreSQL. */
  readonly url?: string | undefined
  readonly cores?: number | undefined
  readonly isQuick: boolean
  /** Ends the run; what has been found by then is kept. */
  readonly signal: AbortSignal
  readonly startPooler: StartPooler
  readonly janitor: Janitor
  /** Taxirank's. */
  readonly version: string
  readonly tell: Tell
}

/** What a run says while it goes on. */
export interface Tell {
  /** `experiment`: its place among all; `share`: 0 to 1. */
  progressed(experiment: number, share: number, doing: string): void
  /** One more is over, well or not. Given all that is known so far. */
  found(results: LabResults): void
  /** It failed by what may be a bug: the report has the message alone. */
  puzzled(experiment: string, error: Error): void
  /** Something of the lab's couldn't be removed: what, and why. */
  left(what: string): void
}

/** An experiment that takes so many times as long as it should is ended. */
const patience = 6
const graceMs = 30_000

const nothingFound: Findings = {
  headline: '',
  answer: '',
  surprises: [],
  remarks: [],
  setup: {},
  measurements: [],
  tables: [],
  plots: [],
}

/** Rejects with `bad_configuration`, `server_connect_failed` or the signal's reason when it didn't come to experiments. */
export async function runLab(options: LabOptions): Promise<LabResults> {
  const startedAt = new Date()
  const fromMs = performance.now()
  const machine = machineFacts()
  const database = await openDatabase(options)
  const done: ExperimentResult[] = []
  const results = (): LabResults => ({
    format: 1,
    taxirank: options.version,
    startedAt: startedAt.toISOString(),
    tookMs: Math.round(performance.now() - fromMs),
    isQuick: options.isQuick,
    isComplete: done.length === options.experiments.length && done.every(({ state }) => state === 'measured'),
    machine,
    database: database.facts,
    experiments: [...done],
  })
  try {
    for (const [index, experiment] of options.experiments.entries()) {
      if (options.signal.aborted) break
      done.push(await runExperiment(experiment, index, database, options))
      options.tell.found(results())
      // Nothing more can be measured, and what is asked of it would only fail again.
      if (await lossOf(database)) break
    }
  } finally {
    // What has been found is not lost because something is left that can't be removed.
    await database.close().catch((error: unknown) => options.tell.left(reasonOf(error)))
  }
  return results()
}

async function runExperiment(
  experiment: Experiment,
  index: number,
  database: LabDatabase,
  { signal, isQuick, startPooler, tell }: LabOptions,
): Promise<ExperimentResult> {
  const { name, title, question, articles, seconds } = experiment
  const fromMs = performance.now()
  const limitMs = (isQuick ? seconds.quick : seconds.usual) * 1_000 * patience + graceMs
  const late = new Error(`it was not over after ${Math.round(limitMs / 1_000)} s`)
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(late), limitMs)
  const progressed = (share: number, doing: string): void => tell.progressed(index, share, doing)
  progressed(0, '')
  const rig = new Rig(
    { ...database, startPooler, isQuick },
    { signal: AbortSignal.any([signal, limit.signal]), progressed },
  )
  const result = (state: ExperimentResult['state'], problem: string | null, findings: Findings): ExperimentResult => ({
    name,
    title,
    question,
    articles,
    state,
    problem,
    tookMs: Math.round(performance.now() - fromMs),
    prediction: rig.prediction ?? null,
    ...findings,
  })
  try {
    const findings = await experiment.run(rig)
    // Loads count what fails and go on: that the database is gone must be asked.
    const loss = await lossOf(database)
    if (loss) throw loss
    if (!rig.prediction) throw new Error(`taxirank bug: ${name} has predicted nothing`)
    return result('measured', null, findings)
  } catch (error) {
    if (signal.aborted) return result('interrupted', 'it was interrupted', nothingFound)
    const loss = await lossOf(database)
    if (loss) return result('failed', loss.message, nothingFound)
    if (limit.signal.aborted) return result('failed', late.message, nothingFound)
    if (isUnforeseen(error)) tell.puzzled(name, error)
    return result('failed', reasonOf(error), nothingFound)
  } finally {
    clearTimeout(timer)
    await rig.clear()
    // What it may have begun and left to itself ends, too.
    limit.abort()
  }
}

/** Undefined: it answers. */
async function lossOf({ control }: LabDatabase): Promise<Error | undefined> {
  try {
    await control.query('select 1')
    return undefined
  } catch (cause) {
    return new TaxirankError(
      'server_lost',
      `the database is gone, or has ended the lab's connection: ${reasonOf(cause)}`,
      { cause },
    )
  }
}

/** No answer of PostgreSQL's, and none of ours. */
function isUnforeseen(error: unknown): error is Error {
  return error instanceof Error && !(error instanceof TaxirankError) && !('severity' in error)
}

function machineFacts(): MachineFacts {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    loadAverage: loadavg()[0] ?? 0,
    runtime: `Bun ${Bun.version}`,
    driver: `pg ${driver.version}`,
  }
}
