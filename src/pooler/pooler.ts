/**
 * The pooler: who may log in, which pool a login belongs to, whose cancel key is whose, and how everything ends. The
 * road of a query itself runs through `pooled-client.ts` and `pooled-server.ts`.
 */

import { Derivations } from '../auth/derivations.ts'
import type { Credentials } from '../auth/secret.ts'
import type { CancelPacket, Client, ClientHandler, Startup } from '../client/client.ts'
import { List } from '../engine/list.ts'
import { TaxirankError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Network } from '../server/network.ts'
import { Classifier } from '../sql/classifier.ts'
import { Deadline, Deadlines } from '../time.ts'
import { announcementOf } from './announcement.ts'
import { Arrival, type ArrivalOwner } from './arrival.ts'
import { Arrivals } from './arrivals.ts'
import { areLookedUpAlike, AuthQueries } from './auth-queries.ts'
import { Authentication, decideAlike, type LoginResult, unprovenCredentials } from './authentication.ts'
import { CancelKeys, type CancelTarget } from './cancel-keys.ts'
import { type ClientLimits, noClientLimits } from './client-limits.ts'
import { type LoginRequest, LoginRequests } from './login-requests.ts'
import type { DnsHostFigures, PoolerFigures, PoolerVerbs } from './figures.ts'
import { clientSubject, textOf } from './names.ts'
import { checkOptions, type Database, type PoolerOptions } from './options.ts'
import { type ParameterSet, ParameterSets, TrackedParameters } from './parameters.ts'
import { type ClientOwner, PooledClient } from './pooled-client.ts'
import { Pools } from './pools.ts'
import type { ServerPool } from './server-pool.ts'
import { Stats } from './stats.ts'
import { Survey } from './survey.ts'
import { backendRules, Frontend, frontendRules, limited } from '../wire/messages.ts'
import type { Trace } from './trace.ts'
import { Verbs } from './verbs.ts'

export type { AuthQuerySource, Database, PoolerOptions } from './options.ts'

/** The console's name as a database, and who serves it: handed in, since the console knows the pooler. */
export interface ConsoleDoor {
  readonly database: string
  /** How many are in. */
  readonly size: number
  /**
   * Lets a user in that has logged in, or throws. `isOwner`: it came by a unix socket, from a process with our uid. `left`
   * is called when it is gone.
   */
  open(client: Client, user: string, isOwner: boolean, left: () => void): ConsoleVisitor
  /** Sends everybody away. */
  end(error: TaxirankError): void
}

/** A client of the console: first its client's handler, then it is welcomed with a cancel key of its own. */
export interface ConsoleVisitor extends ClientHandler, CancelTarget {
  welcome(key: { readonly processId: number; readonly secret: Buffer }): void
}

export interface PoolerParts {
  readonly log: Log
  readonly trace: Trace
  readonly now: () => number
  readonly console: ConsoleDoor
  /** Of Taxirank: clients are told. */
  readonly version: string
  /** How servers are reached. */
  readonly network: Network
}

/**
 * Connections beyond `maxClients` that are let in to cancel, to reach the console, or to be told that there is no room. Past
 * these the oldest that has not logged in is reset.
 */
const arrivalReserve = 16

/** servers: clients with a server may finish their transaction. clients: everybody may stay as long as they like. */
export type DrainMode = 'servers' | 'clients'

export class Pooler implements ArrivalOwner, ClientOwner {
  readonly figures: PoolerFigures
  readonly #parts: PoolerParts
  readonly #deadlines: Deadlines
  readonly #parameterSets: ParameterSets
  readonly #tracked: TrackedParameters
  readonly #derivations = new Derivations()
  readonly #authQueries: AuthQueries
  readonly #pools: Pools
  readonly #stats: Stats
  readonly #verbs: Verbs
  readonly #arrivals: Arrivals
  readonly #clients = new List<PooledClient>()
  readonly #keys = new CancelKeys()
  readonly #drained: (() => void)[] = []
  #options: PoolerOptions
  #requests: LoginRequests
  #drainMode: DrainMode | undefined
  #shutdown: TaxirankError | undefined
  #lastServerId = 0

