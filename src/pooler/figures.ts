/**
 * What can be seen of a pooler and done to it from outside: by the console, by the monitor, by signals. Plain values,
 * made when somebody asks; names are texts (UTF-8) here, not the byte strings of the wire.
 */

import type { SessionState } from './session-rules.ts'
import type { PoolSnapshot } from '../metrics/snapshot.ts'

export type PoolMode = 'session' | 'transaction' | 'statement'
export type LoadBalanceHosts = 'disable' | 'round-robin'

/** What a client does now. `login`: its login has not been decided. The last two carry a cancel request. */
export type ClientState = 'login' | 'idle' | 'active' | 'waiting' | 'active_cancel_req' | 'waiting_cancel_req'

/** What a server does now. `login`: it is being opened. `used`: idle for longer than server_check_delay. */
export type ServerState = 'login' | 'idle' | 'used' | 'tested' | 'active' | 'active_cancel' | 'being_canceled'

/** One connection, of either side. Times are milliseconds since the epoch. */
export interface ConnectionFigures<State> {
  readonly id: number
  readonly user: string
  readonly database: string
  readonly state: State
  /** `unix` on a unix socket; empty while it is not known. */
  readonly address: string
  readonly port: number
  readonly localAddress: string
  readonly localPort: number
  readonly connectedAtMs: number
  /** When its last request began; when it was connected, if there was none. */
  readonly requestedAtMs: number
  /** How long the request of a waiting client has been waiting; 0 otherwise. */
  readonly waitMs: number
  /** It is closed as soon as it is free. */
  readonly isMarked: boolean
  /** The id of the client's server, or the server's client. */
  readonly linkedTo: number | undefined
  /** The backend's process id, of a server; of a client on a unix socket the peer's; 0: not known. */
  readonly remotePid: number
  /** Protocol version and cipher; empty without TLS. */
  readonly tls: string
  readonly applicationName: string
  /** Named statements that it has prepared. */
  readonly preparedStatements: number
  /** Bytes that have been read and not passed on yet, and bytes that the kernel has not taken yet. */
  readonly heldBytes: number
  readonly unsentBytes: number
}

export type ClientFigures = ConnectionFigures<ClientState>
export type ServerFigures = ConnectionFigures<ServerState>

/** One pool: the servers of one database and user. */
export interface PoolFigures {
  readonly database: string
  readonly user: string
  readonly mode: PoolMode
  readonly loadBalanceHosts: LoadBalanceHosts | undefined
  readonly clients: Readonly<Record<Exclude<ClientState, 'login'>, number>>
  readonly servers: Readonly<Record<ServerState, number>>
  readonly longestWaitMs: number
  /** Servers that their clients keep beyond their transactions, how many may be, and for how long any were, in all. */
  readonly pinned: number
  readonly maxPinned: number
  readonly pinnedMs: number
  /** Clients for which its listening connection listens. */
  readonly listeners: number
  /** The engine's own figures of it, with its histograms. */
  readonly snapshot: PoolSnapshot
}

/** A server that its client keeps beyond its transaction. */
export interface PinFigures {
  readonly database: string
  readonly user: string
  readonly applicationName: string
  readonly clientId: number
  readonly serverId: number
  readonly reasons: readonly string[]
  /** Of the epoch. */
  readonly sinceMs: number
  readonly pinnedMs: number
  /** How long nothing has run on it; 0 while something does. */
  readonly idleMs: number
  /** Of its pool: how many there are, may be, and how many clients wait for a server. */
  readonly pinned: number
  readonly maxPinned: number
  readonly waiting: number
}

/** What a server does for its holder: as in pg_stat_activity. */
export type HoldingState = 'active' | 'idle' | 'idle in transaction' | 'idle in transaction (aborted)'

/** A client that holds a server. */
export interface HolderFigures {
  readonly database: string
  readonly user: string
  readonly applicationName: string
  readonly clientId: number
  readonly serverId: number
  readonly mode: PoolMode
  readonly state: HoldingState
  /** Of the epoch. */
  readonly sinceMs: number
  readonly heldMs: number
  /** How long nothing has run on it; 0 while something does. */
  readonly idleMs: number
  /** Why it keeps the server beyond its transaction; none: it doesn't. */
  readonly pinReasons: readonly string[]
  /** Which line of its code that is, as it says by SET taxirank.holder; empty: it doesn't. */
  readonly holder: string
}

/** Something that plain transaction pooling would break, and how often an application has done it. */
export interface AuditFigures {
  readonly database: string
  readonly user: string
  readonly applicationName: string
  readonly mode: PoolMode
  readonly sessionState: SessionState
  readonly what: string
  readonly times: number
  /** Of the epoch. */
  readonly firstAtMs: number
  readonly lastAtMs: number
}

