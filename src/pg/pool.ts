/**
 * The pool for pg: in the place of pg's own, with the same options, methods, events, texts and leaked internals, and the
 * engine underneath. Who asked first is served first, by whichever client is free first; there are never more connections
 * than `max`; a client that was given back in a transaction, or with a query running, is cleaned before it is lent on, or
 * closed; a database that is down is asked again after a pause; and no connection's death ends the process.
 *
 * Clients are opened and closed by `client-keeper.ts`, lent and taken back by `client-leases.ts`; `run-query.ts` and
 * `transaction.ts` are what is done on one.
 */

import { AsyncResource } from 'node:async_hooks'
import { TaxirankError } from '../errors.ts'
import { rejectedWithCallersStack } from '../in-process/callers-stack.ts'
import { throwLater } from '../in-process/emit-safely.ts'
import type { Holder } from '../in-process/lending.ts'
import { checkDeadline, createPool, type DrainOptions, type DrainReport } from '../in-process/resource-pool.ts'
import type { PoolSnapshot } from '../metrics/snapshot.ts'
import { ClientAcquire } from './client-acquire.ts'
import { ClientLeases } from './client-leases.ts'
import { type ConnectCallback, isExpired, LeakedInternals } from './leaked-internals.ts'
import { LendableClient } from './lendable-client.ts'
import type { PgClient, PgClientClass, QueryCallback } from './pg-client.ts'
import { clientClass, type ConnectOptions, type FilledOptions, fillOptions, type PoolOptions } from './pool-options.ts'
import type { OwnMembers } from './public-types.ts'
import { type Done, runQuery, runQueryOn } from './run-query.ts'
import { signalOf } from './signal-of.ts'
import { runTransaction, type TransactionOptions } from './transaction.ts'
import { endedText, endedTwiceText, functionText } from './wording.ts'

type Log = (...args: unknown[]) => void

const nothing = (): void => undefined

/** What its own members promise stands in `public-types.ts`. */
export class Pool extends LeakedInternals implements OwnMembers {
  /** Whatever a bundler calls the class: libraries look for this. */
  static override readonly name = 'Pool'
  static readonly Pool = Pool
  static readonly createPool = createPool

  readonly options: FilledOptions
  log: Log
  Client: PgClientClass
  Promise: PromiseConstructor
  ending = false
  ended = false
  protected readonly leases: ClientLeases

  /** Throws `bad_configuration` for what only this pool has; pg's own options are taken as pg's pool takes them. */
  constructor(options?: PoolOptions | null, Client?: unknown) {
    super()
    this.options = fillOptions(options)
    this.log = (this.options as { log?: Log }).log ?? nothing
    this.Client = clientClass(this.options, Client)
    this.Promise = (this.options.Promise as PromiseConstructor | undefined) ?? globalThis.Promise
    this.leases = new ClientLeases(this)
  }

  // Lending.

  connect(): Promise<PgClient>
  connect(callback: ConnectCallback): void
  connect(options: ConnectOptions): Promise<PgClient>
  connect(options: ConnectOptions, callback: ConnectCallback): void
  connect(first?: ConnectOptions | ConnectCallback, second?: ConnectCallback): Promise<PgClient> | undefined {
    const callback = typeof first === 'function' ? first : second
    const options = typeof first === 'object' ? first : undefined
    if (callback) return this.#connectWithCallback(options, callback)
    try {
      return this.#connect(options)
    } catch (error) {
      return this.Promise.reject(error)
    }
  }

