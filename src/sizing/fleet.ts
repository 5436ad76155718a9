/** What the pools of all instances come to at the database: connections, deadlocks, memory. */

import { check, whole, zeroOrMore } from './in-range.ts'

/** Whole numbers, 0 or more unless said otherwise. */
export interface FleetOptions {
  /** 1 or more, as are the next two. */
  readonly instances: number
  /** Each with a pool of its own. 1, unless said otherwise. */
  readonly processesPerInstance?: number
  readonly poolSize: number
  /** PostgreSQL's `max_connections`, above what is reserved of them. */
  readonly maxConnections: number
  /** `superuser_reserved_connections`. 3, as in PostgreSQL, unless said otherwise. */
  readonly superuserReserved?: number
  /** `reserved_connections`, since PostgreSQL 16. */
  readonly reserved?: number
  /** Connections of others: jobs, replication's tools, people. */
  readonly others?: number
}

export interface Fleet {
  /** Connections of all pools together when all are full. */
  readonly total: number
  /** How many they may be; 0 if the others take all. */
  readonly available: number
  readonly isWithin: boolean
  /** The largest size of a pool that would be. 0: not even one connection each. */
  readonly mostPerPool: number
}

/**
 * Whether the pools fit below `max_connections`: instances · processes · size against what is neither reserved (PostgreSQL's
 * manual, "Connections and Authentication") nor taken by others. Throws `out_of_range`.
 */
export function fleet(options: FleetOptions): Fleet {
  const { instances, processesPerInstance = 1, poolSize, others = 0 } = options
  whole('instances', instances, 1)
  whole('processesPerInstance', processesPerInstance, 1)
  whole('poolSize', poolSize, 1)
  whole('others', others, 0)
  const pools = instances * processesPerInstance
  const total = pools * poolSize
  const available = Math.max(0, unreserved(options) - others)
  return { total, available, isWithin: total <= available, mostPerPool: Math.floor(available / pools) }
}

/** PostgreSQL doesn't start if nothing would be left. */
function unreserved({ maxConnections, superuserReserved = 3, reserved = 0 }: FleetOptions): number {
  whole('maxConnections', maxConnections, 1)
  whole('superuserReserved', superuserReserved, 0)
  whole('reserved', reserved, 0)
  const all = superuserReserved + reserved
  check(all < maxConnections, 'superuserReserved + reserved', `below maxConnections, ${maxConnections}`, all)
  return maxConnections - all
}

/**
 * The smallest pool in which `callers` (1 or more) who each hold up to `connectionsEach` (1 or more) at a time cannot all
 * wait for one another: one of them always gets its last. T · (C - 1) + 1, from HikariCP's "About Pool Sizing". It is enough
 * to go on, not to be quick. Throws `out_of_range`.
 */
export function nestedMinimum(callers: number, connectionsEach: number): number {
  whole('callers', callers, 1)
  whole('connectionsEach', connectionsEach, 1)
  return callers * (connectionsEach - 1) + 1
}

/**
 * The memory of as many backends. `bytesEach` is measured: 5 to 10 MB are common, what a backend shares with others not
 * counted, and `work_mem` and large catalogues add to it. Throws `out_of_range`.
 */
export function backendMemoryBytes(connections: number, bytesEach: number): number {
  whole('connections', connections, 0)
  zeroOrMore('bytesEach', bytesEach)
  return connections * bytesEach
}
