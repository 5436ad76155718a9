/** The pool as TypeScript sees it: pg's own pool, so that whatever takes that takes this, and what this one has beyond. */

import type pg from 'pg'
import type { Holder } from '../in-process/lending.ts'
import type { createPool, DrainOptions, DrainReport } from '../in-process/resource-pool.ts'
import type { PoolSnapshot } from '../metrics/snapshot.ts'
import type { ConnectOptions, PoolOptions } from './pool-options.ts'
import type { TransactionOptions } from './transaction.ts'

/** A client that is lent: given back by `release`, or by `await using`. */
export type PoolClient = pg.PoolClient & AsyncDisposable

type ConnectCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (error?: Error | boolean) => void,
) => void

interface Connect {
  (): Promise<PoolClient>
  (callback: ConnectCallback): void
  (options: ConnectOptions): Promise<PoolClient>
  (options: ConnectOptions, callback: ConnectCallback): void
}

/** A query of the pool's own that can be aborted, and that may wait for as long as it says, in the lane it says. */
interface Query {
  // eslint-disable-next-line typescript/no-explicit-any -- pg's own default: rows of which nothing is said
  <R extends pg.QueryResultRow = any>(query: pg.QueryConfig & ConnectOptions): Promise<pg.QueryResult<R>>
}

/** What the pool has that pg's has not. Rejections and units: docs/guide/in-process.md. */
export interface OwnMembers extends AsyncDisposable {
  /**
   * Runs `work` in a transaction on a client of its own: committed when its promise is fulfilled, rolled back when it throws.
   * With `retries` it is run anew after a serialization failure or a deadlock (40001, 40P01). Rejects with what `work` has
   * thrown; with `commit_unknown` if the connection was lost during COMMIT; with `transaction_rolled_back` if PostgreSQL
   * rolled back in place of COMMIT.
   */
  transaction<R>(work: (client: PoolClient) => R | PromiseLike<R>, options?: TransactionOptions): Promise<R>
  /**
   * Takes no more callers, and closes everything: what is idle now, what is lent when it comes back. After `deadline`
   * milliseconds what is lent still is cancelled and closed, and its holders are named. Rejects if the pool has ended.
   */
  drain(options?: DrainOptions): Promise<DrainReport>
  /** Takes effect at once. Throws `bad_configuration`. */
  resize(sizes: { readonly max?: number; readonly min?: number }): void
  /** Everything that is open now is closed: what is idle at once, the rest when it is given back. */
  retireAll(): void
  /** Whether `min` are open, where `prewarm` says so. */
  readonly isReady: boolean
  /** Resolves as soon as `isReady`. */
  ready(): Promise<void>
  /** Who has a client, the longest first; known where `leakDetectionMillis` or `deadlockDetectionMillis` is set. */
  holders(): readonly Holder[]
  /** All figures at this instant; a plain value. */
  snapshot(): PoolSnapshot
  /** The figures in Prometheus' text format. */
  prometheus(): string
  /**
   * Records arrivals, waits and holds from now on, and what was recorded before is forgotten: of the newest `capacity` (up to
   * 10,000,000, default 100,000), 18 bytes each. 0: nothing is recorded any more. Throws `bad_configuration`.
   */
  record(capacity?: number): void
  /** What was recorded (docs/recording.md); undefined before `record`, and after `record(0)`. */
  recording(): Uint8Array | undefined
}

/** `clientError`: one that is lent has lost its connection. `leak`: it was held for longer than `leakDetectionMillis`. */
interface OwnEvents {
  on(event: 'clientError', listener: (error: Error, client: PoolClient) => void): this
  on(event: 'leak', listener: (holder: Holder) => void): this
}

export type Pool = Omit<pg.Pool, 'connect' | 'on' | 'query'> &
  OwnMembers & {
    readonly connect: Connect
    readonly query: pg.Pool['query'] & Query
    readonly on: pg.Pool['on'] & OwnEvents['on']
  }

export interface PoolClass {
  /** `Client`: pg's, unless another is handed in. Throws `bad_configuration` for what only this pool has. */
  new (options?: PoolOptions | null, Client?: unknown): Pool
  readonly prototype: Pool
  readonly Pool: PoolClass
  readonly createPool: typeof createPool
}
