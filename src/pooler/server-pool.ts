/**
 * The servers for one database and user: an engine pool, what its servers are opened with, and what the trace hears of
 * leases and waits.
 */

import { TaxirankError } from '../errors.ts'
import type { Lease } from '../engine/lease.ts'
import { noObserver } from '../engine/observer.ts'
import { Pool } from '../engine/pool.ts'
import { Recorder } from '../engine/recorder.ts'
import type { Slot } from '../engine/slot.ts'
import type { Waiter } from '../engine/waiter.ts'
import type { Log, LogSubject } from '../log.ts'
import type { PoolSnapshot } from '../metrics/snapshot.ts'
import type { Derivations } from '../auth/derivations.ts'
import { areSameCredentials, type Credentials } from '../auth/secret.ts'
import type { Network } from '../server/network.ts'
import type { ServerOptions } from '../server/server.ts'
import { ProtocolVersion, type ServerTarget } from '../server/target.ts'
import { Deadline, type Deadlines } from '../time.ts'
import type { FramingRules } from '../wire/framer.ts'
import { Frontend } from '../wire/messages.ts'
import type { PoolMode } from './figures.ts'
import type { LiveDatabase, LiveUser } from './live.ts'
import { textOf } from './names.ts'
import type { PoolerOptions } from './options.ts'
import type { ParameterSet, ParameterSets, TrackedParameters } from './parameters.ts'
import { areRulesAlike, type ServerPoolSettings, settingsOf } from './pool-settings.ts'
import { PooledServer, type ServerOwner } from './pooled-server.ts'
import { ServerAddresses } from './server-addresses.ts'
import type { Effects } from '../sql/effect.ts'
import type { Holder } from './holder.ts'
import type { RequestHead } from './request-reader.ts'
import { Audit, auditedAs } from './audit.ts'
import { Listeners } from './listeners.ts'
import { PreparedStatements, type StatementClassifier } from './prepared-statements.ts'
import type { SessionRules } from './session-rules.ts'
import type { Tally } from './tally.ts'
import type { Trace } from './trace.ts'

/** What pools of one pooler have in common. */
export interface PoolSurroundings {
  readonly log: Log
  readonly trace: Trace
  readonly parameterSets: ParameterSets
  readonly tracked: TrackedParameters
  readonly classifier: StatementClassifier
  readonly requestRules: FramingRules
  readonly replyRules: FramingRules
  readonly deadlines: Deadlines
  readonly derivations: Derivations
  readonly network: Network
  readonly now: () => number
  nextServerId(): number
}

export interface ServerPoolParts {
  /** Positive, never used again. */
  readonly id: number
  readonly database: LiveDatabase
  readonly user: LiveUser
}

/** A failure that goes on is logged as often as this. */
const repeatLogMs = 10_000
const closedByPostgres = 'PostgreSQL closed the connection'

export class ServerPool implements ServerOwner {
  readonly id: number
  readonly database: LiveDatabase
  /** Whose pool it is. Servers log in as this user, unless the database forces another. */
  readonly user: LiveUser
  /** Since when it has had neither clients nor servers, as whoever sweeps has found; undefined: it has some. */
  unusedSinceMs: number | undefined = undefined
  readonly #around: PoolSurroundings
  readonly #engine: Pool<PooledServer>
  /** Servers whose socket is not closed yet, by slot: also those that are still logging in. */
  readonly #servers = new Map<Slot<PooledServer>, PooledServer>()
  #settings: ServerPoolSettings
  #addresses: ServerAddresses
  readonly #protocol = new ProtocolVersion()
  /** What its clients have prepared. */
  readonly statements: PreparedStatements
  /** Its clients that LISTEN. */
  readonly listeners: Listeners
  /** What its clients do that plain transaction pooling would break. */
  readonly audit = new Audit()
  /** Undefined: nobody has asked yet. */
  #isBehindPooler: boolean | undefined
  #leasesSinceSample = 0
  #recorder: Recorder<PooledServer> | undefined
  #pinned = 0
  #pinnedMs = 0
  #proved: Credentials | undefined
  #parameters: ParameterSet | undefined
  #clients = 0
  /** PostgreSQL answered the last login with a no that lasts. */
  #refusal: TaxirankError | undefined
  #loggedFailure = { text: '', atMs: -Infinity }
  #dismissal: TaxirankError | undefined
  #isOutlived = false

