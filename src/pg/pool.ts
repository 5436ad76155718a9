/**
 * The pool for pg: in the place of pg's own, with the same options, methods, events, texts and leaked internals, and the
 * engine underneath. Who asked first is served first, by whichever client is free first; there are never more connections
 * than `max`; a client that was given back in a transaction, or with a query running, is cleaned before it is lent on, or
 * closed; a database that is down is asked again after a pause; and no connection's death ends the process.
 *
 * Opening and closing is in `client-keeper.ts`, what happens around a query in `pool-query.ts`, transactions in
 * `transaction.ts`.
 */

import { AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { TaxirankError } from '../errors.ts'
import type { Lease } from '../engine/lease.ts'
import { withCallersStack } from '../in-process/callers-stack.ts'
import { type Holder, Lending } from '../in-process/lending.ts'
import type { LendingSettings } from '../in-process/options.ts'
import { createPool, type DrainOptions, type DrainReport, warnOfLeak } from '../in-process/resource-pool.ts'
import type { PoolSnapshot } from '../metrics/snapshot.ts'
import { ClientKeeper } from './client-keeper.ts'
import { ClientRequest } from './client-request.ts'
import { emitSafely, throwLater } from './emit-safely.ts'
import { isBusy, isInTransaction, type PgClient, type PgClientClass, type QueryCallback } from './pg-client.ts'
import {
  clientClass,
  type ConnectOptions,
  type FilledOptions,
  fillOptions,
  type PoolOptions,
  readPoolOptions,
} from './pool-options.ts'
import { PooledClient } from './pooled-client.ts'
import { SessionSetup } from './session-setup.ts'
import { endedText, endedTwiceText, functionText, releasedText, Told } from './told.ts'
import { signalOf } from './signal-of.ts'
import { runTransaction, type TransactionOptions } from './transaction.ts'

export type ConnectCallback = (
  error: Error | undefined,
  client: PgClient | undefined,
  release: (error?: Error | boolean) => void,
) => void

type Done = (error: unknown, result?: unknown) => void

const nothing = (): void => undefined

export class Pool extends EventEmitter {
  static readonly Pool = Pool
  static readonly createPool = createPool

  readonly options: FilledOptions
  log: (...args: unknown[]) => void
  Client: PgClientClass
  Promise: PromiseConstructor
  ending = false
  ended = false
  /** pg's own: all clients that aren't being closed. */
  _clients: PgClient[] = []
  _endCallback: ((error?: Error) => void) | undefined = undefined
  readonly #lending: Lending<PooledClient, ClientRequest>
  readonly #keeper: ClientKeeper
  readonly #setup: SessionSetup
  readonly #told = new Told()

  /** Throws `bad_configuration` for what only this pool has; pg's own options are taken as pg's pool takes them. */
  constructor(options?: PoolOptions | null, Client?: unknown) {
    super()
    this.options = fillOptions(options)
    this.log = (this.options as { log?: (...args: unknown[]) => void }).log ?? nothing
    this.Client = clientClass(this.options, Client)
    this.Promise = (this.options.Promise as PromiseConstructor | undefined) ?? globalThis.Promise
    const settings: LendingSettings = readPoolOptions(this.options)
    this.#setup = new SessionSetup(this.options, settings)
    this.#keeper = new ClientKeeper(this, settings, () => this.#lending)
    this.#lending = new Lending({
      settings,
      noun: 'client',
      owner: this.#keeper,
      newRequest: () => new ClientRequest(this.#lending),
      leaked: (holder) => this.#reportLeak(holder),
    })
  }

  // Lending.

  connect(): Promise<PgClient>
  connect(callback: ConnectCallback): void
  connect(options: ConnectOptions): Promise<PgClient>
  connect(options: ConnectOptions, callback: ConnectCallback): void
  connect(first?: ConnectOptions | ConnectCallback, second?: ConnectCallback): Promise<PgClient> | undefined {
    const [given, callback] = typeof first === 'function' ? [undefined, first] : [first ?? undefined, second]
    const options = given && { ...given, signal: signalOf(given.signal, given.deadlineMillis) }
    if (callback) return void this.#connectWithCallback(options, callback)
    if (this.ending) return this.Promise.reject(new Error(endedText))
    const wanted = this.#setup.wanted()
    const got = this.#acquire(options, ownConnect, true)
    if (got instanceof ClientRequest) return this.#promiseOf(got, options, wanted)
    const lent = this.#lend(got, options, wanted)
    return this.Promise.resolve(lent)
  }

  #promiseOf(
    request: ClientRequest,
    options: ConnectOptions | undefined,
    wanted: string | undefined,
  ): Promise<PgClient> {
    const promise = new this.Promise<PgClient>((resolve, reject: (error: unknown) => void) =>
      request.answerTo((error, lease) =>
        lease ? resolve(this.#lend(lease, options, wanted)) : reject(this.#told.for(error)),
      ),
    )
    return promise.catch(withCallersStack)
  }

  #connectWithCallback(options: ConnectOptions | undefined, callback: ConnectCallback): void {
    if (this.ending) return callback(new Error(endedText), undefined, nothing)
    const wanted = this.#setup.wanted()
    const got = this.#acquire(options, ownConnect, true)
    const answer = (lent: PgClient | Promise<PgClient>, call: ConnectCallback): void => {
      if (!isPromise(lent)) return call(undefined, lent, lent.release ?? nothing)
      lent.then(
        (client) => call(undefined, client, client.release ?? nothing),
        (error: Error) => call(error, undefined, nothing),
      )
    }
    if (!(got instanceof ClientRequest)) return process.nextTick(answer, this.#lend(got, options, wanted), callback)
    const bound = AsyncResource.bind(safely(callback))
    got.answerTo((error, lease) => {
      if (lease) answer(this.#lend(lease, options, wanted), bound)
      else bound(this.#told.for(error) as Error, undefined, nothing)
    })
  }

  #acquire(
    options: ConnectOptions | undefined,
    called: (...args: never[]) => unknown,
    goesOn: boolean,
  ): Lease<PooledClient> | ClientRequest {
    // Applications set it while they run, as the only way there was.
    if (this.options.max !== this.#lending.pool.maxSize) this.#followMax()
    return this.#lending.acquire(options, called, goesOn)
  }

  #followMax(): void {
    const { max } = this.options
    const { maxSize, minSize } = this.#lending.pool
    const wanted = Math.min(Number(max), Number.MAX_SAFE_INTEGER)
    if (wanted !== maxSize && wanted >= 1) {
      this.#lending.resize({ max: Math.floor(wanted), min: Math.min(minSize, Math.floor(wanted)) })
    }
  }

  /** The client with its once-only `release`; a promise of it, if something must run on it first. */
  #lend(
    lease: Lease<PooledClient>,
    options: ConnectOptions | undefined,
    wanted: string | undefined,
  ): PgClient | Promise<PgClient> {
    const pooled = this.#take(lease)
    const { client } = pooled
    const { number } = lease
    client.release = (error) => {
      if (lease.number !== number) throw new Error(releasedText)
      this.#giveBack(pooled, error)
    }
    if (options?.signal) this.#listenTo(options.signal, pooled)
    const preparing = this.#setup.isNone ? undefined : this.#setup.prepare(pooled, wanted)
    if (!preparing) return client
    return preparing.then(
      () => client,
      (error: unknown) => {
        if (lease.number === number) this.#giveBack(pooled, error as Error)
        throw error
      },
    )
  }

  /** Hot path. */
  #take(lease: Lease<PooledClient>): PooledClient {
    const pooled = lease.resource
    pooled.lease = lease
    pooled.number = lease.number
    pooled.isTaken = true
    if (this.options.allowExitOnIdle) pooled.client.ref?.()
    emitSafely(this, 'acquire', pooled.client)
    return pooled
  }

  /** Hot path. It is idle, or whoever waits has it, before this returns; unless it must be cleaned or closed. */
  #giveBack(pooled: PooledClient, error?: Error | boolean): void {
    const { client, lease, number } = pooled
    if (!lease) return
    const uses = (client._poolUseCount ?? 0) + 1
    client._poolUseCount = uses
    pooled.isTaken = false
    pooled.isUsed = true
    if (pooled.stopListening) pooled.stopListening()
    if (!this.#setup.isNone) this.#setup.forget(pooled)
    emitSafely(this, 'release', error, client)
    if (lease.number !== number) return
    const isSpent = uses >= this.options.maxUses
    if (isSpent) this.log('remove expended client')
    if (error || isSpent || pooled.failure || !client._queryable || client._ending) {
      return this.#lending.destroy(pooled.slot, 'it was given back with an error, or can not be used any more')
    }
    const isDirty = this.#isDirty(pooled)
    if (this.options.allowExitOnIdle && !isDirty) client.unref?.()
    this.#lending.release(lease, number, isDirty)
  }

  /** Something must be done before anybody else may have it. */
  #isDirty({ client, cancelling }: PooledClient): boolean {
    return (
      isBusy(client) || isInTransaction(client) || cancelling !== undefined || typeof this.options.reset === 'function'
    )
  }

  #listenTo(signal: AbortSignal, pooled: PooledClient): void {
    const cancel = (): void => {
      if (isBusy(pooled.client)) void this.#keeper.cancel(pooled)
    }
    pooled.stopListening = () => {
      pooled.stopListening = undefined
      signal.removeEventListener('abort', cancel)
    }
    signal.addEventListener('abort', cancel)
  }

  // Queries.

  query(text: unknown, values?: unknown, callback?: QueryCallback): Promise<never> | undefined {
    if (typeof text === 'function') return this.#refuseFunction(text as QueryCallback)
    const [given, call] = typeof values === 'function' ? [undefined, values as QueryCallback] : [values, callback]
    if (typeof call === 'function') {
      return void this.#query(text, given, AsyncResource.bind(safely(call as Done)))
    }
    const answered = new this.Promise<never>((resolve, reject: (error: unknown) => void) => {
      this.#query(text, given, (error, result) => (error ? reject(error) : resolve(result as never)))
    })
    return answered.catch(withCallersStack)
  }

  #refuseFunction(callback: QueryCallback): undefined {
    setImmediate(() => callback(new Error(functionText)))
    return undefined
  }

  #query(text: unknown, values: unknown, done: Done): void {
    if (this.ending) return done(new Error(endedText))
    const options = optionsOf(text)
    if (this.connect !== ownConnect && !options) return this.#queryByConnect(text, values, done)
    const wanted = this.#setup.wanted()
    const got = this.#acquire(options, ownQuery, false)
    if (!(got instanceof ClientRequest)) return this.#run(got, { text, values, done, wanted, signal: options?.signal })
    got.answerTo((error, lease) => {
      if (lease) this.#run(lease, { text, values, done, wanted, signal: options?.signal })
      else done(this.#told.for(error))
    })
  }

  /** Somebody has put something in the place of `connect`, to see who connects: then queries connect by that. */
  #queryByConnect(text: unknown, values: unknown, done: Done): void {
    this.connect((error, client) => {
      const pooled = client && PooledClient.of(client)
      if (!pooled?.lease) return done(error)
      this.#runOn(pooled, { text, values, done })
    })
  }

  #run(lease: Lease<PooledClient>, query: PoolQuery): void {
    const pooled = this.#take(lease)
    const preparing = this.#setup.isNone ? undefined : this.#setup.prepare(pooled, query.wanted)
    if (!preparing) return this.#runOn(pooled, query)
    preparing.then(
      () => this.#runOn(pooled, query),
      (error: Error) => {
        if (pooled.isHeld) this.#giveBack(pooled, error)
        query.done(error)
      },
    )
  }

  /** Hot path. Gives the client back when the query is answered, before whoever has asked is told. */
  #runOn(pooled: PooledClient, { text, values, done, signal }: PoolQuery): void {
    const { client, number } = pooled
    let isOver = false
    const finish = (error?: Error | null, result?: unknown): void => {
      if (isOver) return
      isOver = true
      pooled.onFailure = undefined
      if (pooled.isHeld && pooled.number === number) this.#giveBack(pooled, error ?? undefined)
      done(error ?? undefined, result)
    }
    pooled.onFailure = finish
    if (signal) {
      this.#abortBy(signal, pooled, () => {
        isOver = true
        pooled.onFailure = undefined
        this.#giveBack(pooled)
        done(signal.reason)
      })
    }
    try {
      client.query(text, values, finish)
    } catch (error) {
      finish(error as Error)
    }
  }

  /** Whoever has asked is told at once; the client is lent on when PostgreSQL has ended what ran on it. */
  #abortBy(signal: AbortSignal, pooled: PooledClient, abandon: () => void): void {
    const { number } = pooled
    const abort = (): void => {
      if (!pooled.isHeld || pooled.number !== number) return
      void this.#keeper.cancel(pooled)
      abandon()
    }
    pooled.stopListening = () => {
      pooled.stopListening = undefined
      signal.removeEventListener('abort', abort)
    }
    signal.addEventListener('abort', abort)
  }

  /**
   * Runs `work` in a transaction, on a client of its own, and commits what it has done. If it throws, that is rolled back,
   * and the promise rejects with what it has thrown. With `retries` it is run anew after a serialization failure (40001) or
   * a deadlock (40P01); never after a connection was lost during COMMIT, which rejects with `commit_unknown`.
   */
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
    const { maxSize, leased } = this.#lending.pool
    const kept = Math.max(0, maxSize - leased)
    this._endCallback = callback
    this.#lending.abortAllBut(kept, () => new Error(endedText))
    this.#drain('serve', 0).then(
      () => callback(),
      (error: Error) => callback(error),
    )
  }

  /**
   * Takes no more callers, and closes everything: what is idle now, what is lent when it comes back. After `deadline`
   * milliseconds what is lent still is cancelled and closed, and its holders are named. Rejects if the pool has ended.
   */
  async drain({ deadline = 0, waiting = 'refuse' }: DrainOptions = {}): Promise<DrainReport> {
    if (this.ending) throw new Error(endedTwiceText)
    return { stragglers: await this.#drain(waiting, deadline) }
  }

  async #drain(waiting: 'serve' | 'refuse', deadlineMs: number): Promise<Holder[]> {
    this.ending = true
    const error = new TaxirankError('admin_shutdown', endedText)
    const stragglers = await this.#lending.drain(waiting, deadlineMs, error)
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
    return this.#lending.pool.idle
  }

  get waitingCount(): number {
    return this.#lending.pool.waiting
  }

  /** Those past their lifetime that somebody has still. */
  get expiredCount(): number {
    return this._clients.filter((client) => PooledClient.of(client)?.slot.retiring === 'lifetime').length
  }

  /** Whether `min` are open, where `prewarm` says so. */
  get isReady(): boolean {
    return this.#lending.isReady
  }

  /** Resolves as soon as `isReady`. */
  ready(): Promise<void> {
    return this.#lending.ready()
  }

  /** Takes effect at once. Throws `bad_configuration`. */
  resize({ max, min }: { readonly max?: number; readonly min?: number }): void {
    this.#lending.resize({ max, min })
    if (max !== undefined) this.options.max = max
    if (min !== undefined) this.options.min = min
  }

  /** Everything that is open now is closed: what is idle at once, the rest when it is given back. */
  retireAll(): void {
    this.#lending.retireAll()
  }

  /** Who has a client, the longest first; known where `leakDetectionMillis` or `deadlockDetectionMillis` is set. */
  holders(): readonly Holder[] {
    return this.#lending.holders()
  }

  /** All figures at this instant; a plain value. */
  snapshot(): PoolSnapshot {
    return this.#lending.snapshot()
  }

  /** The figures in Prometheus' text format. */
  prometheus(): string {
    return this.#lending.prometheus()
  }

  /** Records arrivals, waits and holds from now on: of the newest `capacity`, 18 bytes each. */
  record(capacity = 100_000): void {
    this.#lending.watch.record(capacity)
  }

  /** What was recorded, for the simulator (docs/recording.md); undefined before `record`. */
  recording(): Uint8Array | undefined {
    return this.#lending.recording()
  }

  #reportLeak(holder: Holder): void {
    this.log('client has been held for long', holder)
    if (this.listenerCount('leak') > 0) emitSafely(this, 'leak', holder)
    else warnOfLeak(this.#lending.settings.name, holder)
  }

  // What pg's pool leaks, and others have come to use.

  /** A picture of those that are idle. */
  get _idle(): readonly { readonly client: PgClient }[] {
    return this.#clientsThatAre('idle').map((client) => ({ client }))
  }

  /** A picture of those who wait. */
  get _pendingQueue(): readonly unknown[] {
    return this.#lending.pool.waiters()
  }

  get _expired(): { has(client: PgClient): boolean } {
    return { has: (client) => PooledClient.of(client)?.slot.retiring === 'lifetime' }
  }

  _isFull(): boolean {
    return this._clients.length >= this.options.max
  }

  _isAboveMin(): boolean {
    return this._clients.length > this.options.min
  }

  /** Nothing has to be pulsed: whoever can be served is. */
  _pulseQueue(): void {
    this.#followMax()
  }

  /** Closes a client of the pool, whoever has it. */
  _remove(client: PgClient, callback?: () => void): void {
    const pooled = PooledClient.of(client)
    if (!pooled || !this._clients.includes(client)) return callback?.()
    const removed = (gone: unknown): void => {
      if (gone !== client) return
      this.off('remove', removed)
      callback?.()
    }
    this.on('remove', removed)
    this.#lending.destroy(pooled.slot, 'it is removed')
  }

  /** Asks for a client: whichever is free first. */
  newClient({ callback }: { readonly callback: ConnectCallback }): void {
    this.connect(callback)
  }

  _release(client: PgClient, _idleListener?: unknown, error?: Error | boolean): void {
    const pooled = PooledClient.of(client)
    if (!pooled?.isHeld) throw new Error(releasedText)
    this.#giveBack(pooled, error)
  }

  _releaseOnce(client: PgClient): (error?: Error | boolean) => void {
    const pooled = PooledClient.of(client)
    const number = pooled?.number
    return (error) => {
      if (!pooled?.isHeld || pooled.number !== number) throw new Error(releasedText)
      this.#giveBack(pooled, error)
    }
  }

  #clientsThatAre(state: 'idle'): PgClient[] {
    const { pool } = this.#lending
    return this._clients.filter((client) => {
      const pooled = PooledClient.of(client)
      return pooled && pool.stateOf(pooled.slot) === state
    })
  }
}

/** Compared with what an object has now: others put their own in its place. */
const ownConnect = Pool.prototype.connect
const ownQuery = Pool.prototype.query

interface PoolQuery {
  readonly text: unknown
  readonly values: unknown
  readonly done: Done
  readonly wanted?: string | undefined
  readonly signal?: AbortSignal | undefined
}

function isPromise(lent: PgClient | Promise<PgClient>): lent is Promise<PgClient> {
  return lent instanceof globalThis.Promise
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

/** Those that stand among the fields of a query. */
function optionsOf(query: unknown): ConnectOptions | undefined {
  if (typeof query !== 'object' || query === null) return undefined
  const { signal, timeoutMillis, deadlineMillis, lane } = query as ConnectOptions
  if (signal === undefined && timeoutMillis === undefined && deadlineMillis === undefined && lane === undefined) {
    return undefined
  }
  return { signal: signalOf(signal, deadlineMillis), timeoutMillis, lane }
}
