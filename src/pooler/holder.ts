import type { TaxirankError } from '../errors.ts'
import type { ClientListening } from './client-listening.ts'
import type { ClientStatements } from './client-statements.ts'
import type { ParameterSet } from './parameters.ts'
import type { ReplyReader } from './reply-reader.ts'

/** Who holds the lease. */
export interface Holder extends ReplyReader {
  readonly parameters: ParameterSet
  /** What they were at its login. */
  readonly login: ParameterSet
  /** What it has prepared. */
  readonly statements: ClientStatements
  /** Hot path. Its unnamed statement is no more, if it has one. */
  unnamedDropped(): void
  /** The newest Parse of it has failed, or was skipped. */
  unnamedFailed(): void
  /** It reads what its session last drew from a sequence. */
  readsSequences: boolean
  /** It has prepared something. */
  readonly hasStatements: boolean
  readonly applicationName: string
  /** Which line of its code holds the server, as it says itself: for people; empty: it doesn't. */
  readonly namedAs: string
  /** What it listens to, without keeping a server for that. */
  readonly listening: ClientListening
  /** It hears of this channel in that way. */
  hears(channel: string): boolean
  /** Not any more; undefined: of none. */
  unlisten(channels?: ReadonlySet<string>): void
  /** It keeps its server, and is between two transactions. */
  rested(): void
  /** It keeps its server for these reasons. */
  pinned(reasons: readonly string[]): void
  /** PostgreSQL is telling the client about a changed parameter: these are the values now. */
  parametersReported(parameters: ParameterSet): void
  /** The server has these values, and the client must be told what differs from its own. */
  parametersAdopted(parameters: ParameterSet): void
  /** Part of a message was sent to the server and the rest is still to come from the client. */
  readonly isMidMessage: boolean
  /** The server takes no more, or takes more again. */
  serverBlocked(): void
  serverDrained(): void
  /** A request of its is answered. `owed`: how many are not yet. */
  answered(status: number, owed: number): void
  /** It is told an error of ours, which ends it, in place of what it would be given next. */
  fail(error: TaxirankError): void
  /** A cancel is over, or a pipeline short enough again: the server may be written to. */
  mayReadOn(): void
  /** The lease has ended at the counted point. */
  unlinked(): void
  /** The server is gone and the lease with it. */
  serverLost(loss: ServerLoss): void
}

export interface ServerLoss {
  readonly error: TaxirankError
  /** The client has part of a message and will never get the rest. */
  readonly isMidReply: boolean
  /** PostgreSQL's own FATAL error has reached the client. */
  readonly isTold: boolean
}
