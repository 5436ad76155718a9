/**
 * What happens in a pool, told to whoever wants to hear: a recording, OpenTelemetry, diagnostics channels, and the pool
 * itself where leaks are looked for. The channels are `taxirank:pool:acquire`, `:release`, `:refuse`, `:leak` and `:stale`;
 * each message is an object with the pool's name, and costs nothing where nobody has subscribed.
 */

import { channel } from 'node:diagnostics_channel'
import type { Lease } from '../engine/lease.ts'
import type { HeldLease, PoolObserver } from '../engine/observer.ts'
import { Recorder } from '../engine/recorder.ts'
import type { Waiter } from '../engine/waiter.ts'
import type { TaxirankError } from '../errors.ts'
import { exactNow } from './clock.ts'
import { checkCapacity, type LendingSettings } from './options.ts'
import type { PoolTelemetry } from './telemetry.ts'

const acquireChannel = channel('taxirank:pool:acquire')
const releaseChannel = channel('taxirank:pool:release')
const refuseChannel = channel('taxirank:pool:refuse')
const leakChannel = channel('taxirank:pool:leak')
const staleChannel = channel('taxirank:pool:stale')

/** What a pool that names its holders must hear itself. */
export interface LeaseListener<E> {
  ended(lease: Lease<E>): void
  leaked(lease: Lease<E>): void
}

export class Watch<E> implements PoolObserver<E> {
  readonly #pool: string
  readonly #lanes: readonly string[]
  readonly #telemetry: PoolTelemetry | undefined
  readonly #listener: LeaseListener<E> | undefined
  #recorder: Recorder<E> | undefined = undefined

  constructor(
    { name, engine }: Pick<LendingSettings, 'name' | 'engine'>,
    telemetry: PoolTelemetry | undefined,
    listener: LeaseListener<E> | undefined,
  ) {
    this.#pool = name
    this.#lanes = engine.lanes?.map((lane) => lane.name) ?? []
    this.#telemetry = telemetry
    this.#listener = listener
  }

  /**
   * Begins anew. `capacity`: of how many of the newest arrivals, 0 to 10,000,000; 0: none, and what was recorded is forgotten.
   * Throws `bad_configuration`.
   */
  record(capacity: number): void {
    checkCapacity(capacity)
    this.#recorder = capacity === 0 ? undefined : new Recorder(capacity, exactNow())
  }

  /** Undefined while nothing is recorded. */
  get recorder(): Recorder<E> | undefined {
    return this.#recorder
  }

  /** Hot path. */
  granted(lease: Lease<E>): void {
    if (this.#telemetry || acquireChannel.hasSubscribers) this.#tellGranted(lease)
  }

  #tellGranted({ waitedMs, holder, lane }: Lease<E>): void {
    this.#telemetry?.waited(waitedMs)
    if (acquireChannel.hasSubscribers) acquireChannel.publish({ ...this.#about(lane), waitedMs, holder })
  }

  /** Hot path. */
  ended(lease: Lease<E>, now: number): void {
    if (this.#recorder) this.#recorder.ended(lease, now)
    if (this.#listener) this.#listener.ended(lease)
    if (this.#telemetry || releaseChannel.hasSubscribers) this.#tellEnded(lease, now)
  }

  #tellEnded({ grantedAtMs, waitedMs, holder, lane }: Lease<E>, now: number): void {
    const heldMs = now - grantedAtMs
    this.#telemetry?.used(heldMs)
    if (releaseChannel.hasSubscribers) releaseChannel.publish({ ...this.#about(lane), heldMs, waitedMs, holder })
  }

  turnedAway(waiter: Waiter<E>, error: TaxirankError | undefined, now: number): void {
    this.#recorder?.turnedAway(waiter, error, now)
    if (error?.code === 'acquire_timeout') this.#telemetry?.timedOut()
  }

  /** What its caller is told, who gets no lease: for the channel. */
  refused({ holder, lane, queuedAtMs }: Waiter<E>, error: unknown, now: number): void {
    if (!refuseChannel.hasSubscribers) return
    refuseChannel.publish({ ...this.#about(lane), error, waitedMs: now - queuedAtMs, holder })
  }

  #about(lane: number): { pool: string; lane: string } {
    return { pool: this.#pool, lane: this.#lanes[lane] ?? '' }
  }

  leaked(held: HeldLease, lease: Lease<E>): void {
    if (leakChannel.hasSubscribers) leakChannel.publish({ pool: this.#pool, ...held })
    this.#listener?.leaked(lease)
  }

  stale(lease: HeldLease | undefined, number: number): void {
    if (staleChannel.hasSubscribers) staleChannel.publish({ pool: this.#pool, number, now: lease })
  }
}
