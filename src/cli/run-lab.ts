/** `taxirank lab`: measures, and writes the report as it goes on. */

import { mkdirSync } from 'node:fs'
import { TaxirankError } from '../errors.ts'
import { experiments } from '../lab/experiments.ts'
import { runLab as runExperiments } from '../lab/run-lab.ts'
import type { LabCommand } from './lab-command.ts'
import { startJanitor, startLabPooler } from './lab-children.ts'
import { print } from './print.ts'
import { version } from './version.ts'
import { writeFileSync } from 'node:fs'

/** Resolves with the exit code. */
export async function runLab({ url, isConfirmed, isQuick, only, cores, folder }: LabCommand): Promise<number> {
  if (url !== undefined && !isConfirmed) throw new TaxirankError('bad_configuration', 'say --yes')
  const abort = new AbortController()
  const stop = (): void => abort.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const janitor = startJanitor()
  mkdirSync(folder, { recursive: true })
  try {
    const results = await runExperiments({
      experiments: experiments.filter(({ name }) => only.includes(name)),
      url,
      cores,
      isQuick,
      signal: abort.signal,
      startPooler: startLabPooler,
      janitor,
      version,
      tell: { progressed: () => undefined, found: () => undefined },
    })
    writeFileSync(`${folder}/results.json`, JSON.stringify(results, undefined, 2))
    const lines = results.experiments.map(
      ({ name, state, problem, tookMs, answer, surprises }) =>
        `${name} ${state} ${problem ?? ''} ${tookMs} ms\n  ${answer}\n  ${surprises.join('\n  ')}\n`,
    )
    return await print(`${results.tookMs} ms\n${lines.join('')}`)
  } finally {
    janitor.dismiss()
  }
}
