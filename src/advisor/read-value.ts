/** One look at the database: a transaction as short as it can be. */

import type { Connection } from './connection.ts'

const statementTimeoutMs = 5_000
const lockTimeoutMs = 1_000

/** In every statement, behind its first word: by this they are known as ours in pg_stat_statements. */
export const ownMark = '/* taxirank advise */'

const limits = [
  `set ${ownMark} transaction read only`,
  `set ${ownMark} local statement_timeout = ${statementTimeoutMs}`,
  `set ${ownMark} local lock_timeout = ${lockTimeoutMs}`,
].join('; ')

/**
 * The value of an expression of type json, read in a transaction of its own: READ ONLY, with bounds. All of it is one Query, so
 * PostgreSQL makes the transaction and ends it, whatever happens; nothing is left behind in the session, nothing stays open
 * when we die, and a pooler in any mode lends a server for one round trip. `withs`: common table expressions for it, with WITH.
 */
export async function readValue<T>(connection: Connection, expression: string, withs = ''): Promise<T> {
  const rows = await connection.query<{ readonly value: T }>(
    `${limits}; ${withs} select ${ownMark} (${expression}) as value`,
  )
  return rows[0]?.value as T
}
