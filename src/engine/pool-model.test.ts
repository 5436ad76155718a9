import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { TaxirankError } from '../errors.ts'
import type { Lease, LeaseMode, Slot } from './lease.ts'
import { Pool } from './pool.ts'
import { type Caller, Waiter } from './waiter.ts'

type Command =
  | { readonly do: 'acquire'; readonly mode: LeaseMode; readonly stateKey: number; readonly reaction: Reaction }
  | { readonly do: 'cancel' | 'release' | 'destroy' | 'lose' | 'opened' | 'closed'; readonly which: number }
  | { readonly do: 'openFailed'; readonly which: number; readonly isFinal: boolean }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'end' }

/** What a caller does in the very call that grants or refuses. */
type Reaction = 'keep' | 'give back' | 'ask again'

interface Limits {
  readonly maxSize: number
  readonly waitTimeoutMs: number
  readonly retryMaxMs: number
  readonly sharedDepth: number
  /** The owner opens, fails and closes in the very call that asks for it. */
  readonly isPrompt: boolean
}

const unreachable = new TaxirankError('server_connect_failed', 'connection refused')
const shutdown = new TaxirankError('admin_shutdown', 'shut down')

/**
 * A pool with callers and an owner around it who keep books of their own, from nothing but what they are asked and told,
 * and object to whatever the contract forbids.
 */
class World {
  readonly #limits: Limits
  readonly #pool: Pool<number>
  #now = 0
  #isEnded = false
  #queue: Asker[] = []
  #held: Asker[] = []
  #opening: Slot<number>[] = []
  #closing: Slot<number>[] = []
  /** Most recently used last. */
  #idle: Slot<number>[] = []
  #names = 0
  #failure: { pauseMs: number; untilMs: number } | undefined
  /** An openFailed that may refuse everybody is under way. */
  #isHopeless = false
  /** How often a place has become free. */
  #closedPlaces = 0

