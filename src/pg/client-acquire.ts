import type { Lease } from '../engine/lease.ts'
import { PromisedAcquire } from '../in-process/acquire.ts'
import { rejectedWithCallersStack } from '../in-process/callers-stack.ts'
import type { ClientLeases } from './client-leases.ts'
import type { LendableClient } from './lendable-client.ts'
import type { PgClient } from './pg-client.ts'
import type { ConnectOptions } from './pool-options.ts'
import type { Wording } from './wording.ts'

/** Told once: an error, or a lease. Must not throw. */
export type Answer = (error: unknown, lease: Lease<LendableClient> | undefined) => void

/** Somebody who waits for a client: answered by a promise of it, or by a call. */
export class ClientAcquire extends PromisedAcquire<LendableClient, PgClient> {
  /** For whom the client is made ready, where a promise is the answer. */
  options: ConnectOptions | undefined = undefined
  wanted: string | undefined = undefined
  /** The caller's own. */
  callersSignal: AbortSignal | undefined = undefined
  #answer: Answer | undefined = undefined
  readonly #leases: ClientLeases
  readonly #wording: Wording

  constructor(leases: ClientLeases, wording: Wording) {
    super(leases.lending)
    this.#leases = leases
    this.#wording = wording
  }

  answerTo(answer: Answer): void {
    this.#answer = answer
    // Never within the call that has asked.
    if (this.isDecided) process.nextTick(() => this.ask())
    else this.ask()
  }

  protected override answer(error: unknown, lease: Lease<LendableClient> | undefined): void {
    const told = lease ? undefined : this.#wording.for(error)
    const answer = this.#answer
    if (!answer) return super.answer(told, lease)
    this.#answer = undefined
    this.#leases.lending.recycle(this)
    answer(told, lease)
  }

  protected override lent(lease: Lease<LendableClient>): PgClient | Promise<PgClient> {
    const { options, wanted } = this
    this.#leases.lending.recycle(this)
    return this.#leases.lend(lease, options, wanted)
  }
  protected override refusal(error: unknown): Promise<never> {
    return rejectedWithCallersStack(error, this.callersSignal)
  }
}
