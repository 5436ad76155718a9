/**
 * What a pooler is told. Everything may be replaced while it runs (`Pooler.reconfigure`), and is checked as a whole before
 * anything changes. Names are byte strings (latin1), as in startup packets; times are in milliseconds.
 */

import { TaxirankError } from '../errors.ts'
import type { Credentials } from '../auth/secret.ts'
import type { ServerAddress, ServerEncryption } from '../server/target.ts'
import type { AuthenticationOptions } from './authentication.ts'
import type { ClientLimits } from './client-limits.ts'
import type { LoadBalanceHosts, PoolMode } from './figures.ts'
import type { SessionState } from './session-rules.ts'

/** What one pool may be like. 0 is no limit, but for the reserve. */
export interface PoolSettings {
  readonly poolSize: number
  /** Servers beyond `poolSize` for whoever has waited for `reserveAfterMs`. */
  readonly reservePoolSize: number
  readonly queryWaitTimeoutMs: number
  /** Absent: what is said for all. */
  readonly poolMode?: PoolMode
  readonly sessionState?: SessionState
  readonly maxPinned?: number
}

/** A database that clients may name. */
export interface Database extends PoolSettings {
  /** One or more. */
  readonly addresses: readonly ServerAddress[]
  /** round-robin: each new server goes to the next address. disable: all go to one, until it fails. Absent: round-robin. */
  readonly loadBalanceHosts?: LoadBalanceHosts
  /** Its name in PostgreSQL; absent: the name that the client used. */
  readonly name?: string
  /** Who logs in to PostgreSQL, whoever the client is; absent: the client's user. */
  readonly user?: string
  /** Startup parameters for its servers. */
  readonly parameters?: ReadonlyMap<string, string>
  /** Runs once on every new server, before it is lent. A byte string, as all queries. */
  readonly connectQuery?: string
  /** What logs `user` in, and nobody else. */
  readonly credentials?: Credentials
  /** Differs when the credentials do, and doesn't tell them. */
  readonly credentialsId?: string
  /** How to look up users of whom nothing is stored. */
  readonly authQuery?: AuthQuerySource
  /** Servers that are kept open while the pool has clients, or, if the database forces a user, always. */
  readonly minPoolSize: number
  /** 0: a server is used once. */
  readonly serverLifetimeMs: number
  /** Over all its pools; 0: no limit. */
  readonly maxServers: number
  readonly maxClients: number
}

/** Where auth_query runs, as whom, and what it is. */
export interface AuthQuerySource {
  /** One or more, taken in turn. */
  readonly addresses: readonly ServerAddress[]
  /** PostgreSQL's name of the database; absent: that of the database that the client asks for. */
  readonly database?: string
  readonly user: string
  readonly credentials: Credentials
  /** A byte string. */
  readonly query: string
}

/** What is said of one user, over what the database says. For pools the user that logs in to PostgreSQL counts. */
export interface User extends Partial<PoolSettings> {
  /** Absent: what is said for all. */
  readonly maxServers?: number
  readonly maxClients?: number
}

