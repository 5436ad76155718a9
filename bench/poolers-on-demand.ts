/** Starts a pooler when it is first asked for, with PostgreSQL behind it, or a relay that makes PostgreSQL far away. */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { writeCertificate } from './certificate.ts'
import { projectRoot } from './machine.ts'
import type { Bench } from './measure.ts'
import {
  delaysMs,
  listening,
  type Pooler,
  type PoolerName,
  type PoolerPlace,
  type SetupName,
  setupOf,
  startAllowing,
  startPgBouncer,
  startTaxirank,
} from './poolers.ts'
import { findFreePort, type Processes } from './processes.ts'

interface Surroundings {
  /** Is made, for configurations and the certificate. */
  readonly dir: string
  readonly databasePort: number
  readonly pgbouncer: string
  /** PgBouncer stands in every place. */
  readonly control: boolean
}

/** All that run have the setup that was asked for last; those of another are stopped. */
export function poolersOnDemand(processes: Processes, surroundings: Surroundings): Bench['pooler'] {
  const { dir, databasePort } = surroundings
  mkdirSync(dir)
  writeCertificate(dir)
  const running = new Map<PoolerName, Pooler>()
  let current: { readonly setup: SetupName; readonly place: PoolerPlace } | undefined
  return async (setup, name) => {
    if (current?.setup !== setup) {
      for (const pooler of running.values()) await pooler.stop()
      running.clear()
      const port = await reach(processes, databasePort, delaysMs[setup])
      current = { setup, place: { dir, databasePort: port, setup: setupOf(setup, dir) } }
    }
    const pooler = running.get(name) ?? (await start(processes, surroundings, name, current.place))
    running.set(name, pooler)
    return pooler
  }
}

function start(
  processes: Processes,
  { pgbouncer: command, control }: Surroundings,
  name: PoolerName,
  place: PoolerPlace,
): Promise<Pooler> {
  if (name === 'pgbouncer') return startPgBouncer(processes, { name: 'PgBouncer', command }, place)
  if (control) return startPgBouncer(processes, { name: 'PgBouncer again', command }, place)
  return name === 'allow' ? startAllowing(processes, place) : startTaxirank(processes, place)
}

/** The port to find PostgreSQL at. A relay stays until the end: it costs nothing while nobody uses it. */
async function reach(processes: Processes, databasePort: number, delayMs: number | undefined): Promise<number> {
  if (delayMs === undefined) return databasePort
  const port = await findFreePort()
  const order = JSON.stringify({ port, targetPort: databasePort, delayMs })
  const args = [join(projectRoot, 'bench/relay/main.ts'), order]
  await listening(await processes.startService('the relay', process.execPath, args), port)
  return port
}
