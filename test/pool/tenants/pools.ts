/** The kinds of pools whose callers are looked at. */

import type { Random } from '../../../src/random.ts'

export interface Kind {
  readonly max: 1 | 2 | 5
  readonly reset: 'none' | 'text' | 'function'
  readonly isPipelined: boolean
}

export const kinds: readonly Kind[] = ([1, 2, 5] as const).flatMap((max) =>
  (['none', 'text', 'function'] as const).flatMap((reset) =>
    [false, true].map((isPipelined) => ({ max, reset, isPipelined })),
  ),
)

/** pg remembers what it has prepared, so that stays. */
const undoAll =
  'SET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL; DISCARD TEMP; UNLISTEN *; select pg_advisory_unlock_all()'

interface Resettable {
  query(text: string): Promise<unknown>
}

/** What is no part of its kind is drawn: whatever else the pool does between two leases. */
export function optionsOf({ max, reset, isPipelined }: Kind, random: Random, sessionSetup: () => string | undefined) {
  return {
    max,
    sessionSetup,
    reset: { none: undefined, text: 'DISCARD ALL', function: resetBy(random) }[reset],
    pipeline: isPipelined,
    application_name: 'tenants',
    connectionTimeoutMillis: 20_000,
    resetTimeoutMillis: 5_000,
    closeTimeoutMillis: 2_000,
    retryMaxMillis: 100,
    maxUses: random.pick([Infinity, Infinity, 30]),
    idleTimeoutMillis: random.pick([10_000, 20]),
    ...random.pick([{}, { checkAfterIdleMillis: 1 }]),
    ...random.pick([{}, {}, { leakDetectionMillis: 60_000 }]),
  }
}

function resetBy(random: Random): (client: Resettable) => Promise<void> {
  return async (client) => {
    if (random.chance(0.02)) throw new Error('it can not be reset')
    await client.query(undoAll)
  }
}