  /** Throws `bad_configuration`. */
  constructor(options: PoolerOptions, parts: PoolerParts) {
    checkOptions(options)
    this.#options = options
    this.#parts = parts
    this.#deadlines = new Deadlines(parts.now())
    this.#arrivals = new Arrivals(options.clientLoginTimeoutMs, this.#deadlines, parts.log)
    this.#tracked = new TrackedParameters(options.trackedExtraParameters)
    this.#parameterSets = parameterSetsOf(options, parts)
    this.#pools = new Pools(options, {
      log: parts.log,
      trace: parts.trace,
      parameterSets: this.#parameterSets,
      tracked: this.#tracked,
      classifier: new Classifier(),
      ...framingOf(options),
      deadlines: this.#deadlines,
      derivations: this.#derivations,
      network: parts.network,
      now: parts.now,
      nextServerId: () => ++this.#lastServerId,
    })
    const { log, now, network } = parts
    this.#authQueries = new AuthQueries(options, {
      log,
      now,
      network,
      deadlines: this.#deadlines,
      derivations: this.#derivations,
      pools: this.#pools,
    })
    this.#requests = this.#makeRequests()
    this.#stats = new Stats(() => this.#pools.databases, parts.now())
    this.#verbs = this.#makeVerbs()
    this.figures = this.#makeFigures()
  }

  #makeRequests(): LoginRequests {
    return new LoginRequests(this.#options.ignoredStartupParameters, this.#parameterSets, this.#tracked)
  }

  get verbs(): PoolerVerbs {
    return this.#verbs
  }

  #makeVerbs(): Verbs {
    return new Verbs({
      pools: this.#pools,
      authQueries: this.#authQueries,
      now: this.#parts.now,
      suspendTimeoutMs: () => this.#options.suspendTimeoutMs,
      clients: () => Array.from(this.#clients),
      killClient: (id, error) => this.#killClient(id, error),
    })
  }

  #makeFigures(): PoolerFigures {
    return new Survey({
      pools: this.#pools,
      stats: this.#stats,
      now: this.#parts.now,
      isSuspended: () => this.#verbs.isSuspended,
      isDraining: () => this.#drainMode !== undefined,
      clients: () => Array.from(this.#clients),
      arrivals: () => this.#arrivals.all(),
      dnsHosts: () => this.#dnsHosts(),
    })
  }

  #dnsHosts(): DnsHostFigures[] {
    return this.#parts.network.hosts().map(({ name, ttlMs, addresses }) => {
      return { name, ttlSeconds: Math.ceil(ttlMs / 1_000), addresses }
    })
  }

  /**
   * Other options take effect, without dropping anybody: sizes, limits and times at once; where a database is reached in
   * another way its servers are closed as soon as they are free. Clients of a database that is gone are told so when their
   * transaction is over. Throws `bad_configuration`, and then nothing has changed.
   */
  reconfigure(options: PoolerOptions): void {
    checkOptions(options)
    this.#options = options
    this.#requests = this.#makeRequests()
    this.#arrivals.timeoutMs = options.clientLoginTimeoutMs
    this.#pools.reconfigure(options)
    this.#authQueries.reconfigure(options)
    for (const client of Array.from(this.#clients)) {
      client.relimit(this.#limitsOf(client.user.name))
      if (client.pool.dismissal) client.shutDown(client.pool.dismissal)
    }
  }

  /** A connection was accepted: its handler from now on. */
  clientArrived(client: Client): ClientHandler {
    this.#parts.trace.clientAccepted(client.id)
    const now = this.#parts.now()
    const arrival = new Arrival(client, now, this)
    this.#arrivals.add(arrival, now)
    if (this.#connections > this.#options.maxClients + arrivalReserve) this.#arrivals.makeRoom()
    return arrival
  }

  get #connections(): number {
    return this.#arrivals.size + this.#clients.size + this.#parts.console.size
  }

  /** Ends whatever has run out of time. To be called every few dozen milliseconds. */
  advance(): void {
    const now = this.#parts.now()
    this.#deadlines.advance(now)
    this.#arrivals.advance(now)
    this.#pools.advance(now)
    this.#authQueries.advance()
    this.#verbs.advance(now)
    if (this.#stats.advance(this.#options.statsPeriodMs, now) && this.#options.logs.stats) {
      this.#parts.log.info(this.#stats.line)
    }
    if (this.#drainMode) this.#drainOn()
  }

  /** The process or the machine was stopped for a while: what is idle may be dead without anybody having noticed. */
  suspectIdle(): void {
    for (const pool of this.#pools.all) pool.suspectIdle()
  }

  /** A host of databases has other addresses than before. */
  hostMoved(host: string, addresses: readonly string[]): void {
    for (const pool of this.#pools.all) pool.hostMoved(host, addresses)
    this.#authQueries.hostMoved(host)
  }

  // Login.

  login(arrival: Arrival, startup: Startup): void {
    let request: LoginRequest | undefined
    this.#arrivals.loginBegan(arrival)
    try {
      request = this.#requests.of(startup)
      this.#authenticate(arrival, request)
    } catch (error) {
      this.#tell(arrival.client, request, error)
    }
  }

  /** Who need not prove anything is in at once: applications without a pool log in for every query. */
  #authenticate(arrival: Arrival, request: LoginRequest): void {
    const { client } = arrival
    const { database, user } = request
    this.#refuseNewcomer(client, database)
    if (database === this.#parts.console.database && user === ownerName && isOwner(client)) {
      return this.#openConsole(arrival, user)
    }
    const { authentication } = this.#options
    const credentials = unprovenCredentials(user, authentication)
    if (credentials) return this.#admit(arrival, request, credentials)
    const place = this.#lookedUpIn(database)
    arrival.authentication = new Authentication(client, user, authentication, this.#derivations, {
      isOutdated: (isLookedUp) =>
        !decideAlike(user, authentication, this.#options.authentication) ||
        (isLookedUp && !areLookedUpAlike(database, place, this.#lookedUpIn(database))),
      decided: (result) => this.#decided(arrival, request, result),
    })
    arrival.authentication.begin(this.#authQueries.of(database, place))
  }

  /** Administrators are looked up where the settings name a database, and never in PostgreSQL's own of the console's name: anybody may make that. */
  #lookedUpIn(database: string): Database | undefined {
    const options = this.#pools.optionsOf(database)
    const isNamed = options?.authQuery?.database !== undefined || options?.name !== undefined
    return database !== this.#parts.console.database || isNamed ? options : undefined
  }

  /** While clients are waited for, which may take hours, administrators still come in. */
  #refuseNewcomer(client: Client, database: string): void {
    if (this.#shutdown) throw this.#shutdown
    if (this.#drainMode && database !== this.#parts.console.database) throw shutdownError
    if (this.#options.isTlsRequired && !client.isEncrypted && !client.isUnix) {
      throw new TaxirankError('authentication_failed', 'SSL required')
    }
  }

  #decided(arrival: Arrival, request: LoginRequest, result: LoginResult): void {
    try {
      if (result.name === 'refused') throw result.error
      this.#admit(arrival, request, result.credentials)
    } catch (error) {
      this.#tell(arrival.client, request, error)
    }
  }

  /** It is who it says. Throws why it may not come in all the same. */
  #admit(arrival: Arrival, request: LoginRequest, credentials: Credentials): void {
    this.#refuseNewcomer(arrival.client, request.database)
    if (request.database === this.#parts.console.database) return this.#openConsole(arrival, request.user)
    const pool = this.#poolFor(request)
    pool.proved(credentials)
    this.#logIn(arrival, request, pool)
  }

  #tell(client: Client, request: LoginRequest | undefined, error: unknown): void {
    if (!(error instanceof TaxirankError)) throw error
    const subject = clientSubject(client, request?.database, request?.user)
    client.fail(error)
    const why = error.cause instanceof TaxirankError ? `: ${error.cause.message}` : ''
    if (this.#options.logs.errors) this.#parts.log.warning(`pooler error: ${error.message}${why}`, subject)
  }

  #openConsole(arrival: Arrival, user: string): void {
    const { client } = arrival
    const visitor = this.#parts.console.open(client, user, isOwner(client), () => this.#keys.revoke(key))
    const key = this.#keys.issue(visitor, client.secretBytes)
    this.#arrivals.remove(arrival)
    client.handler = visitor
    this.#parts.trace.clientAuthenticated(client.id, 0)
    visitor.welcome(key)
  }

  /** Throws what the client may not do: no such database or a disabled one, too many clients. */
  #poolFor(request: LoginRequest): ServerPool {
    const { maxClients } = this.#options
    if (this.#clients.size >= maxClients) {
      const text = `no more connections allowed: max_client_conn is ${maxClients}, and all are in use`
      throw new TaxirankError('too_many_clients', text)
    }
    const database = this.#pools.database(request.database)
    if (!database) throw new TaxirankError('no_such_database', `no such database: ${textOf(request.database)}`)
    database.checkRoom()
    this.#pools.user(request.user).checkRoom()
    const serverUser = database.options.user ?? request.user
    return this.#pools.pool(database, serverUser, request.poolKey(serverUser))
  }

  /** The pool's parameters known, no server is needed; otherwise the client waits for one to learn them. */
  #logIn(arrival: Arrival, request: LoginRequest, pool: ServerPool): void {
    const { client } = arrival
    request.assertCarried(pool.carriesSettings)
    const user = this.#pools.user(request.user)
    const limits = this.#limitsOf(request.user)
    const traffic = this.#parts.trace.clientTraffic(client.id)
    const pooled = new PooledClient(client, pool, user, this.#keys, traffic, limits, this)
    pooled.connectedAtMs = arrival.arrivedAtMs
    this.#clients.push(pooled)
    this.#arrivals.remove(arrival)
    client.handler = pooled
    pool.clientOpened(client.id)
    const start = (base: ParameterSet): ParameterSet =>
      this.#named(client, request.startOver(base, pool.carriesSettings))
    if (pool.parameters) return this.#welcome(pooled, pool.parameters, start)
    const { clientLoginTimeoutMs } = this.#options
    pooled.awaitPool(clientLoginTimeoutMs, () => this.#welcome(pooled, pool.parameters as ParameterSet, start))
  }

  #limitsOf(user: string): ClientLimits {
    const { clientLimits = noClientLimits, userClientLimits } = this.#options
    return userClientLimits?.get(user) ?? clientLimits
  }

  #named(client: Client, parameters: ParameterSet): ParameterSet {
    if (!this.#options.applicationNameAddHost) return parameters
    const name = parameters.values.get('application_name') || 'app'
    const full = `${name} - ${client.remoteAddress}:${client.remotePort}`
    return this.#parameterSets.with(parameters, 'application_name', full)
  }

  #welcome(pooled: PooledClient, base: ParameterSet, start: (base: ParameterSet) => ParameterSet): void {
    try {
      pooled.welcome(start(base), this.#options.loginNotice)
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      return pooled.fail(error)
    }
    if (this.#verbs.isSuspended) pooled.suspend()
    if (this.#options.logs.connections) this.#logLogin(pooled)
  }

  #logLogin(pooled: PooledClient): void {
    const { database, user } = pooled.logSubject
    const tls = pooled.isEncrypted ? 'yes' : 'no'
    this.#parts.log.info(`login attempt: db=${database} user=${user} tls=${tls}`, pooled.logSubject)
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
    const target = this.#keys.find(packet.processId, packet.secret)
    this.#parts.trace.cancelReceived(target?.id ?? 0)
    // Whoever guesses keys keeps no place for it.
    if (!target) return arrival.client.close()
    this.#arrivals.cancelBegan(arrival)
    arrival.cancels = target
    target.cancel(() => arrival.client.end())
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

  #killClient(id: number, error: TaxirankError): boolean {
    const pooled = Array.from(this.#clients).find((client) => client.id === id)
    const arrival = this.#arrivals.all().find(({ client }) => client.id === id)
    pooled?.kill(error)
    arrival?.authentication?.abandon()
    arrival?.client.fail(error)
    return pooled !== undefined || arrival !== undefined
  }

  clientFailed(client: PooledClient, error: TaxirankError): void {
    if (this.#options.logs.errors) this.#parts.log.warning(`pooler error: ${error.message}`, client.logSubject)
  }

  clientClosed(client: PooledClient, cause: Error | undefined): void {
    if (!this.#clients.has(client)) return
    this.#clients.remove(client)
    this.#keys.revoke(client.key)
    if (!this.#options.logs.disconnections) return
    const ageS = Math.floor((this.#parts.now() - client.connectedAtMs) / 1_000)
    const reason = cause ? cause.message : client.endReason
    this.#parts.log.info(`closing because: ${reason} (age=${ageS}s)`, client.logSubject)
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
    for (const pool of this.#pools.all) pool.destroyAll('the pooler was stopped')
  }

  #shutDown(): void {
    if (this.#shutdown) return
    this.#shutdown = shutdownError
    // Lists of those who are told are made first: being told may take somebody out.
    for (const arrival of this.#arrivals.all()) {
      arrival.authentication?.abandon()
      arrival.client.fail(shutdownError)
    }
    this.#verbs.end(shutdownError)
    this.#parts.console.end(shutdownError)
    for (const pool of this.#pools.all) pool.end(shutdownError)
    this.#authQueries.end(shutdownError)
    for (const client of Array.from(this.#clients)) client.shutDown(shutdownError)
  }

  #drainOn(): void {
    if (this.#clients.size > 0) return
    this.#shutDown()
    const isEmpty = this.#pools.all.every((pool) => pool.isEmpty)
    if (!isEmpty || this.#connections > 0) return
    for (const resolve of this.#drained.splice(0)) resolve()
  }
}

/** Who this is on a unix socket, started by the user that we run as, needs no password for the console. */
const ownerName = 'pgbouncer'

function isOwner(client: Client): boolean {
  return client.isUnix && client.peerUserId === process.getuid?.()
}

/** Nothing is announced where clients may send no Query: what that invites them to say is one. */
function parameterSetsOf({ disableQuery = false }: PoolerOptions, { version }: PoolerParts): ParameterSets {
  return disableQuery ? new ParameterSets() : new ParameterSets(announcementOf(version))
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
