/**
 * The servers for one database and user: an engine pool, what its servers are opened with, and what the trace hears of
 * leases and waits.
 */

import type { TaxirankError } from '../errors.ts'
import type { Lease } from '../engine/lease.ts'
import { Pool } from '../engine/pool.ts'
import type { Slot } from '../engine/slot.ts'
import type { Waiter } from '../engine/waiter.ts'
import type { Log } from '../log.ts'
import type { ServerAddress } from '../server/server.ts'
import { Deadline, type Deadlines } from '../time.ts'
import type { FramingRules } from '../wire/framer.ts'
import type { PoolMode } from './figures.ts'
import type { ParameterSet, ParameterSets, TrackedParameters } from './parameters.ts'
import { PooledServer, type ServerOwner } from './pooled-server.ts'
import { resetQueryOf, type SessionRules } from './session-rules.ts'
import type { Trace } from './trace.ts'

/** What pools of one pooler have in common. */
export interface PoolSurroundings {
  readonly log: Log
  readonly trace: Trace
  readonly parameterSets: ParameterSets
  readonly tracked: TrackedParameters
  readonly requestRules: FramingRules
  readonly replyRules: FramingRules
  readonly deadlines: Deadlines
  readonly settleTimeoutMs: number
  readonly now: () => number
  nextServerId(): number
}

export interface ServerPoolOptions {
  /** Positive, never used again. */
  readonly id: number
  /** The names that clients use; byte strings. */
  readonly database: string
  readonly user: string
  readonly address: ServerAddress
  readonly startup: ReadonlyMap<string, string>
  readonly size: number
  readonly waitTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly retryMaxMs: number
  readonly cancelTimeoutMs: number
  readonly rules: SessionRules
  /** A server that was idle for longer is checked before it is lent, if the rules have a check. 0: always; absent: if it is suspect. */
  readonly checkAfterMs?: number
  /** How long it may be idle, beyond the pool's minimum; 0: as long as it likes. */
  readonly idleTimeoutMs?: number
  /** How old it may become; 0: as old as it likes. */
  readonly lifetimeMs?: number
  /** The least recently used server is lent first. */
  readonly isRoundRobin?: boolean
}

/** Figures at one instant, for SHOW POOLS. */
export interface ServerPoolFigures {
  readonly database: string
  readonly user: string
  readonly clients: number
  readonly waiting: number
  readonly leased: number
  readonly cancelling: number
  readonly idle: number
  readonly opening: number
  readonly longestWaitMs: number
}

export class ServerPool implements ServerOwner {
  readonly #options: ServerPoolOptions
  readonly #around: PoolSurroundings
  readonly #engine: Pool<PooledServer>
  /** Servers whose socket is not closed yet, by slot: also those that are still logging in. */
  readonly #servers = new Map<Slot<PooledServer>, PooledServer>()
  #parameters: ParameterSet | undefined
  #clients = 0

