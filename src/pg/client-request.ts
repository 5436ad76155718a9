import type { Lease } from '../engine/lease.ts'
import { Request } from '../in-process/request.ts'
import type { PooledClient } from './pooled-client.ts'

/** Told once: an error, or a lease. Must not throw. */
export type Answer = (error: unknown, lease: Lease<PooledClient> | undefined) => void

/** Somebody who waits for a client. */
export class ClientRequest extends Request<PooledClient> {
  #answer: Answer = () => undefined

  answerTo(answer: Answer): void {
    this.#answer = answer
    this.ask()
  }

  protected override answer(error: unknown, lease: Lease<PooledClient> | undefined): void {
    const answer = this.#answer
    answer(error, lease)
  }
}
