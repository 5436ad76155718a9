/**
 * A pool with callers and an owner around it who keep books of their own, from nothing but what they are asked and told,
 * and object to whatever the contract forbids.
 */

import assert from 'node:assert/strict'
import { TaxirankError } from '../../src/errors.ts'
import type { Lease } from '../../src/engine/lease.ts'
import type { Limit } from '../../src/engine/limit.ts'
import type { HeldLease, PoolObserver } from '../../src/engine/observer.ts'
import { Pool, type Told } from '../../src/engine/pool.ts'
import type { Slot } from '../../src/engine/slot.ts'
import { type Caller, Waiter } from '../../src/engine/waiter.ts'
import type { Deadlines } from '../../src/time.ts'
import { type Command, tolds, type WorldOptions } from './commands.ts'

type Acquire = Extract<Command, { do: 'acquire' }>

const unreachable = new TaxirankError('server_connect_failed', 'connection refused')
const shutdown = new TaxirankError('admin_shutdown', 'shut down')
const sheddingOptions = { targetMs: 100, intervalMs: 300 }

/** What the owner knows of a resource. */
interface Resource {
  readonly slot: Slot<number>
  state: 'opening' | 'idle' | 'leased' | 'checking' | 'resetting' | 'closing'
  openedAtMs: number
  usedAtMs: number
  provenAtMs: number
  isRetired: boolean
  isDirty: boolean
  holders: Asker[]
  /** For what it was asked to do, when that must be over. */
  untilMs: number
}

