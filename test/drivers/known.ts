/**
 * Steps that fail through a pooler though they work directly, each with the reason. Of those through Taxirank `npm test`
 * wants exactly these to fail.
 */

import type { TargetName } from './targets.ts'

interface Known {
  /** Names of drivers; absent: all. */
  readonly drivers?: readonly string[]
  readonly steps: readonly number[]
  readonly targets: readonly TargetName[]
  readonly reason: string
}

const preparedEarlier = 'statements prepared in an earlier round trip follow their client only from PgBouncer 1.21 on'
const startupParameters = 'it refuses startup parameters that it does not track'

/** Of PgBouncer it is the version that Debian 12 has. */
const known: readonly Known[] = [
  {
    drivers: ['Kysely'],
    steps: [9],
    targets: ['taxirank session', 'taxirank transaction', 'pgbouncer session', 'pgbouncer transaction'],
    reason: 'it cancels by pg_cancel_backend of the pid that it was told at connect, which is the pooler’s',
  },
  {
    drivers: ['pgbench -M prepared'],
    steps: [1, 4, 5, 6, 8, 10, 11, 12, 13, 15, 17, 18, 19, 20],
    targets: ['pgbouncer transaction'],
    reason: preparedEarlier,
  },
  {
    drivers: ['pgbench -M prepared'],
    steps: [16],
    targets: ['pgbouncer session', 'pgbouncer transaction'],
    reason: 'after a login that failed it waits 15 s, server_login_retry, for the next',
  },
  { steps: [20], targets: ['pgbouncer session'], reason: startupParameters },
  {
    steps: [20],
    targets: ['pgbouncer transaction'],
    reason: `${startupParameters}, and a SET does not follow its client`,
  },
  { steps: [14], targets: ['pgbouncer transaction'], reason: 'LISTEN ends with its transaction' },
  {
    drivers: ['pgx', 'pq'],
    steps: [9, 10],
    targets: ['pgbouncer session', 'pgbouncer transaction'],
    reason: 'it lets a statement run on when its client has vanished',
  },
  {
    drivers: ['Django'],
    steps: [15],
    targets: ['pgbouncer transaction'],
    reason: 'a cursor WITH HOLD stays on its server',
  },
  {
    steps: [4, 5, 6, 7, 8, 15, 17, 19],
    targets: ['pgbouncer transaction'],
    reason: preparedEarlier,
  },
]

export function reasonOf(driver: string, step: number, target: TargetName): string | undefined {
  const isIt = ({ drivers, steps, targets }: Known): boolean =>
    targets.includes(target) && steps.includes(step) && (drivers?.includes(driver) ?? true)
  return known.find(isIt)?.reason
}
