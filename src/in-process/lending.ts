/**
 * A pool of the engine inside an application: with the time and the timers of the runtime, callers who can be aborted, and
 * all that is known about who holds what. The pools that users see, `createPool` and the one for pg, stand on it and add
 * only what is theirs.
 */

import type { Lease } from '../engine/lease.ts'
import type { DrainReport } from '../engine/life.ts'
import type { ResourceOwner } from '../engine/options.ts'
import { Pool } from '../engine/pool.ts'
import type { Slot } from '../engine/slot.ts'
import { TaxirankError } from '../errors.ts'
import { prometheusText } from '../metrics/prometheus-text.ts'
import type { PoolSnapshot } from '../metrics/snapshot.ts'
import { RunningClock } from '../time.ts'
import { checkSignal, whenAborted } from './abort-listeners.ts'
import type { Acquire, AcquireDesk } from './acquire.ts'
import { framesOf, siteOf, takeCallStack } from './call-site.ts'
import { exactNow, now } from './clock.ts'
import { type DeadlockDesk, Deadlocks } from './deadlocks.ts'
import type { Entry, Holding } from './entry.ts'
import { explain } from './explain.ts'
import { inOwnWords, type LendingSettings, requireCheck } from './options.ts'
import { currentTask, enterTask, Task } from './tasks.ts'
import { endWait, type PoolTelemetry, poolTelemetry } from './telemetry.ts'
import { deadlines } from './timed-deadlines.ts'
import { type LeaseListener, Watch } from './watch.ts'

/** What an acquire may be given. */
export interface AcquireOptions {
  /** Ends the wait; where the pool is one of database clients, also what the lease is used for. */
  readonly signal?: AbortSignal | undefined
  /** How long to wait at most, in milliseconds; 0: for ever. Default: the pool's `acquireTimeoutMillis`. */
  readonly timeoutMillis?: number | undefined
  /** The name of one of the pool's lanes. Default: the first. */
  readonly lane?: string | undefined
}

/** One who holds a lease. */
export interface Holder {
  /** `src/orders.ts:42`; empty where holders aren't looked for (`leakDetectionMillis`, `deadlockDetectionMillis`). */
  readonly site: string
  readonly heldMillis: number
  /** The calls that led there, a line each. */
  readonly stack: string
}

/** The public function a caller has called: its own frames are no part of the caller's stack. */
export type Called = (...args: never[]) => unknown

export interface LendingParts<E extends Entry, R extends Acquire<E>> {
  readonly settings: LendingSettings
  /** What a resource is called in messages. */
  readonly noun: string
  readonly owner: ResourceOwner<E>
  readonly newAcquire: () => R
  /** Told of each lease that is held for too long, once. */
  readonly leaked: (holder: Holder) => void
}

export class Lending<E extends Entry, R extends Acquire<E>> implements AcquireDesk<E> {
  readonly settings: LendingSettings
  readonly pool: Pool<E>
  readonly watch: Watch<E>
  readonly #telemetry: PoolTelemetry | undefined
  readonly #leaked: (holder: Holder) => void
  readonly #isNaming: boolean
  readonly #isPlain: boolean
  /** Waits end by time, or are judged by it. */
  readonly #isTimed: boolean
  readonly #held = new Set<Lease<E>>()
  readonly #ready: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []
  readonly #deadlocks: Deadlocks<E> | undefined
  #pauses: { readonly clock: RunningClock; readonly timer: NodeJS.Timeout } | undefined
  readonly #newAcquire: () => R
  #spare: R | undefined

