/** Rows of [pgbouncer]: how clients share servers, and how many there may be. */

import { boolean, choice, integer, list, ownSize, seconds } from './setting.ts'

export const largestPool = 100_000
export const most = 2_147_483_647
export const sessionStates = ['track', 'pin', 'reset', 'reject', 'allow'] as const
export const poolModes = ['session', 'transaction', 'statement'] as const
const count = { default: 0, min: 0, max: most }

export const pools = {
  pool_mode: choice({
    default: 'session',
    words: poolModes,
    about: 'When a server goes back to its pool: at the end of the session, transaction or statement.',
  }),
  default_pool_size: integer({
    default: 20,
    min: 0,
    max: largestPool,
    about: 'How many servers a pool, one database and user, may have; 0: unlimited.',
  }),
  min_pool_size: integer({
    default: 0,
    min: 0,
    max: largestPool,
    about: 'How many servers a pool keeps open; in a pool that may have fewer, all it may have.',
  }),
  reserve_pool_size: integer({
    default: 0,
    min: 0,
    max: largestPool,
    about: 'How many more servers a pool may have once a client has waited for reserve_pool_timeout.',
  }),
  reserve_pool_timeout: seconds({ default: 5, about: 'The wait that opens the reserve; 0: never.' }),
  max_db_connections: integer({ ...count, about: 'How many servers a database may have, of all users; 0: unlimited.' }),
  max_db_client_connections: integer({ ...count, about: 'How many clients a database may have; 0: unlimited.' }),
  max_user_connections: integer({
    ...count,
    about: 'How many servers a user may have, in all databases; 0: unlimited.',
  }),
  max_user_client_connections: integer({ ...count, about: 'How many clients a user may have; 0: unlimited.' }),
  server_round_robin: boolean({
    default: false,
    about: 'Use idle servers in turn, where otherwise the one used last goes first.',
  }),
  max_prepared_statements: integer({
    default: 200,
    min: 0,
    max: largestPool,
    about: 'How many named statements a server keeps in transaction and statement mode; 0: they are not followed.',
  }),
  session_state: choice({
    default: 'track',
    words: sessionStates,
    about:
      'What becomes, outside session mode, of what a client changes in its session: it follows the client (track), keeps the server for it (pin), is removed before another client comes (reset), is refused (reject), or stays for whoever comes next (allow, as in PgBouncer).',
  }),
  max_pinned: ownSize({
    max: largestPool,
    about: 'How many servers of a pool clients may keep beyond their transactions; unset: all but one.',
  }),
  session_audit_every: integer({
    default: 10_000,
    min: 0,
    max: 1_000_000_000,
    about:
      'One in so many leases of a pool, under track, pin and reject, ends with a look at the whole session for what no text has shown: SHOW AUDIT has it, and it is removed. 1: each; 0: none.',
  }),
  recording_entries: integer({
    default: 0,
    min: 0,
    max: 10_000_000,
    about:
      'How many of the newest arrivals each pool keeps, 18 bytes each: when it came, how long it waited and held; never SQL. A change begins anew; 0: none.',
  }),
  server_is_pooler: choice({
    default: 'auto',
    words: ['auto', 'yes', 'no'],
    about: 'Whether another pooler stands behind this one: then session_state is allow. auto: it is found out.',
  }),
  track_extra_parameters: list({
    default: ['IntervalStyle'],
    restartOnly: true,
    about: 'Parameters kept for each client besides the usual ones, if PostgreSQL reports them.',
  }),
  ignore_startup_parameters: list({ about: 'Startup parameters that are accepted and thrown away.' }),
  application_name_add_host: boolean({
    default: false,
    about: "Append a client's host and port to its application_name.",
  }),
}
