/** One benchmark from start to end: programs, PostgreSQL, poolers, rows; and everything stopped again. */

import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeCertificate } from './certificate.ts'
import { openDatabase, type StartPostgres } from './database.ts'
import { describeMachine, describeTaxirank } from './machine.ts'
import { type Bench, measure, type Poolers, type Row } from './measure.ts'
import type { Options } from './options.ts'
import { type SetupName, setupOf, startPgBouncer, startTaxirank } from './poolers.ts'
import type { Processes } from './processes.ts'
import { findPrograms, type Programs } from './programs.ts'
import type { Results } from './report.ts'

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
  const machine = describeMachine()
  const taxirank = options.control ? `${programs.pgbouncer.version} again` : await describeTaxirank(processes)
  const dir = mkdtempSync(join(tmpdir(), 'taxirank-bench-'))
  chmodSync(dir, 0o711) // as root, PostgreSQL and PgBouncer run as other OS users, who must get in
  try {
    progress('starting PostgreSQL and filling its tables')
    const database = await openDatabase(processes, programs.pgbench.command, join(dir, 'data'), context.startPostgres)
    try {
      const poolers = poolersOnDemand(options, processes, programs, dir, database.port)
      const pgbench = programs.pgbench.command
      const { pairs, seconds } = options
      const rows = await measureAll(options, { processes, pgbench, database, poolers, pairs, seconds, progress })
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

/** Both poolers stand in front of PostgreSQL with the setup asked for last. */
function poolersOnDemand(
  options: Options,
  processes: Processes,
  programs: Programs,
  dir: string,
  databasePort: number,
): Bench['poolers'] {
  const configurations = join(dir, 'poolers')
  mkdirSync(configurations)
  writeCertificate(configurations)
  const start = async (name: SetupName): Promise<Poolers> => {
    const place = { dir: configurations, databasePort, setup: setupOf(name, configurations) }
    const { command } = programs.pgbouncer
    return {
      pgbouncer: await startPgBouncer(processes, { name: 'PgBouncer', command }, place),
      taxirank: options.control
        ? await startPgBouncer(processes, { name: 'PgBouncer again', command }, place)
        : await startTaxirank(processes, place),
    }
  }
  let current: { readonly setup: SetupName; readonly poolers: Poolers } | undefined
  return async (setup) => {
    if (current?.setup === setup) return current.poolers
    await current?.poolers.pgbouncer.stop()
    await current?.poolers.taxirank.stop()
    current = undefined
    current = { setup, poolers: await start(setup) }
    return current.poolers
  }
}

async function measureAll(options: Options, bench: Bench): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const workload of options.workloads) rows.push(await measure(bench, workload))
  return rows
}
