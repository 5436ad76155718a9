/**
 * A pool of the engine in virtual time: its owner and its callers note what they are asked and told, and the test says
 * what happens next, and when. Resources are called 'one', 'two' and so on, in the order in which they come open.
 */

import assert from 'node:assert/strict'
import { TaxirankError } from '../../src/errors.ts'
import type { Lease } from '../../src/engine/lease.ts'
import type { PoolObserver } from '../../src/engine/observer.ts'
import type { PoolOptions } from '../../src/engine/options.ts'
import { Pool, type Told } from '../../src/engine/pool.ts'
import type { Slot } from '../../src/engine/slot.ts'
import { type Caller, Waiter } from '../../src/engine/waiter.ts'
import { Deadlines } from '../../src/time.ts'

export const unreachable = new TaxirankError('server_connect_failed', 'connection refused')
export const rejected = new TaxirankError('server_connect_failed', 'no such role')
export const shutdown = new TaxirankError('admin_shutdown', 'the pool is shut down')

const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']
/** More rings at one instant are no progress. */
const mostRings = 1_000
/** More is asked of the owner by a pool that comes to no end. */
const mostAsked = 10_000

type Wish = Partial<Pick<Waiter<string>, 'mode' | 'stateKey' | 'lane' | 'timeoutMs'>>

export class Asker implements Caller<string> {
  readonly waiter = new Waiter<string>(this)
  readonly told: string[] = []
  /** The number of the lease as it was granted. */
  number = 0
  error: TaxirankError | undefined
  onGrant: () => void = () => undefined
  onRefusal: () => void = () => undefined
  #lease: Lease<string> | undefined

  constructor(name: string, { mode = 'exclusive', stateKey = 0, lane = 0, timeoutMs }: Wish = {}) {
    Object.assign(this.waiter, { holder: name, mode, stateKey, lane, timeoutMs })
  }

  get lease(): Lease<string> {
    assert.ok(this.#lease, `${this.waiter.holder} was granted a lease`)
    return this.#lease
  }

  granted(lease: Lease<string>): void {
    this.#lease = lease
    this.number = lease.number
    this.told.push(lease.resource)
    this.onGrant()
  }

  refused(error: TaxirankError): void {
    this.error = error
    this.told.push(`refused: ${error.message}`)
    this.onRefusal()
  }
}

/** What the pool may ask of its owner beside opening and closing. */
interface Skills {
  readonly canCheck?: boolean
  readonly canReset?: boolean
}

type Options = Partial<Omit<PoolOptions<string>, 'owner' | 'deadlines'>> & Skills

export class EnginePool {
  readonly pool: Pool<string>
  readonly deadlines: Deadlines
  /** What the owner was asked and has not done yet, oldest first. */
  readonly opening: Slot<string>[] = []
  readonly closing: Slot<string>[] = []
  readonly checking: Slot<string>[] = []
  readonly resetting: Slot<string>[] = []
  /** Answers at once from now on. */
  isPrompt = false
  readonly #names = new Map<Slot<string>, string>()
  #asked: string[] = []
  #heard: string[] = []
  readonly #clock: { now: number }