export class Books implements PoolObserver<number> {
  readonly pool: Pool<number>
  readonly #options: WorldOptions
  readonly #clock: { now: number }
  readonly #limits: readonly Limit[]
  readonly #evicts: (books: Books) => void
  readonly #queue: Asker[] = []
  readonly #held: Asker[] = []
  /** Leases that are over, with their numbers. */
  readonly #over: [lease: Lease<number>, number: number][] = []
  readonly #resources = new Map<Slot<number>, Resource>()
  maxSize: number
  minSize: number
  #phase: 'open' | 'paused' | 'draining' | 'ended' = 'open'
  /** Some of what is leased will be closed, and the books don't know which. */
  #hasRetiring = false
  #drainUntilMs = Infinity
  #drainReports = 0
  #names = 0
  #failure: { pauseMs: number; untilMs: number } | undefined
  /** Whoever asked by then may be told now that opening has failed. */
  #toldUntilMs = -Infinity
  /** When the latest attempt that failed began. */
  #failedFromMs = -Infinity
  /** Nothing fails any more. */
  #isSettling = false
  #grants = 0
  #staleUses = 0
  #stalesExpected = 0
  #leaks = 0
  readonly #told = {
    timedOut: 0,
    cancelled: 0,
    queueFull: 0,
    shed: 0,
    refused: 0,
    opened: 0,
    openFailures: 0,
    abandoned: 0,
  }
  #closedCount = 0

  /** `evicts`: one is closed because another pool is said to need its place. */
  constructor(
    options: WorldOptions,
    clock: { now: number },
    deadlines: Deadlines,
    limits: readonly Limit[],
    evicts: (books: Books) => void,
  ) {
    this.#evicts = evicts
    this.#options = options

    this.#clock = clock
    this.#limits = limits
    this.maxSize = options.maxSize
    this.minSize = options.minSize
    this.pool = new Pool<number>({
      ...options,
      noun: 'server',
      owner: {
        open: (slot) => this.#openAsked(slot),
        close: (slot, reason) => this.#closeAsked(slot, reason),
        check: (slot) => this.#checkAsked(slot),
        ...(options.canReset && { reset: (slot: Slot<number>) => this.#resetAsked(slot) }),
      },
      reuse: options.isRoundRobin ? 'round robin' : 'lifo',
      limits,
      lanes:
        options.reserved > 0
          ? [
              { name: 'common', reserved: 0 },
              { name: 'kept', reserved: options.reserved },
            ]
          : [],
      ...(options.isShedding && { shedding: sheddingOptions }),
      observer: this,
      deadlines,
      random: () => 0,
    })
  }

  get #now(): number {
    return this.#clock.now
  }

  run(command: Command): void {
    switch (command.do) {
      case 'acquire':
        return this.#acquire(new Asker(this, command))
      case 'cancel':
        return this.#with(this.#queue, command.which, (asker) => this.#cancel(asker))
      case 'release':
        return this.#with(this.#held, command.which, (asker) => this.release(asker, false))
      case 'releaseDirty':
        return this.#with(this.#held, command.which, (asker) => this.release(asker, true))
      case 'releaseStale':
        return this.#with(this.#over, command.which, (over) => this.#useStale(over, true))
      case 'useStale':
        return this.#with(this.#over, command.which, (over) => this.#useStale(over, false))
      case 'destroy':
        return this.#with(this.#in('opening', 'idle', 'leased', 'checking', 'resetting'), command.which, (one) =>
          this.#destroy(one),
        )
      case 'lose':
        return this.#with(this.#in('idle', 'leased', 'checking', 'resetting'), command.which, (one) => this.#lose(one))
      case 'opened':
        return this.#with(this.#in('opening'), command.which, (one) => this.#opened(one))
      case 'openFailed':
        return this.#with(this.#in('opening'), command.which, (one) => this.#openFailed(one, command.told))
      case 'closed':
        return this.#with(this.#in('closing'), command.which, (one) => this.#closed(one))
      case 'checked':
        return this.#with(this.#in('checking'), command.which, (one) => this.#checked(one))
      case 'checkFailed':
        return this.#with(this.#in('checking'), command.which, (one) => this.#checkFailed(one))
      case 'resetDone':
        return this.#with(this.#in('resetting'), command.which, (one) => this.#resetDone(one))
      case 'resetFailed':
        return this.#with(this.#in('resetting'), command.which, (one) =>
          this.pool.resetFailed(one.slot, 'reset', this.#now),
        )
      case 'resize':
        return this.#resize(command.maxSize, command.minSize)
      case 'retireAll':
        return this.#retireAll()
      case 'suspect':
        return this.#suspect()
      case 'pause':
        if (this.#phase === 'open') this.#phase = 'paused'
        return this.pool.pause(this.#now)
      case 'resume':
        if (this.#phase === 'paused') this.#phase = 'open'
        return this.pool.resume(this.#now)
      case 'drain':
        return this.#drain(command.ms, command.waiting)
      default:
    }
  }

  #with<T>(list: readonly T[], which: number, act: (one: T) => void): void {
    const one = list[which % list.length]
    if (one !== undefined) act(one)
  }

  #in(...states: Resource['state'][]): Resource[] {
    return [...this.#resources.values()].filter(({ state }) => states.includes(state))
  }

  #of(slot: Slot<number>): Resource {
    const resource = this.#resources.get(slot)
    assert.ok(resource, 'a slot that the owner knows')
    return resource
  }

  get isPaused(): boolean {
    return this.#phase === 'paused'
  }

  get #isOver(): boolean {
    return this.#phase === 'draining' || this.#phase === 'ended'
  }

  // What callers do, and are told.

  #acquire(asker: Asker): void {
    const now = this.#now
    const mustGrant = this.#phase === 'open' && this.#mayBeNext(asker) && this.#couldServe(asker)
    this.#queue.push(asker)
    asker.waiter.queuedAtMs = now
    const lease = this.pool.acquire(asker.waiter, now)
    assert.equal(
      lease !== undefined,
      mustGrant,
      'lent at once exactly when nobody who could be waits and something is free',
    )
    if (lease) this.#take(asker, lease)
  }

  /** Nobody who may have a slot has come before. */
  #mayBeNext(asker: Asker): boolean {
    return this.#mayHave(asker.lane) && !this.#queue.some(({ lane }) => this.#mayHave(lane))
  }

  /** Whether the lane may have one more, as far as what is reserved for the other is concerned. */
  #mayHave(lane: number): boolean {
    const { reserved } = this.#options
    if (reserved === 0) return true
    const taken = [0, 0]
    for (const { state, holders, slot } of this.#resources.values()) {
      if (state === 'leased' && holders.length > 0) taken[slot.lane] = (taken[slot.lane] as number) + 1
    }
    const [common, kept] = taken as [number, number]
    const capacity = Math.max(this.#mostEver, this.#alive)
    return (lane === 1 && kept < reserved) || common + Math.max(0, kept - reserved) < capacity - reserved
  }

  /** A limit may allow fewer than the pool's maximum; but one is left for a lane without a reservation. */
  get #mostEver(): number {
    const least = Math.min(this.maxSize, ...this.#limits.map(({ max }) => max))
    return least < this.maxSize ? Math.max(least, this.#options.reserved + 1) : this.maxSize
  }

  get #alive(): number {
    return this.#resources.size - this.#in('closing').length
  }

  #couldServe({ mode, waiter }: Asker): boolean {
    if (this.#in('idle').some((one) => this.#isProven(one))) return true
    return mode === 'shared' && this.#in('leased').some((one) => this.#isShareable(one, waiter.stateKey))
  }

  #isProven({ provenAtMs }: Resource): boolean {
    return this.#now - provenAtMs <= Math.min(this.#options.checkAfterMs, Number.MAX_SAFE_INTEGER)
  }

  #isShareable({ slot, holders, isRetired, openedAtMs }: Resource, stateKey: number): boolean {
    const { sharedDepth, lifetimeMs } = this.#options
    if (
      holders[0]?.mode !== 'shared' ||
      (stateKey !== 0 && slot.stateKey !== stateKey) ||
      holders.length >= sharedDepth
    )
      return false
    // Which of them go because the pool has become smaller only the pool knows.
    if (this.#hasRetiring && slot.retiring !== undefined) return false
    if (this.#alive > this.maxSize + this.#options.reserveSize) return false
    if (this.#limits.some(({ isExceeded }) => isExceeded)) return false
    return !isRetired && !(lifetimeMs > 0 && this.#now >= openedAtMs + lifetimeMs)
  }

  granted(_lease: Lease<number>): void {
    this.#grants++
  }

  ended(lease: Lease<number>): void {
    assert.ok(!lease.isHeld, 'over when it is said to be')
  }

  turnedAway(): void {
    // The caller is told.
  }

  leaked({ heldMs }: HeldLease): void {
    assert.ok(heldMs >= this.#options.leakAfterMs, 'a leak is held for long')
    this.#leaks++
  }

  stale(): void {
    this.#staleUses++
  }

  grantedTo(asker: Asker, lease: Lease<number>): void {
    assert.notEqual(this.#phase, 'paused', 'nothing is lent while it is paused')
    const before = this.#queue.slice(0, this.#queue.indexOf(asker))
    assert.ok(!before.some(({ lane }) => lane === asker.lane), 'whoever has waited longest in its lane is served')
    assert.ok(!before.some(({ lane }) => this.#mayHave(lane)), 'and of all lanes that may have one')
    this.#take(asker, lease)
    if (asker.reaction === 'give back') this.release(asker, false)
    if (asker.reaction === 'ask again') this.#acquireAgain(asker)
  }

  #take(asker: Asker, lease: Lease<number>): void {
    const one = this.#of(lease.slot)
    remove(this.#queue, asker)
    assert.ok(one.state === 'idle' || one.state === 'leased', `what is lent is idle or shared, not ${one.state}`)
    if (one.state === 'leased') assert.ok(this.#isShareable(one, asker.waiter.stateKey), 'shared with its like')
    else {
      assert.ok(this.#mayHave(asker.lane), 'what is reserved for a lane is kept for it')
      assert.ok(this.#isProven(one), 'checked before it is lent, if it was not heard of for long')
      assert.ok(!one.isDirty && !one.isRetired, 'neither dirty nor retired')
    }
    assert.deepEqual([lease.isHeld, lease.mode, lease.holder], [true, asker.mode, asker.waiter.holder])
    assert.equal(this.pool.use(lease, lease.number, this.#now), lease.resource)
    one.state = 'leased'
    one.holders.push(asker)
    asker.lease = lease
    asker.number = lease.number
    this.#held.push(asker)
  }

  refusedTo(asker: Asker, error: TaxirankError): void {
    assert.ok(this.#queue.includes(asker), 'a wait ends once')
    const waitedMs = this.#now - asker.waiter.queuedAtMs
    const limitMs = asker.timeoutMs || this.#options.waitTimeoutMs
    this.#told[counterOf(error)]++
    if (error.code === 'acquire_timeout') assert.ok(limitMs > 0 && waitedMs >= limitMs, 'not before its time')
    else if (error.code === 'queue_full') assert.equal(this.#queue.length, this.#options.maxWaiting + 1)
    else if (error.code === 'overloaded')
      assert.ok(this.#options.isShedding && waitedMs >= 2 * sheddingOptions.targetMs)
    else if (error === unreachable)
      assert.ok(asker.waiter.queuedAtMs <= this.#toldUntilMs, 'told only when there is no hope, and who asked in time')
    else assert.ok(this.#isOver && error === shutdown, 'refused at the end')
    remove(this.#queue, asker)
    if (asker.reaction === 'ask again') this.#acquireAgain(asker)
  }

  /** But for a pool that would refuse for ever. */
  #acquireAgain(asker: Asker): void {
    if (this.#isOver || this.#options.maxWaiting > 0) return
    this.#acquire(new Asker(this, { ...asker.request, reaction: 'keep' }))
  }

  #cancel(asker: Asker): void {
    remove(this.#queue, asker)
    this.#told.cancelled++
    assert.ok(this.pool.cancel(asker.waiter, this.#now))
    assert.ok(!this.pool.cancel(asker.waiter, this.#now))
  }

  release(asker: Asker, isDirty: boolean): void {
    const lease = asker.lease as Lease<number>
    const one = this.#of(lease.slot)
    this.#forgetHolder(one, asker)
    one.usedAtMs = this.#now
    one.provenAtMs = this.#options.checkAfterMs === 0 ? -Infinity : this.#now
    if (isDirty) one.isDirty = true
    if (isDirty && one.holders.length > 0) one.isRetired = true
    if (one.holders.length === 0 && one.state === 'leased') one.state = 'idle'
    this.pool.release(lease, asker.number, this.#now, isDirty)
  }

  #useStale([lease, number]: [Lease<number>, number], isRelease: boolean): void {
    this.#stalesExpected++
    const { isHeld, number: current } = lease
    assert.throws(
      () => (isRelease ? this.pool.release(lease, number, this.#now) : this.pool.use(lease, number, this.#now)),
      { code: 'stale_lease' },
    )
    assert.deepEqual([lease.isHeld, lease.number], [isHeld, current], 'whoever has it now keeps it')
  }

  #forgetHolder(one: Resource, asker: Asker): void {
    remove(one.holders, asker)
    remove(this.#held, asker)
    this.#over.push([asker.lease as Lease<number>, asker.number])
    if (this.#over.length > 20) this.#over.shift()
  }

  // What the owner does, and is asked.

  #openAsked(slot: Slot<number>): void {
    const isReserve =
      this.#options.reserveSize > 0 && this.#longestWaitMs >= this.#options.reserveAfterMs && this.#queue.length > 0
    const size = this.#resources.size + 1
    assert.ok(size <= this.maxSize + (isReserve ? this.#options.reserveSize : 0), 'never more than the maximum')
    assert.ok(this.#phase === 'open' || (this.#phase === 'draining' && this.#queue.length > 0), 'opened for somebody')
    const isExpired = this.#in('idle', 'leased').some((one) => this.#isExpired(one))
    const isNeeded = this.#queue.length > this.#in('opening').length || this.#alive < this.minSize || isExpired
    assert.ok(isNeeded, 'opened for somebody, the minimum, or in the place of one that is too old')
    if (this.#failure) {
      assert.deepEqual(this.#in('opening'), [], 'one attempt at a time after a failure')
      assert.ok(this.#now >= this.#failure.untilMs, 'a pause after a failure')
    }
    const one: Resource = {
      slot,
      state: 'opening',
      openedAtMs: Infinity,
      usedAtMs: 0,
      provenAtMs: 0,
      isRetired: false,
      isDirty: false,
      holders: [],
      untilMs: Infinity,
    }
    this.#resources.set(slot, one)
    if (!this.#options.isPrompt) return
    if (++this.#names % 3 === 0 && !this.#isSettling) this.#openFailed(one, tolds[this.#names % 4] ?? 'nobody')
    else this.#opened(one)
  }

  #isExpired({ openedAtMs }: Resource): boolean {
    return this.#options.lifetimeMs > 0 && this.#now >= openedAtMs + this.#options.lifetimeMs
  }

  get #longestWaitMs(): number {
    const [first] = this.#queue
    return first ? this.#now - first.waiter.queuedAtMs : 0
  }

  #opened(one: Resource): void {
    one.state = 'idle'
    one.openedAtMs = one.usedAtMs = one.provenAtMs = this.#now
    this.#told.opened++
    this.#failure = undefined
    one.slot.stateKey = (++this.#names % 2) + 1
    this.pool.opened(one.slot, this.#names, this.#now)
  }

  #openFailed(one: Resource, told: Told): void {
    this.#names++
    this.#told.openFailures++
    this.#resources.delete(one.slot)
    const { pauseMs, untilMs } = this.#failure ?? { pauseMs: 50, untilMs: 0 }
    if (this.#now >= untilMs) {
      const nextMs = Math.min(Math.max(pauseMs * 2, 100), this.#options.retryMaxMs)
      this.#failure = { pauseMs: nextMs, untilMs: this.#now + nextMs }
    }
    this.#failedFromMs = Math.max(this.#failedFromMs, one.slot.sinceMs)
    if (this.#alive === 0 && told !== 'nobody') this.#toldUntilMs = told === 'everybody' ? Infinity : this.#failedFromMs
    const inVain = this.#queue.filter(({ waiter }) => !this.isPaused && waiter.queuedAtMs <= this.#toldUntilMs)
    this.pool.openFailed(one.slot, unreachable, told, this.#now)
    this.#toldUntilMs = -Infinity
    assert.deepEqual(
      inVain.filter((asker) => this.#queue.includes(asker)),
      [],
      'whoever is to be told is told',
    )
  }

  #closeAsked(slot: Slot<number>, reason: string): void {
    const one = this.#of(slot)
    if (reason === 'another pool needs its place') this.#evicts(this)
    assert.notEqual(one.state, 'closing', 'closed once')
    this.#forget(one)
    if (one.state === 'opening') this.#told.abandoned++
    else this.#closedCount++
    const isTimedOut = one.state === 'checking' && this.#now >= one.untilMs
    one.state = 'closing'
    if (isTimedOut) this.#suspectIdle()
    if (this.#options.isPrompt) this.#closed(one)
  }

  #closed(one: Resource): void {
    this.#resources.delete(one.slot)
    this.pool.closed(one.slot, this.#now)
  }

  #destroy(one: Resource): void {
    const holders = [...one.holders]
    this.#forget(one)
    this.pool.destroy(one.slot, 'because', this.#now)
    this.#checkEnded(holders)
  }

  #checkEnded(holders: readonly Asker[]): void {
    for (const { lease, number } of holders) assert.notEqual(lease?.number, number, 'its leases are over')
  }

  /** It is closed without anybody having asked for it. */
  #lose(one: Resource): void {
    const holders = [...one.holders]
    this.#closedCount++
    this.#forget(one)
    this.#resources.delete(one.slot)
    this.pool.closed(one.slot, this.#now)
    this.#checkEnded(holders)
  }

  /** Its leases are over. */
  #forget(one: Resource): void {
    for (const asker of one.holders.slice()) this.#forgetHolder(one, asker)
  }

  #checkAsked(slot: Slot<number>): void {
    const one = this.#of(slot)
    assert.equal(one.state, 'idle', 'what is checked is idle')
    one.state = 'checking'
    one.provenAtMs = this.#now
    one.untilMs = this.#options.checkTimeoutMs > 0 ? this.#now + this.#options.checkTimeoutMs : Infinity
    if (this.#options.isPrompt) this.#checked(one)
  }

  #checked(one: Resource): void {
    one.state = 'idle'
    if (one.provenAtMs !== -Infinity) one.provenAtMs = this.#now
    this.pool.checked(one.slot, this.#now)
  }

  #checkFailed(one: Resource): void {
    this.#suspectIdle()
    this.pool.checkFailed(one.slot, 'no answer', this.#now)
  }

  #resetAsked(slot: Slot<number>): void {
    const one = this.#of(slot)
    assert.ok(one.isDirty && one.holders.length === 0, 'reset when it was given back dirty')
    one.state = 'resetting'
    one.untilMs = this.#options.resetTimeoutMs > 0 ? this.#now + this.#options.resetTimeoutMs : Infinity
    if (this.#options.isPrompt) this.#resetDone(one)
  }

  #resetDone(one: Resource): void {
    one.state = 'idle'
    one.isDirty = false
    one.provenAtMs = this.#now
    this.pool.resetDone(one.slot, this.#now)
  }

  // What operators do.

  #resize(maxSize: number, minSize: number): void {
    const max = Math.max(maxSize, this.#options.reserved + 1)
    const min = Math.min(minSize, max)
    const isLower = max < this.maxSize
    this.maxSize = max
    this.minSize = min
    this.pool.resize({ maxSize: max, minSize: min }, this.#now)
    const isFirst = !this.#hasRetiring && this.#in('leased', 'checking', 'resetting').every((one) => !one.isRetired)
    const isTooMany = isLower && this.#alive > max
    if (isTooMany && isFirst && this.#options.reserveSize === 0)
      assert.deepEqual(this.#in('idle', 'opening'), [], 'what is too many goes')
    if (isTooMany) this.#hasRetiring = true
  }

  #retireAll(): void {
    for (const one of this.#resources.values()) one.isRetired = true
    this.pool.retireAll(this.#now)
  }

  #suspect(): void {
    this.#suspectIdle()
    this.pool.suspectIdle()
  }

  #suspectIdle(): void {
    for (const one of this.#in('idle', 'checking')) one.provenAtMs = -Infinity
  }

  #drain(ms: number, waiting: 'serve' | 'refuse'): void {
    const isFirst = !this.#isOver
    if (isFirst) {
      this.#phase = 'draining'
      this.#drainUntilMs = this.#now + ms
    }
    const done = ({ stragglers }: { stragglers: readonly HeldLease[] }): void => {
      assert.ok(isFirst && ++this.#drainReports === 1, 'one report')
      this.#phase = 'ended'
      if (this.#now < this.#drainUntilMs) assert.deepEqual([stragglers, this.#resources.size], [[], 0])
      else assert.equal(stragglers.length, this.#held.length, 'whoever still holds a lease is named')
    }
    this.pool.drain({ error: shutdown, waiting, untilMs: this.#now + ms, done }, this.#now)
  }

  // What holds between any two commands.

  check(): void {
    const { waiting, opening, idle, leased, closing, size } = this.pool
    const states = { opening: 0, idle: 0, leased: 0, closing: 0, checking: 0, resetting: 0 }
    for (const { state } of this.#resources.values()) states[state]++
    assert.deepEqual(
      { waiting, opening, idle, leased, closing, size },
      {
        waiting: this.#queue.length,
        opening: states.opening,
        idle: states.idle,
        leased: states.leased,
        closing: states.closing,
        size: this.#resources.size,
      },
    )
    this.#checkNobodyForgotten()
    this.#checkTimes()
    assert.equal(this.#staleUses, this.#stalesExpected, 'stale uses are reported')
    if (this.#isOver && this.#queue.length === 0) {
      assert.deepEqual([states.opening, states.idle, states.checking], [0, 0, 0], 'nothing is kept after the end')
    }
  }

  #checkNobodyForgotten(): void {
    if (this.#phase === 'paused' || this.#phase === 'ended') return
    const next = this.#queue.find(({ lane }) => this.#mayHave(lane))
    if (!next) return
    assert.ok(!this.#couldServe(next), 'nobody waits while something could serve')
    const idle = this.#in('idle')
    if (idle.length > 0) assert.ok(this.#in('checking').length > 0, 'an idle one that must be checked first is')
  }

  #checkTimes(): void {
    const { waitTimeoutMs } = this.#options
    for (const { waiter, timeoutMs } of this.#queue) {
      const limitMs = timeoutMs || waitTimeoutMs
      if (limitMs > 0) assert.ok(this.#now - waiter.queuedAtMs < limitMs, 'nobody waits beyond the limit')
    }
    for (const one of this.#resources.values()) {
      if (one.state === 'checking' || one.state === 'resetting')
        assert.ok(this.#now < one.untilMs, 'a check and a reset end')
    }
    if (this.#phase === 'draining') assert.ok(this.#now < this.#drainUntilMs, 'a drain ends')
  }

  /** Answers everything that the owner was asked, well, and has everybody give back. */
  settle(): void {
    this.#isSettling = true
    this.#answer('closing', (one) => this.#closed(one))
    this.#answer('opening', (one) => this.#opened(one))
    this.#answer('checking', (one) => this.#checked(one))
    this.#answer('resetting', (one) => this.#resetDone(one))
    for (const asker of this.#held.slice()) if (this.#held.includes(asker)) this.release(asker, false)
  }

  #answer(state: Resource['state'], how: (one: Resource) => void): void {
    for (const one of this.#in(state)) if (one.state === state) how(one)
  }

  /** After some rounds of `settle` with time in between. */
  checkSettled(): void {
    assert.equal(this.#queue.length, 0, 'everybody is served or told in the end')
    const isFull = this.#alive >= this.minSize || this.#in('closing').length > 0
    if (this.#phase === 'open' && !this.#options.limit) assert.ok(isFull, 'the minimum is there')
    const most = this.maxSize + this.#options.reserveSize
    if (!this.#isOver) assert.ok(this.#alive <= most, 'what is too many has gone')
    if (this.#isOver) assert.deepEqual([this.#phase, this.#drainReports], ['ended', 1], 'a drain ends')
    this.#checkCounters()
  }

  #checkCounters(): void {
    const { leases, leaks, staleUses, closed, ...others } = this.pool.snapshot(this.#now).counters
    const { timedOut, cancelled, queueFull, shed, refused, opened, openFailures, abandoned } = others
    assert.deepEqual([leases, leaks, staleUses], [this.#grants, this.#leaks, this.#staleUses])
    const counted = { timedOut, cancelled, queueFull, shed, refused, opened, openFailures, abandoned }
    assert.deepEqual(counted, this.#told)
    const closings = Object.values(closed).reduce((sum, count) => sum + count, 0)
    assert.equal(closings, this.#closedCount, 'what was open and is closed is counted, and nothing else')
  }
}

/** What counts a refusal with this error. */
function counterOf(error: TaxirankError): 'timedOut' | 'queueFull' | 'shed' | 'refused' {
  if (error.code === 'acquire_timeout') return 'timedOut'
  if (error.code === 'queue_full') return 'queueFull'
  return error.code === 'overloaded' ? 'shed' : 'refused'
}

export class Asker implements Caller<number> {
  readonly waiter = new Waiter<number>(this)
  readonly request: Acquire
  readonly #books: Books
  lease: Lease<number> | undefined
  number = 0

  constructor(books: Books, request: Acquire) {
    this.#books = books
    this.request = request
    this.waiter.mode = request.mode
    this.waiter.stateKey = request.stateKey
    this.waiter.lane = request.lane
    this.waiter.holder = `holder ${request.stateKey}`
    if (request.timeoutMs > 0) this.waiter.timeoutMs = request.timeoutMs
  }

  get mode() {
    return this.request.mode
  }

  get lane(): number {
    return this.request.lane
  }

  get timeoutMs(): number {
    return this.request.timeoutMs
  }

  get reaction() {
    return this.request.reaction
  }

  granted(lease: Lease<number>): void {
    this.#books.grantedTo(this, lease)
  }

  refused(error: TaxirankError): void {
    this.#books.refusedTo(this, error)
  }
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item)
  if (at >= 0) list.splice(at, 1)
}
