/** A database that costs nothing: pools can be compared by what they add. Opening takes as long as it is told, and fails while it is down. */

import { EventEmitter } from 'node:events'

/** 0: in the same turn of the event loop. */
export interface StubDatabaseOptions {
  readonly openingMs: number
}

export class StubDatabase {
  /** When each attempt to open began, by `performance.now()`. */
  readonly attempts: number[] = []
  /** When each succeeded. */
  readonly openings: number[] = []
  isDown = false
  readonly #openingMs: number

  constructor({ openingMs }: StubDatabaseOptions) {
    this.#openingMs = openingMs
  }

  async open(): Promise<object> {
    this.attempts.push(performance.now())
    if (this.#openingMs > 0) await new Promise((resolve) => void setTimeout(resolve, this.#openingMs))
    if (this.isDown) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    this.openings.push(performance.now())
    return {}
  }
}

type Callback = (error?: Error) => void

/** What pools for pg need of a client, and no more. */
export class StubClient extends EventEmitter {
  readonly _queryable = true
  readonly _ending = false
  readonly #database: StubDatabase

  /** Pools hand all of their own options to their clients. */
  constructor({ database }: { readonly database: StubDatabase }) {
    super()
    this.#database = database
  }

  connect(callback: Callback): void {
    this.#database.open().then(() => callback(), callback)
  }

  end(callback?: Callback): void {
    process.nextTick(() => callback?.())
  }

  query(_text: unknown, _values: unknown, callback?: (error: undefined, result: object) => void): void {
    process.nextTick(() => callback?.(undefined, {}))
  }

  ref(): void {
    // Nothing keeps the process alive.
  }

  unref(): void {
    // As above.
  }
}
