/** `createPool`: a pool of anything that can be opened and closed. */

import { EventEmitter } from 'node:events'
import type { Lease } from '../engine/lease.ts'
import { TaxirankError } from '../errors.ts'
import type { PoolSnapshot } from '../metrics/snapshot.ts'
import { PromisedAcquire } from './acquire.ts'
import { emitSafely } from './emit-safely.ts'
import { type AcquireOptions, type Called, type Holder, Lending, type LendingParts } from './lending.ts'
import { type LendingOptions, readOptions } from './options.ts'
import { type PooledResource, type ResourceFunctions, ResourceKeeper } from './resource-keeper.ts'

export type ResourcePoolOptions<T> = LendingOptions & ResourceFunctions<T>

/** How a drain ends, for those who hold or wait. */
export interface DrainOptions {
  /** How long those who hold a lease may keep it, in milliseconds; 0: no limit. Default 0. */
  readonly deadline?: number
  /** Whether those who wait already are served, or refused. Default `refuse`. */
  readonly waiting?: 'serve' | 'refuse'
}

/** How a drain went. */
export interface DrainReport {
  /** Who still held a lease at the deadline, the longest first; what they held was closed. */
  readonly stragglers: readonly Holder[]
}

interface PoolEvents {
  /** A lease has been held for longer than `leakDetectionMillis`. */
  leak: [holder: Holder]
}

/** Who lends, and whether what they lend is reset each time. */
class Lender<T> {
  readonly lending: Lending<PooledResource<T>, LeaseAcquire<T>>
  readonly isReset: boolean

  constructor(parts: Omit<LendingParts<PooledResource<T>, LeaseAcquire<T>>, 'newAcquire'>, isReset: boolean) {
    this.isReset = isReset
    this.lending = new Lending({ ...parts, newAcquire: () => new LeaseAcquire<T>(this) })
  }
}

/** The right to use a resource until it is given back, once. With `await using` that happens by itself. */
export class PoolLease<T> {
  readonly #lender: Lender<T>
  readonly #lease: Lease<PooledResource<T>>
  readonly #number: number

  constructor(lender: Lender<T>, lease: Lease<PooledResource<T>>) {
    this.#lender = lender
    this.#lease = lease
    this.#number = lease.number
  }

  /** Throws `stale_lease` once the lease is over. */
  get resource(): T {
    return this.#lender.lending.use(this.#lease, this.#number).resource
  }

