/** What is simulated: a database, perhaps poolers, applications, and what goes wrong. Plain values; times in milliseconds. */

import type { ArrivalSpec } from './arrivals.ts'
import type { DurationSpec } from './durations.ts'
import type { PoolSpec } from './simulated-pool.ts'

export interface Scenario {
  /** All that is drawn follows from it. */
  readonly seed: number
  /** How long is simulated; what happens in the first `warmUpMs` of it isn't counted. */
  readonly durationMs: number
  readonly warmUpMs: number
  readonly database: DatabaseSpec
  readonly poolers: readonly PoolerSpec[]
  readonly applications: readonly ApplicationSpec[]
  readonly failures: readonly FailureSpec[]
}

export interface DatabaseSpec {
  /** How many statements run at full speed; more share them equally. Infinity: none slows another. */
  readonly cores: number
  readonly maxConnections: number
  /** Of those, kept from ordinary users: `superuser_reserved_connections` and `reserved_connections`. */
  readonly reservedConnections: number
  readonly connect: DurationSpec
  readonly connectWorkMs: number
  /** In place of `cores`: what was measured, statements per second with so many at once; the first with 1. */
  readonly throughput?: readonly (readonly [running: number, perSecond: number])[]
}

export interface PoolerSpec {
  readonly name: string
  /** Processes, each with a pool of its own; instances are spread over them in turn. */
  readonly count: number
  readonly pool: PoolSpec
  readonly connect: DurationSpec
}

export interface ApplicationSpec {
  readonly name: string
  readonly instances: number
  readonly load: LoadSpec
  /** How long a request works in the database, if nothing slows it. */
  readonly service: DurationSpec
  /** How long it holds its connection beside that. */
  readonly away: DurationSpec
  /** Of each instance. Undefined: it has none. */
  readonly pool?: PoolSpec
  /** The name of the poolers it goes through; undefined: straight to the database. */
  readonly via?: string
  /** Without a pool: a connection for each request, or one for each caller, which only a pooler can bear. */
  readonly connectsEachTime: boolean
}

export type LoadSpec =
  | { readonly kind: 'open'; readonly arrivals: ArrivalSpec; readonly balance: 'random' | 'round robin' }
  | { readonly kind: 'closed'; readonly callers: number; readonly think: DurationSpec }

export type FailureSpec =
  | { readonly kind: 'database down'; readonly atMs: number; readonly lastsMs: number }
  /** A share of the instances, 0 to 1, is stopped, and started again with nothing open. */
  | {
      readonly kind: 'restart'
      readonly application: string
      readonly share: number
      readonly atMs: number
      readonly lastsMs: number
    }

/** What all pools in front of the database may open together: those of poolers, and those of instances that go straight to it. */
export function mostConnectionsOf({ applications, poolers }: Scenario): number {
  const ofPoolers = poolers.reduce((sum, { count, pool }) => sum + count * (pool.maxSize + (pool.reserveSize ?? 0)), 0)
  const direct = applications.filter(({ via }) => via === undefined)
  return ofPoolers + direct.reduce((sum, { instances, pool }) => sum + instances * (pool?.maxSize ?? 0), 0)
}
