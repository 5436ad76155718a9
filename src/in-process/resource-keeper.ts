/** Opens, checks, resets and closes what `createPool` lends, by the functions it was given: each may fail, or take for ever. */

import type { ResourceOwner } from '../engine/options.ts'
import type { Slot } from '../engine/slot.ts'
import { type Acquire } from './acquire.ts'
import { asError } from './any-error.ts'
import { now } from './clock.ts'
import { Entry } from './entry.ts'
import type { Lending } from './lending.ts'
import type { LendingSettings } from './options.ts'
import { deadlines } from './timed-deadlines.ts'

/** How a pool gets what it lends. What they throw, or reject with, counts as failed. */
export interface ResourceFunctions<T> {
  /** `signal` is aborted when `openTimeoutMillis` is over or nobody needs it any more; what comes later is closed. */
  readonly open: (signal: AbortSignal) => T | PromiseLike<T>
  /** Default: nothing is to be done. */
  readonly close?: ((resource: T, reason: string) => unknown) | undefined
  /** Whether it still works: `false` says no, anything else yes. */
  readonly check?: ((resource: T) => unknown) | undefined
  /** Makes it as it was when it was opened; done after each lease, before the next. */
  readonly reset?: ((resource: T) => unknown) | undefined
}

export class PooledResource<T> extends Entry {
  readonly resource: T
  readonly slot: Slot<PooledResource<T>>

  constructor(resource: T, slot: Slot<PooledResource<T>>) {
    super()
    this.resource = resource
    this.slot = slot
  }
}

type ResourceSlot<T> = Slot<PooledResource<T>>

export class ResourceKeeper<T> implements ResourceOwner<PooledResource<T>> {
  readonly check?: (slot: ResourceSlot<T>) => void
  readonly reset?: (slot: ResourceSlot<T>) => void
  readonly #functions: ResourceFunctions<T>
  readonly #settings: Pick<LendingSettings, 'openTimeoutMillis' | 'closeTimeoutMillis'>
  readonly #lending: () => Lending<PooledResource<T>, Acquire<PooledResource<T>>>
  readonly #attempts = new Map<ResourceSlot<T>, AbortController>()

  /** `lending` is asked for when something was opened, not before. */
  constructor(
    functions: ResourceFunctions<T>,
    settings: Pick<LendingSettings, 'openTimeoutMillis' | 'closeTimeoutMillis'>,
    lending: () => Lending<PooledResource<T>, Acquire<PooledResource<T>>>,
  ) {
    this.#functions = functions
    this.#settings = settings
    this.#lending = lending
    const { check, reset } = functions
    if (check) this.check = (slot) => void this.#check(slot, check.bind(functions))
    if (reset) this.reset = (slot) => void this.#reset(slot, reset.bind(functions))
  }

  open(slot: ResourceSlot<T>): void {
    const attempt = new AbortController()
    this.#attempts.set(slot, attempt)
    const { openTimeoutMillis } = this.#settings
    const limit = deadlines.limit(openTimeoutMillis, () => this.#tookTooLong(slot, openTimeoutMillis))
    void this.#openBy(slot, attempt).finally(() => deadlines.stop(limit))
  }

  close(slot: ResourceSlot<T>, reason: string): void {
    const attempt = this.#attempts.get(slot)
    if (attempt) return this.#giveUp(slot, attempt, reason)
    void this.#closeInTime(slot.resource.resource, reason, () => this.#lending().pool.closed(slot, now()))
  }

  async #openBy(slot: ResourceSlot<T>, attempt: AbortController): Promise<void> {
    let resource: T
    try {
      resource = await this.#functions.open(attempt.signal)
    } catch (error) {
      if (this.#attempts.delete(slot)) this.#lending().openFailed(slot, asError(error), true)
      return
    }
    if (!this.#attempts.delete(slot)) return this.#closeInTime(resource, 'it was opened too late', () => undefined)
    this.#lending().opened(slot, new PooledResource(resource, slot))
  }

  #tookTooLong(slot: ResourceSlot<T>, limitMs: number): void {
    const attempt = this.#attempts.get(slot)
    if (!attempt) return
    this.#attempts.delete(slot)
    const error = new Error(`opening took longer than ${limitMs} ms`)
    attempt.abort(error)
    this.#lending().openFailed(slot, error, true)
  }

  #giveUp(slot: ResourceSlot<T>, attempt: AbortController, reason: string): void {
    this.#attempts.delete(slot)
    attempt.abort(new Error(`opening was given up: ${reason}`))
    this.#lending().pool.closed(slot, now())
  }

  /** Calls `done` when it is closed, or has had its time. */
  async #closeInTime(resource: T, reason: string, done: () => void): Promise<void> {
    const { closeTimeoutMillis } = this.#settings
    let finish = (): void => {
      finish = () => undefined
      if (closeTimeoutMillis > 0) deadlines.letProcessEnd()
      done()
    }
    const limit = deadlines.limit(closeTimeoutMillis, () => finish())
    if (closeTimeoutMillis > 0) deadlines.keepProcess()
    try {
      await this.#functions.close?.(resource, reason)
    } catch {
      // It is not lent any more, whatever has become of it.
    }
    deadlines.stop(limit)
    finish()
  }

  async #check(slot: ResourceSlot<T>, check: (resource: T) => unknown): Promise<void> {
    const { pool } = this.#lending()
    try {
      if ((await check(slot.resource.resource)) === false) throw new Error('check said no')
      pool.checked(slot, now())
    } catch (error) {
      pool.checkFailed(slot, asError(error).message, now())
    }
  }

  async #reset(slot: ResourceSlot<T>, reset: (resource: T) => unknown): Promise<void> {
    const { pool } = this.#lending()
    try {
      await reset(slot.resource.resource)
      pool.resetDone(slot, now())
    } catch (error) {
      pool.resetFailed(slot, asError(error).message, now())
    }
  }
}
