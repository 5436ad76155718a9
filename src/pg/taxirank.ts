/** What `import 'taxirank'` gives: the pool for pg, and the pool of anything. */

import { Pool as PgPool } from './pool.ts'
import type { Pool as PoolType, PoolClass } from './public-types.ts'

export { TaxirankError, type ErrorCode, type Shortage } from '../errors.ts'
export type { AcquireOptions, Holder } from '../in-process/lending.ts'
export type { LendingOptions } from '../in-process/options.ts'
export type { ResourceFunctions } from '../in-process/resource-keeper.ts'
export {
  createPool,
  type DrainOptions,
  type DrainReport,
  type PoolLease,
  ResourcePool,
  type ResourcePoolOptions,
} from '../in-process/resource-pool.ts'
export { prometheusText } from '../metrics/prometheus-text.ts'
export type { PoolSnapshot } from '../metrics/snapshot.ts'
export type { ConnectOptions, PoolOptions } from './pool-options.ts'
export type { PoolClient } from './public-types.ts'
export type { TransactionOptions } from './transaction.ts'

export const Pool = PgPool as unknown as PoolClass
export type Pool = PoolType
