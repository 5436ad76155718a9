/**
 * The one error class and its catalogue. An error carries a code for programs, SQLSTATE and severity for the wire, a
 * message for people, and `retryable`: true only when nothing of the failed work reached PostgreSQL.
 * PostgreSQL's own errors never pass through here: they travel byte for byte.
 */

/** FATAL ends the client's connection, ERROR leaves it open. */
export type Severity = 'ERROR' | 'FATAL'

interface Entry {
  readonly sqlState: string
  readonly severity: Severity
  readonly retryable: boolean
}

const catalogue = {
  /** A peer sent bytes that the protocol, or the state it is in, does not allow. */
  protocol_violation: { sqlState: '08P01', severity: 'FATAL', retryable: false },
  /** Something PostgreSQL knows and this pooler refuses, with the reason in the message. */
  feature_not_supported: { sqlState: '0A000', severity: 'FATAL', retryable: false },
  /** The startup packet named a parameter that cannot be carried from server to server. */
  unsupported_startup_parameter: { sqlState: '08P01', severity: 'FATAL', retryable: false },
  no_such_database: { sqlState: '3D000', severity: 'FATAL', retryable: true },
  /** An administrator lets nobody in. */
  database_disabled: { sqlState: '55000', severity: 'FATAL', retryable: true },
  authentication_failed: { sqlState: '28000', severity: 'FATAL', retryable: true },
  /** A client's login did not finish within its limit. */
  login_timeout: { sqlState: '08P01', severity: 'FATAL', retryable: true },
  /** A client stopped in the middle of a message. */
  message_timeout: { sqlState: '08P01', severity: 'FATAL', retryable: false },
  /** Limits of a client's time, with the SQLSTATEs of PostgreSQL's own. */
  query_timeout: { sqlState: '57014', severity: 'FATAL', retryable: false },
  idle_transaction_timeout: { sqlState: '25P03', severity: 'FATAL', retryable: false },
  transaction_timeout: { sqlState: '25P04', severity: 'FATAL', retryable: false },
  client_idle_timeout: { sqlState: '57P05', severity: 'FATAL', retryable: true },
  too_many_clients: { sqlState: '53300', severity: 'FATAL', retryable: true },
  /** A waiter's time ran out. `cause` is the last connect failure, if the pool is down rather than exhausted. */
  acquire_timeout: { sqlState: '53300', severity: 'FATAL', retryable: true },
  /** As many wait as may. */
  queue_full: { sqlState: '53300', severity: 'FATAL', retryable: true },
  /** Refused under overload, so that others are served in time. */
  overloaded: { sqlState: '53300', severity: 'FATAL', retryable: true },
  /** A lease was used, or given back, that was over: a bug of whoever did. */
  stale_lease: { sqlState: '55000', severity: 'ERROR', retryable: false },
  /** All is held by callers who wait for one more themselves, this one among them: nobody would ever give back. */
  nested_acquire: { sqlState: '55000', severity: 'ERROR', retryable: false },
  /** The connection was lost while a COMMIT was on its way: nobody knows whether it took effect. */
  commit_unknown: { sqlState: '08007', severity: 'ERROR', retryable: false },
  /** A COMMIT was answered with ROLLBACK: an error before it had been swallowed. */
  transaction_rolled_back: { sqlState: '40000', severity: 'ERROR', retryable: false },
  /** A server could not be reached, or refused the login. `cause` or the message says which. */
  server_connect_failed: { sqlState: '08006', severity: 'FATAL', retryable: true },
  /** A server was lost with a request of the client's on it. Whether it ran is not known. */
  server_lost: { sqlState: '08006', severity: 'FATAL', retryable: false },
  /** A value of a tracked parameter that the server refused, or that cannot be carried safely. */
  parameter_refused: { sqlState: '22023', severity: 'FATAL', retryable: true },
  /** A text that is too long to be kept for the servers that will need it. */
  statement_too_long: { sqlState: '54000', severity: 'FATAL', retryable: true },
  /** More prepared statements than can be kept. */
  too_many_statements: { sqlState: '53400', severity: 'FATAL', retryable: true },
  /** A statement that would leave something in the session, where that is not allowed. */
  session_state_refused: { sqlState: '0A000', severity: 'ERROR', retryable: true },
  /** As many clients keep their servers as may. */
  too_many_pinned: { sqlState: '53300', severity: 'ERROR', retryable: true },
  /** A client that listens may have missed something: silence would hide it. */
  notifications_lost: { sqlState: '57P01', severity: 'FATAL', retryable: false },
  /** A cancel that met its request while it was still queued. */
  query_canceled: { sqlState: '57014', severity: 'ERROR', retryable: true },
  admin_shutdown: { sqlState: '57P01', severity: 'FATAL', retryable: true },
  console_refused: { sqlState: '08P01', severity: 'ERROR', retryable: true },
  /** Bytes that are no recording, or a damaged one: what and where is in the message. */
  bad_recording: { sqlState: '22P03', severity: 'ERROR', retryable: false },
  /** A number handed to the arithmetic of sizing that is outside what the formula holds for: name, range and value are in the message. */
  out_of_range: { sqlState: '22023', severity: 'ERROR', retryable: false },
  /** A configuration file or switch that is wrong: file, line, setting and allowed range are in the message. */
  bad_configuration: { sqlState: 'F0000', severity: 'FATAL', retryable: false },
  /** A TCP or unix socket that could not be opened for listening. */
  listen_failed: { sqlState: '58000', severity: 'FATAL', retryable: false },
} as const satisfies Record<string, Entry>

export type ErrorCode = keyof typeof catalogue

/** Why a caller got no lease in time, for programs. */
export interface Shortage {
  /** exhausted: all were leased. down: the last attempt to open one had failed. slow: one was still being opened. */
  readonly reason: 'exhausted' | 'down' | 'slow'
  readonly max: number
  readonly leased: number
  readonly opening: number
  /** Others who waited. */
  readonly waiting: number
  /** Who held a lease, the longest first, where the pool was told to look: `src/orders.ts:42`. */
  readonly holders: readonly { readonly site: string; readonly heldMillis: number; readonly stack: string }[]
}

/** Thrown, or handed over, for everything that goes wrong outside our own bugs. Messages never contain secrets. */
export class TaxirankError extends Error {
  readonly code: ErrorCode
  readonly sqlState: string
  readonly severity: Severity
  readonly retryable: boolean
  /** Of `acquire_timeout` in an application's own pool. */
  readonly shortage: Shortage | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; sqlState?: string; shortage?: Shortage } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'TaxirankError'
    this.code = code
    this.sqlState = options.sqlState ?? catalogue[code].sqlState
    this.severity = catalogue[code].severity
    this.retryable = catalogue[code].retryable
    this.shortage = options.shortage
  }
}
