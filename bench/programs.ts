/** The programs a benchmark needs, found before anything is started. */

import { TaxirankError } from '../src/errors.ts'
import type { Processes } from './processes.ts'

export interface Program {
  readonly command: string
  /** The first line of `--version`. */
  readonly version: string
}

export interface Programs {
  readonly pgbench: Program
  readonly pgbouncer: Program
}

const versionLimitMs = 10_000

/** Rejects with what is missing, and how to name it. */
export async function findPrograms(processes: Processes, environment: NodeJS.ProcessEnv): Promise<Programs> {
  return {
    pgbench: await find(processes, 'pgbench', environment['PGBENCH'], 'PGBENCH'),
    pgbouncer: await find(processes, 'pgbouncer', environment['PGBOUNCER'], 'PGBOUNCER'),
  }
}

async function find(processes: Processes, name: string, given: string | undefined, variable: string): Promise<Program> {
  const command = given ?? name
  try {
    const { stdout } = await processes.run(name, command, ['--version'], versionLimitMs)
    return { command, version: stdout.split('\n', 1)[0] ?? '' }
  } catch (cause) {
    const where = given === undefined ? `${name} is not on PATH` : `${variable}=${given} does not run`
    throw new TaxirankError(
      'bad_configuration',
      `${where}: install it, or set ${variable}=/path/to/${name} (${cause instanceof Error ? cause.message : ''})`,
      { cause },
    )
  }
}
