/** Runs a row for one side, within its time. */

import type { Processes } from '../../bench/processes.ts'
import type { SecretSearch } from '../support/secret-search.ts'
import { Finding, type Row, type Side } from './row.ts'
import { Stage } from './stage.ts'

export async function runRow(
  row: Row,
  side: Side,
  processes: Processes,
  seed: number,
  secrets: SecretSearch,
): Promise<Finding> {
  const finding = new Finding()
  const stage = new Stage(side, processes, finding, seed, secrets)
  const timer = Promise.withResolvers<never>()
  const late = setTimeout(() => timer.reject(new Error(`no end within ${row.limitMs / 1000} s`)), row.limitMs)
  const run = row.run(stage, finding)
  run.catch(() => undefined)
  try {
    await Promise.race([run, timer.promise])
  } catch (error) {
    if (processes.stopping.aborted) throw error
    finding.broken.push(`the row did not come to its end: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    clearTimeout(late)
    await stage.close()
  }
  return finding
}
