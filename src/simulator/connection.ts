/** Connections of the simulated world: who opens one, who accepts it, and what becomes of it. */

import type { TaxirankError } from '../errors.ts'

/** Who has asked for a connection. Exactly one of `opened` and `failed` is called, unless it was closed before. */
export interface ConnectionUser {
  opened(connection: Connection, now: number): void
  failed(connection: Connection, error: TaxirankError, now: number): void
  /** It was open, and the other side is gone. */
  lost(connection: Connection, now: number): void
}

/** What connections lead to: the database, or a pooler. */
export interface Target {
  /** Begins to open; the user is called later. */
  connect(user: ConnectionUser, now: number): Connection
}

export interface Connection {
  /** Also while it is being opened: then nobody is called any more. */
  close(now: number): void
}
