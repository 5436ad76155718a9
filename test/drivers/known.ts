/**
 * Steps that fail through a pooler though they work directly, each with the reason. Of those through Taxirank `npm test`
 * wants exactly these to fail.
 */

import type { TargetName } from './targets.ts'

export interface Known {
  /** Names of drivers; absent: all. */
  readonly drivers?: readonly string[]
  readonly steps: readonly number[]
  readonly target: TargetName
  readonly reason: string
}

/** What this version does not do yet. */
const notYet: readonly Known[] = []

const cancelByPid = 'it cancels by pg_cancel_backend of the pid that it was told at connect, which is the pooler’s'

/** What is as it should be, in this mode or with any pooler. */
const bySight: readonly Known[] = [
  { drivers: ['Kysely'], steps: [9], target: 'taxirank session', reason: cancelByPid },
  { drivers: ['Kysely'], steps: [9], target: 'taxirank transaction', reason: cancelByPid },
]

const startupParameters = 'it refuses startup parameters that it does not track'

/** What the report says of PgBouncer, of the version that Debian 12 has. */
const ofPgBouncer: readonly Known[] = [
  { steps: [20], target: 'pgbouncer session', reason: startupParameters },
  {
    steps: [20],
    target: 'pgbouncer transaction',
    reason: `${startupParameters}, and a SET does not follow its client`,
  },
  { steps: [14], target: 'pgbouncer transaction', reason: 'LISTEN ends with its transaction' },
  { drivers: ['Kysely'], steps: [9], target: 'pgbouncer session', reason: cancelByPid },
  { drivers: ['Kysely'], steps: [9], target: 'pgbouncer transaction', reason: cancelByPid },
  {
    drivers: ['pgx', 'pq'],
    steps: [9, 10],
    target: 'pgbouncer session',
    reason: 'it lets a statement run on when its client has vanished',
  },
  {
    drivers: ['pgx', 'pq'],
    steps: [9, 10],
    target: 'pgbouncer transaction',
    reason: 'it lets a statement run on when its client has vanished',
  },
  {
    drivers: ['Django'],
    steps: [15],
    target: 'pgbouncer transaction',
    reason: 'a cursor WITH HOLD stays on its server',
  },
  {
    steps: [4, 5, 6, 7, 8, 15, 17, 19],
    target: 'pgbouncer transaction',
    reason: 'statements prepared in an earlier round trip follow their client only from PgBouncer 1.21 on',
  },
]

export function reasonOf(driver: string, step: number, target: TargetName): string | undefined {
  const isIt = ({ drivers, steps, target: where }: Known): boolean =>
    where === target && steps.includes(step) && (drivers?.includes(driver) ?? true)
  return [...notYet, ...bySight, ...ofPgBouncer].find(isIt)?.reason
}
