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
import { Recording } from '../metrics/recording.ts'
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
  readonly #telemetry: PoolTelemetry
  readonly #listener: LeaseListener<E> | undefined
  /** Why whoever leaves the queue now does so, if the pool has made them. */
  reason: unknown = undefined
  #recording: Recording | undefined = undefined
  #recorder: Recorder<E> | undefined = undefined

  constructor(pool: string, telemetry: PoolTelemetry, listener: LeaseListener<E> | undefined) {
    this.#pool = pool
    this.#telemetry = telemetry
    this.#listener = listener
  }

  /** Begins anew. `capacity`: of how many of the newest arrivals, 1 to 10,000,000. */
  record(capacity: number): void {
    this.#recording = new Recording(capacity)
    this.#recorder = new Recorder(this.#recording)
  }

  /** Undefined before `record`. */
  get recording(): Recording | undefined {
    return this.#recording
  }

  granted({ waitedMs, holder, lane }: Lease<E>): void {
    this.#telemetry.waited(waitedMs)
    if (acquireChannel.hasSubscribers) acquireChannel.publish({ pool: this.#pool, waitedMs, holder, lane })
  }

  ended(lease: Lease<E>, now: number): void {
    this.#recorder?.ended(lease, now)
    this.#listener?.ended(lease)
    const { grantedAtMs, waitedMs, holder, lane } = lease
    const heldMs = now - grantedAtMs
    this.#telemetry.used(heldMs)
    if (releaseChannel.hasSubscribers) releaseChannel.publish({ pool: this.#pool, heldMs, waitedMs, holder, lane })
  }

  turnedAway(waiter: Waiter<E>, error: TaxirankError | undefined, now: number): void {
    this.#recorder?.turnedAway(waiter, error, now)
    if (error?.code === 'acquire_timeout') this.#telemetry.timedOut()
    if (!refuseChannel.hasSubscribers) return
    const { holder, lane, queuedAtMs } = waiter
    refuseChannel.publish({ pool: this.#pool, error: error ?? this.reason, waitedMs: now - queuedAtMs, holder, lane })
  }

  leaked(held: HeldLease, lease: Lease<E>): void {
    if (leakChannel.hasSubscribers) leakChannel.publish({ pool: this.#pool, ...held })
    this.#listener?.leaked(lease)
  }

  stale(lease: HeldLease | undefined, number: number): void {
    if (staleChannel.hasSubscribers) staleChannel.publish({ pool: this.#pool, number, now: lease })
  }
}
