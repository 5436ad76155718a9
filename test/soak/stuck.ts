/** Where the bytes are when a client makes no progress: in PostgreSQL, in the pooler or on the way between them. */

import { readFileSync } from 'node:fs'
import type { Target } from '../canary/connection.ts'
import { withAdmin } from '../canary/database.ts'

interface Places {
  readonly postgres: Target
  readonly pooler: Target
  /** The relay between the two. */
  readonly relayPort: number
}

/** Lines for the report: what each backend does or did last, the pooler's pools, and sockets with bytes that nobody takes. */
export async function describeStuck({ postgres, pooler, relayPort }: Places): Promise<string[]> {
  const [backends, pools] = await Promise.all([
    rowsOf(
      postgres,
      'postgres',
      `select pid, usename, datname, client_port, state, wait_event, now() - state_change as since,
      left(query, 100) as query from pg_stat_activity where usename like 'canary%' order by pid`,
    ),
    rowsOf(pooler, 'pgbouncer', 'SHOW POOLS'),
  ])
  return [...backends, ...pools, ...fullSockets([postgres.port, pooler.port, relayPort])]
}

async function rowsOf(target: Target, database: string, text: string): Promise<string[]> {
  try {
    return await withAdmin(target, database, async (admin) => {
      const { rows } = await admin.query<Record<string, unknown>>(text)
      return rows.map((row) => JSON.stringify(row))
    })
  } catch (error) {
    return [`${database} does not say: ${String(error)}`]
  }
}

/** Lines of /proc/net/tcp for these ports in which one of the queues is not empty. */
function fullSockets(ports: readonly number[]): string[] {
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .filter((line) => {
      const [, local = '', remote = '', , queues = ''] = line.trim().split(/\s+/u)
      const isOurs = [local, remote].some((end) => ports.includes(Number.parseInt(end.split(':')[1] ?? '', 16)))
      return isOurs && queues !== '00000000:00000000'
    })
}
