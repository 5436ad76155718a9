/** The poolers of a run, each with one way to treat session state. */

import { inspectConfig } from '../../src/config/parse-config.ts'
import type { Setup } from '../../bench/poolers.ts'
import type { Side } from '../../bench/measure.ts'

/** Values of `session_state`. */
export const policies = ['allow', 'track', 'pin', 'reset', 'reject'] as const
export type Policy = (typeof policies)[number]

export interface Contender {
  readonly name: string
  readonly side: Side
  /** What is expected of it; `session`: session pooling, where each client has a server of its own. */
  readonly policy: Policy | 'session'
  readonly setup: Setup
}

const usual = {
  admin_users: 'postgres',
  default_pool_size: 2,
  query_wait_timeout: 6,
  max_client_conn: 50,
  server_login_retry: 1,
}

const user = '"postgres" ""\n"app" ""'

/** Whether this version has the policy: one without the setting does what `allow` says. */
export function isKnown(policy: Policy): boolean {
  return policy === 'allow' || isTaken(policy)
}

function isTaken(policy: Policy): boolean {
  const { problems } = inspectConfig('', () => `[pgbouncer]\nsession_state = ${policy}\n`)
  return problems.every(({ line }) => line !== 2)
}

export function taxirank(policy: Policy): Contender {
  const setting = policy === 'allow' && !isTaken(policy) ? {} : { session_state: policy }
  return { name: `Taxirank, ${policy}`, side: 'taxirank', policy, setup: { settings: { ...usual, ...setting }, user } }
}

export const pgBouncer: Contender = {
  name: 'PgBouncer',
  side: 'pgbouncer',
  policy: 'allow',
  setup: { settings: usual, user },
}

/** Session pooling: what the others are measured by, and the proof that the matrix sees a client that keeps its server. */
export function inSessionMode(side: Side): Contender {
  const name = `${side === 'taxirank' ? 'Taxirank' : 'PgBouncer'}, session mode`
  const settings = { ...usual, pool_mode: 'session', server_reset_query: 'DISCARD ALL' }
  return { name, side, policy: 'session', setup: { settings, user } }
}
