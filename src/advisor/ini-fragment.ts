/** The sizes that are advised, as lines for pgbouncer.ini that can be pasted as they are: nothing else is changed by them. */

import type { PoolAdvice } from './advice.ts'

/** Empty: nothing is advised. `hasPooler`: there is a file already. */
export function iniFragment(pools: readonly PoolAdvice[], hasPooler: boolean): string {
  const sizes = sizesOf(pools)
  const [first, ...others] = sizes.values()
  if (first === undefined) return ''
  if (!hasPooler) return lines(['[pgbouncer]', 'pool_mode = transaction', `default_pool_size = ${first}`])
  // What all pools share must be right for all of them.
  const areAll = pools.every(({ sizeAdvised }) => sizeAdvised !== undefined)
  if (areAll && others.every((size) => size === first)) {
    return lines([
      '; unless a line of [databases] has a pool_size of its own',
      '[pgbouncer]',
      `default_pool_size = ${first}`,
    ])
  }
  return lines(['; in the lines of [databases], behind what stands there:', ...[...sizes].map(hint)])
}

/** Of each database: the size of the largest of its users' pools, since these share the setting. */
function sizesOf(pools: readonly PoolAdvice[]): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const { database, sizeAdvised } of pools) {
    if (sizeAdvised !== undefined) sizes.set(database, Math.max(sizes.get(database) ?? 0, sizeAdvised))
  }
  return sizes
}

function hint([database, size]: readonly [string, number]): string {
  const name = /^[\w-]+$/.test(database) ? database : `"${database.replaceAll('"', '""')}"`
  return `; ${name}: pool_size=${size}`
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
