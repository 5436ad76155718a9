/** One sample of pg_locks: who waits for whom. */

import type { Connection } from './connection.ts'
import { readValue } from './read-value.ts'

export interface LocksSample {
  readonly notGranted: number
  readonly blocked: number
  readonly blockers: number
}

/** pg_blocking_pids stops the lock manager for a moment: it is asked for few. */
const mostAsked = 20

const withs = `with waits as (select pid from pg_locks where not granted),
  asked as (select pid, pg_blocking_pids(pid) as by from (select distinct pid from waits where pid is not null limit ${mostAsked}) few)`

const sample = `json_build_object(
  'notGranted', (select count(*) from waits),
  'blocked', (select count(*) from asked where cardinality(by) > 0),
  'blockers', (select count(distinct blocker) from asked, unnest(by) blocker))`

export function sampleLocks(connection: Connection): Promise<LocksSample> {
  return readValue<LocksSample>(connection, sample, withs)
}
