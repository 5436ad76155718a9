import { TransactionStatus } from '../wire/messages.ts'
import { type MessageBytes, readErrorFields } from '../wire/read.ts'

/** Why a Query of the pooler's own did not do what it was for. */
export interface ChoreFailure {
  readonly reason: string
  /** PostgreSQL's, if it said no. */
  readonly sqlState?: string
}

/** Who gave it. One of the two is called, once, unless the server is closed by the pooler meanwhile. */
export interface ChoreOwner {
  /** It was answered. */
  done(failure: ChoreFailure | undefined): void
  /** PostgreSQL closed the connection instead. */
  lost(failure: ChoreFailure): void
}

/**
 * A Query of the pooler's own on a server that nobody holds: a connect query, a check, a reset. Its rows are swallowed;
 * any error, and a transaction that it leaves open, is a failure.
 */
export class Chore {
  readonly #what: string
  readonly #owner: ChoreOwner
  #failure: ChoreFailure | undefined

  /** `what` it is called in messages: 'the check'. */
  constructor(what: string, owner: ChoreOwner) {
    this.#what = what
    this.#owner = owner
  }

  /** An ErrorResponse; of a very long one only the beginning. The first counts. */
  gotError(message: MessageBytes, isWhole: boolean): void {
    const fields = isWhole ? readErrorFields(message) : new Map<string, string>()
    const sqlState = fields.get('C')
    const reason = `${this.#what} failed: ${fields.get('M') ?? 'its error is too long to be shown'}`
    this.#failure ??= { reason, ...(sqlState !== undefined && { sqlState }) }
  }

  /** All is answered, and the session has this status. */
  end(status: number): void {
    const isOpen = status !== TransactionStatus.idle
    const left = isOpen ? { reason: `${this.#what} left a transaction open` } : undefined
    this.#owner.done(this.#failure ?? left)
  }

  lost(): void {
    this.#owner.lost(this.#failure ?? { reason: `the connection was closed during ${this.#what}` })
  }
}
