import type { PoolMode } from './figures.ts'

/** How a pool treats the sessions of its servers. Texts are byte strings. */
export interface SessionRules {
  /** How long a client keeps its server: until it leaves, for a transaction, or for one statement. */
  readonly mode: PoolMode
  /** Runs when a lease ends, in session mode; empty: nothing does. */
  readonly resetQuery: string
  /** It runs in every mode. */
  readonly resetsAlways: boolean
  /** Proves that an idle server still lives; empty: a Query without a statement; undefined: nothing does. */
  readonly checkQuery: string | undefined
  /** Runs once on every new server, before it is lent; empty: nothing does. */
  readonly connectQuery: string
  /** In session mode: a server that is to be closed is, as soon as no transaction is open, and its client with it. */
  readonly closesFast: boolean
  /** A server is closed when its first lease ends. */
  readonly isUsedOnce: boolean
  /** So many named statements are kept prepared on a server; 0: names are left as they are. In session mode they always are. */
  readonly maxPreparedStatements: number
  /** What becomes of what a client changes in a session beyond its transaction. In session mode it stays until the client leaves. */
  readonly sessionState: SessionState
}

/**
 * track: it follows its client, and where that can't be, the client keeps its server. pin: the client keeps its server. reset: it is removed before
 * another client gets the server. reject: such statements are refused. allow: it stays on the server, for whoever gets it next.
 */
export type SessionState = 'track' | 'pin' | 'reset' | 'reject' | 'allow'

export const transactionRules: SessionRules = {
  mode: 'transaction',
  resetQuery: '',
  resetsAlways: false,
  checkQuery: undefined,
  connectQuery: '',
  closesFast: false,
  isUsedOnce: false,
  maxPreparedStatements: 200,
  sessionState: 'track',
}

/** What runs when a lease ends; undefined: the server is lent on as it is. */
export function resetQueryOf({ mode, resetQuery, resetsAlways }: SessionRules): string | undefined {
  const isWanted = resetQuery !== '' && (mode === 'session' || resetsAlways)
  return isWanted ? resetQuery : undefined
}