/** What is recorded of a pool (docs/recording.md). */
export interface RecordingFigures {
  readonly database: string
  readonly user: string
  /** Callers that stand in it, how many may, and how many have been lost to newer ones. */
  readonly entries: number
  readonly capacity: number
  readonly overwritten: number
  /** For how long it has been recorded. */
  readonly recordedMs: number
}

export interface DatabaseFigures {
  readonly name: string
  /** As configured; undefined: by unix socket. */
  readonly host: string | undefined
  readonly port: number
  /** PostgreSQL's name of it. */
  readonly database: string
  readonly forcedUser: string | undefined
  readonly poolSize: number
  readonly minPoolSize: number
  readonly reservePoolSize: number
  readonly serverLifetimeMs: number
  /** Undefined: what is configured for all. */
  readonly mode: PoolMode | undefined
  readonly loadBalanceHosts: LoadBalanceHosts | undefined
  /** 0: no limit. */
  readonly maxServers: number
  readonly servers: number
  readonly maxClients: number
  readonly clients: number
  readonly isPaused: boolean
  readonly isDisabled: boolean
}

export interface UserFigures {
  readonly name: string
  /** Undefined: what is configured for the database or for all. */
  readonly poolSize: number | undefined
  readonly reservePoolSize: number | undefined
  readonly mode: PoolMode | undefined
  readonly maxServers: number
  readonly servers: number
  readonly maxClients: number
  readonly clients: number
}

/** What has happened since the start, for one database. Times are sums. */
export interface DatabaseCounters {
  /** How often a client was given a server. */
  readonly assignments: number
  readonly transactions: number
  readonly queries: number
  /** From clients, and from servers. */
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly transactionMs: number
  readonly queryMs: number
  readonly waitMs: number
  readonly clientParses: number
  readonly serverParses: number
  readonly binds: number
  readonly logins: number
}

export interface DatabaseStats {
  readonly database: string
  readonly total: DatabaseCounters
  /** Of the last whole stats_period: counts and bytes per second; times per transaction, query and assignment. */
  readonly average: DatabaseCounters
}

/** Sizes of the pooler's lists, as SHOW LISTS names them. */
export interface ListFigures {
  readonly databases: number
  readonly users: number
  readonly pools: number
  readonly clients: number
  readonly loggingIn: number
  readonly servers: number
  readonly dnsNames: number
  readonly dnsPending: number
}

export interface DnsHostFigures {
  readonly name: string
  readonly ttlSeconds: number
  readonly addresses: readonly string[]
}

export interface PoolerFigures {
  clients(): ClientFigures[]
  servers(): ServerFigures[]
  pools(): PoolFigures[]
  pins(): PinFigures[]
  /** The longest first. */
  holders(): HolderFigures[]
  audit(): AuditFigures[]
  /** Of the pools that are recorded. */
  recordings(): RecordingFigures[]
  /** The bytes of one, in the format of docs/recording.md; undefined: there is no such pool, or it isn't recorded. */
  recording(database: string, user: string): Uint8Array | undefined
  databases(): DatabaseFigures[]
  users(): UserFigures[]
  stats(): DatabaseStats[]
  lists(): ListFigures
  dnsHosts(): DnsHostFigures[]
  state(): { readonly isPaused: boolean; readonly isSuspended: boolean; readonly isDraining: boolean }
}

/**
 * What an administrator can do. An absent database means all of them; a name that is none throws `console_refused`, as does
 * what makes no sense now, with PgBouncer's text. What takes time resolves when it is done, and rejects with
 * `console_refused` when it is given up: by `resume`, by the pooler's end, or because whoever asked is gone, which
 * `abandoned` tells. That ends the wait only: PAUSE and SUSPEND stay in force until `resume`.
 */
export interface PoolerVerbs {
  /** Lends nothing any more, and resolves when every server is closed: idle ones are at once. Also of a name that only `*` knows. */
  pause(database?: string, abandoned?: AbortSignal): Promise<void>
  /**
   * Ends `pause`, `kill` and `suspend`; of one database only what was done to that one, and without a name only what was
   * done to all. Throws when nothing of it was in force.
   */
  resume(database?: string): void
  /** New clients are refused; those that are here stay. */
  disable(database: string): void
  enable(database: string): void
  /** Every server is closed as soon as it is free, and a new one opened instead. */
  reconnect(database?: string): void
  /** Closes clients and servers now, and leaves the database paused. */
  kill(database?: string): void
  /** False: there is no client with this id. */
  killClient(id: number): boolean
  /** Resolves when every server that is marked now (`isMarked`) has been closed. */
  waitClose(database?: string, abandoned?: AbortSignal): Promise<void>
  /** Nothing is read from clients any more, and it resolves when everything that was read is answered. After suspend_timeout those are closed of whom that is not true. */
  suspend(abandoned?: AbortSignal): Promise<void>
}
