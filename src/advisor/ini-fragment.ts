/** The sizes that are advised, as lines for pgbouncer.ini that can be pasted as they are. */

import type { PoolAdvice } from './advice.ts'
import type { DatabaseReading } from './database-reading.ts'

/** Empty: nothing is advised. */
export function iniFragment(pools: readonly PoolAdvice[], { address, pooler }: DatabaseReading): string {
  const sizes = sizesOf(pools)
  const [first, ...others] = sizes.values()
  if (first === undefined) return ''
  const total = pools.reduce((sum, { sizeAdvised = 0 }) => sum + sizeAdvised, 0)
  if (others.every((size) => size === first)) {
    return lines(['[pgbouncer]', ...mode(pools), `default_pool_size = ${first}`, `max_db_connections = ${total}`])
  }
  const place = pooler ? undefined : new URL(address)
  return lines([
    '[databases]',
    ...[...sizes].map(([database, size]) => databaseLine(database, size, place)),
    '',
    '[pgbouncer]',
    'pool_mode = transaction',
  ])
}

/** Of each database: the size of the largest of its users' pools, since these share the setting. */
function sizesOf(pools: readonly PoolAdvice[]): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const { database, sizeAdvised } of pools) {
    if (sizeAdvised !== undefined) sizes.set(database, Math.max(sizes.get(database) ?? 0, sizeAdvised))
  }
  return sizes
}

function mode(pools: readonly PoolAdvice[]): string[] {
  return pools.some(({ sizeNow }) => sizeNow === undefined) ? ['pool_mode = transaction'] : []
}

/** Where PostgreSQL is, is not known from behind a pooler: its own file has the rest of the line. */
function databaseLine(database: string, size: number, place: URL | undefined): string {
  if (!place) return `; in the line of ${nameText(database)}: pool_size=${size}`
  return `${nameText(database)} = host=${place.hostname} port=${place.port || '5432'} pool_size=${size}`
}

function nameText(name: string): string {
  return /^[\w-]+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