export interface PoolerOptions {
  readonly databases: ReadonlyMap<string, Database>
  /** For every other name. */
  readonly databaseTemplate?: Database
  /** Who may log in, and how they prove who they are. */
  readonly authentication: AuthenticationOptions
  /** How long looking one user up may take. */
  readonly authQueryTimeoutMs: number
  /** Clients must encrypt, except on unix sockets. */
  readonly isTlsRequired: boolean
  readonly serverEncryption: ServerEncryption
  /** Differs when servers must be opened anew to be encrypted as they should. */
  readonly serverEncryptionId: string
  readonly userOptions: ReadonlyMap<string, User>
  readonly maxClients: number
  /** Servers and clients of one user, over all databases; 0: no limit. */
  readonly maxUserServers: number
  readonly maxUserClients: number
  readonly ignoredStartupParameters: ReadonlySet<string>
  /** What is logged of clients, and the figures of each `statsPeriodMs`. */
  readonly logs: {
    readonly connections: boolean
    readonly disconnections: boolean
    readonly errors: boolean
    readonly stats: boolean
  }
  /** Also how long a login waits for a pool's first server. */
  readonly clientLoginTimeoutMs: number
  readonly serverConnectTimeoutMs: number
  /** The longest pause between attempts to reach a database that is down. */
  readonly serverLoginRetryMs: number
  readonly cancelWaitTimeoutMs: number
  /** 0: there is no reserve. */
  readonly reserveAfterMs: number
  /** Idle servers are lent in turn; otherwise the most recently used one first. */
  readonly isServerRoundRobin: boolean
  readonly serverIdleTimeoutMs: number
  /** After so long without clients and servers a database that only the template knows is forgotten; 0: never. */
  readonly autodbIdleTimeoutMs: number
  /** The same for a pool. */
  readonly poolIdleTimeoutMs: number
  readonly statsPeriodMs: number
  /** How long SUSPEND waits for what has been read to be answered; 0: for ever. */
  readonly suspendTimeoutMs: number
  /** Absent: transaction. */
  readonly poolMode?: PoolMode
  /** Absent or empty: nothing runs when a lease ends. */
  readonly serverResetQuery?: string
  readonly serverResetQueryAlways?: boolean
  /** Empty: a Query without a statement. Absent: servers are not checked. */
  readonly serverCheckQuery?: string
  /** 0: before every lease; absent: only when it is suspect. */
  readonly serverCheckDelayMs?: number
  readonly serverFastClose?: boolean
  /** Absent: 200. */
  readonly maxPreparedStatements?: number
  /** Absent: track. */
  readonly sessionState?: SessionState
  /** One in so many leases of a pool ends with a look at all that is in the session; 0: none; absent: 10,000. */
  readonly sessionAuditEvery?: number
  /** How many of its newest arrivals each pool records, up to 10,000,000; 0 or absent: none. */
  readonly recordingEntries?: number
  /** Another pooler stands behind this one, or not; absent: it is found out. */
  readonly serverIsPooler?: boolean
  /** So many servers of a pool may be kept by clients beyond their transactions; absent: all but one. */
  readonly maxPinned?: number
  /** Of every client, but for the users that have limits of their own. */
  readonly clientLimits?: ClientLimits
  readonly userClientLimits?: ReadonlyMap<string, ClientLimits>
  /** Carried from server to server with the client, beyond those that PostgreSQL itself reports. Can't change while it runs. */
  readonly trackedExtraParameters?: ReadonlySet<string>
  /** A NoticeResponse that every client gets at its login. */
  readonly loginNotice?: Buffer
  /** The client's address is appended to its application_name. */
  readonly applicationNameAddHost?: boolean
  /** Query is refused: clients have to use the extended protocol. Can't change while it runs. */
  readonly disableQuery?: boolean
  /** Of one message, in either direction. Can't change while it runs. */
  readonly maxPacketBytes?: number
  /** How long a server may take to come to rest for a client that is gone. */
  readonly settleTimeoutMs: number
  /** How long a client may stop in the middle of a message. */
  readonly halfMessageTimeoutMs: number
}

/** Throws `bad_configuration`. */
export function checkOptions(options: PoolerOptions): void {
  const { databases, databaseTemplate, userOptions, logs: _, ...rest } = options
  checkNumbers('', rest)
  if (options.statsPeriodMs === 0) refuse('statsPeriodMs must be above 0')
  for (const [name, database] of databases) checkDatabase(`database ${name}: `, database)
  if (databaseTemplate) checkDatabase('database *: ', databaseTemplate)
  for (const [name, user] of userOptions) checkNumbers(`user ${name}: `, user)
}

function checkDatabase(where: string, database: Database): void {
  if (database.addresses.length === 0) refuse(`${where}there must be an address`)
  checkNumbers(where, database)
}

function checkNumbers(where: string, values: object): void {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== 'number') continue
    const isTime = name.endsWith('Ms')
    const fits = value >= 0 && value <= Number.MAX_SAFE_INTEGER && (isTime || Number.isInteger(value))
    if (!fits) refuse(`${where}${name} must be ${isTime ? 'a number' : 'a whole number'}, 0 or more, got ${value}`)
  }
}

function refuse(text: string): never {
  throw new TaxirankError('bad_configuration', text)
}
