/** How long PostgreSQL took to set up a connection, by its own log: `log_connections = setup_durations`, from PostgreSQL 18 on. */

import type { DatabaseFacts } from '../../results.ts'
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

/** It writes them when it comes to it. */
const looks = 20
const lookEachMs = 25

/** The first that says. */
export const telling = 18

/** None: the log does not say, or not in time. `superuser`: nobody else may have it say more. */
export async function measureSetup(rig: Rig, superuser: Target, logTail: () => string): Promise<readonly SetupTimes[]> {
  if (!isTold(rig.facts)) return []
  for (let index = 0; index < connections; index++) {
    await rig.end(await rig.connect(rig.direct, superuser, '-c log_connections=setup_durations'))
  }
  for (let look = 0; look < looks && parseSetupTimes(logTail()).length < connections; look++)
    await rig.sleep(lookEachMs)
  return parseSetupTimes(logTail()).slice(-connections)
}

/** An older one refuses the connection that asks for it. */
export function isTold({ version }: DatabaseFacts): boolean {
  return Number.parseInt(version, 10) >= telling
}

export function parseSetupTimes(log: string): SetupTimes[] {
  const lines = log.matchAll(/connection ready: setup total=([\d.]+) ms, fork=([\d.]+) ms, authentication=([\d.]+) ms/g)
  return [...lines].map(([, total, fork, authentication]) => ({
    totalMs: Number(total),
    forkMs: Number(fork),
    authenticationMs: Number(authentication),
  }))
}
