/**
 * Taxirank's pools and their peers, all asked in the same way, and configured alike: so many at most, idle ones closed after
 * 30 s, and no limit to a wait but for tarn, which must have one. What a pool returns is passed on as it is: no promise and
 * no closure comes on top.
 */

import { createPool as createGenericPool } from 'generic-pool'
import { Pool as PgPool, type PoolClient } from 'pg'
import { Pool as TarnPool } from 'tarn'
import { createPool, Pool } from '../../src/pg/taxirank.ts'
import { StubClient, type StubDatabase } from './stub-database.ts'

export const lenderNames = ['createPool', 'Pool', 'pg-pool', 'tarn', 'generic-pool'] as const
export type LenderName = (typeof lenderNames)[number]

export interface Lender<L> {
  acquire(): Promise<L>
  release(lease: L): void
  /** Resolves when `min` are open, in pools that open them by themselves. */
  ready?(): Promise<unknown>
}

export interface LenderOptions {
  readonly database: StubDatabase
  readonly max: number
  /** Kept open. Default 0. */
  readonly min?: number
  /** Callers go on waiting while the database is down. What peers do then is theirs. */
  readonly waitWhenDown?: boolean
}

const idleTimeoutMillis = 30_000

export function createLender(name: LenderName, options: LenderOptions): Lender<unknown> {
  const make = lenders[name] as (options: LenderOptions) => Lender<unknown>
  return make(options)
}

const lenders = {
  createPool({ database, max, min = 0, waitWhenDown = false }: LenderOptions) {
    const pool = createPool({
      open: () => database.open(),
      max,
      min,
      prewarm: min > 0,
      waitWhenDown,
      idleTimeoutMillis,
    })
    return {
      acquire: () => pool.acquire(),
      release: (lease: Awaited<ReturnType<typeof pool.acquire>>) => lease.release(),
      ready: () => pool.ready(),
    }
  },

  Pool({ database, max, min = 0, waitWhenDown = false }: LenderOptions) {
    const own = { min, prewarm: min > 0, waitWhenDown }
    const pool = new Pool({ ...stubOptions(database), max, idleTimeoutMillis, ...own })
    return { ...lendingOf(pool), ready: () => pool.ready() }
  },

  'pg-pool': ({ database, max, min = 0 }: LenderOptions) =>
    lendingOf(new PgPool({ ...stubOptions(database), max, min, idleTimeoutMillis })),

  tarn({ database, max, min = 0 }: LenderOptions) {
    const pool = new TarnPool<object>({
      create: () => database.open(),
      destroy: () => undefined,
      min,
      max,
      idleTimeoutMillis,
    })
    return { acquire: () => pool.acquire().promise, release: (resource: object) => pool.release(resource) }
  },

  'generic-pool'({ database, max, min = 0 }: LenderOptions) {
    const factory = { create: () => database.open(), destroy: () => Promise.resolve() }
    const pool = createGenericPool(factory, { max, min, idleTimeoutMillis, evictionRunIntervalMillis: 1_000 })
    return {
      acquire: () => pool.acquire(),
      release: (resource: object) => void pool.release(resource),
      ready: () => pool.ready(),
    }
  },
}

interface StubOptions {
  readonly Client: never
  readonly database: never
}

/** The types of pg's options know its own client only, and a database's name. */
function stubOptions(database: StubDatabase): StubOptions {
  return { Client: StubClient as never, database: database as never }
}

interface Connecting {
  connect(): Promise<Pick<PoolClient, 'release'>>
}

function lendingOf(pool: Connecting): Lender<Pick<PoolClient, 'release'>> {
  return { acquire: () => pool.connect(), release: (client) => client.release() }
}

/** Has `count` open, idle, before anything is measured. */
export async function warm(lender: Lender<unknown>, count: number): Promise<void> {
  await lender.ready?.()
  const leases = await Promise.all(Array.from({ length: count }, () => lender.acquire()))
  for (const lease of leases) lender.release(lease)
}
