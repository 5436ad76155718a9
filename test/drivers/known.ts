/** Steps that fail through Taxirank though they work directly, each with the reason. `npm test` wants exactly these to fail. */

import type { TargetName } from './targets.ts'

export interface Known {
  /** Names of drivers; absent: all. */
  readonly drivers?: readonly string[]
  readonly steps: readonly number[]
  readonly target: TargetName
  readonly reason: string
}

/** What this version does not do yet. */
const notYet: readonly Known[] = [
  {
    drivers: ['pg', 'pg on Bun', 'psycopg2', 'psycopg'],
    steps: [4],
    target: 'taxirank transaction',
    reason: 'statements prepared by name do not follow their client to another server',
  },
  {
    drivers: ['postgres.js', 'postgres.js on Bun'],
    steps: [5, 6, 19],
    target: 'taxirank transaction',
    reason:
      'statements prepared by name do not follow their client; outside transactions postgres.js prepares again, ' +
      'in a pipeline it then waits for ever',
  },
  { steps: [14], target: 'taxirank transaction', reason: 'LISTEN ends with its transaction' },
  {
    steps: [20],
    target: 'taxirank transaction',
    reason: 'startup parameters that PostgreSQL does not report are refused, and a SET does not follow its client',
  },
]

/** What no pooler in that mode can do, or what is as it should be. */
const bySight: readonly Known[] = []

export function reasonOf(driver: string, step: number, target: TargetName): string | undefined {
  const isIt = ({ drivers, steps, target: where }: Known): boolean =>
    where === target && steps.includes(step) && (drivers?.includes(driver) ?? true)
  return [...notYet, ...bySight].find(isIt)?.reason
}
