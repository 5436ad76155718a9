/** The sizes that are advised, as lines for pgbouncer.ini. */

import type { PoolAdvice, TotalAdvice } from './advice.ts'
import type { PoolerReading } from './pooler-reading.ts'

/** Without a pooler: for one that could be put in front. */
export function iniFragment(
  pools: readonly PoolAdvice[],
  pooler: PoolerReading | undefined,
  total: TotalAdvice,
): string {
  const { useful, advised } = total
  const sized = pools.filter(({ sizeAdvised }) => sizeAdvised !== undefined)
  if (sized.length === 0) return ''
  const [first] = sized as [PoolAdvice]
  if (!pooler) return lines(['[pgbouncer]', 'pool_mode = transaction', `default_pool_size = ${first.sizeAdvised ?? 0}`])
  const users = sized.filter(({ database }) => sized.some((other) => other !== first && other.database === database))
  const limit = useful !== undefined && advised !== undefined && sized.length > 1
  return lines([
    '; Add pool_size to the lines that are there; users of one database share its pool_size, each with a pool of that size.',
    '[databases]',
    ...databaseLines(sized),
    ...(users.length > 0 && limit ? ['[pgbouncer]', `max_db_connections = ${advised}`] : []),
  ])
}

/** A database's pools have the size of the largest. */
function databaseLines(pools: readonly PoolAdvice[]): string[] {
  const sizes = new Map<string, number>()
  for (const { database, sizeAdvised = 0 } of pools)
    sizes.set(database, Math.max(sizes.get(database) ?? 0, sizeAdvised))
  return [...sizes].map(([database, size]) => `${nameText(database)} = … pool_size=${size}`)
}

function nameText(name: string): string {
  return /^[\w-]+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
