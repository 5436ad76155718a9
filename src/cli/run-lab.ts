/** `taxirank lab`: measures, and writes the report as it goes on, so that what has been found is not lost. */

import { accessSync, constants, mkdirSync } from 'node:fs'
import { TaxirankError } from '../errors.ts'
import { experiments } from '../lab/experiments.ts'
import { labText } from '../lab/lab-text.ts'
import { runLab as runExperiments } from '../lab/run-lab.ts'
import { parseTarget } from '../lab/target.ts'
import { schema } from '../lab/work.ts'
import { startJanitor, startLabPooler } from './lab-children.ts'
import type { LabCommand } from './lab-command.ts'
import { LabProgress } from './lab-progress.ts'
import { LabReport } from './lab-report.ts'
import { print } from './print.ts'
import { version } from './version.ts'

/** As a shell tells them: 128 and the signal's number. */
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Resolves with the exit code: 0, if all was measured; 1, if something couldn't be. A signal ends the run, with what was found by
 * then in the report; a second one ends it at once.
 */
export async function runLab({ url, isConfirmed, isQuick, only, cores, folder }: LabCommand): Promise<number> {
  if (url !== undefined && !isConfirmed) throw askForConsent(parseTarget(url).address, isQuick)
  const wanted = experiments.filter(({ name }) => only.includes(name))
  makeFolder(folder)
  const abort = new AbortController()
  const interrupted = interruption(abort)
  forgetEnvironment()
  const janitor = startJanitor()
  const report = new LabReport(folder)
  const progress = new LabProgress(wanted, isQuick, process.stderr, (results) => report.write(results))
  progress.prepares(url === undefined ? 'starting a PostgreSQL of its own' : 'making a schema of its own')
  let isClean = false
  try {
    const results = await runExperiments({
      experiments: wanted,
      url,
      cores,
      isQuick,
      signal: abort.signal,
      startPooler: startLabPooler,
      janitor,
      version,
      tell: progress,
    })
    isClean = !progress.hasLeft
    progress.end()
    report.write(results)
    await print(`${labText(results)}\n${report.whereText()}\n`)
    return interrupted.exitCode ?? (results.isComplete && isClean && report.isWritten ? 0 : 1)
  } catch (error) {
    progress.end()
    if (interrupted.exitCode === undefined) throw error
    // The end was wanted; what could not be left as it was must be told all the same.
    if (error instanceof TaxirankError) process.stderr.write(`taxirank: ${error.message}\n`)
    return interrupted.exitCode
  } finally {
    janitor.dismiss(isClean)
  }
}

/** The driver would take from it what nobody has asked for; a password alone is welcome, which then is in no command line. */
function forgetEnvironment(): void {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('PG') && name !== 'PGPASSWORD') delete process.env[name]
  }
}

function askForConsent(address: string, isQuick: boolean): TaxirankError {
  return new TaxirankError(
    'bad_configuration',
    `this loads ${address} as much as it can bear, for ${isQuick ? 'one minute' : 'five minutes'}: it opens connections until none is left, and keeps all cores busy. ` +
      `Whoever uses that database will feel it. Nothing but a schema ${schema} of its own is touched, and removed at the end. If that is what you want, say --yes`,
  )
}

function interruption(abort: AbortController): { readonly exitCode: number | undefined } {
  const state: { exitCode: number | undefined } = { exitCode: undefined }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (state.exitCode !== undefined) process.exit(exitCodes[signal])
      state.exitCode = exitCodes[signal]
      abort.abort()
    })
  }
  return state
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
  } catch (cause) {
    throw new TaxirankError(
      'bad_configuration',
      `--out: ${folder} can't be a folder of ours: ${(cause as Error).message}`,
      { cause },
    )
  }
}
