/** One benchmark from start to end: programs, PostgreSQL, poolers, rows; and everything stopped again. */

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { TaxirankError } from '../src/errors.ts'
import { openDatabase, type StartPostgres } from './database.ts'
import { describeMachine, describeTaxirank } from './machine.ts'
import { type Bench, measure, type Row } from './measure.ts'
import type { Options } from './options.ts'
import { poolersOnDemand } from './poolers-on-demand.ts'
import type { Processes } from './processes.ts'
import { findPrograms } from './programs.ts'
import type { Results } from './report.ts'
import { forPgBouncer, type Workload } from './workloads.ts'

export interface RunContext {
  readonly processes: Processes
  readonly startPostgres: StartPostgres
  readonly environment: NodeJS.ProcessEnv
  /** How the report says it can be reproduced. */
  readonly command: string
  readonly progress: (line: string) => void
}

/** Runs the rows. What it started is stopped and removed when it returns or rejects. */
export async function runBench(options: Options, context: RunContext): Promise<Results> {
  const { processes, progress } = context
  const programs = await findPrograms(processes, context.environment)
  const workloads = workloadsFor(options, programs.pgbouncer.version)
  const machine = describeMachine()
  const taxirank = options.control ? `${programs.pgbouncer.version} again` : await describeTaxirank(processes)
  const dir = mkdtempSync(join(tmpdir(), 'taxirank-bench-'))
  chmodSync(dir, 0o711) // as root, PostgreSQL and PgBouncer run as other OS users, who must get in
  try {
    progress('starting PostgreSQL and filling its tables')
    const database = await openDatabase(processes, programs.pgbench.command, join(dir, 'data'), context.startPostgres)
    try {
      const pooler = poolersOnDemand(processes, {
        dir: join(dir, 'poolers'),
        databasePort: database.port,
        pgbouncer: programs.pgbouncer.command,
        control: options.control,
      })
      const pgbench = programs.pgbench.command
      const { pairs, seconds } = options
      const rows = await measureAll(workloads, { processes, pgbench, database, pooler, pairs, seconds, progress })
      const versions = {
        taxirank,
        pgbouncer: programs.pgbouncer.version,
        postgres: database.version,
        pgbench: programs.pgbench.version,
      }
      return {
        date: new Date().toISOString().slice(0, 10),
        command: context.command,
        machine,
        cores: availableParallelism(),
        versions,
        pairs,
        seconds,
        control: options.control,
        rows,
      }
    } finally {
      await processes.stopAll()
      await database.stop()
    }
  } finally {
    await processes.stopAll()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** A control run has rows only where PgBouncer takes part. */
function workloadsFor({ workloads, control }: Options, pgbouncerVersion: string): readonly Workload[] {
  const possible = workloads.map((workload) => forPgBouncer(workload, pgbouncerVersion))
  const chosen = control ? possible.filter(({ peers }) => peers.includes('pgbouncer')) : possible
  if (chosen.length > 0) return chosen
  throw new TaxirankError('bad_configuration', `--control: ${pgbouncerVersion} takes part in none of these rows`)
}

async function measureAll(workloads: readonly Workload[], bench: Bench): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const workload of workloads) rows.push(await measure(bench, workload))
  return rows
}
