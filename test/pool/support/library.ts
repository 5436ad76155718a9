/** The pools that are compared, as one type: what both have, and what others have come to use of pg's. */

import { type Client, Pool as PgOwnPool } from 'pg'
import { Pool as TaxirankPool } from '../../../src/pg/taxirank.ts'

/** pg's pool, with its leaked internals. */
export interface AnyPool extends PgOwnPool {
  readonly _clients: Client[]
}

export type PoolClass = new (options?: object, Client?: unknown) => AnyPool

export const Taxirank = TaxirankPool as unknown as PoolClass
export const PgPool = PgOwnPool as unknown as PoolClass
