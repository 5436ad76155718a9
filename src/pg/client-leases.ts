/**
 * Lends clients and takes them back: what a client must be told first, what a holder sees of the pool on it, and what
 * becomes of it when it is given back.
 */

import type { Lease } from '../engine/lease.ts'
import { whenAborted } from '../in-process/abort-listeners.ts'
import { takeCallersStack } from '../in-process/callers-stack.ts'
import { emitSafely } from '../in-process/emit-safely.ts'
import { type Called, type Holder, Lending } from '../in-process/lending.ts'
import { warnOfLeak } from '../in-process/resource-pool.ts'
import { ClientAcquire } from './client-acquire.ts'
import { ClientKeeper, type KeeperDesk } from './client-keeper.ts'
import type { LendableClient } from './lendable-client.ts'
import { isBusy, isInTransaction, isRunning, type PgClient } from './pg-client.ts'
import { type ConnectOptions, type FilledOptions, numberOf, readPoolOptions } from './pool-options.ts'
import { SessionSetup } from './session-setup.ts'
import { releasedText, Wording } from './wording.ts'

/** What this needs of the pool that users see. */
export interface LeaseDesk extends KeeperDesk {
  readonly options: FilledOptions
}

export class ClientLeases {
  readonly lending: Lending<LendableClient, ClientAcquire>
  readonly #desk: LeaseDesk
  readonly #keeper: ClientKeeper
  readonly #setup: SessionSetup

  /** Throws `bad_configuration`. */
  constructor(desk: LeaseDesk) {
    this.#desk = desk
    const settings = readPoolOptions(desk.options)
    const wording = new Wording()
    this.#setup = new SessionSetup(desk.options, settings)
    this.#keeper = new ClientKeeper(desk, settings, () => this.lending)
    this.lending = new Lending({
      settings,
      noun: 'client',
      owner: this.#keeper,
      newAcquire: () => new ClientAcquire(this, wording),
      leaked: (holder) => this.#reportLeak(holder),
    })
  }

  /** Hot path. As `Lending.ask`. */
  ask(options: ConnectOptions | undefined, called: Called, goesOn: boolean): Lease<LendableClient> | ClientAcquire {
    if (this.#desk.options.max !== this.lending.pool.maxSize) this.followMax()
    return this.lending.ask(options, called, goesOn)
  }

  /** Applications set `options.max` while they run: with pg's pool there is no other way. */
  followMax(): void {
    const { maxSize, minSize } = this.lending.pool
    const max = Math.floor(Math.min(numberOf(this.#desk.options.max), Number.MAX_SAFE_INTEGER))
    if (max !== maxSize && max >= 1) this.lending.resize({ max, min: Math.min(minSize, max) })
  }

  /** What this caller wants to be sent ahead of its first query: asked for in the caller's own context. */
  wanted(): string | undefined {
    return this.#setup.isNone ? undefined : this.#setup.wanted()
  }

  /** Hot path. */
  take(lease: Lease<LendableClient>): LendableClient {
    const pooled = lease.resource
    pooled.lease = lease
    pooled.number = lease.number
    pooled.isTaken = true
    if (this.#desk.options.allowExitOnIdle) pooled.client.ref?.()
    emitSafely(this.#desk, 'acquire', pooled.client)
    return pooled
  }

  /** A promise, if something must run on the client before its holder may have it. */
  prepare(pooled: LendableClient, wanted: string | undefined): Promise<void> | undefined {
    return this.#setup.isNone ? undefined : this.#setup.prepare(pooled, wanted)
  }

  /** The client with its once-only `release`; a promise of it, if something must run on it first. */
  lend(
    lease: Lease<LendableClient>,
    options: ConnectOptions | undefined,
    wanted: string | undefined,
  ): PgClient | Promise<PgClient> {
    const pooled = this.take(lease)
    const { client } = pooled
    client.release = this.releaseOnce(pooled)
    if (options?.signal) this.#cancelBy(options.signal, pooled)
    const preparing = this.prepare(pooled, wanted)
    return preparing ? this.#lendPrepared(pooled, preparing) : client
  }

  async #lendPrepared(pooled: LendableClient, preparing: Promise<void>): Promise<PgClient> {
    const { client, number } = pooled
    try {
      await preparing
      return client
    } catch (error) {
      if (pooled.isHeldAs(number)) this.giveBack(pooled, error as Error)
      takeCallersStack(error)
      throw error
    }
  }

  /** Gives back the lease that lasts now, once; nothing happens if the pool has ended it meanwhile. */
  releaseOnce(pooled: LendableClient): (error?: Error | boolean) => void {
    const { lease, number } = pooled
    let isReleased = false
    return (error) => {
      if (isReleased && lease) this.#releasedTwice(lease, number)
      isReleased = true
      if (pooled.isHeldAs(number)) this.giveBack(pooled, error)
    }
  }

  /** The engine counts it, and tells who watches; the caller is told in pg's words. */
  #releasedTwice(lease: Lease<LendableClient>, number: number): never {
    try {
      this.lending.use(lease, number)
    } catch {
      // What it says is no news to the caller.
    }
    throw new Error(releasedText)
  }

  /** Hot path. It is idle, or whoever waits has it, before this returns; unless it must be cleaned or closed. */
  giveBack(pooled: LendableClient, error?: Error | boolean): void {
    const { client, lease, number } = pooled
    if (!lease) return
    client._poolUseCount = (client._poolUseCount ?? 0) + 1
    pooled.isTaken = false
    pooled.isUsed = true
    pooled.stopListening?.()
    if (!this.#setup.isNone) this.#setup.forget(pooled)
    emitSafely(this.#desk, 'release', error, client)
    // A listener may have removed it.
    if (!pooled.isHeldAs(number)) return
    if (error || this.#isSpent(pooled)) {
      return this.lending.destroy(pooled.slot, 'it was given back with an error, or can not be used any more')
    }
    const isDirty = this.#isDirty(pooled)
    if (this.#desk.options.allowExitOnIdle && !isDirty) client.unref?.()
    this.lending.release(lease, number, isDirty)
  }

  #isSpent({ client, failure }: LendableClient): boolean {
    const isExpended = (client._poolUseCount ?? 0) >= this.#desk.options.maxUses
    if (isExpended) this.#desk.log('remove expended client')
    return isExpended || failure !== undefined || !client._queryable || client._ending === true
  }

  /** Something must be done before anybody else may have it. */
  #isDirty({ client, cancelling }: LendableClient): boolean {
    const { reset } = this.#desk.options
    return isBusy(client) || isInTransaction(client) || cancelling !== undefined || typeof reset === 'function'
  }

  #cancelBy(signal: AbortSignal, pooled: LendableClient): void {
    this.whenAborted(signal, pooled, () => {
      if (isRunning(pooled.client)) void this.#keeper.cleaner.cancel(pooled)
    })
  }

  /** Has PostgreSQL end what runs on it. The client is lent on when that is over. */
  cancel(pooled: LendableClient): void {
    void this.#keeper.cleaner.cancel(pooled)
  }

  /** Calls `act` when `signal` is aborted within the lease that lasts now. */
  whenAborted(signal: AbortSignal, pooled: LendableClient, act: () => void): void {
    const stop = whenAborted(signal, act)
    pooled.stopListening = () => {
      pooled.stopListening = undefined
      stop()
    }
  }

  #reportLeak(holder: Holder): void {
    this.#desk.log('client has been held for long', holder)
    if (this.#desk.listenerCount('leak') > 0) emitSafely(this.#desk, 'leak', holder)
    else warnOfLeak(this.lending.settings.name, holder)
  }
}
