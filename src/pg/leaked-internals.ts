/**
 * What pg's pool leaks of its insides and others have come to use, in the shapes they know. Nothing here is used by the pool
 * itself but `_clients` and `_endCallback`.
 */

import { EventEmitter } from 'node:events'
import type { ClientLeases } from './client-leases.ts'
import { LendableClient } from './lendable-client.ts'
import type { PgClient } from './pg-client.ts'
import type { FilledOptions } from './pool-options.ts'
import { releasedText } from './wording.ts'

export type ConnectCallback = (
  error: Error | undefined,
  client: PgClient | undefined,
  release: (error?: Error | boolean) => void,
) => void

export abstract class LeakedInternals extends EventEmitter {
  /** All clients that aren't being closed. */
  _clients: PgClient[] = []
  _endCallback: ((error?: Error) => void) | undefined = undefined
  abstract readonly options: FilledOptions
  protected abstract readonly leases: ClientLeases

  abstract connect(callback: ConnectCallback): unknown

  /** A picture of those that are idle. */
  get _idle(): readonly { readonly client: PgClient }[] {
    const { pool } = this.leases.lending
    const idle = this._clients.filter((client) => {
      const pooled = LendableClient.of(client)
      return pooled && pool.stateOf(pooled.slot) === 'idle'
    })
    return idle.map((client) => ({ client }))
  }

  /** A picture of those who wait, and for whom no client is being opened. */
  get _pendingQueue(): readonly unknown[] {
    const { pool } = this.leases.lending
    return pool.waiting > pool.opening ? pool.waiters().slice(pool.opening) : []
  }

  get _expired(): { has(client: PgClient): boolean } {
    return { has: isExpired }
  }

  _isFull(): boolean {
    return this._clients.length >= this.options.max
  }

  _isAboveMin(): boolean {
    return this._clients.length > this.options.min
  }

  /** Whoever can be served is served already, unless `options.max` has just become another. */
  _pulseQueue(): void {
    this.leases.followMax()
  }

  /** Closes a client of the pool, whoever has it. */
  _remove(client: PgClient, callback?: () => void): void {
    const pooled = LendableClient.of(client)
    if (!pooled || !this._clients.includes(client)) return callback?.()
    const removed = (gone: unknown): void => {
      if (gone !== client) return
      this.off('remove', removed)
      callback?.()
    }
    this.on('remove', removed)
    this.leases.lending.destroy(pooled.slot, 'it is removed')
  }

  /** Asks for a client: whichever is free first. */
  newClient({ callback }: { readonly callback: ConnectCallback }): void {
    this.connect(callback)
  }

  /** Lends a client that was just opened: as `newClient`. */
  _afterConnect(_client: PgClient, pendingItem: { readonly callback: ConnectCallback }): void {
    this.newClient(pendingItem)
  }

  _acquireClient(_client: PgClient, pendingItem: { readonly callback: ConnectCallback }): void {
    this.newClient(pendingItem)
  }

  _release(client: PgClient, _idleListener?: unknown, error?: Error | boolean): void {
    this._releaseOnce(client)(error)
  }

  /** Gives it back, once, if somebody has it now. */
  _releaseOnce(client: PgClient): (error?: Error | boolean) => void {
    const pooled = LendableClient.of(client)
    if (pooled) return this.leases.releaseOnce(pooled)
    return () => {
      throw new Error(releasedText)
    }
  }
}

export function isExpired(client: PgClient): boolean {
  return LendableClient.of(client)?.slot.retiring === 'lifetime'
}
