/**
 * The pooler: who may log in, which pool a login belongs to, whose cancel key is whose, and how everything ends. The
 * road of a query itself runs through `pooled-client.ts` and `pooled-server.ts`.
 */

import type { CancelPacket, Client, ClientHandler, Startup } from '../client/client.ts'
import { List } from '../engine/list.ts'
import { TaxirankError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ServerAddress } from '../server/server.ts'
import { Deadline, Deadlines } from '../time.ts'
import { Arrival, type ArrivalOwner } from './arrival.ts'
import { Arrivals } from './arrivals.ts'
import { CancelKeys } from './cancel-keys.ts'
import { type LoginRequest, LoginRequests, type SessionStart } from './login-requests.ts'
import { type ClientLimits, noClientLimits } from './client-limits.ts'
import type { PoolMode } from './figures.ts'
import { type ParameterSet, ParameterSets, TrackedParameters } from './parameters.ts'
import { type ClientOwner, PooledClient } from './pooled-client.ts'
import { type SessionRules, transactionRules } from './session-rules.ts'
import { type PoolSurroundings, ServerPool, type ServerPoolFigures } from './server-pool.ts'
import { backendRules, Frontend, frontendRules, limited } from '../wire/messages.ts'
import type { Trace } from './trace.ts'

/** A database that clients may name. Names are byte strings (latin1), as in startup packets. */
export interface Database {
  readonly address: ServerAddress
  /** Its name in PostgreSQL; absent: the name that the client used. */
  readonly name?: string
  /** Who logs in to PostgreSQL, whoever the client is; absent: the client's user. */
  readonly user?: string
  /** Startup parameters for its servers. */
  readonly parameters?: ReadonlyMap<string, string>
  readonly poolSize: number
  /** Absent: the pooler's. */
  readonly poolMode?: PoolMode
  /** Runs once on every new server, before it is lent. A byte string. */
  readonly connectQuery?: string
}

export interface PoolerOptions {
  readonly databases: ReadonlyMap<string, Database>
  /** For every other name. */
  readonly databaseTemplate?: Database
  /** Who may log in; absent: anybody. */
  readonly users?: ReadonlySet<string>
  readonly maxClients: number
  readonly ignoredStartupParameters: ReadonlySet<string>
  /** What is logged of clients. */
  readonly logs: { readonly connections: boolean; readonly disconnections: boolean; readonly errors: boolean }
  readonly clientLoginTimeoutMs: number
  readonly queryWaitTimeoutMs: number
  readonly serverConnectTimeoutMs: number
  /** The longest pause between attempts to reach a database that is down. */
  readonly serverLoginRetryMs: number
  readonly cancelWaitTimeoutMs: number
  /** How long a server may take to come to rest for a client that is gone. */
  readonly settleTimeoutMs: number
  /** How long a client may stop in the middle of a message. */
  readonly halfMessageTimeoutMs: number
  /** Absent: transaction. A user's goes before a database's, and that before this. */
  readonly poolMode?: PoolMode
  readonly userPoolModes?: ReadonlyMap<string, PoolMode>
  /** Absent or empty: nothing runs when a lease ends. Byte strings, as all queries. */
  readonly serverResetQuery?: string
  readonly serverResetQueryAlways?: boolean
  /** Empty: a Query without a statement. Absent: servers are not checked. */
  readonly serverCheckQuery?: string
  /** 0: before every lease; absent: only when it is suspect. */
  readonly serverCheckDelayMs?: number
  readonly serverFastClose?: boolean
  /** 0: a server is used once; absent: for as long as it lives. */
  readonly serverLifetimeMs?: number
  /** Absent or 0: no limit. */
  readonly serverIdleTimeoutMs?: number
  readonly serverRoundRobin?: boolean
  /** Of every client, but for the users that have limits of their own. */
  readonly clientLimits?: ClientLimits
  readonly userClientLimits?: ReadonlyMap<string, ClientLimits>
  /** Carried from server to server with the client, beyond those that PostgreSQL itself reports. */
  readonly trackedExtraParameters?: ReadonlySet<string>
  /** The client's address is appended to its application_name. */
  readonly applicationNameAddHost?: boolean
  /** Query is refused: clients have to use the extended protocol. */
  readonly disableQuery?: boolean
  /** Of one message, in either direction. */
  readonly maxPacketBytes?: number
}