  constructor({ id, database, user }: ServerPoolParts, options: PoolerOptions, around: PoolSurroundings) {
    this.id = id
    this.database = database
    this.user = user
    this.#around = around
    this.#settings = settingsOf(options, database, user)
    this.statements = new PreparedStatements(around.classifier, database)
    this.listeners = new Listeners(this)
    const { addresses, balance, maxSize, reserveSize, tuning } = this.#settings
    this.#addresses = new ServerAddresses(addresses, balance)
    this.#defineInTrace()
    this.#engine = new Pool<PooledServer>({
      name: this.name,
      noun: 'server',
      maxSize,
      minSize: this.#minSize,
      reserveSize,
      ...tuning,
      limits: [database.limit, user.limit],
      deadlines: around.deadlines,
      random: Math.random,
      checkTimeoutMs: this.#settings.settleTimeoutMs,
      resetTimeoutMs: this.#settings.settleTimeoutMs,
      owner: {
        open: (slot) => this.#open(slot),
        close: (slot, reason) => this.#close(slot, reason),
        check: (slot) => this.#check(slot),
        reset: (slot) => slot.resource.reset(),
      },
    })
    this.#record()
  }

  /** For the log. */
  get name(): string {
    return `${textOf(this.database.name)}/${textOf(this.user.name)}`
  }

  /** What a session reports before anybody has changed it, as the newest server said; undefined before the first. */
  get parameters(): ParameterSet | undefined {
    return this.#parameters
  }

  get trace(): Trace {
    return this.#around.trace
  }

  get parameterSets(): ParameterSets {
    return this.#around.parameterSets
  }

  get tally(): Tally {
    return this.database.tally
  }

  get rules(): SessionRules {
    return this.#settings.rules
  }

  /** What clients set is carried for them from server to server. */
  get carriesSettings(): boolean {
    const { mode, sessionState } = this.rules
    return mode === 'session' || (sessionState !== 'allow' && !this.isBehindPooler)
  }

  get mode(): PoolMode {
    return this.#settings.rules.mode
  }

  get tracked(): TrackedParameters {
    return this.#around.tracked
  }

  get requestRules(): FramingRules {
    return this.#around.requestRules
  }

  get replyRules(): FramingRules {
    return this.#around.replyRules
  }

  get derivations(): Derivations {
    return this.#around.derivations
  }

  /**
   * A client has logged in as the pool's user. What it proved is of no use where another user is forced. If it is new, a
   * PostgreSQL that has refused the old is asked again at once: the password was changed.
   */
  proved(credentials: Credentials): void {
    if (credentials.kind === 'none') return
    if (this.#settings.forcedCredentials) return
    const old = this.#proved
    this.#proved = credentials
    if (!this.#refusal || (old && areSameCredentials(old, credentials))) return
    this.#refusal = undefined
    this.#engine.retryNow(this.#around.now())
  }

  /** Another secret is stored than before: that is the newer one. */
  #forgetProof(): void {
    this.#proved = undefined
    this.#refusal = undefined
    this.#engine.retryNow(this.#around.now())
  }

  /** What servers log in with now. */
  get #credentials(): Credentials {
    const { forcedCredentials, storedCredentials } = this.#settings
    return forcedCredentials ?? this.#proved ?? storedCredentials
  }

  get connectTimeoutMs(): number {
    return this.#settings.connectTimeoutMs
  }

  get deadlines(): Deadlines {
    return this.#around.deadlines
  }

  get now(): () => number {
    return this.#around.now
  }

  get cancelTimeoutMs(): number {
    return this.#settings.cancelTimeoutMs
  }

  get waitTimeoutMs(): number {
    return this.#settings.tuning.waitTimeoutMs
  }

  /** Why nobody gets a server any more, and clients that have none are told to go; undefined in normal operation. */
  get dismissal(): TaxirankError | undefined {
    return this.#dismissal
  }

  get clients(): number {
    return this.#clients
  }

  /** No server is open, or being closed. */
  get isEmpty(): boolean {
    return this.#engine.size === 0
  }

  /** Nobody is logged in to it, and it has no server, nor is it to have any: it may be forgotten. */
  get isUnused(): boolean {
    return this.#clients === 0 && this.isEmpty && this.#minSize === 0
  }

  get servers(): PooledServer[] {
    return [...this.#servers.values()]
  }

  /** False once its socket is closed. */
  has(server: PooledServer): boolean {
    return this.#servers.get(server.slot) === server
  }

  stateOf(server: PooledServer): keyof PoolSnapshot['slots'] | undefined {
    return this.#engine.stateOf(server.slot)
  }

  snapshot(now: number): PoolSnapshot {
    return this.#engine.snapshot(now)
  }

  /** Undefined: nothing is recorded. */
  get recorder(): Recorder<PooledServer> | undefined {
    return this.#recorder
  }

  /** What is recorded, in the format of docs/recording.md; undefined: nothing is. */
  recording(now: number): Uint8Array | undefined {
    return this.#recorder?.toBytes(this.snapshot(now), this.#settings.recorded)
  }

  // For whoever runs it.

  /** What the options, its database and its user say now takes effect. `isOther`: servers are opened otherwise than before. */
  reconfigure(options: PoolerOptions, isOther: boolean): void {
    const now = this.#around.now()
    const old = this.#settings
    this.#settings = this.#settingsUnder(options)
    const { addresses, balance, maxSize, reserveSize, tuning } = this.#settings
    if (!areSameCredentials(old.storedCredentials, this.#settings.storedCredentials)) this.#forgetProof()
    if (isOther) this.#addresses = new ServerAddresses(addresses, balance)
    this.#defineInTrace()
    // First the sizes: what another lifetime closes is opened anew at once, and then no more than may be now.
    this.#engine.resize({ maxSize, minSize: this.#minSize, reserveSize }, now)
    this.#engine.retune(tuning, now)
    this.#record()
    if (isOther || !areRulesAlike(old.rules, this.rules)) this.retireAll()
  }

  /** As many arrivals as the settings say. If that is another number than before, what was recorded is forgotten. */
  #record(): void {
    const { recordingEntries: entries } = this.#settings
    if (entries === (this.#recorder?.recording.capacity ?? 0)) return
    this.#recorder = entries === 0 ? undefined : new Recorder(entries, this.#around.now())
    this.#engine.observer = this.#recorder ?? noObserver
  }

  /** Its clients have begun under its mode: one that has been replaced keeps that. */
  #settingsUnder(options: PoolerOptions): ServerPoolSettings {
    const settings = settingsOf(options, this.database, this.user)
    return this.#isOutlived ? { ...settings, rules: { ...settings.rules, mode: this.mode } } : settings
  }

  /** The mode that a pool of the same two would have with these options. */
  modeUnder(options: PoolerOptions): PoolMode {
    return settingsOf(options, this.database, this.user).rules.mode
  }

  /** Another pool has its place; it goes on for the clients that it has. */
  outlive(): void {
    this.#isOutlived = true
    this.#engine.resize({ minSize: 0 }, this.#around.now())
  }

  #defineInTrace(): void {
    const { maxSize, reserveSize } = this.#settings
    this.trace.poolDefined(this.id, maxSize + reserveSize, this.database.name, this.user.name, this.mode)
  }

  /** The minimum is kept for clients, and where the database forces a user for those to come. */
  get #minSize(): number {
    const isKept =
      this.#dismissal === undefined &&
      !this.#isOutlived &&
      (this.#clients > 0 || this.database.options.user === this.user.name)
    return isKept ? this.#settings.minSize : 0
  }

  #clientsChanged(): void {
    if (this.#settings.minSize > 0) this.#engine.resize({ minSize: this.#minSize }, this.#around.now())
  }

  /** Nothing is lent any more, what is idle is closed, and the rest when it is given back. */
  pause(): void {
    this.#engine.pause(this.#around.now())
    this.listeners.pause()
    this.retireAll()
  }

  resume(): void {
    this.listeners.resume()
    this.#engine.resume(this.#around.now())
  }

  /** Everything that is open now is closed as soon as nobody holds it; and what has failed is tried again. */
  retireAll(): void {
    const now = this.#around.now()
    this.#refusal = undefined
    this.#isBehindPooler = undefined
    this.#protocol.forget()
    this.#engine.retireAll(now)
    this.listeners.replace()
    this.#engine.retryNow(now)
    for (const server of this.servers) server.closeIfMarked()
  }

  /** Servers at addresses that their host no longer has are closed as soon as nobody holds them. */
  hostMoved(host: string, addresses: readonly string[]): void {
    const now = this.#around.now()
    for (const server of this.servers) {
      const { address } = server.target
      const { way } = server
      if (!('host' in address) || address.host !== host || !way || addresses.includes(way.address)) continue
      this.#engine.retire(server.slot, now)
      server.closeIfMarked()
    }
    this.listeners.hostMoved(host, addresses)
  }

  /** Has what is idle checked before it is lent, if servers are checked. */
  suspectIdle(): void {
    this.#engine.suspectIdle()
  }

  /** Whoever waits, asks from now on, or gives a server back is told. */
  end(error: TaxirankError): void {
    this.#dismissal ??= error
    this.#engine.end(error, this.#around.now())
  }

  /** Closes every server, whoever holds it. */
  destroyAll(reason: string): void {
    for (const slot of this.#servers.keys()) this.#engine.destroy(slot, reason, this.#around.now())
    this.listeners.loseAll(reason)
  }

  // For clients.

  clientOpened(client: number): void {
    this.#clients++
    this.database.clients++
    this.tally.logins++
    this.trace.clientAuthenticated(client, this.id)
    this.#clientsChanged()
  }

  clientClosed(client: number, isReset: boolean): void {
    this.#clients--
    this.database.clients--
    this.trace.clientClosed(client, isReset)
    this.#clientsChanged()
  }

  /** Hot path. A lease if a server is free now; otherwise the waiter's caller hears later. */
  acquire(waiter: Waiter<PooledServer>, client: number): Lease<PooledServer> | undefined {
    const now = this.#around.now()
    if (this.#engine.isOver) this.trace.waiterQueued(client, this.id)
    const lease = this.#engine.acquire(waiter, now)
    if (waiter.isWaiting) this.#queued(waiter, client, now)
    return lease
  }

  /** Whoever comes in the pause after a refused login would wait for the next attempt in vain. */
  #queued(waiter: Waiter<PooledServer>, client: number, now: number): void {
    this.trace.waiterQueued(client, this.id)
    const refusal = this.#refusal
    const pauseMs = this.#engine.retryAtMs - now
    if (!refusal || pauseMs <= 0 || this.#engine.size > 0 || !this.#engine.cancel(waiter, now)) return
    const text = `server login has been failing, cached error: ${refusal.message} (server_login_retry: again in ${(pauseMs / 1_000).toFixed(1)} s)`
    waiter.caller.refused(new TaxirankError(refusal.code, text, { cause: refusal, sqlState: refusal.sqlState }))
  }

  waitEnded(client: number, how: number): void {
    this.trace.waiterEnded(client, this.id, how)
  }

  leaveQueue(waiter: Waiter<PooledServer>, client: number, how: number): void {
    if (this.#engine.cancel(waiter, this.#around.now())) this.waitEnded(client, how)
  }

  leaseGranted(client: number, server: PooledServer): void {
    this.trace.leaseGranted(client, server.id)
  }

  // For servers.

  classify({ type, bytes, end }: RequestHead, from: number, isTransparent: boolean): Effects {
    // A Query's text ends with its message, as long as PostgreSQL takes it.
    const at = type === Frontend.query ? end - 1 : bytes.indexOf(0, from)
    return this.#around.classifier.classify(bytes, from, at < 0 || at > end ? end : at, isTransparent)
  }

  /** Asked once, and again of servers that are opened after all others were given up. */
  get asksWhoItIs(): boolean {
    return this.#settings.serverIsPooler === undefined && this.#isBehindPooler === undefined
  }

  get isBehindPooler(): boolean {
    return this.#settings.serverIsPooler ?? this.#isBehindPooler ?? false
  }

  saidWhoItIs(server: PooledServer, isItself: boolean): void {
    this.#isBehindPooler = !isItself
    if (isItself) return
    const text =
      'another pooler stands behind this one: what clients set in their sessions can not be kept apart (session_state is allow; server_is_pooler = no if that is wrong)'
    this.#around.log.warning(text, this.#subjectOf(server))
  }

  noted(effects: Effects, holder: Holder): void {
    for (const effect of effects) {
      const what = auditedAs(effect, holder.parameters)
      if (what !== undefined) this.audit.note(holder.applicationName, what, Date.now())
    }
  }

  defined(): void {
    this.database.definitions++
  }

  takesSample(): boolean {
    const { sessionAuditEvery } = this.#settings
    if (sessionAuditEvery === 0 || ++this.#leasesSinceSample < sessionAuditEvery) return false
    this.#leasesSinceSample = 0
    return true
  }

  foundUnseen(unseen: readonly string[], holder: Holder): void {
    for (const what of unseen) {
      const isNews = this.audit.note(holder.applicationName, `unseen: ${what}`, Date.now())
      if (!isNews) continue
      const text = `${what} in a session, which no statement has shown; it is removed, but others may have met it (SHOW AUDIT)`
      this.#around.log.warning(`${this.name}: ${text}`)
    }
  }

  get pinned(): number {
    return this.#pinned
  }

  /** For how long servers were kept beyond transactions, in all. */
  pinnedMs(now: number): number {
    return this.servers.reduce((sum, { pin }) => sum + (pin ? now - pin.sinceMs : 0), this.#pinnedMs)
  }

  get maxPinned(): number {
    return this.#settings.maxPinned
  }

  /** A client need not keep a server for what it listens to. */
  get sharesListening(): boolean {
    return !this.isBehindPooler
  }

  listeningOptions(): Omit<ServerOptions, 'traffic'> {
    const { connectTimeoutMs, deadlines, derivations, now } = this
    return { target: this.takeTarget(), connectTimeoutMs, deadlines, derivations, now }
  }

  takePin(): boolean {
    if (this.#pinned >= this.maxPinned) return false
    this.#pinned++
    return true
  }

  givePin(heldMs: number): void {
    this.#pinned--
    this.#pinnedMs += heldMs
  }

  takeTarget(): ServerTarget {
    const { encryption, startup } = this.#settings
    const credentials = (): Credentials => this.#credentials
    const { network } = this.#around
    return { network, address: this.#addresses.take(), encryption, startup, credentials, protocol: this.#protocol }
  }

  serverReady(server: PooledServer): void {
    this.#parameters = server.parameters
    this.#refusal = undefined
    if (this.#settings.logs.connections) this.#around.log.info('new connection to server', this.#subjectOf(server))
    this.trace.serverReady(server.id, this.id)
    this.#engine.opened(server.slot, server, this.#around.now())
  }

  serverFailed(server: PooledServer, error: TaxirankError, isFinal: boolean): void {
    const now = this.#around.now()
    if (!this.#engine.isClosing(server.slot)) {
      this.#logFailure(server, error.message, now)
      this.#addresses.failed(server.target.address)
      this.#refusal = isFinal ? error : undefined
      this.trace.serverDestroyed(server.id, error.message)
    }
    this.trace.serverClosed(server.id)
    this.#servers.delete(server.slot)
    this.#engine.openFailed(server.slot, error, isFinal ? 'everybody' : 'nobody', now)
  }

  #logFailure(server: PooledServer, text: string, now: number): void {
    const last = this.#loggedFailure
    if (text === last.text && now - last.atMs < repeatLogMs) return
    this.#loggedFailure = { text, atMs: now }
    this.#around.log.warning(`cannot be opened: ${text}`, this.#subjectOf(server))
  }

  #subjectOf({ id, target }: PooledServer): LogSubject {
    const { address } = target
    const where = 'unix' in address ? { address: 'unix', port: 0 } : { address: address.host, port: address.port }
    const user = textOf(target.startup.get('user') ?? '')
    return { side: 'S', id, database: textOf(this.database.name), user, ...where }
  }

  #logEnd(server: PooledServer, reason: string): void {
    if (!this.#settings.logs.disconnections) return
    const ageS = Math.floor((this.#around.now() - server.connectedAtMs) / 1_000)
    this.#around.log.info(`closing because: ${reason} (age=${ageS}s)`, this.#subjectOf(server))
  }

  serverClosed(server: PooledServer): void {
    this.#stopSettling(server)
    if (!this.#servers.delete(server.slot)) return
    if (!this.#engine.isClosing(server.slot)) {
      this.#logEnd(server, closedByPostgres)
      this.trace.serverDestroyed(server.id, closedByPostgres)
    }
    this.trace.serverClosed(server.id)
    this.#engine.closed(server.slot, this.#around.now())
  }

  release(lease: Lease<PooledServer>, number: number, isDirty: boolean): void {
    this.#stopSettling(lease.resource)
    this.#engine.release(lease, number, this.#around.now(), isDirty)
  }

  checkEnded(server: PooledServer, failure: string | undefined): void {
    if (failure === undefined) this.#engine.checked(server.slot, this.#around.now())
    else this.#engine.checkFailed(server.slot, failure, this.#around.now())
  }

  resetEnded(server: PooledServer, failure: string | undefined): void {
    if (failure === undefined) this.#engine.resetDone(server.slot, this.#around.now())
    else this.#engine.resetFailed(server.slot, failure, this.#around.now())
  }

  destroy(server: PooledServer, reason: string): void {
    this.#stopSettling(server)
    this.#engine.destroy(server.slot, reason, this.#around.now())
  }

  settling(server: PooledServer): void {
    const limitMs = this.#settings.settleTimeoutMs
    if (limitMs <= 0) return
    server.settling ??= new Deadline(() => server.settleTimedOut(limitMs))
    this.deadlines.start(server.settling, this.#around.now() + limitMs)
  }

  /** Hot path. */
  #stopSettling(server: PooledServer): void {
    if (server.settling) this.#around.deadlines.stop(server.settling)
  }

  crashed(error: unknown): void {
    const trail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#around.log.error(`a bug of the pooler closed a server of ${this.name}: ${trail}`)
  }

  #open(slot: Slot<PooledServer>): void {
    const id = this.#around.nextServerId()
    this.trace.serverOpening(id, this.id)
    this.#servers.set(slot, new PooledServer(id, slot, this))
  }

  #check(slot: Slot<PooledServer>): void {
    const { checkQuery } = this.rules
    if (checkQuery === undefined) this.#engine.checked(slot, this.#around.now())
    else slot.resource.check(checkQuery)
  }

  #close(slot: Slot<PooledServer>, reason: string): void {
    const server = this.#servers.get(slot)
    if (!server) return
    this.#logEnd(server, reason)
    this.trace.serverDestroyed(server.id, reason)
    server.close(reason)
  }
}
