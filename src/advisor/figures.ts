/** Numbers of the advice that several parts of it need. */

import { bytesText } from '../report/number-text.ts'
import type { DatabaseSettings } from './database-reading.ts'
import type { PoolReading } from './pooler-reading.ts'

/** Those that are known. */
export function numbersOf(figures: Readonly<Record<string, number | undefined>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(figures).filter((entry): entry is [string, number] => entry[1] !== undefined),
  )
}

/** A pool of so many has no limit: that is how the pooler shows it. */
export const unlimitedSize = 1_000_000

/** What all pools may open together, reserves included; undefined: one has no limit. */
export function configuredOf(pools: readonly PoolReading[]): number | undefined {
  if (pools.some(({ size }) => size === 0 || size >= unlimitedSize)) return undefined
  return pools.reduce((sum, { size, reserve }) => sum + size + reserve, 0)
}

/** Connections that PostgreSQL takes from ordinary users. */
export function availableOf(settings: DatabaseSettings): number {
  const { maxConnections, superuserReservedConnections, reservedConnections = 0, databaseConnectionLimit } = settings
  const unreserved = maxConnections - superuserReservedConnections - reservedConnections
  return Math.min(unreserved, databaseConnectionLimit ?? Infinity)
}

/** `5 MiB to 10 MiB`. */
export function memoryText([least, most]: readonly [number, number]): string {
  return least === most ? bytesText(least) : `${bytesText(least)} to ${bytesText(most)}`
}