/** The console's name as a database, and who serves it: handed in, since the console knows the pooler. */
export interface ConsoleDoor {
  readonly database: string
  /** How many are in. */
  readonly clients: number
  /** Throws if this user may not come in. */
  open(client: Client, user: string): ClientHandler
  /** Sends everybody away. */
  end(error: TaxirankError): void
}

export interface PoolerParts {
  readonly log: Log
  readonly trace: Trace
  readonly now: () => number
  readonly console: ConsoleDoor
}

/**
 * Connections beyond `maxClients` that are let in to cancel, to reach the console, or to be told that there is no room. Past
 * these the oldest that has not logged in is reset.
 */
const arrivalReserve = 16

/** servers: clients with a server may finish their transaction. clients: everybody may stay as long as they like. */
export type DrainMode = 'servers' | 'clients'

export class Pooler implements ArrivalOwner, ClientOwner {
  readonly #options: PoolerOptions
  readonly #parts: PoolerParts
  readonly #around: PoolSurroundings
  readonly #deadlines: Deadlines
  readonly #pools = new Map<string, ServerPool>()
  readonly #arrivals: Arrivals
  readonly #clients = new List<PooledClient>()
  readonly #keys = new CancelKeys()
  readonly #requests: LoginRequests
  readonly #drained: (() => void)[] = []
  #drainMode: DrainMode | undefined
  #shutdown: TaxirankError | undefined
  #lastServerId = 0
  #lastPoolId = 0

