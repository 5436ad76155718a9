/** What must never happen, and what may happen when something breaks on purpose. */

export type BreachKind =
  /** A token of another client. */
  | 'foreign token'
  /** A reply that no request of this client's asked for, or not at this place. */
  | 'unexpected message'
  /** The right reply with a wrong content. */
  | 'wrong content'
  /** A parameter of the session is not what this client set. */
  | 'wrong setting'
  /** The table and what clients were told disagree. */
  | 'wrong effect'
  /** A connection was lost while nothing was being broken. */
  | 'lost without a fault'
  /** Of something that this client listens to. */
  | 'missing notification'
  /** No progress for too long. */
  | 'stuck'

/** One breach is one too many. `transcript` is the end of what was said on the connection. */
export interface Breach {
  readonly kind: BreachKind
  readonly client: number
  readonly message: string
  readonly transcript: readonly string[]
}

/** Thrown where a breach is noticed. */
export class BreachError extends Error {
  readonly kind: BreachKind

  constructor(kind: BreachKind, message: string) {
    super(message)
    this.name = 'BreachError'
    this.kind = kind
  }
}

/** The connection is gone: a reset, an end, a failed connect, or a FATAL error announced it. */
export class LostError extends Error {
  /** For counting: a system error code, a SQLSTATE with its text, or how the connection ended. */
  readonly reason: string

  constructor(reason: string) {
    super(`connection lost: ${reason}`)
    this.name = 'LostError'
    this.reason = reason
  }
}

const tokens = /c(\d+):(\d+):[0-9a-f]{8}/g

/** Tokens in a text that are not of this client. */
export function foreignTokens(text: string, client: number): string[] {
  return [...text.matchAll(tokens)].filter((match) => Number(match[1]) !== client).map(([token]) => token)
}
