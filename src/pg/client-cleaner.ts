/** Makes a client fit to be lent on: what its last holder left running is over, no transaction is open, no cancel is on its way. */

import { canCancel, sendCancel } from './cancel.ts'
import type { LendableClient } from './lendable-client.ts'
import { isBusy, isInTransaction, type PgClient, runStatement } from './pg-client.ts'

/** What it needs of its pool. */
export interface CleanerDesk {
  readonly options: {
    /** Awaited, if it is a function. */
    readonly reset?: unknown
    /** The application's own sockets: a cancel by another would go astray. */
    readonly stream?: unknown
  }
  readonly log: (...args: unknown[]) => void
}

export class ClientCleaner {
  readonly #desk: CleanerDesk

  constructor(desk: CleanerDesk) {
    this.#desk = desk
  }

  /** Rejects if it can't be lent on. */
  async clean(pooled: LendableClient): Promise<void> {
    const { client } = pooled
    const { reset } = this.#desk.options
    const wasCancelled = pooled.cancelling !== undefined
    await pooled.cancelling
    if (pooled.failure) throw pooled.failure
    await settled(client)
    // A cancel that comes late meets this, and nothing else.
    if (wasCancelled) await runStatement(client, '').catch(() => undefined)
    if (isInTransaction(client)) {
      this.#desk.log('client was released inside a transaction: it is rolled back')
      await runStatement(client, 'ROLLBACK')
    }
    if (typeof reset === 'function') await (reset as (client: PgClient) => unknown)(client)
  }

  /** Asks PostgreSQL to end what runs on it; nothing else may be written to it before that is over. */
  cancel(pooled: LendableClient): Promise<void> {
    if (!canCancel(pooled.client) || this.#desk.options.stream !== undefined) return Promise.resolve()
    const before = pooled.cancelling
    const cancelling = Promise.all([before, sendCancel(pooled.client)]).then(([, isTaken]) => {
      if (!isTaken) pooled.failure ??= new Error('a cancel request may be on its way still')
      if (pooled.cancelling === cancelling) pooled.cancelling = undefined
    })
    pooled.cancelling = cancelling
    return cancelling
  }
}

function settled(client: PgClient): Promise<void> {
  if (!isBusy(client)) return Promise.resolve()
  return new Promise((resolve) => {
    const look = (): void => {
      if (isBusy(client)) return
      ;(client as unknown as { removeListener(event: string, listener: () => void): void }).removeListener(
        'drain',
        look,
      )
      resolve()
    }
    client.on('drain', look)
  })
}
