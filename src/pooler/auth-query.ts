/**
 * `auth_query`: asks PostgreSQL for the secret of a user whom the userlist doesn't have. The connections are its own: no
 * client's parameter ever touches them, and all that a client can put into what they run is the value of `$1`. A lookup
 * has a short time of its own, so that a database that hangs does not hold logins for as long as queries may wait.
 */

import type { Derivations } from '../auth/derivations.ts'
import type { Lease } from '../engine/lease.ts'
import type { Limit } from '../engine/limit.ts'
import { Pool } from '../engine/pool.ts'
import type { Slot } from '../engine/slot.ts'
import { type Caller, Waiter } from '../engine/waiter.ts'
import { TaxirankError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ProtocolVersion, ServerTarget } from '../server/target.ts'
import { Deadline, type Deadlines } from '../time.ts'
import { type AuthAnswer, AuthServer, type AuthServerOwner } from './auth-server.ts'

export interface AuthQueryOptions {
  /** For the log: whose users are looked up. */
  readonly name: string
  /** Where a connection that is opened now goes, and as whom. */
  readonly target: () => ServerTarget
  /** Of all its targets. */
  readonly protocol: ProtocolVersion
  /** One statement with the parameter `$1`, the user's name; its result has two columns, name and secret. A byte string. */
  readonly query: string
  readonly connectTimeoutMs: number
  readonly retryMaxMs: number
  readonly idleTimeoutMs: number
  readonly timeoutMs: number
  /** Of the connections of all of them together. */
  readonly limit: Limit
  readonly deadlines: Deadlines
  readonly derivations: Derivations
  readonly now: () => number
  readonly log: Log
}

/** Connections at once: lookups take a round trip each, and an open transaction of somebody's can't hold them up. */
const mostServers = 2
/** Clients who may wait for a lookup. */
const mostWaiting = 10_000
/** Where names of hosts don't tell that the database has moved. */
const lifetimeMs = 600_000
const repeatLogMs = 10_000

export class AuthQuery implements AuthServerOwner {
  readonly #options: AuthQueryOptions
  readonly #pool: Pool<AuthServer>
  readonly #servers = new Map<Slot<AuthServer>, AuthServer>()
  #isPaused = false
  #logged = { text: '', atMs: 0 }

