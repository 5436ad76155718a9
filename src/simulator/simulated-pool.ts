/** The lending engine, with connections of the simulated world. */

import type { TaxirankError } from '../errors.ts'
import type { ResourceOwner, PoolOptions } from '../engine/options.ts'
import { Pool, type Told } from '../engine/pool.ts'
import type { Slot } from '../engine/slot.ts'
import type { Random } from '../random.ts'
import type { Connection, ConnectionUser, Target } from './connection.ts'
import type { VirtualTime } from './virtual-time.ts'

/** A connection that is lent: whoever works with it hears that it is lost. */
export class Link {
  readonly connection: Connection
  /** Who must be told. */
  holder: LinkHolder | undefined

  constructor(connection: Connection) {
    this.connection = connection
  }
}

export interface LinkHolder {
  /** What it holds is gone; its lease is over. */
  linkLost(now: number): void
}

/** What a pool is made with, in the engine's words. */
export type PoolSpec = Pick<
  PoolOptions<Link>,
  | 'maxSize'
  | 'minSize'
  | 'waitTimeoutMs'
  | 'maxWaiting'
  | 'idleTimeoutMs'
  | 'lifetimeMs'
  | 'reserveSize'
  | 'reserveAfterMs'
>

export interface PoolParts {
  readonly target: Target
  readonly time: VirtualTime
  readonly random: Random
  /** Whoever waits when opening has failed: in an application they are told, a pooler lets them wait. */
  readonly told: Told
}

export class SimulatedPool implements ResourceOwner<Link>, ConnectionUser {
  readonly pool: Pool<Link>
  readonly spec: PoolSpec
  readonly #target: Target
  readonly time: VirtualTime
  readonly #told: Told
  readonly #opening = new Map<Slot<Link>, Connection>()
  readonly #slots = new Map<Connection, Slot<Link>>()
  #peakWaiting = 0
  #peakSize = 0

  constructor(spec: PoolSpec, { target, time, random, told }: PoolParts) {
    this.spec = spec
    this.#target = target
    this.time = time
    this.#told = told
    const { deadlines } = time
    const options = { noun: 'connection', owner: this, deadlines, random: () => random.fraction() }
    this.pool = new Pool<Link>({ ...spec, ...options })
  }

  get peakWaiting(): number {
    return this.#peakWaiting
  }

  /** Connections at any one time, those being opened included. */
  get peakSize(): number {
    return this.#peakSize
  }

  /** For callers who were not served at once. */
  noteWaiting(): void {
    const { waiting } = this.pool
    if (waiting > this.#peakWaiting) this.#peakWaiting = waiting
  }

  open(slot: Slot<Link>): void {
    const connection = this.#target.connect(this, this.time.now)
    this.#opening.set(slot, connection)
    this.#slots.set(connection, slot)
    this.#peakSize = Math.max(this.#peakSize, this.pool.size)
  }

  close(slot: Slot<Link>): void {
    const connection = this.#opening.get(slot) ?? slot.resource.connection
    this.#opening.delete(slot)
    this.#slots.delete(connection)
    connection.close(this.time.now)
    this.pool.closed(slot, this.time.now)
  }

  opened(connection: Connection, now: number): void {
    const slot = this.#slots.get(connection) as Slot<Link>
    this.#opening.delete(slot)
    this.pool.opened(slot, new Link(connection), now)
  }

  failed(connection: Connection, error: TaxirankError, now: number): void {
    const slot = this.#slots.get(connection) as Slot<Link>
    this.#opening.delete(slot)
    this.#slots.delete(connection)
    this.pool.openFailed(slot, error, this.#told, now)
  }

  lost(connection: Connection, now: number): void {
    const slot = this.#slots.get(connection) as Slot<Link>
    this.#slots.delete(connection)
    const { holder } = slot.resource
    this.pool.closed(slot, now)
    holder?.linkLost(now)
  }
}