  constructor(options: ServerPoolOptions, around: PoolSurroundings) {
    this.#options = options
    this.#around = around
    const { rules } = options
    const { checkQuery } = rules
    this.#engine = new Pool<PooledServer>({
      noun: 'server',
      maxSize: options.size,
      waitTimeoutMs: options.waitTimeoutMs,
      retryMaxMs: options.retryMaxMs,
      deadlines: around.deadlines,
      random: Math.random,
      reuse: options.isRoundRobin ? 'round robin' : 'lifo',
      idleTimeoutMs: options.idleTimeoutMs ?? 0,
      lifetimeMs: options.lifetimeMs ?? 0,
      ...(checkQuery !== undefined && { checkAfterMs: options.checkAfterMs ?? Infinity }),
      checkTimeoutMs: around.settleTimeoutMs,
      resetTimeoutMs: around.settleTimeoutMs,
      owner: {
        open: (slot) => this.#open(slot),
        close: (slot, reason) => this.#close(slot, reason),
        ...(checkQuery !== undefined && { check: (slot) => slot.resource.check(checkQuery) }),
        ...(resetQueryOf(rules) !== undefined && { reset: (slot) => slot.resource.reset() }),
      },
    })
    around.trace.poolDefined(options.id, options.size, options.database, options.user, rules.mode)
  }

  get id(): number {
    return this.#options.id
  }

  /** For the log. */
  get name(): string {
    return Buffer.from(`${this.#options.database}/${this.#options.user}`, 'latin1').toString('utf8')
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

  get rules(): SessionRules {
    return this.#options.rules
  }

  get mode(): PoolMode {
    return this.#options.rules.mode
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

  get address(): ServerAddress {
    return this.#options.address
  }

  get startup(): ReadonlyMap<string, string> {
    return this.#options.startup
  }

  get connectTimeoutMs(): number {
    return this.#options.connectTimeoutMs
  }

  get deadlines(): Deadlines {
    return this.#around.deadlines
  }

  get now(): () => number {
    return this.#around.now
  }

  get cancelTimeoutMs(): number {
    return this.#options.cancelTimeoutMs
  }

  /** No server is open, or being closed. */
  get isEmpty(): boolean {
    return this.#engine.size === 0
  }

  /** Nobody is logged in to it, and it has no server: it may be forgotten. */
  get isUnused(): boolean {
    return this.#clients === 0 && this.isEmpty
  }

  figures(now: number): ServerPoolFigures {
    const cancelling = [...this.#servers.values()].filter((server) => server.isCancelling).length
    return {
      database: this.#options.database,
      user: this.#options.user,
      clients: this.#clients,
      waiting: this.#engine.waiting,
      leased: this.#engine.leased,
      cancelling,
      idle: this.#engine.idle,
      opening: this.#engine.opening,
      longestWaitMs: this.#engine.longestWaitMs(now),
    }
  }

  /** Has what is idle checked before it is lent, if servers are checked. */
  suspectIdle(): void {
    this.#engine.suspectIdle()
  }

  end(error: TaxirankError): void {
    this.#engine.end(error, this.#around.now())
  }

  /** Closes every server, whoever holds it. */
  destroyAll(reason: string): void {
    for (const slot of this.#servers.keys()) this.#engine.destroy(slot, reason, this.#around.now())
  }

  // For clients.

  clientOpened(client: number): void {
    this.#clients++
    this.trace.clientAuthenticated(client, this.id)
  }

  clientClosed(client: number, isReset: boolean): void {
    this.#clients--
    this.trace.clientClosed(client, isReset)
  }

  /** Hot path. A lease if a server is free now; otherwise the waiter's caller hears later. */
  acquire(waiter: Waiter<PooledServer>, client: number): Lease<PooledServer> | undefined {
    const now = this.#around.now()
    if (this.#engine.isOver) this.trace.waiterQueued(client, this.id)
    const lease = this.#engine.acquire(waiter, now)
    if (waiter.isWaiting) this.trace.waiterQueued(client, this.id)
    return lease
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

  serverReady(server: PooledServer): void {
    this.#parameters = server.parameters
    this.trace.serverReady(server.id, this.id)
    this.#engine.opened(server.slot, server, this.#around.now())
  }

  serverFailed(server: PooledServer, error: TaxirankError, isFinal: boolean): void {
    this.#around.log.warning(`${this.name} server ${server.id}: ${error.message}`)
    if (!this.#engine.isClosing(server.slot)) this.trace.serverDestroyed(server.id, error.message)
    this.trace.serverClosed(server.id)
    this.#servers.delete(server.slot)
    this.#engine.openFailed(server.slot, error, isFinal, this.#around.now())
  }

  serverClosed(server: PooledServer): void {
    this.#stopSettling(server)
    if (!this.#servers.delete(server.slot)) return
    if (!this.#engine.isClosing(server.slot)) this.trace.serverDestroyed(server.id, 'PostgreSQL closed the connection')
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
    const { settleTimeoutMs: limitMs, deadlines, now } = this.#around
    if (limitMs <= 0) return
    server.settling ??= new Deadline(() => server.settleTimedOut(limitMs))
    deadlines.start(server.settling, now() + limitMs)
  }

  /** Hot path. */
  #stopSettling(server: PooledServer): void {
    if (server.settling) this.#around.deadlines.stop(server.settling)
  }

  crashed(error: unknown): void {
    const trail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#around.log.error(`${this.name} a bug of the pooler closed a server: ${trail}`)
  }

  #open(slot: Slot<PooledServer>): void {
    const id = this.#around.nextServerId()
    this.trace.serverOpening(id, this.id)
    this.#servers.set(slot, new PooledServer(id, slot, this))
  }

  #close(slot: Slot<PooledServer>, reason: string): void {
    const server = this.#servers.get(slot)
    if (!server) return
    this.#around.log.debug(`${this.name} server ${server.id} is closed: ${reason}`)
    this.trace.serverDestroyed(server.id, reason)
    server.close(reason)
  }
}
