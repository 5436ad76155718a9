/** How long a client may take for what, in milliseconds; 0: as long as it likes. */
export interface ClientLimits {
  /** A request, from when it came: waiting for a server counts. */
  readonly queryTimeoutMs: number
  /** Between two requests of a transaction. */
  readonly idleTransactionTimeoutMs: number
  /** A transaction, from its first request. */
  readonly transactionTimeoutMs: number
  /** Without a request or a transaction. */
  readonly clientIdleTimeoutMs: number
  /** A client that has waited for so long for a server is told so, once a wait. */
  readonly queryWaitNotifyMs: number
}

export const noClientLimits: ClientLimits = {
  queryTimeoutMs: 0,
  idleTransactionTimeoutMs: 0,
  transactionTimeoutMs: 0,
  clientIdleTimeoutMs: 0,
  queryWaitNotifyMs: 0,
}