  constructor(limits: Limits) {
    this.#limits = limits
    this.#pool = new Pool<number>({
      noun: 'server',
      ...limits,
      open: (slot) => this.#openAsked(slot),
      close: (slot) => this.#closeAsked(slot),
    })
  }

  run(command: Command): void {
    const closedBefore = this.#closedPlaces
    switch (command.do) {
      case 'acquire':
        this.#acquire(new Asker(this, command))
        break
      case 'cancel':
        this.#with(this.#queue, command.which, (asker) => this.#cancel(asker))
        break
      case 'release':
        this.#with(this.#held, command.which, (asker) => this.release(asker))
        break
      case 'destroy':
        this.#with(this.#live, command.which, (slot) => this.#destroy(slot))
        break
      case 'lose':
        this.#with(this.#open, command.which, (slot) => this.#lose(slot))
        break
      case 'opened':
        this.#with(this.#opening, command.which, (slot) => this.#opened(slot))
        break
      case 'openFailed':
        this.#with(this.#opening, command.which, (slot) => this.#openFailed(slot, command.isFinal))
        break
      case 'closed':
        this.#with(this.#closing, command.which, (slot) => this.#closed(slot))
        break
      case 'advance':
        this.#advance(command.ms)
        break
      case 'end':
        this.#end()
    }
    this.#check()
    const isFreed = this.#closedPlaces > closedBefore
    if (isFreed) assert.ok(!this.#needsMore || this.#failure, 'whoever waits has one opened in its place')
  }

  #with<T>(list: readonly T[], which: number, act: (one: T) => void): void {
    const one = list[which % list.length]
    if (one !== undefined) act(one)
  }

  get #open(): Slot<number>[] {
    return [...this.#idle, ...this.#leased]
  }

  get #leased(): Slot<number>[] {
    return [...new Set(this.#held.map(({ lease }) => (lease as Lease<number>).slot))]
  }

  get #live(): Slot<number>[] {
    return [...this.#opening, ...this.#open]
  }

  // What callers do, and are told.

  #acquire(asker: Asker): void {
    const before = [...this.#queue]
    const mustGrant = before.length === 0 && !this.#isEnded && this.#couldServe(asker)
    const expected = this.#bestIdle(asker)
    this.#queue.push(asker)
    const lease = this.#pool.acquire(asker.waiter, this.#now)
    assert.equal(lease !== undefined, mustGrant, 'lent at once exactly when nobody waits and something is free')
    if (!lease) return
    if (expected) assert.equal(lease.slot, expected, 'the best of what is idle')
    this.#take(asker, lease)
  }

  /** The most recently used, among those with the same state key if there are any. */
  #bestIdle({ waiter }: Asker): Slot<number> | undefined {
    const fitting = this.#idle.filter(({ stateKey }) => stateKey === waiter.stateKey)
    return fitting.at(-1) ?? this.#idle.at(-1)
  }

  #couldServe({ waiter }: Asker): boolean {
    if (this.#idle.length > 0) return true
    if (waiter.mode === 'exclusive') return false
    return this.#leased.some((slot) => this.#sharersOf(slot).length > 0 && this.#hasRoom(slot, waiter.stateKey))
  }

  #sharersOf(slot: Slot<number>): Asker[] {
    return this.#held.filter(({ lease }) => lease?.slot === slot && lease.mode === 'shared')
  }

  #hasRoom(slot: Slot<number>, stateKey: number): boolean {
    return slot.stateKey === stateKey && this.#sharersOf(slot).length < this.#limits.sharedDepth
  }

  granted(asker: Asker, lease: Lease<number>): void {
    assert.equal(asker, this.#queue[0], 'whoever has waited longest is served')
    this.#take(asker, lease)
    if (asker.reaction === 'give back') this.release(asker)
    if (asker.reaction === 'ask again') this.#acquire(new Asker(this, { ...asker.request, reaction: 'keep' }))
  }

  #take(asker: Asker, lease: Lease<number>): void {
    this.#queue = this.#queue.filter((one) => one !== asker)
    const sharers = this.#sharersOf(lease.slot)
    const isFirst = this.#idle.includes(lease.slot)
    assert.ok(isFirst || sharers.length > 0, 'what is lent is idle or shared')
    if (!isFirst) assert.ok(this.#hasRoom(lease.slot, asker.waiter.stateKey), 'shared with its like, and not too often')
    assert.deepEqual([lease.isHeld, lease.mode], [true, asker.waiter.mode])
    this.#idle = this.#idle.filter((slot) => slot !== lease.slot)
    asker.lease = lease
    this.#held.push(asker)
  }

  refused(asker: Asker, error: TaxirankError): void {
    assert.ok(this.#queue.includes(asker), 'a wait ends once')
    const waitedMs = this.#now - asker.waiter.queuedAtMs
    if (error.code === 'acquire_timeout') {
      assert.equal(asker, this.#queue[0], 'the longest wait ends first')
      assert.ok(this.#limits.waitTimeoutMs > 0 && waitedMs >= this.#limits.waitTimeoutMs, 'not before its time')
    } else if (error === unreachable) {
      assert.ok(this.#isHopeless, 'refused only when there is no hope')
    } else {
      assert.ok(this.#isEnded && error === shutdown, 'refused at the end')
    }
    this.#queue = this.#queue.filter((one) => one !== asker)
    if (asker.reaction === 'ask again') this.#acquireLater(asker)
  }

  /** Asks again at once, but for a pool that has ended, which would refuse for ever. */
  #acquireLater(asker: Asker): void {
    if (!this.#isEnded) this.#acquire(new Asker(this, { ...asker.request, reaction: 'keep' }))
  }

  #cancel(asker: Asker): void {
    this.#queue = this.#queue.filter((one) => one !== asker)
    assert.ok(this.#pool.cancel(asker.waiter, this.#now))
    assert.ok(!this.#pool.cancel(asker.waiter, this.#now))
  }

  release(asker: Asker): void {
    const lease = asker.lease as Lease<number>
    this.#held = this.#held.filter((one) => one !== asker)
    if (!this.#leased.includes(lease.slot) && !this.#isEnded) this.#idle.push(lease.slot)
    this.#pool.release(lease, this.#now)
  }

  // What the owner does, and is asked.

  #openAsked(slot: Slot<number>): void {
    assert.ok(!this.#isEnded && this.#queue.length > 0, 'opened for somebody')
    if (this.#failure) {
      assert.deepEqual(this.#opening, [], 'one attempt at a time after a failure')
      assert.ok(this.#now >= this.#failure.untilMs, 'a pause after a failure')
    }
    this.#opening.push(slot)
    this.#checkSize()
    if (!this.#limits.isPrompt) return
    if (this.#names % 3 === 0) this.#openFailed(slot, this.#names % 2 === 0)
    else this.#opened(slot)
  }

  #opened(slot: Slot<number>): void {
    this.#opening = this.#opening.filter((one) => one !== slot)
    this.#idle.push(slot)
    this.#failure = undefined
    slot.stateKey = (++this.#names % 2) + 1
    this.#pool.opened(slot, this.#names, this.#now)
  }

  #openFailed(slot: Slot<number>, isFinal: boolean): void {
    this.#names++
    this.#opening = this.#opening.filter((one) => one !== slot)
    const { pauseMs, untilMs } = this.#failure ?? { pauseMs: 50, untilMs: 0 }
    if (this.#now >= untilMs) {
      const nextMs = Math.min(Math.max(pauseMs * 2, 100), this.#limits.retryMaxMs)
      this.#failure = { pauseMs: nextMs, untilMs: this.#now + nextMs }
    }
    this.#isHopeless = isFinal && this.#live.length === 0
    const waiting = [...this.#queue]
    const wasHopeless = this.#isHopeless
    this.#pool.openFailed(slot, unreachable, isFinal, this.#now)
    this.#isHopeless = false
    if (wasHopeless) assert.ok(!waiting.some((asker) => this.#queue.includes(asker)), 'everybody is told')
  }

  #closeAsked(slot: Slot<number>): void {
    this.#forget(slot)
    this.#closing.push(slot)
    if (this.#limits.isPrompt) this.#closed(slot)
  }

  #closed(slot: Slot<number>): void {
    this.#closing = this.#closing.filter((one) => one !== slot)
    this.#pool.closed(slot, this.#now)
    this.#closedPlaces++
  }

  #destroy(slot: Slot<number>): void {
    const holders = this.#held.filter(({ lease }) => lease?.slot === slot)
    this.#forget(slot)
    this.#pool.destroy(slot, 'because')
    this.#checkEnded(holders)
  }

  /** It is closed without anybody having asked for it. */
  #lose(slot: Slot<number>): void {
    const holders = this.#held.filter(({ lease }) => lease?.slot === slot)
    this.#forget(slot)
    this.#pool.closed(slot, this.#now)
    this.#closedPlaces++
    this.#checkEnded(holders)
  }

  #forget(slot: Slot<number>): void {
    this.#opening = this.#opening.filter((one) => one !== slot)
    this.#idle = this.#idle.filter((one) => one !== slot)
    this.#held = this.#held.filter(({ lease }) => lease?.slot !== slot)
  }

  #checkEnded(holders: readonly Asker[]): void {
    for (const { lease } of holders) {
      assert.equal(lease?.isHeld, false, 'its leases have ended')
      assert.throws(() => this.#pool.release(lease, this.#now), /a lease is given back once/)
    }
  }

  #advance(ms: number): void {
    this.#now += ms
    this.#pool.advance(this.#now)
    const limitMs = this.#limits.waitTimeoutMs
    const isLate = this.#queue.some(({ waiter }) => limitMs > 0 && this.#now - waiter.queuedAtMs >= limitMs)
    assert.ok(!isLate, 'nobody waits beyond the limit')
    if (!this.#needsMore) return
    const isPausing = this.#failure && (this.#opening.length > 0 || this.#now < this.#failure.untilMs)
    assert.ok(isPausing, 'after a pause another attempt begins')
  }

  get #needsMore(): boolean {
    const size = this.#live.length + this.#closing.length
    return this.#queue.length > this.#opening.length && size < this.#limits.maxSize && !this.#isEnded
  }

  #end(): void {
    this.#isEnded = true
    this.#pool.end(shutdown)
  }

  // What holds between any two commands.

  #check(): void {
    this.#checkSize()
    const { waiting, opening, idle, leased, closing, isEnded } = this.#pool
    assert.deepEqual(
      { waiting, opening, idle, leased, closing, isEnded },
      {
        waiting: this.#queue.length,
        opening: this.#opening.length,
        idle: this.#idle.length,
        leased: this.#leased.length,
        closing: this.#closing.length,
        isEnded: this.#isEnded,
      },
    )
    const [first] = this.#queue
    if (first) assert.ok(!this.#couldServe(first), 'nobody waits while something could serve')
    if (this.#isEnded) assert.deepEqual([waiting, opening, idle], [0, 0, 0], 'nothing begins after the end')
  }

  #checkSize(): void {
    assert.ok(this.#live.length + this.#closing.length <= this.#limits.maxSize, 'never more than the maximum')
  }
}

class Asker implements Caller<number> {
  readonly waiter = new Waiter<number>(this)
  readonly request: Extract<Command, { do: 'acquire' }>
  readonly #world: World
  lease: Lease<number> | undefined

  constructor(world: World, request: Extract<Command, { do: 'acquire' }>) {
    this.#world = world
    this.request = request
    this.waiter.mode = request.mode
    this.waiter.stateKey = request.stateKey
  }

  get reaction(): Reaction {
    return this.request.reaction
  }

  granted(lease: Lease<number>): void {
    this.#world.granted(this, lease)
  }

  refused(error: TaxirankError): void {
    this.#world.refused(this, error)
  }
}

const which = fc.nat({ max: 7 })
const acquire = fc.record({
  do: fc.constant('acquire' as const),
  mode: fc.constantFrom('exclusive' as const, 'exclusive' as const, 'shared' as const),
  stateKey: fc.integer({ min: 1, max: 2 }),
  reaction: fc.constantFrom('keep' as const, 'keep' as const, 'give back' as const, 'ask again' as const),
})
const command: fc.Arbitrary<Command> = fc.oneof(
  { arbitrary: acquire, weight: 6 },
  {
    arbitrary: fc.record({ do: fc.constantFrom('release' as const, 'opened' as const, 'closed' as const), which }),
    weight: 8,
  },
  {
    arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'destroy' as const, 'lose' as const), which }),
    weight: 3,
  },
  { arbitrary: fc.record({ do: fc.constant('openFailed' as const), which, isFinal: fc.boolean() }), weight: 2 },
  {
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.integer({ min: 0, max: 10 }).map((n) => n * 50),
    }),
    weight: 3,
  },
  { arbitrary: fc.constant({ do: 'end' as const }), weight: 1 },
)
const limits: fc.Arbitrary<Limits> = fc.record({
  maxSize: fc.integer({ min: 1, max: 4 }),
  waitTimeoutMs: fc.constantFrom(0, 300),
  retryMaxMs: fc.constantFrom(50, 100, 1_000),
  sharedDepth: fc.integer({ min: 1, max: 3 }),
  isPrompt: fc.boolean(),
})

describe('Pool and its contract', () => {
  it('keeps it, whatever is asked of it and in whatever order', { timeout: 60_000 }, () => {
    const property = fc.property(limits, fc.array(command, { maxLength: 60 }), (options, commands) => {
      const world = new World(options)
      for (const one of commands) world.run(one)
    })
    fc.assert(property, { numRuns: 5_000 })
  })
})
