/** What the pool for pg can be told: all that pg's own takes, with the same defaults, and what only this one has. */

import type { PoolConfig } from 'pg'
import { TaxirankError } from '../errors.ts'
import type { AcquireOptions } from '../in-process/lending.ts'
import { type LendingOptions, type LendingSettings, readOptions } from '../in-process/options.ts'
import type { PgClient, PgClientClass } from './pg-client.ts'

/** pg's own options for its pool: durations in milliseconds unless named otherwise. */
interface InheritedOptions extends Omit<PoolConfig, 'Promise' | 'verify' | 'onConnect' | 'Client'> {
  /** As `max`. */
  readonly poolSize?: number | undefined
  readonly Client?: unknown
  readonly Promise?: PromiseConstructorLike | undefined
  /** Awaited for each new client; if it throws, the client is ended and whoever had asked is told. */
  readonly onConnect?: ((client: never) => unknown) | undefined
  /** Called for each new client. An error: as above. */
  readonly verify?: ((client: never, callback: (error?: Error) => void) => void) | undefined
}

/** What this pool has beyond pg's. Names that pg has already (`max`, `idleTimeoutMillis`, …) stand above. */
export interface OwnOptions extends Pick<
  LendingOptions,
  | 'name'
  | 'prewarm'
  | 'maxWaiting'
  | 'lanes'
  | 'shedding'
  | 'closeTimeoutMillis'
  | 'lifetimeJitter'
  | 'checkAfterIdleMillis'
  | 'keepaliveMillis'
  | 'checkTimeoutMillis'
  | 'resetTimeoutMillis'
  | 'suspectAfterPauseMillis'
  | 'retryMaxMillis'
  | 'waitWhenDown'
  | 'leakDetectionMillis'
  | 'deadlockDetectionMillis'
  | 'telemetry'
> {
  /**
   * What the next holder must not find. A text such as `DISCARD ALL` is sent in one write with the next holder's first query,
   * if somebody has had the client before; a function is awaited when the client is given back. Default: nothing but that an
   * open transaction is rolled back.
   */
  readonly reset?: string | ((client: never) => unknown) | undefined
  /**
   * SQL that is run for each lease before its holder's first query, in one write with it (with pg's native client, in a
   * round trip of its own): a text, or what a function returns, called where the lease is asked for. If it fails the
   * connection ends, and nothing behind it runs. Default: none.
   */
  readonly sessionSetup?: string | (() => string | undefined) | undefined
}

export type PoolOptions = InheritedOptions & OwnOptions

/** What a `connect` may be given. */
export interface ConnectOptions extends AcquireOptions {
  /** Ends the wait and, once the client is lent, cancels the query that runs on it, at PostgreSQL, too. */
  readonly signal?: AbortSignal | undefined
  /** As a signal that is aborted after so many milliseconds. Default: none. */
  readonly deadlineMillis?: number | undefined
}

/** The options of one pool, filled in as pg's own pool does it. */
export interface FilledOptions extends PoolOptions {
  max: number
  min: number
  maxUses: number
  allowExitOnIdle: boolean
  maxLifetimeSeconds: number
  idleTimeoutMillis: number
}

const longestTimerMs = 2 ** 31 - 1

/** A copy, in which secrets aren't enumerable, with pg's defaults: what a user sees as `pool.options`. */
export function fillOptions(options: PoolOptions | undefined | null): FilledOptions {
  const filled: Record<string, unknown> = { ...options }
  if (options && 'password' in options) hide(filled, 'password', options.password)
  const { ssl } = options ?? {}
  if (ssl && typeof ssl === 'object' && ssl.key !== undefined) hide(ssl, 'key', ssl.key)
  filled['max'] = options?.max || options?.poolSize || 10
  filled['min'] = options?.min || 0
  filled['maxUses'] = options?.maxUses || Infinity
  filled['allowExitOnIdle'] = options?.allowExitOnIdle || false
  filled['maxLifetimeSeconds'] = options?.maxLifetimeSeconds || 0
  if (filled['idleTimeoutMillis'] === undefined) filled['idleTimeoutMillis'] = 10_000
  // pg's client hands it to a timer, for which that is no time at all.
  if (Number(filled['connectionTimeoutMillis']) > longestTimerMs) filled['connectionTimeoutMillis'] = 0
  // A connection that nobody closed, but that leads nowhere any more, would never be found out otherwise.
  if (filled['keepAlive'] === undefined) filled['keepAlive'] = true
  return filled as unknown as FilledOptions
}

function hide(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { configurable: true, enumerable: false, writable: true, value })
}

/** Numbers may be texts, as they come from an environment. Throws `bad_configuration`. */
export function readPoolOptions(options: FilledOptions): LendingSettings {
  const max = Math.min(numberOf(options.max), Number.MAX_SAFE_INTEGER)
  const patience = millisOf(options.connectionTimeoutMillis)
  const shared: LendingOptions = {
    ...options,
    max,
    min: Math.min(numberOf(options.min), max),
    acquireTimeoutMillis: patience,
    openTimeoutMillis: patience,
    idleTimeoutMillis: millisOf(options.idleTimeoutMillis),
    maxLifetimeMillis: millisOf(options.maxLifetimeSeconds) * 1_000,
  }
  return inWordsOfPg(() => readOptions(shared))
}

/** What `act` returns. If it throws `bad_configuration`, that names options as pg does. */
function inWordsOfPg<R>(act: () => R): R {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof TaxirankError)) throw error
    const text = error.message
      .replaceAll('acquireTimeoutMillis', 'connectionTimeoutMillis')
      .replaceAll('maxLifetimeMillis', 'maxLifetimeSeconds')
    throw new TaxirankError('bad_configuration', text)
  }
}

/** It may be a text, as from an environment. */
export function numberOf(value: unknown): number {
  return typeof value === 'string' ? Number(value) : (value as number)
}

/** What a timer would take: nothing, null and less than nothing are no time at all. */
function millisOf(value: unknown): number {
  const millis = numberOf(value ?? 0)
  return millis > 0 && millis !== Infinity ? millis : millis !== millis ? Number.NaN : 0
}

/** pg's, unless another was handed in. Only then is pg looked for: pg itself may be what loads this module. */
export function clientClass(options: PoolOptions, Client: unknown): PgClientClass {
  const given = options.Client ?? Client
  if (given) return given as PgClientClass
  return (require('pg') as { Client: new (options: object) => PgClient }).Client
}