  #connect(given: ConnectOptions | undefined | null): Promise<PgClient> {
    if (this.ending) throw new Error(endedText)
    const options = given ? withDeadline(given) : undefined
    const wanted = this.leases.wanted()
    const got = this.leases.ask(options, ownConnect, true)
    if (!(got instanceof ClientAcquire)) return this.Promise.resolve(this.leases.lend(got, options, wanted))
    got.options = options
    got.wanted = wanted
    got.callersSignal = given?.signal
    return got.promise(this.Promise)
  }

  #connectWithCallback(given: ConnectOptions | undefined | null, callback: ConnectCallback): undefined {
    try {
      this.#connectThen(given ? withDeadline(given) : undefined, callback)
    } catch (error) {
      callback(error as Error, undefined, nothing)
    }
    return undefined
  }

  #connectThen(options: ConnectOptions | undefined, callback: ConnectCallback): void {
    if (this.ending) throw new Error(endedText)
    const wanted = this.leases.wanted()
    const got = this.leases.ask(options, ownConnect, true)
    // Never within this call: callers rely on it.
    if (!(got instanceof ClientAcquire)) {
      return process.nextTick(handOver, this.leases.lend(got, options, wanted), callback)
    }
    const bound = AsyncResource.bind(safely(callback))
    got.answerTo((error, lease) => {
      if (lease) handOver(this.leases.lend(lease, options, wanted), bound)
      else bound(error as Error, undefined, nothing)
    })
  }

  // Queries.

  query(text: unknown, values?: unknown, callback?: QueryCallback): Promise<never> | undefined {
    if (typeof text === 'function') return refuseFunction(text as QueryCallback)
    const call = typeof values === 'function' ? (values as QueryCallback) : callback
    const given = typeof values === 'function' ? undefined : values
    if (typeof call === 'function') {
      this.#query(text, given, AsyncResource.bind(safely(call as Done)))
      return undefined
    }
    return new this.Promise<never>((resolve) =>
      this.#query(text, given, (error, result) => {
        const { signal } = (text ?? {}) as ConnectOptions
        resolve(error ? rejectedWithCallersStack(error, signal) : (result as never))
      }),
    )
  }

  #query(text: unknown, values: unknown, done: Done): void {
    if (this.ending) return done(new Error(endedText))
    try {
      this.#ask(text, values, done)
    } catch (error) {
      done(error)
    }
  }

  #ask(text: unknown, values: unknown, done: Done): void {
    const options = optionsOf(text)
    if (this.connect !== ownConnect && !options) return this.#queryByConnect(text, values, done)
    const query = { text, values, done, wanted: this.leases.wanted(), signal: options?.signal }
    const got = this.leases.ask(options, ownQuery, false)
    if (!(got instanceof ClientAcquire)) return runQuery(this.leases, got, query)
    got.answerTo((error, lease) => {
      if (lease) runQuery(this.leases, lease, query)
      else done(error)
    })
  }

  /** Somebody has put something in the place of `connect`, to see who connects: then queries connect by that. */
  #queryByConnect(text: unknown, values: unknown, done: Done): void {
    this.connect((error, client) => {
      const pooled = client && LendableClient.of(client)
      if (pooled) runQueryOn(this.leases, pooled, { text, values, done })
      else done(error)
    })
  }

  transaction<R>(work: (client: never) => R | PromiseLike<R>, options: TransactionOptions = {}): Promise<R> {
    return runTransaction((connectOptions) => this.connect(connectOptions), work as (client: PgClient) => R, options)
  }

  // The end.

  /** Takes no more callers; who has no client yet, and could not have one now, is told so. Resolves when all is closed. */
  end(): Promise<void>
  end(callback: (error?: Error) => void): void
  end(callback?: (error?: Error) => void): Promise<void> | undefined {
    this.log('ending')
    if (!callback)
      return new this.Promise((resolve, reject) => this.#end((error) => (error ? reject(error) : resolve())))
    this.#end(callback)
    return undefined
  }

  #end(callback: (error?: Error) => void): void {
    if (this.ending) return callback(new Error(endedTwiceText))
    // pg's pool gives those a client who have asked when there was room; the others it never answers.
    const { maxSize, leased } = this.leases.lending.pool
    const kept = Math.max(0, maxSize - leased)
    this._endCallback = callback
    this.leases.lending.abortAllBut(kept, () => new Error(endedText))
    void this.#drain('serve', 0).then(() => callback())
  }

  async drain({ deadline = 0, waiting = 'refuse' }: DrainOptions = {}): Promise<DrainReport> {
    checkDeadline(deadline)
    if (this.ending) throw new Error(endedTwiceText)
    return { stragglers: await this.#drain(waiting, deadline) }
  }

  async #drain(waiting: 'serve' | 'refuse', deadlineMs: number): Promise<Holder[]> {
    this.ending = true
    const error = new TaxirankError('admin_shutdown', endedText)
    const stragglers = await this.leases.lending.drain(waiting, deadlineMs, error)
    this.ended = true
    return stragglers
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.ending) await this.end()
  }

  // Figures, and what may be changed.

  /** All clients that aren't being closed. */
  get totalCount(): number {
    return this._clients.length
  }

  get idleCount(): number {
    return this.leases.lending.pool.idle
  }

  /** Those for whom no client is being opened. */
  get waitingCount(): number {
    const { waiting, opening } = this.leases.lending.pool
    return Math.max(0, waiting - opening)
  }

  /** Those past their lifetime that somebody has still. */
  get expiredCount(): number {
    return this._clients.filter(isExpired).length
  }

  get isReady(): boolean {
    return this.leases.lending.isReady
  }

  ready(): Promise<void> {
    return this.leases.lending.ready()
  }

  resize({ max, min }: { readonly max?: number; readonly min?: number }): void {
    this.leases.lending.resize({ max, min })
    if (max !== undefined) this.options.max = max
    if (min !== undefined) this.options.min = min
  }

  retireAll(): void {
    this.leases.lending.retireAll()
  }

  holders(): readonly Holder[] {
    return this.leases.lending.holders()
  }

  snapshot(): PoolSnapshot {
    return this.leases.lending.snapshot()
  }

  prometheus(): string {
    return this.leases.lending.prometheus()
  }

  record(capacity = 100_000): void {
    this.leases.lending.watch.record(capacity)
  }

  recording(): Uint8Array | undefined {
    return this.leases.lending.recording()
  }
}

/** Compared with what an object has now: others put their own in its place. */
const ownConnect = Pool.prototype.connect
const ownQuery = Pool.prototype.query

function handOver(lent: PgClient | Promise<PgClient>, callback: ConnectCallback): void {
  if (!(lent instanceof globalThis.Promise)) return callback(undefined, lent, lent.release ?? nothing)
  lent.then(
    (client) => callback(undefined, client, client.release ?? nothing),
    (error: unknown) => callback(error as Error, undefined, nothing),
  )
}

function refuseFunction(callback: QueryCallback): undefined {
  setImmediate(() => callback(new Error(functionText)))
  return undefined
}

/** What a callback throws goes to the process, and not into the pool's work. */
function safely<A extends unknown[]>(callback: (...args: A) => unknown): (...args: A) => void {
  return (...args) => {
    try {
      callback(...args)
    } catch (error) {
      throwLater(error)
    }
  }
}

function withDeadline(options: ConnectOptions): ConnectOptions {
  return { ...options, signal: signalOf(options.signal, options.deadlineMillis) }
}

/** Those that stand among the fields of a query. */
function optionsOf(query: unknown): ConnectOptions | undefined {
  if (typeof query !== 'object' || query === null) return undefined
  const { signal, timeoutMillis, deadlineMillis, lane } = query as ConnectOptions
  const isAny = [signal, timeoutMillis, deadlineMillis, lane].some((one) => one !== undefined)
  return isAny ? { signal: signalOf(signal, deadlineMillis), timeoutMillis, lane } : undefined
}
