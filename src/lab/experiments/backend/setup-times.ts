/** How long PostgreSQL took to set up a connection, by its own log: `log_connections = setup_durations`, from PostgreSQL 18 on. */

import type { Rig } from '../../rig.ts'
import type { Target } from '../../target.ts'

export interface SetupTimes {
  /** From the connection's acceptance until its first query may come. */
  readonly totalMs: number
  /** Until the new process runs. */
  readonly forkMs: number
  readonly authenticationMs: number
}

/** Of those that were opened last: so many lines fit into what is seen of the log. */
const connections = 12

/** None: the log does not say. `superuser`: nobody else may have it say more. */
export async function measureSetup(rig: Rig, superuser: Target, logTail: () => string): Promise<readonly SetupTimes[]> {
  for (let index = 0; index < connections; index++) {
    await rig.end(await rig.connect(rig.direct, superuser, '-c log_connections=setup_durations'))
  }
  return parseSetupTimes(logTail()).slice(-connections)
}

export function parseSetupTimes(log: string): SetupTimes[] {
  const lines = log.matchAll(/connection ready: setup total=([\d.]+) ms, fork=([\d.]+) ms, authentication=([\d.]+) ms/g)
  return [...lines].map(([, total, fork, authentication]) => ({
    totalMs: Number(total),
    forkMs: Number(fork),
    authenticationMs: Number(authentication),
  }))
}
