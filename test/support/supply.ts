/** What a pool of anything is tried with: things that note what is done to them, named 1, 2 and so on as they are opened. */

import { createPool, type ResourcePool, type ResourcePoolOptions } from '../../src/in-process/resource-pool.ts'

export interface Thing {
  readonly name: number
  isOpen: boolean
}

/** Opens and closes at once, unless options say otherwise, and keeps the account. */
export class Supply {
  /** `opened 1`, `closed 1: it has been idle for long` and so on. */
  readonly heard: string[] = []
  /** The most that were open at one instant. */
  most = 0
  #opened = 0
  readonly #open = new Set<Thing>()

  /** How many are open now. */
  get size(): number {
    return this.#open.size
  }

  readonly open = (): Thing => {
    const thing = { name: ++this.#opened, isOpen: true }
    this.#open.add(thing)
    this.most = Math.max(this.most, this.size)
    this.heard.push(`opened ${thing.name}`)
    return thing
  }

  readonly close = (thing: Thing, reason: string): void => {
    thing.isOpen = false
    this.#open.delete(thing)
    this.heard.push(`closed ${thing.name}: ${reason}`)
  }

  pool(options: Partial<ResourcePoolOptions<Thing>> = {}): ResourcePool<Thing> {
    return createPool({ open: this.open, close: this.close, ...options })
  }
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { readonly code?: unknown }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('it was expected to reject')
}

/** Microtasks are run, and what the event loop has ready. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** What it is like now: microtasks are run, timers are not. */
export async function stateOf(promise: Promise<unknown>): Promise<'fulfilled' | 'rejected' | 'pending'> {
  const pending = new Promise<'pending'>((resolve) => setImmediate(resolve, 'pending'))
  return Promise.race([
    promise.then(
      () => 'fulfilled' as const,
      () => 'rejected' as const,
    ),
    pending,
  ])
}

/** Nothing that was promised is there before it is. */
export interface Gate<T> {
  readonly promise: Promise<T>
  readonly open: (value: T) => void
  readonly fail: (error: Error) => void
}

export function gate<T = void>(): Gate<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  return { promise, open: resolve, fail: reject }
}