  /** Gives it back. Throws `stale_lease` if the lease is over: it may be somebody else's by now. */
  release(): void {
    const { lending, isReset } = this.#lender
    lending.release(this.#lease, this.#number, isReset)
  }

  /** Has it closed in place of lent on. Throws `stale_lease` if the lease is over. */
  destroy(reason = 'its holder has destroyed it'): void {
    const { lending } = this.#lender
    const { slot } = lending.use(this.#lease, this.#number)
    lending.destroy(slot, reason)
  }

  /** For `await using`: as `release`, but nothing happens if the lease is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    if (this.#lease.number === this.#number) this.release()
  }
}

class LeaseAcquire<T> extends PromisedAcquire<PooledResource<T>, PoolLease<T>> {
  readonly #lender: Lender<T>

  constructor(lender: Lender<T>) {
    super(lender.lending)
    this.#lender = lender
  }

  protected override lent(lease: Lease<PooledResource<T>>): PoolLease<T> {
    this.#lender.lending.recycle(this)
    return new PoolLease(this.#lender, lease)
  }
}

export class ResourcePool<T> extends EventEmitter<PoolEvents> {
  readonly #lender: Lender<T>
  #isDraining = false

  /** Throws `bad_configuration`. */
  constructor(options: ResourcePoolOptions<T>) {
    super()
    checkFunctions(options)
    const settings = readOptions(options)
    const keeper: ResourceKeeper<T> = new ResourceKeeper(options, settings, () => this.#lending)
    const leaked = (holder: Holder): void => this.#reportLeak(holder)
    this.#lender = new Lender({ settings, noun: 'resource', owner: keeper, leaked }, options.reset !== undefined)
  }

  get #lending(): Lender<T>['lending'] {
    return this.#lender.lending
  }

  /**
   * Asks for a lease; who asked first is served first. Rejects with `acquire_timeout` (its `shortage` says whether the pool
   * was exhausted, down or slow), `queue_full`, `overloaded`, `nested_acquire`, `server_connect_failed` (its cause is what
   * `open` has thrown), `admin_shutdown`, or the signal's reason.
   */
  acquire(options?: AcquireOptions): Promise<PoolLease<T>> {
    return this.#ask(options, acquire)
  }

  #ask(options: AcquireOptions | undefined, called: Called): Promise<PoolLease<T>> {
    const got = this.#lending.ask(options, called, true)
    if (got instanceof LeaseAcquire) return got.promise()
    return Promise.resolve(new PoolLease(this.#lender, got))
  }

  /** Lends to `work` until what it returns is settled. */
  async use<R>(work: (resource: T) => R | PromiseLike<R>, options?: AcquireOptions): Promise<R> {
    const lease = await this.#ask(options, use)
    try {
      return await work(lease.resource)
    } finally {
      lease[Symbol.dispose]()
    }
  }

  /** Most resources, or how many to keep, from now on. Throws `bad_configuration`. */
  resize(sizes: { readonly max?: number; readonly min?: number }): void {
    this.#lending.resize(sizes)
  }

  /** Everything that is open now is closed: what is idle at once, the rest when it is given back. */
  retireAll(): void {
    this.#lending.retireAll()
  }

  /**
   * Takes no more callers, and closes everything: what is idle now, what is leased when it comes back, or at the deadline.
   * Throws `admin_shutdown` if that has begun before.
   */
  async drain({ deadline = 0, waiting = 'refuse' }: DrainOptions = {}): Promise<DrainReport> {
    checkDeadline(deadline)
    if (this.#isDraining) throw new TaxirankError('admin_shutdown', 'the pool is being drained, or has ended')
    this.#isDraining = true
    const error = new TaxirankError('admin_shutdown', 'the pool takes no more callers: it is being drained')
    return { stragglers: await this.#lending.drain(waiting, deadline, error) }
  }

  /** Drains without a limit. */
  async end(): Promise<void> {
    await this.drain()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isDraining) await this.end()
  }

  /** Whether `min` are open, where `prewarm` says so. */
  get isReady(): boolean {
    return this.#lending.isReady
  }

  /** Resolves as soon as `isReady`. */
  ready(): Promise<void> {
    return this.#lending.ready()
  }

  get idle(): number {
    return this.#lending.pool.idle
  }

  get leased(): number {
    return this.#lending.pool.leased
  }

  get waiting(): number {
    return this.#lending.pool.waiting
  }

  /** All that count against `max`. */
  get size(): number {
    return this.#lending.pool.size
  }

  /** Who holds a lease, the longest first; known where `leakDetectionMillis` or `deadlockDetectionMillis` is set. */
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

  /**
   * Records arrivals, waits and holds from now on, and what was recorded before is forgotten: of the newest `capacity`, up to
   * 10,000,000, 18 bytes each. 0: nothing is recorded any more. Throws `bad_configuration`.
   */
  record(capacity = 100_000): void {
    this.#lending.watch.record(capacity)
  }

  /** What was recorded, for the simulator (docs/recording.md); undefined before `record`, and after `record(0)`. */
  recording(): Uint8Array | undefined {
    return this.#lending.recording()
  }

  #reportLeak(holder: Holder): void {
    if (this.listenerCount('leak') > 0) emitSafely(this, 'leak', holder)
    else warnOfLeak(this.#lending.settings.name, holder)
  }
}

/** Its callers' stacks begin above it. */
const { acquire, use } = ResourcePool.prototype

/** A pool of anything that can be opened and closed, on Node and on Bun. Throws `bad_configuration`. */
export function createPool<T>(options: ResourcePoolOptions<T>): ResourcePool<T> {
  return new ResourcePool(options)
}

/** Throws `bad_configuration`: whoever comes from JavaScript may have given anything. */
function checkFunctions(options: object | undefined): void {
  for (const name of ['open', 'close', 'check', 'reset'] as const) {
    const given = (options as Record<string, unknown> | undefined)?.[name]
    if (typeof given === 'function' || (given === undefined && name !== 'open')) continue
    throw new TaxirankError('bad_configuration', `pool: ${name} must be a function, got ${typeof given}`)
  }
}

/** Throws `bad_configuration`. */
export function checkDeadline(deadline: number): void {
  if (deadline >= 0) return
  throw new TaxirankError('bad_configuration', `deadline must be 0 or more milliseconds, got ${String(deadline)}`)
}

export function warnOfLeak(pool: string, { site, heldMillis, stack }: Holder): void {
  const seconds = (heldMillis / 1_000).toFixed(1)
  process.emitWarning(`pool ${pool}: a lease has been held for ${seconds} s, by ${site}\n${stack}`, 'TaxirankLeak')
}
