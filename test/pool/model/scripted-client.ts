/** A client that does nothing by itself: it has connected, answered, died or ended when the model says so. */

import { EventEmitter } from 'node:events'

type Callback = (error?: Error | null, result?: unknown) => void

interface Running {
  readonly text: string
  readonly callback: Callback
}

/** Hears of what a pool does with its clients. */
export interface ClientWatcher {
  made(client: ScriptedClient): void
  started(client: ScriptedClient, text: string): void
  answered(client: ScriptedClient, text: string): void
}

export class ScriptedClient extends EventEmitter {
  state: 'dialling' | 'open' | 'ending' | 'ended' = 'dialling'
  release?: (error?: Error | boolean) => void
  /** Its socket is dead. */
  isDead = false
  isInTransaction = false
  readonly _queryQueue: Running[] = []
  readonly connection = { stream: { destroy: (): void => this.#destroyed() } }
  readonly #watcher: ClientWatcher
  #connectCallback: Callback | undefined
  #endCallback: Callback | undefined

  constructor(watcher: ClientWatcher) {
    super()
    this.#watcher = watcher
    watcher.made(this)
  }

  // What a pool calls.

  connect(callback: Callback): void {
    this.#connectCallback = callback
  }

  query(query: string | { readonly text: string }, _values: unknown, callback: Callback): void {
    const text = typeof query === 'string' ? query : query.text
    if (this.isDead || this.state !== 'open') return void setImmediate(callback, new Error('not queryable'))
    this._queryQueue.push({ text, callback })
    this.#watcher.started(this, text)
  }

  end(callback?: Callback): void {
    this.state = 'ending'
    this.#endCallback = callback
  }

  getTransactionStatus(): string {
    return this.isInTransaction ? 'T' : 'I'
  }

  get _queryable(): boolean {
    return !this.isDead
  }

  get _ending(): boolean {
    return this.state === 'ending' || this.state === 'ended'
  }

  // What the model says.

  dialled(): void {
    this.state = 'open'
    this.#connectCallback?.(null)
  }

  dialFailed(error: Error): void {
    this.state = 'ended'
    this.#connectCallback?.(error)
  }

  /** Its oldest query is. */
  answer(error?: Error): void {
    const running = this._queryQueue.shift()
    if (!running) return
    if (running.text === 'ROLLBACK') this.isInTransaction = false
    this.#watcher.answered(this, running.text)
    running.callback(error ?? null, { rows: [] })
    if (this._queryQueue.length === 0) this.emit('drain')
  }

  die(): void {
    const error = new Error('Connection terminated unexpectedly')
    this.isDead = true
    this.#failAll(error)
    this.emit('error', error)
    this.emit('end')
  }

  ended(): void {
    this.#destroyed()
    this.emit('end')
    this.#endCallback?.()
  }

  #destroyed(): void {
    const wasDialling = this.state === 'dialling'
    this.state = 'ended'
    this.#failAll(new Error('Connection terminated'))
    if (wasDialling) setImmediate(() => this.#connectCallback?.(new Error('Connection terminated')))
  }

  #failAll(error: Error): void {
    for (const { text, callback } of this._queryQueue.splice(0)) {
      this.#watcher.answered(this, text)
      callback(error)
    }
  }
}
