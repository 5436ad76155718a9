/**
 * A pool of mysql2's connections to MySQL or MariaDB.
 *
 * `reset` is what mysql2's own pool does not do: it makes the session as it was, so that a transaction, a variable or a
 * temporary table which one caller has left is nothing to the next.
 */

import { createConnection } from 'mysql2/promise'
import { createPool } from 'taxirank'

export function createMysqlPool(url) {
  return createPool({
    name: 'mysql',
    max: 5,
    acquireTimeoutMillis: 5_000,
    openTimeoutMillis: 5_000,
    // Whoever is lent one that was idle for longer gets one that has answered, or another.
    checkAfterIdleMillis: 500,
    open: () => open(url),
    check: (connection) => connection.ping(),
    reset: (connection) => connection.reset(),
    close: (connection) => connection.end(),
  })
}

async function open(url) {
  const connection = await createConnection(url)
  // Unheard, the loss of an idle connection would end the process. The check finds it.
  connection.on('error', () => undefined)
  return connection
}