  /** `beside`: whose time it shares. */
  constructor({ canCheck = false, canReset = false, ...options }: Options = {}, beside?: EnginePool) {
    this.deadlines = beside?.deadlines ?? new Deadlines(0)
    this.#clock = beside ? beside.#clock : { now: 0 }
    this.pool = new Pool<string>({
      noun: 'server',
      maxSize: 2,
      random: () => 0,
      observer: this.#observer,
      ...options,
      deadlines: this.deadlines,
      owner: {
        open: (slot) => this.#openAsked(slot),
        close: (slot, reason) => this.#closeAsked(slot, reason),
        ...(canCheck && { check: (slot: Slot<string>) => this.#note('check', slot, this.checking) }),
        ...(canReset && { reset: (slot: Slot<string>) => this.#note('reset', slot, this.resetting) }),
      },
    })
  }

  get now(): number {
    return this.#clock.now
  }

  // Callers.

  ask(name: string, wish: Wish = {}): Asker {
    const asker = new Asker(name, wish)
    this.askAgain(asker)
    return asker
  }

  /** A lease that is given at once is noted as if it had been granted. */
  askAgain(asker: Asker): void {
    const lease = this.pool.acquire(asker.waiter, this.now)
    if (lease) asker.granted(lease)
  }

  askMany(count: number, wish: Wish = {}): Asker[] {
    return Array.from({ length: count }, (_, index) => this.ask(`caller ${index + 1}`, wish))
  }

  giveBack(asker: Asker, { isDirty = false } = {}): void {
    this.pool.release(asker.lease, asker.number, this.now, isDirty)
  }

  cancel(asker: Asker): boolean {
    return this.pool.cancel(asker.waiter, this.now)
  }

  // The owner.

  /** Opens what was asked for first. */
  open(stateKey = 0): void {
    this.#opened(first(this.opening), stateKey)
  }

  failToOpen(error = unreachable, told: Told = 'nobody'): void {
    this.pool.openFailed(first(this.opening), error, told, this.now)
  }

  /** Closes what was asked for first. */
  close(): void {
    this.pool.closed(first(this.closing), this.now)
  }

  /** Its resource is gone, and nobody had asked for that. */
  lose(name: string): void {
    this.pool.closed(this.slot(name), this.now)
  }

  destroy(name: string, reason = 'because'): void {
    this.pool.destroy(this.slot(name), reason, this.now)
  }

  check(): void {
    this.pool.checked(first(this.checking), this.now)
  }

  failCheck(): void {
    this.pool.checkFailed(first(this.checking), 'it is dead', this.now)
  }

  reset(): void {
    this.pool.resetDone(first(this.resetting), this.now)
  }

  failReset(): void {
    this.pool.resetFailed(first(this.resetting), 'it has failed', this.now)
  }

  /** Makes idle as many resources as there are state keys, the last of them used most recently. */
  fill(...stateKeys: number[]): this {
    const { minSize } = this.pool.snapshot(this.now)
    this.pool.resize({ minSize: stateKeys.length }, this.now)
    for (const stateKey of stateKeys) this.open(stateKey)
    this.pool.resize({ minSize }, this.now)
    this.forget()
    return this
  }

  slot(name: string): Slot<string> {
    for (const [slot, one] of this.#names) if (one === name) return slot
    throw new Error(`nothing that was ever open is called ${name}`)
  }

  // Time.

  /** Lets time pass, and everything ring that is due meanwhile. */
  pass(ms: number): void {
    const until = this.now + ms
    for (let rings = 0; this.deadlines.nextAtMs <= until; rings++) {
      const next = Math.max(this.now, this.deadlines.nextAtMs)
      if (next > this.now) rings = 0
      assert.ok(rings < mostRings, 'it rings again and again, and time stands still')
      this.#clock.now = next
      this.deadlines.advance(next)
    }
    this.#clock.now = until
    this.deadlines.advance(until)
  }

  // What has happened.

  /** How many slots there are of each kind, and waiters; what there is none of is left out. */
  figures(): Record<string, number> {
    const { slots, waiting } = this.pool.snapshot(this.now)
    return Object.fromEntries(Object.entries({ ...slots, waiting }).filter(([, count]) => count > 0))
  }

  /** What the owner was asked since this was last called: 'open', 'close one: it is retired'. */
  asked(): string[] {
    const asked = this.#asked
    this.#asked = []
    return asked
  }

  /** What the observer heard since this was last called: 'granted a'. */
  heard(): string[] {
    const heard = this.#heard
    this.#heard = []
    return heard
  }

  forget(): void {
    this.asked()
    this.heard()
  }

  #note(verb: string, slot: Slot<string>, list: Slot<string>[], reason = ''): void {
    const name = this.#names.get(slot)
    this.#asked.push(verb + (name ? ` ${name}` : '') + (reason && `: ${reason}`))
    list.push(slot)
  }

  #openAsked(slot: Slot<string>): void {
    this.#note('open', slot, this.opening)
    assert.ok(this.#asked.length < mostAsked, 'it asks again and again')
    if (this.isPrompt) this.open()
  }

  #closeAsked(slot: Slot<string>, reason: string): void {
    this.#note('close', slot, this.closing, reason)
    if (this.isPrompt) this.close()
  }

  #opened(slot: Slot<string>, stateKey: number): void {
    const count = this.#names.size
    const name = words[count] ?? String(count + 1)
    this.#names.set(slot, name)
    slot.stateKey = stateKey
    this.pool.opened(slot, name, this.now)
  }

  get #observer(): PoolObserver<string> {
    const note = (text: string): void => void this.#heard.push(text)
    return {
      granted: (lease) => note(`granted ${lease.holder}`),
      ended: (lease) => note(`ended ${lease.holder}`),
      turnedAway: (waiter, error) => note(`turned away ${waiter.holder}: ${error ? error.code : 'gone'}`),
      leaked: ({ holder, heldMs }) => note(`leaked ${holder} after ${heldMs}`),
      stale: (lease, number) => note(`stale ${number}, now ${lease ? lease.holder : 'nobody'}`),
    }
  }
}

function first<T>(list: T[]): T {
  const one = list.shift()
  assert.ok(one !== undefined, 'the pool has asked for it')
  return one
}

export const told = (askers: readonly Asker[]): (readonly string[])[] => askers.map((asker) => asker.told)