  constructor({ settings, noun, owner, newAcquire, leaked }: LendingParts<E, R>) {
    const { name, telemetry, leakDetectionMillis, deadlockDetectionMillis, suspectAfterPauseMillis } = settings
    requireCheck(settings, owner)
    this.settings = settings
    this.#leaked = leaked
    this.#newAcquire = newAcquire
    this.#isNaming = leakDetectionMillis > 0 || deadlockDetectionMillis > 0
    this.#isPlain = !this.#isNaming && suspectAfterPauseMillis === 0
    this.#isTimed = settings.acquireTimeoutMillis > 0 || settings.engine.shedding !== undefined
    this.#telemetry = poolTelemetry(telemetry, name, () => this.snapshot())
    this.watch = new Watch(settings, this.#telemetry, this.#isNaming ? this.#naming() : undefined)
    const options = { ...settings.engine, noun, owner, deadlines, observer: this.watch }
    this.pool = inOwnWords(() => new Pool<E>(options))
    if (deadlockDetectionMillis > 0) this.#deadlocks = new Deadlocks(this.#deadlockDesk(), deadlockDetectionMillis)
    if (suspectAfterPauseMillis > 0) this.#pauses = this.#watchPauses(suspectAfterPauseMillis)
  }

  // For callers.

  /**
   * Hot path. A lease, if there is one at once; otherwise an acquire that will be answered. `goesOn`: the caller's own code
   * runs while it holds the lease, and may ask for another.
   */
  ask(options: AcquireOptions | undefined, called: Called, goesOn: boolean): Lease<E> | R {
    if (options !== undefined || !this.#isPlain) return this.#askParticularly(options, called, goesOn)
    const acquire = this.#spare ?? this.#newAcquire()
    // Whoever is served within this call may ask, too.
    this.#spare = undefined
    const lease = this.pool.acquire(acquire.waiter, this.#isTimed ? exactNow() : now())
    if (!lease) return this.#wait(acquire)
    this.#spare = acquire
    return lease
  }

  /** With options, or in a pool that must know who asks. */
  #askParticularly(options: AcquireOptions | undefined, called: Called, goesOn: boolean): Lease<E> | R {
    const acquire = this.#newAcquire()
    acquire.isParticular = true
    try {
      this.#prepare(acquire, options, called, goesOn)
    } catch (error) {
      acquire.fail(error)
    }
    if (acquire.isDecided) return acquire
    const lease = this.pool.acquire(acquire.waiter, exactNow())
    if (!lease) return this.#wait(acquire)
    if (this.#isNaming) this.#took(lease, acquire.holding)
    return lease
  }

  /** Hot path. `isDirty`: it must be reset first. Throws `stale_lease` if the lease with that number is over. */
  release(lease: Lease<E>, number: number, isDirty: boolean): void {
    this.pool.release(lease, number, now(), isDirty)
  }

  /** What was lent. Throws `stale_lease` if the lease with that number is over. */
  use(lease: Lease<E>, number: number): E {
    return this.pool.use(lease, number, now())
  }

  /** Closes it now; its lease, if somebody has one, ends. */
  destroy(slot: Slot<E>, reason: string): void {
    this.pool.destroy(slot, reason, now())
  }

  /** Leaves the queue, and is answered with `reason`. Nothing happens if the answer is there. */
  abort(acquire: Acquire<E>, reason: unknown): void {
    const at = now()
    if (!this.pool.cancel(acquire.waiter, at)) return
    this.#waited(acquire, reason instanceof TaxirankError ? reason : undefined)
    this.watch.refused(acquire.waiter, reason, at)
    acquire.fail(reason)
  }

  /** Ends the waits of all but the first `kept`. */
  abortAllBut(kept: number, reason: () => unknown): void {
    for (const acquire of this.#waiting().slice(kept)) this.abort(acquire, reason())
  }

  /** Whoever has waited longest first. */
  #waiting(): Acquire<E>[] {
    return this.pool.waiters().map(({ caller }) => caller as Acquire<E>)
  }

  /** Hot path. Has been answered, and may be used again. */
  recycle(acquire: R): void {
    if (!acquire.isParticular) this.#spare = acquire
  }

  // For the owner.

  opened(slot: Slot<E>, entry: E): void {
    const at = now()
    this.#telemetry?.opened(at - slot.sinceMs)
    this.pool.opened(slot, entry, at)
    this.#noteReady()
  }

  /** `isPassing`: the next attempt may go well. */
  openFailed(slot: Slot<E>, cause: Error, isPassing: boolean): void {
    const error = new TaxirankError('server_connect_failed', cause.message, { cause })
    if (!isPassing) this.#endReady(error)
    const isPatient = isPassing && this.settings.isPatient && !this.pool.isOver
    this.pool.openFailed(slot, error, isPatient ? 'nobody' : 'earlier', now())
  }

  // For whoever runs it.

  /** True once the minimum is open, or there is none. */
  get isReady(): boolean {
    const { size, opening, closing } = this.pool
    return size - opening - closing >= this.#minSize
  }

  /**
   * Resolves when `isReady` is true. Rejects with `admin_shutdown` if the pool ends before, and with `server_connect_failed` if
   * opening fails for a reason that stays.
   */
  ready(): Promise<void> {
    if (this.isReady) return Promise.resolve()
    const ready = new Promise<void>((resolve, reject) => void this.#ready.push({ resolve, reject }))
    return whileKept(ready)
  }

  get #minSize(): number {
    return this.settings.engine.refill === true ? this.pool.minSize : 0
  }

  #endReady(error: TaxirankError): void {
    for (const { reject } of this.#ready.splice(0)) reject(error)
  }

  #noteReady(): void {
    if (this.#ready.length === 0 || !this.isReady) return
    for (const { resolve } of this.#ready.splice(0)) resolve()
  }

  /** Takes effect at once. Throws `bad_configuration`. */
  resize({ max, min }: { readonly max?: number | undefined; readonly min?: number | undefined }): void {
    const sizes = { ...(max !== undefined && { maxSize: max }), ...(min !== undefined && { minSize: min }) }
    inOwnWords(() => this.pool.resize(sizes, now()))
    this.#noteReady()
  }

  retireAll(): void {
    this.pool.retireAll(now())
  }

  snapshot(): PoolSnapshot {
    return this.pool.snapshot(now())
  }

  prometheus(): string {
    return prometheusText([this.snapshot()])
  }

  /** Who holds a lease, the longest first. Without `isNaming` nobody is known. */
  holders(): Holder[] {
    const at = now()
    return [...this.#held].map((lease) => holderOf(lease, at)).sort((a, b) => b.heldMillis - a.heldMillis)
  }

  /** A recording of what `record` began, in the format of docs/recording.md; undefined if it didn't. */
  recording(): Uint8Array | undefined {
    const { recorder } = this.watch
    if (!recorder) return undefined
    const { acquireTimeoutMillis: waitTimeoutMs, idleTimeoutMillis: idleTimeoutMs } = this.settings
    const { maxSize, minSize } = this.pool
    return recorder.toBytes(this.snapshot(), { maxSize, minSize, waitTimeoutMs, idleTimeoutMs })
  }

  /**
   * Takes no more callers. `waiting`: those who wait are served, or refused with `error`. Resolves when everything is
   * closed, or after `deadlineMs` (0: never), with those who held a lease still: they have lost it.
   */
  drain(waiting: 'serve' | 'refuse', deadlineMs: number, error: TaxirankError): Promise<Holder[]> {
    const ended = new Promise<Holder[]>((resolve) => {
      const done = ({ stragglers }: DrainReport): void => {
        const named = this.holders()
        this.#end(error)
        resolve(
          named.length > 0 ? named : stragglers.map(({ heldMs }) => ({ site: '', heldMillis: heldMs, stack: '' })),
        )
      }
      const from = exactNow()
      this.pool.drain({ error, waiting, untilMs: deadlineMs > 0 ? from + deadlineMs : Infinity, done }, from)
    })
    // Without a deadline it ends when holders give back, and they keep the process themselves, if anything does.
    return deadlineMs > 0 ? whileKept(ended) : ended
  }

  #end(error: TaxirankError): void {
    this.#endReady(error)
    this.#telemetry?.end()
    clearInterval(this.#pauses?.timer)
    this.#pauses = undefined
  }

  // For acquires.

  granted(acquire: Acquire<E>, lease: Lease<E>): void {
    this.#waited(acquire)
    if (this.#isNaming) this.#took(lease, acquire.holding)
  }

  refused(acquire: Acquire<E>, error: TaxirankError): unknown {
    const explained = explain(error, this.pool, this.#isNaming ? this.holders() : [])
    this.#waited(acquire, explained)
    this.watch.refused(acquire.waiter, explained, now())
    return explained
  }

  #prepare(acquire: Acquire<E>, options: AcquireOptions = {}, called: Called, goesOn: boolean): void {
    const { signal, timeoutMillis, lane } = options
    checkSignal(signal)
    if (signal?.aborted) return acquire.fail(signal.reason)
    this.#pauses?.clock.tick()
    if (timeoutMillis !== undefined && !(timeoutMillis >= 0)) {
      throw new TaxirankError('bad_configuration', `timeoutMillis must be 0 or more, got ${String(timeoutMillis)}`)
    }
    acquire.waiter.timeoutMs = timeoutMillis
    acquire.waiter.lane = lane === undefined ? 0 : this.pool.laneIndex(lane)
    acquire.signal = signal
    if (!this.#isNaming) return
    acquire.holding = this.#nameCaller(called, goesOn)
    acquire.waiter.holder = acquire.holding.site
  }

  #nameCaller(called: Called, goesOn: boolean): Holding {
    const calls = takeCallStack(called)
    const isLooking = this.settings.deadlockDetectionMillis > 0
    const task = isLooking ? (goesOn ? enterTask() : new Task(currentTask())) : undefined
    return { site: siteOf(calls), calls, task }
  }

  /** Hot path under load. */
  #wait(acquire: R): R {
    // It may have been answered within the call that has queued it.
    if (acquire.isDecided) return acquire
    acquire.isWaiting = true
    deadlines.keepProcess()
    if (acquire.isParticular || this.#telemetry) this.#beginWatchedWait(acquire)
    return acquire
  }

  #beginWatchedWait(acquire: R): void {
    acquire.span = this.#telemetry?.startWait()
    const { signal } = acquire
    if (signal) acquire.stopListening = whenAborted(signal, () => this.abort(acquire, signal.reason))
    this.#deadlocks?.watch(acquire)
  }

  /** Hot path under load. Its wait is over, however. */
  #waited(acquire: Acquire<E>, error?: TaxirankError): void {
    if (!acquire.isWaiting) return
    acquire.isWaiting = false
    deadlines.letProcessEnd()
    if (acquire.isParticular || this.#telemetry) endWatchedWait(acquire, error)
  }

  #took(lease: Lease<E>, holding: Holding | undefined): void {
    lease.resource.holding = holding
    this.#held.add(lease)
    holding?.task?.took()
  }

  #gave(lease: Lease<E>): void {
    const { holding } = lease.resource
    lease.resource.holding = undefined
    this.#held.delete(lease)
    holding?.task?.gave()
  }

  #deadlockDesk(): DeadlockDesk<E> {
    return {
      isFull: () => this.pool.leased >= this.pool.maxSize,
      maxSize: () => this.pool.maxSize,
      held: this.#held,
      waiting: () => this.#waiting(),
      abort: (acquire, reason) => this.abort(acquire, reason),
    }
  }

  /** What the pool itself hears of its leases. */
  #naming(): LeaseListener<E> {
    return {
      ended: (lease) => this.#gave(lease),
      leaked: (lease) => this.#leaked(holderOf(lease, now())),
    }
  }

  /** Reads the clocks often enough to see when nobody did for a while. */
  #watchPauses(jumpMs: number): { clock: RunningClock; timer: NodeJS.Timeout } {
    const clock = new RunningClock({
      monotonic: () => performance.now(),
      wall: () => Date.now(),
      jumpMs,
      jumped: () => this.pool.suspectIdle(),
    })
    return { clock, timer: setInterval(() => clock.tick(), Math.max(1, jumpMs / 2)).unref() }
  }
}

function endWatchedWait({ stopListening, suspicion, span }: Acquire<Entry>, error: TaxirankError | undefined): void {
  stopListening?.()
  if (suspicion) deadlines.stop(suspicion)
  if (span) endWait(span, error)
}

function holderOf(lease: Lease<Entry>, at: number): Holder {
  const { holding } = lease.resource
  const heldMillis = at - lease.grantedAtMs
  return { site: holding?.site ?? '', heldMillis, stack: holding ? framesOf(holding.calls) : '' }
}

/** Keeps the process alive until it is settled: what it waits for may be a deadline, and nothing else. */
async function whileKept<R>(promise: Promise<R>): Promise<R> {
  deadlines.keepProcess()
  try {
    return await promise
  } finally {
    deadlines.letProcessEnd()
  }
}
