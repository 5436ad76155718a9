import type { Lease } from '../engine/lease.ts'
import type { Slot } from '../engine/slot.ts'
import { Entry } from '../in-process/entry.ts'
import { isRunning, type PgClient } from './pg-client.ts'

const pooled = Symbol('taxirank.pooled')

/** A client that a pool has made, and what the pool knows of it. */
export class LendableClient extends Entry {
  readonly client: PgClient
  readonly slot: Slot<LendableClient>
  /** The last that was granted. */
  lease: Lease<LendableClient> | undefined = undefined
  /** That lease's, as it was granted. */
  number = 0
  /** Its holder has not given it back. */
  isTaken = false
  /** Why it can't be used any more: it is closed when its holder gives it back. */
  failure: Error | undefined = undefined
  /** The pool's own query that runs on it is told of a failure. */
  onFailure: ((error: Error) => void) | undefined = undefined
  /** Cancels its query when the signal of its holder is aborted. */
  stopListening: (() => void) | undefined = undefined
  /** Cancel requests that PostgreSQL has not taken yet. */
  cancelling: Promise<void> | undefined = undefined
  /** Our own pooler stands between, and takes names of holders. */
  isBehindPooler = false
  /** Somebody has had it before. */
  isUsed = false
  /** What a holder wanted was sent ahead, and may be there still. */
  isSetUp = false
  /** What is sent ahead of its holder's first query ends that. */
  isUndoing = false

  constructor(client: PgClient, slot: Slot<LendableClient>) {
    super()
    this.client = client
    this.slot = slot
    Object.defineProperty(client, pooled, { value: this, configurable: true })
    Object.defineProperty(client, Symbol.asyncDispose, disposing)
  }

  override get isWorking(): boolean {
    return isRunning(this.client)
  }

  /** For `await using`, which asks the client, or what is wrapped around it, for this at once: gives back that lease and no later one. */
  disposer(asked: PgClient): () => Promise<void> {
    const { number } = this
    return async () => {
      if (this.isHeldAs(number)) asked.release?.()
    }
  }

  /** The lease it was lent by last is not over. */
  get isHeld(): boolean {
    return this.isHeldAs(this.number)
  }

  /** The lease with that number lasts. */
  isHeldAs(number: number): boolean {
    return this.lease?.number === number && number !== 0
  }

  /** Undefined for a client that no pool has made. */
  static of(client: PgClient): LendableClient | undefined {
    return (client as { [pooled]?: LendableClient })[pooled]
  }
}

/** One getter for all: with one of its own each client would be a slow object to V8, in everything that is done on it. */
const disposing: PropertyDescriptor & ThisType<PgClient> = {
  get() {
    return LendableClient.of(this)?.disposer(this)
  },
  /** Applications have had to make pg's clients disposable themselves. */
  set(dispose: unknown) {
    Object.defineProperty(this, Symbol.asyncDispose, { value: dispose, configurable: true, writable: true })
  },
  configurable: true,
}