  constructor(options: PoolerOptions, parts: PoolerParts) {
    this.#options = options
    this.#parts = parts
    this.#deadlines = new Deadlines(parts.now())
    this.#arrivals = new Arrivals(options.clientLoginTimeoutMs, this.#deadlines, parts.log)
    this.#around = {
      log: parts.log,
      trace: parts.trace,
      parameterSets: new ParameterSets(),
      tracked: new TrackedParameters(options.trackedExtraParameters),
      ...framingOf(options),
      deadlines: this.#deadlines,
      settleTimeoutMs: options.settleTimeoutMs,
      now: parts.now,
      nextServerId: () => ++this.#lastServerId,
    }
    this.#requests = new LoginRequests(
      options.ignoredStartupParameters,
      this.#around.parameterSets,
      this.#around.tracked,
    )
  }

  get shutdown(): TaxirankError | undefined {
    return this.#shutdown
  }

  /** A connection was accepted: its handler from now on. */
  clientArrived(client: Client): ClientHandler {
    this.#parts.trace.clientAccepted(client.id)
    const arrival = new Arrival(client, this)
    this.#arrivals.add(arrival, this.#parts.now())
    if (this.#connections > this.#options.maxClients + arrivalReserve) this.#arrivals.makeRoom()
    return arrival
  }

  get #connections(): number {
    return this.#arrivals.size + this.#clients.size + this.#parts.console.clients
  }

  /** Ends whatever has run out of time. To be called every few dozen milliseconds. */
  advance(): void {
    const now = this.#parts.now()
    this.#deadlines.advance(now)
    this.#arrivals.advance(now)
    for (const [name, pool] of this.#pools) if (pool.isUnused) this.#pools.delete(name)
    if (this.#drainMode) this.#drainOn()
  }

  /** The process or the machine was stopped for a while: what is idle may be dead without anybody having noticed. */
  suspectIdle(): void {
    for (const pool of this.#pools.values()) pool.suspectIdle()
  }

  figures(): ServerPoolFigures[] {
    const now = this.#parts.now()
    return [...this.#pools.values()].map((pool) => pool.figures(now))
  }

  // Login.

  login(arrival: Arrival, startup: Startup): void {
    const { client } = arrival
    try {
      const request = this.#requests.of(startup)
      if (request.database === this.#parts.console.database) return this.#openConsole(arrival, request.user)
      this.#logIn(arrival, request, this.#poolFor(request))
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      client.fail(error)
      if (this.#options.logs.errors) this.#parts.log.warning(`client ${client.id} was told: ${error.message}`)
    }
  }

  #openConsole(arrival: Arrival, user: string): void {
    const { client } = arrival
    const handler = this.#parts.console.open(client, user)
    this.#arrivals.remove(arrival)
    client.handler = handler
    this.#parts.trace.clientAuthenticated(client.id, 0)
  }

  /** Throws what the client may not do: unknown user, too many clients, no such database. */
  #poolFor(request: LoginRequest): ServerPool {
    const { users, maxClients, databases, databaseTemplate } = this.#options
    if (this.#shutdown) throw this.#shutdown
    if (this.#drainMode) throw shutdownError
    if (users && !users.has(request.user)) {
      throw new TaxirankError(
        'authentication_failed',
        `"trust" authentication failed for user "${shown(request.user)}"`,
      )
    }
    if (this.#clients.size >= maxClients) {
      const text = `no more connections allowed: max_client_conn is ${maxClients}, and all are in use`
      throw new TaxirankError('too_many_clients', text)
    }
    const database = databases.get(request.database) ?? databaseTemplate
    if (!database) throw new TaxirankError('no_such_database', `no such database: ${shown(request.database)}`)
    return this.#pool(request, database)
  }

  #pool(request: LoginRequest, database: Database): ServerPool {
    const { database: name, user } = request
    const serverUser = database.user ?? user
    const key = request.poolKey(serverUser)
    const known = this.#pools.get(key)
    if (known) return known
    const login = new Map([['user', serverUser], ['database', database.name ?? name], ...(database.parameters ?? [])])
    const options = this.#options
    const pool = new ServerPool(
      {
        id: ++this.#lastPoolId,
        database: name,
        user: serverUser,
        address: database.address,
        startup: login,
        size: database.poolSize,
        waitTimeoutMs: options.queryWaitTimeoutMs,
        connectTimeoutMs: options.serverConnectTimeoutMs,
        retryMaxMs: options.serverLoginRetryMs,
        cancelTimeoutMs: options.cancelWaitTimeoutMs,
        rules: this.#rulesFor(serverUser, database),
        ...engineOptionsOf(options),
      },
      this.#around,
    )
    this.#pools.set(key, pool)
    return pool
  }

  #rulesFor(user: string, { poolMode, connectQuery = '' }: Database): SessionRules {
    const options = this.#options
    return {
      mode: options.userPoolModes?.get(user) ?? poolMode ?? options.poolMode ?? transactionRules.mode,
      resetQuery: options.serverResetQuery ?? transactionRules.resetQuery,
      resetsAlways: options.serverResetQueryAlways ?? transactionRules.resetsAlways,
      checkQuery: options.serverCheckQuery,
      connectQuery,
      closesFast: options.serverFastClose ?? transactionRules.closesFast,
      isUsedOnce: options.serverLifetimeMs === 0,
    }
  }

  /** The pool's parameters known, no server is needed; otherwise the client waits for one to learn them. */
  #logIn(arrival: Arrival, request: LoginRequest, pool: ServerPool): void {
    const { client } = arrival
    request.assertCarried(pool.mode)
    const { clientLimits = noClientLimits, userClientLimits } = this.#options
    const limits = userClientLimits?.get(request.user) ?? clientLimits
    const traffic = this.#parts.trace.clientTraffic(client.id)
    const pooled = new PooledClient(client, pool, this.#keys, traffic, limits, this)
    this.#clients.push(pooled)
    this.#arrivals.remove(arrival)
    client.handler = pooled
    pool.clientOpened(client.id)
    const start = (base: ParameterSet): SessionStart => this.#named(client, request.startOver(base, pool.mode))
    if (pool.parameters) this.#welcome(pooled, pool.parameters, start)
    else pooled.awaitPool(() => this.#welcome(pooled, pool.parameters as ParameterSet, start))
  }

  #named(client: Client, start: SessionStart): SessionStart {
    if (!this.#options.applicationNameAddHost) return start
    const { parameters, settings } = start
    const name = parameters.values.get('application_name') || 'app'
    const full = `${name} - ${client.remoteAddress}:${client.remotePort}`
    return { parameters: this.#around.parameterSets.with(parameters, 'application_name', full), settings }
  }

  #welcome(pooled: PooledClient, base: ParameterSet, start: (base: ParameterSet) => SessionStart): void {
    try {
      pooled.welcome(start(base))
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      return pooled.fail(error)
    }
    if (this.#options.logs.connections) this.#parts.log.info(`${pooled.name} logged in`)
  }

  arrivalClosed(arrival: Arrival, isReset: boolean): void {
    this.#arrivals.remove(arrival)
    this.#parts.trace.clientClosed(arrival.client.id, isReset)
  }

  arrivalCrashed(arrival: Arrival, error: unknown): void {
    this.#logCrash(arrival.client.id, error)
  }

  // Cancel.

  /** The connection that carried it is closed when the cancel is over: its sender may rely on that. */
  cancel(arrival: Arrival, packet: CancelPacket): void {
    this.#arrivals.stopTimeout(arrival)
    const target = this.#keys.find(packet.processId, packet.secret)
    this.#parts.trace.cancelReceived(target?.id ?? 0)
    if (target) target.cancel(() => arrival.client.end())
    else arrival.client.end()
  }

  // Clients.

  watchHalfMessage(client: PooledClient): void {
    const limitMs = this.#options.halfMessageTimeoutMs
    if (limitMs <= 0) return
    client.halfMessage ??= new Deadline(() => client.halfMessageTimedOut(limitMs))
    this.#deadlines.start(client.halfMessage, this.#parts.now() + limitMs)
  }

  unwatchHalfMessage(client: PooledClient): void {
    if (client.halfMessage) this.#deadlines.stop(client.halfMessage)
  }

  clientFailed(client: PooledClient, error: TaxirankError): void {
    if (this.#options.logs.errors) this.#parts.log.warning(`${client.name} was told: ${error.message}`)
  }

  clientClosed(client: PooledClient, cause: Error | undefined): void {
    if (!this.#clients.has(client)) return
    this.#clients.remove(client)
    this.#keys.revoke(client.key)
    if (this.#options.logs.disconnections) this.#parts.log.info(`${client.name} closed${reasonOf(cause)}`)
  }

  crashed(client: PooledClient, error: unknown): void {
    this.#logCrash(client.id, error)
  }

  #logCrash(client: number, error: unknown): void {
    const trail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#parts.log.error(`a bug of the pooler closed client ${client}: ${trail}`)
  }

  // The end.

  /**
   * Lets nobody in any more and resolves when the last server is closed. With `servers` clients are told to go, those
   * with a server when their transaction is over; with `clients` they may stay for as long as they like.
   */
  drain(mode: DrainMode): Promise<void> {
    this.#drainMode = mode
    if (mode === 'servers') this.#shutDown()
    return new Promise((resolve) => {
      this.#drained.push(resolve)
    })
  }

  /** Closes everything now: transactions that are open are lost. `drain` still says when it is done. */
  stop(): void {
    this.#shutDown()
    for (const pool of this.#pools.values()) pool.destroyAll('the pooler was stopped')
  }

  #shutDown(): void {
    if (this.#shutdown) return
    this.#shutdown = shutdownError
    // Lists of those who are told are made first: being told may take somebody out.
    for (const arrival of this.#arrivals.all()) arrival.client.fail(shutdownError)
    this.#parts.console.end(shutdownError)
    for (const pool of this.#pools.values()) pool.end(shutdownError)
    for (const client of Array.from(this.#clients)) client.shutDown(shutdownError)
  }

  #drainOn(): void {
    if (this.#clients.size > 0) return
    this.#shutDown()
    const isEmpty = [...this.#pools.values()].every((pool) => pool.isEmpty)
    if (!isEmpty || this.#connections > 0) return
    for (const resolve of this.#drained.splice(0)) resolve()
  }
}

/** What the engine is told of the settings. A server that is used once has no other lifetime. */
function engineOptionsOf(options: PoolerOptions) {
  return {
    ...(options.serverCheckDelayMs !== undefined && { checkAfterMs: options.serverCheckDelayMs }),
    idleTimeoutMs: options.serverIdleTimeoutMs ?? 0,
    lifetimeMs: options.serverLifetimeMs ?? 0,
    isRoundRobin: options.serverRoundRobin ?? false,
  }
}

/** What may be said, if anything that the protocol allows is not. */
function framingOf({ disableQuery = false, maxPacketBytes = Infinity }: PoolerOptions) {
  const limits = { longest: maxPacketBytes, refused: disableQuery ? [Frontend.query] : [] }
  return {
    requestRules: limited(frontendRules, limits),
    replyRules: limited(backendRules, { ...limits, refused: [] }),
  }
}

const shutdownError = new TaxirankError('admin_shutdown', 'the pooler is shutting down')

function reasonOf(cause: Error | undefined): string {
  return cause ? `: ${cause.message}` : ''
}

function shown(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8')
}