  constructor(options: AuthQueryOptions) {
    this.#options = options
    this.#pool = new Pool<AuthServer>({
      noun: 'server for auth_query',
      maxSize: mostServers,
      maxWaiting: mostWaiting,
      limits: [options.limit],
      lifetimeMs,
      retryMaxMs: options.retryMaxMs,
      idleTimeoutMs: options.idleTimeoutMs,
      deadlines: options.deadlines,
      random: Math.random,
      owner: {
        open: (slot) => void this.#servers.set(slot, new AuthServer(slot, options, this)),
        close: (slot) => this.#servers.get(slot)?.close(),
      },
    })
  }

  /** It has no connection, and nobody waits for one. */
  get isUnused(): boolean {
    return this.isEmpty && this.#pool.waiting === 0
  }

  get isEmpty(): boolean {
    return this.#pool.size === 0
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** While it is paused lookups wait, and it has no connections but those that have a lookup to answer. */
  set isPaused(isPaused: boolean) {
    if (isPaused === this.#isPaused) return
    this.#isPaused = isPaused
    const now = this.#options.now()
    if (isPaused) {
      this.#pool.pause(now)
      this.#pool.retireAll(now)
    } else this.#pool.resume(now)
  }

  /**
   * Looks a user up; `name` is a byte string. `done` is called once, with the secret, undefined for a user that is not
   * there, or why nobody knows; if nobody can be asked, before this returns.
   */
  lookUp(name: string, done: (answer: AuthAnswer) => void): Lookup {
    const lookup = new Lookup(name, this, this.#pool, this.#options, done)
    lookup.start()
    return lookup
  }

  /** Its connections are replaced, each when it has answered. */
  retire(): void {
    this.#options.protocol.forget()
    this.#pool.retireAll(this.#options.now())
  }

  /** Gives a function that says whether those that are to be closed now, and those being closed, are gone. */
  watchMarked(): () => boolean {
    const marked = [...this.#servers.keys()].filter((slot) => slot.retiring !== undefined)
    return () => !marked.some((slot) => this.#servers.has(slot))
  }

  /** Its connections are closed now; what one of them is asked is cancelled first. */
  destroyAll(reason: string): void {
    for (const slot of this.#servers.keys()) this.#pool.destroy(slot, reason, this.#options.now())
  }

  /** Whoever waits is told, and its connections are closed as soon as they have answered. */
  end(error: TaxirankError): void {
    this.#pool.end(error, this.#options.now())
  }

  // For its servers.

  serverReady(server: AuthServer): void {
    this.#pool.opened(server.slot, server, this.#options.now())
  }

  serverFailed(server: AuthServer, error: TaxirankError, isFinal: boolean): void {
    if (!this.#pool.isClosing(server.slot)) this.#logFailure(error.message)
    this.#servers.delete(server.slot)
    this.#pool.openFailed(server.slot, error, isFinal ? 'everybody' : 'nobody', this.#options.now())
  }

  /** The same again and again is logged now and then. */
  #logFailure(text: string): void {
    const { log, name, now } = this.#options
    if (text === this.#logged.text && now() - this.#logged.atMs < repeatLogMs) return
    this.#logged = { text, atMs: now() }
    log.warning(`${name} auth_query: ${text}`)
  }

  serverClosed(server: AuthServer): void {
    if (this.#servers.delete(server.slot)) this.#pool.closed(server.slot, this.#options.now())
  }

  serverSpoilt(server: AuthServer, reason: string): void {
    this.#options.log.warning(`${this.#options.name} auth_query: ${reason}`)
    this.#pool.destroy(server.slot, reason, this.#options.now())
  }
}

/** One question: waits for a connection, asks, and gives it back. */
export class Lookup implements Caller<AuthServer> {
  readonly #name: string
  readonly #query: AuthQuery
  readonly #pool: Pool<AuthServer>
  readonly #options: AuthQueryOptions
  readonly #done: (answer: AuthAnswer) => void
  readonly #waiter = new Waiter<AuthServer>(this)
  readonly #deadline = new Deadline(() => this.#timedOut())
  #server: AuthServer | undefined
  #isOver = false

  constructor(
    name: string,
    query: AuthQuery,
    pool: Pool<AuthServer>,
    options: AuthQueryOptions,
    done: (answer: AuthAnswer) => void,
  ) {
    this.#name = name
    this.#query = query
    this.#pool = pool
    this.#options = options
    this.#done = done
  }

  start(): void {
    const now = this.#options.now()
    this.#startTime(now)
    const lease = this.#pool.acquire(this.#waiter, now)
    if (lease) this.granted(lease)
  }

  #startTime(now: number): void {
    this.#options.deadlines.start(this.#deadline, now + this.#options.timeoutMs)
  }

  /** Nobody wants to know any more. A connection that has been asked has its time all the same: it must come back. */
  abandon(): void {
    this.#isOver = true
    if (this.#server) return
    this.#options.deadlines.stop(this.#deadline)
    if (this.#waiter.isWaiting) this.#pool.cancel(this.#waiter, this.#options.now())
  }

  granted(lease: Lease<AuthServer>): void {
    const { number } = lease
    this.#server = lease.resource
    this.#server.ask(this.#name, (answer) => {
      this.#server = undefined
      this.#options.deadlines.stop(this.#deadline)
      if (lease.number === number) this.#pool.release(lease, number, this.#options.now())
      this.#finish(answer)
    })
  }

  refused(error: TaxirankError): void {
    this.#finish({ name: 'failed', error })
  }

  #timedOut(): void {
    // A pause may take longer, and is not the database's fault: whoever logs in meanwhile has the login's own time.
    if (this.#waiter.isWaiting && this.#query.isPaused) return this.#startTime(this.#options.now())
    const text = `auth_query gave no answer within ${this.#options.timeoutMs.toLocaleString('en-US')} ms`
    this.#finish({ name: 'failed', error: new TaxirankError('server_connect_failed', text) })
    if (this.#waiter.isWaiting) this.#pool.cancel(this.#waiter, this.#options.now())
    else if (this.#server) this.#pool.destroy(this.#server.slot, text, this.#options.now())
  }

  #finish(answer: AuthAnswer): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.deadlines.stop(this.#deadline)
    this.#done(answer)
  }
}
