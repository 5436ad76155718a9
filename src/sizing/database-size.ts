import { whole } from './in-range.ts'

export interface Machine {
  /** Of the database's machine, without hyper-threads. */
  readonly cores: number
  /** Disks that seek independently. 1 for an SSD or managed storage, 0 if all that is asked for is in memory. */
  readonly spindles?: number
}

/**
 * How many connections a database makes use of at once: cores · 2 + spindles. Beyond, they only take turns. It is the sum
 * for the whole database, over all pools of all applications, not the size of the pool of one instance; and a place to
 * start measuring from. Source: PostgreSQL's wiki, "Number Of Database Connections"; taken up by HikariCP's "About Pool
 * Sizing". Throws `out_of_range`.
 */
export function usefulConnections({ cores, spindles = 1 }: Machine): number {
  whole('cores', cores, 1)
  whole('spindles', spindles, 0)
  return cores * 2 + spindles
}
