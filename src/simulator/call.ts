/**
 * One caller's request, from asking for a connection to giving it back. What it needs, in this order: a lease of its own
 * instance's pool or a connection of its own, if there is either; a lease of a server, if there is a pooler. Then it works in
 * the database, then holds all that for a while without working, and gives it back in the opposite order.
 *
 * The object is used again and again, for one request after the other. Hot path throughout.
 */

import { assert } from '../assert.ts'
import type { ErrorCode, TaxirankError } from '../errors.ts'
import type { Lease } from '../engine/lease.ts'
import { type Caller, Waiter } from '../engine/waiter.ts'
import type { Connection, ConnectionUser } from './connection.ts'
import type { Database } from './database.ts'
import type { TimedEvent } from './event-queue.ts'
import type { Instance } from './instance.ts'
import type { Link, LinkHolder, SimulatedPool } from './simulated-pool.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What all calls share. */
export interface CallWorld {
  readonly time: VirtualTime
  readonly database: Database
  /** The call is over; it may be used for the next one. */
  ended(call: Call, now: number): void
}

export type Ending = 'served' | ErrorCode

type Stage = 'unused' | 'asking' | 'working' | 'away'

export class Call implements Caller<Link>, TimedEvent, LinkHolder, ConnectionUser {
  instance!: Instance
  askedAtMs = 0
  /** When it had all it needs. */
  begunAtMs = 0
  ending: Ending = 'served'
  readonly #world: CallWorld
  readonly #waiter = new Waiter<Link>(this)
  #stage: Stage = 'unused'
  #workMs = 0
  #awayMs = 0
  /** Which pool it waits in, or asked last. */
  #asked: SimulatedPool | undefined
  #own: Lease<Link> | undefined
  #ownPool: SimulatedPool | undefined
  #ownConnection: Connection | undefined
  #server: Lease<Link> | undefined
  #isLost = false

  constructor(world: CallWorld) {
    this.#world = world
  }

  begin(instance: Instance, workMs: number, awayMs: number, now: number): void {
    assert(this.#stage === 'unused', 'a call is begun when it is over')
    this.instance = instance
    this.#workMs = workMs
    this.#awayMs = awayMs
    this.askedAtMs = now
    this.#stage = 'asking'
    this.#ownPool = instance.pool
    if (this.#ownPool) this.#ask(this.#ownPool, now)
    else if (instance.connectsEachTime) this.#ownConnection = instance.target.connect(this, now)
    else this.#proceed(now)
  }

  #ask(pool: SimulatedPool, now: number): void {
    this.#asked = pool
    const lease = pool.pool.acquire(this.#waiter, now)
    if (lease) this.granted(lease)
    else pool.noteWaiting()
  }

  granted(lease: Lease<Link>): void {
    lease.resource.holder = this
    if (this.#asked === this.#ownPool) this.#own = lease
    else this.#server = lease
    this.#proceed(this.#world.time.now)
  }

  opened(_connection: Connection, now: number): void {
    this.#proceed(now)
  }

  /** It has what its own instance gives. */
  #proceed(now: number): void {
    const { pooler } = this.instance
    if (pooler && !this.#server) return this.#ask(pooler.servers, now)
    this.begunAtMs = now
    this.#stage = 'working'
    this.#world.database.processors.begin(this.#workMs, this, now)
  }

  happen(now: number): void {
    if (this.#stage === 'working' && this.#awayMs > 0) {
      this.#stage = 'away'
      this.#world.time.at(now + this.#awayMs, this)
      return
    }
    this.#end(this.#isLost ? 'server_lost' : 'served', now)
  }

  refused(error: TaxirankError): void {
    this.#end(error.code, this.#world.time.now)
  }

  failed(_connection: Connection, error: TaxirankError, now: number): void {
    this.#ownConnection = undefined
    this.#end(error.code, now)
  }

  lost(_connection: Connection, now: number): void {
    this.linkLost(now)
  }

  /** Who is away finds out when it comes back. */
  linkLost(now: number): void {
    this.#isLost = true
    if (this.#stage === 'working') this.#end('server_lost', now)
  }

  #end(ending: Ending, now: number): void {
    this.ending = ending
    this.#stage = 'unused'
    this.#giveBack(ending === 'served', now)
    this.#isLost = false
    this.#asked = undefined
    this.#world.ended(this, now)
  }

  /** Whoever has lost its server, or waited for one in vain, loses its connection to the pooler, too. */
  #giveBack(isServed: boolean, now: number): void {
    const server = this.#server
    const own = this.#own
    this.#server = undefined
    this.#own = undefined
    if (server) release(server, this.instance.pooler?.servers as SimulatedPool, now)
    if (own && isServed) release(own, this.#ownPool as SimulatedPool, now)
    else if (own) this.#ownPool?.pool.destroy(own.slot, 'it failed', now)
    this.#ownConnection?.close(now)
    this.#ownConnection = undefined
  }
}

/** Nothing happens if the connection is lost: then the lease is over. */
function release(lease: Lease<Link>, { pool }: SimulatedPool, now: number): void {
  if (!lease.isHeld) return
  lease.resource.holder = undefined
  pool.release(lease, lease.number, now)
}
