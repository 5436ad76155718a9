/** A pool in virtual time: callers who hold for a while, a database that opens slowly or not at all, and samples of what was there when. */

import { TaxirankError } from '../../src/errors.ts'
import type { Lease } from '../../src/engine/lease.ts'
import type { PoolOptions } from '../../src/engine/options.ts'
import { Pool } from '../../src/engine/pool.ts'
import type { Slot } from '../../src/engine/slot.ts'
import { type Caller, Waiter } from '../../src/engine/waiter.ts'
import { Deadline, Deadlines } from '../../src/time.ts'

/** What was there at one instant. */
export interface Sample {
  readonly atMs: number
  readonly waiting: number
  readonly opening: number
  readonly leased: number
  readonly idle: number
}

/** How a caller fared. `waitedMs` of one who was refused is how long that took. */
export interface Fate {
  readonly askedAtMs: number
  readonly waitedMs: number
  readonly isServed: boolean
}

export interface VirtualPoolOptions {
  readonly pool: Partial<PoolOptions<number>> & { readonly maxSize: number }
  readonly openingMs: number
  /** How long a caller holds its lease. */
  readonly holdMs: (caller: number) => number
  /** When nothing can be opened: an attempt then fails after `openingMs`. */
  readonly isDown?: (now: number) => boolean
  /** Uniform in [0, 1). */
  readonly random?: () => number
}

const refused = new TaxirankError('server_connect_failed', 'connection refused')

export class VirtualPool {
  readonly samples: Sample[] = []
  readonly fates: Fate[] = []
  /** When each attempt to open began. */
  readonly attempts: number[] = []
  /** When each succeeded. */
  readonly openings: number[] = []
  readonly #options: VirtualPoolOptions
  readonly #deadlines = new Deadlines(0)
  readonly #pool: Pool<number>
  #now = 0
  #callers = 0

  constructor(options: VirtualPoolOptions) {
    this.#options = options
    this.#pool = new Pool<number>({
      noun: 'server',
      deadlines: this.#deadlines,
      random: options.random ?? (() => 0.5),
      owner: { open: (slot) => this.#open(slot), close: (slot) => this.#pool.closed(slot, this.#now) },
      ...options.pool,
    })
  }

  get now(): number {
    return this.#now
  }

  /** Many at once. */
  ask(count: number, lane = 0): void {
    for (let asked = 0; asked < count; asked++)
      new VirtualCaller(this, this.#callers++, lane).ask(this.#pool, this.#now)
    this.#sample()
  }

  /** Calls back at an instant of virtual time. */
  at(atMs: number, act: (now: number) => void): void {
    this.#deadlines.start(new Deadline(act), atMs)
  }

  /** From deadline to deadline until `untilMs`, or until nobody waits or holds any more. */
  run(untilMs: number): void {
    while (this.#deadlines.nextAtMs <= untilMs) {
      this.#now = Math.max(this.#now, this.#deadlines.nextAtMs)
      this.#deadlines.advance(this.#now)
      this.#sample()
    }
    this.#now = untilMs
  }

  granted(caller: VirtualCaller, lease: Lease<number>): void {
    const { number } = lease
    this.fates.push({ askedAtMs: caller.askedAtMs, waitedMs: this.#now - caller.askedAtMs, isServed: true })
    this.at(this.#now + this.#options.holdMs(caller.index), (now) => this.#pool.release(lease, number, now))
  }

  refused(caller: VirtualCaller): void {
    this.fates.push({ askedAtMs: caller.askedAtMs, waitedMs: this.#now - caller.askedAtMs, isServed: false })
  }

  #open(slot: Slot<number>): void {
    this.attempts.push(this.#now)
    this.at(this.#now + this.#options.openingMs, (now) => {
      if (this.#options.isDown?.(now)) return this.#pool.openFailed(slot, refused, 'nobody', now)
      this.openings.push(now)
      this.#pool.opened(slot, this.openings.length, now)
    })
  }

  #sample(): void {
    const { waiting, opening, leased, idle } = this.#pool
    this.samples.push({ atMs: this.#now, waiting, opening, leased, idle })
  }
}

class VirtualCaller implements Caller<number> {
  readonly index: number
  readonly #world: VirtualPool
  readonly #waiter = new Waiter<number>(this)
  askedAtMs = 0

  constructor(world: VirtualPool, index: number, lane: number) {
    this.#world = world
    this.index = index
    this.#waiter.lane = lane
  }

  ask(pool: Pool<number>, now: number): void {
    this.askedAtMs = now
    const lease = pool.acquire(this.#waiter, now)
    if (lease) this.granted(lease)
  }

  granted(lease: Lease<number>): void {
    this.#world.granted(this, lease)
  }

  refused(): void {
    this.#world.refused(this)
  }
}
