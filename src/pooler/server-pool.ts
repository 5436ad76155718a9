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
import type { Derivations } from '../auth/derivations.ts'
import { type Credentials, NoSecret } from '../auth/secret.ts'
import type { ServerTarget } from '../server/target.ts'
import { Deadline, type Deadlines } from '../time.ts'
import type { ParameterSet, ParameterSets } from './parameters.ts'
import { PooledServer, type ServerOwner } from './pooled-server.ts'
import type { Trace } from './trace.ts'

/** What pools of one pooler have in common. */
export interface PoolSurroundings {
  readonly log: Log
  readonly trace: Trace
  readonly parameterSets: ParameterSets
  readonly deadlines: Deadlines
  readonly derivations: Derivations
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
  readonly target: ServerTarget
  /** What logs the user in that everybody is made to be; undefined: clients are who they are. */
  readonly forcedCredentials: Credentials | undefined
  readonly size: number
  readonly waitTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly retryMaxMs: number
  readonly cancelTimeoutMs: number
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

const nobodyYet = new NoSecret('no client has logged in yet')

export class ServerPool implements ServerOwner {
  readonly #options: ServerPoolOptions
  readonly #around: PoolSurroundings
  readonly #engine: Pool<PooledServer>
  /** Servers whose socket is not closed yet, by slot: also those that are still logging in. */
  readonly #servers = new Map<Slot<PooledServer>, PooledServer>()
  #parameters: ParameterSet | undefined
  #clients = 0
  #credentials: Credentials

  constructor(options: ServerPoolOptions, around: PoolSurroundings) {
    this.#options = options
    this.#credentials = options.forcedCredentials ?? nobodyYet
    this.#around = around
    this.#engine = new Pool<PooledServer>({
      noun: 'server',
      maxSize: options.size,
      waitTimeoutMs: options.waitTimeoutMs,
      retryMaxMs: options.retryMaxMs,
      deadlines: around.deadlines,
      random: Math.random,
      owner: { open: (slot) => this.#open(slot), close: (slot, reason) => this.#close(slot, reason) },
    })
    around.trace.poolDefined(options.id, options.size, options.database, options.user)
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

  get target(): ServerTarget {
    return this.#options.target
  }

  get derivations(): Derivations {
    return this.#around.derivations
  }

  /** What its servers log in with. */
  get credentials(): Credentials {
    return this.#credentials
  }

  /** A client has logged in as the pool's user. What it proved is of no use where everybody is made to be somebody else. */
  proved(credentials: Credentials): void {
    if (!this.#options.forcedCredentials) this.#credentials = credentials
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

  /** Has what is idle checked before it is lent, as soon as servers can be. */
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

  release(lease: Lease<PooledServer>, number: number): void {
    this.#stopSettling(lease.resource)
    this.#engine.release(lease, number, this.#around.now())
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
