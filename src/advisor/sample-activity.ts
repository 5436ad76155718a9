/**
 * One sample of pg_stat_activity. PostgreSQL counts, so that an answer is as long as there are kinds of connections, and not
 * as there are connections; texts of statements are not asked for.
 */

import type { Connection } from './connection.ts'
import type { LongIdleInTransaction } from './database-reading.ts'
import { readValue } from './read-value.ts'

/** Connections that are alike. */
export interface ActivityCount {
  /** `hidden`: a client backend of which no more may be seen than that it is there. */
  readonly kind: 'client' | 'hidden' | 'worker' | 'walsender'
  readonly database: string
  readonly user: string
  readonly application: string
  /** `disabled` where track_activities is off. */
  readonly state: string
  /** wait_event_type; empty: none, or it doesn't run a statement. */
  readonly waiting: string
  readonly count: number
  /** Of them: connected from another machine. */
  readonly remote: number
}

export interface ConnectionUse {
  readonly database: string
  readonly user: string
  readonly application: string
  /** Different ones, of clients. */
  readonly addresses: number
  /** Idle, and nothing has run there since `usedSinceMs`. */
  readonly unused: number
  readonly unusedForAtLeastMs: number | null
}

export interface ActivitySample {
  readonly counts: readonly ActivityCount[]
  readonly uses: readonly ConnectionUse[]
  readonly longest: LongIdleInTransaction | null
  readonly preparedTransactions: number
}

/** Of the server's clock, since the epoch. */
export function readClock(connection: Connection): Promise<number> {
  return readValue<number>(connection, 'to_json(extract(epoch from clock_timestamp()) * 1000)')
}

/** A connection has been used if its state has changed since `usedSinceMs`, or it is not idle. */
export function sampleActivity(connection: Connection, usedSinceMs: number): Promise<ActivitySample> {
  return readValue<ActivitySample>(connection, sample, seen(usedSinceMs))
}

/**
 * Who may not see a backend gets neither its type nor its state: a backend with user and database is a client's then. (A
 * parallel or logical replication worker of somebody else's looks the same.) What several look at is computed once.
 */
function seen(usedSinceMs: number): string {
  const since = `to_timestamp(${usedSinceMs / 1_000})`
  return `with seen as (
  select pid, state_change, xact_start, client_addr,
    client_addr is not null and not client_addr <<= '127.0.0.0/8' and client_addr <> '::1'
      and client_addr is distinct from inet_server_addr() as is_remote,
    case when backend_type is null and usesysid is not null and datid is not null then 'hidden'
      when backend_type = 'client backend' then 'client'
      when backend_type = 'parallel worker' then 'worker'
      when backend_type = 'walsender' then 'walsender' end as kind,
    coalesce(datname, '') as database, coalesce(usename, '') as "user", coalesce(application_name, '') as application,
    coalesce(state, '') as state,
    case when state in ('active', 'fastpath function call') then coalesce(wait_event_type, '') else '' end as waiting,
    state = 'idle' and state_change < ${since} as unused
  from pg_stat_activity where pid <> pg_backend_pid())`
}

const counts = `select kind, database, "user", application, state, waiting, count(*) as count,
    count(*) filter (where is_remote) as remote
  from seen where kind is not null group by 1, 2, 3, 4, 5, 6`

const uses = `select database, "user", application, count(distinct client_addr) as addresses,
    count(*) filter (where unused) as unused,
    extract(epoch from clock_timestamp() - max(state_change) filter (where unused)) * 1000 as "unusedForAtLeastMs"
  from seen where kind in ('client', 'hidden') group by 1, 2, 3`

const longest = `select pid, database, "user", application,
    extract(epoch from clock_timestamp() - state_change) * 1000 as "idleMs",
    extract(epoch from clock_timestamp() - xact_start) * 1000 as "transactionMs"
  from seen where kind = 'client' and state like 'idle in transaction%' order by state_change limit 1`

const sample = `json_build_object(
  'counts', (select coalesce(json_agg(counts), '[]') from (${counts}) counts),
  'uses', (select coalesce(json_agg(uses), '[]') from (${uses}) uses),
  'longest', (select to_json(longest) from (${longest}) longest),
  'preparedTransactions', (select count(*) from pg_prepared_xacts))`
