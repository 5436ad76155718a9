/** A client without a server: all that a pool needs of one, answered in the next turn unless a test says otherwise. */

import { EventEmitter } from 'node:events'

type Callback = (error?: Error | null, result?: unknown) => void

export class StubClient extends EventEmitter {
  readonly options: Readonly<Record<string, unknown>>
  release?: (error?: Error | boolean) => void
  _queryable = true
  _ending = false
  _poolUseCount?: number
  readyForQuery = true
  isReferenced = true

  constructor(options: Readonly<Record<string, unknown>>) {
    super()
    this.options = options
  }

  connect(callback: Callback): void {
    setImmediate(callback, null)
  }

  query(_text: unknown, values: unknown, callback?: Callback): void {
    const call = typeof values === 'function' ? (values as Callback) : callback
    setImmediate(() => call?.(null, { rows: [] }))
  }

  end(callback?: () => void): void {
    this._ending = true
    setImmediate(() => {
      this.emit('end')
      callback?.()
    })
  }

  ref(): void {
    this.isReferenced = true
  }

  unref(): void {
    this.isReferenced = false
  }
}
