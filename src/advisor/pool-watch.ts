/** One pool of Taxirank's in the snapshots of a watch, condensed: the first, the last, and peaks of all between them. */

import { type HistogramSnapshot, meanOf, scvOf, subtractSnapshots } from '../metrics/histogram.ts'
import type { Opening, PoolCounts, PoolReading, PoolServers } from './pooler-reading.ts'
import type { CounterName, PoolSample } from './snapshot-shape.ts'

export class PoolWatch {
  #first: PoolSample
  #last: PoolSample
  #clientsPeak = 0
  #serversPeak = 0
  #waitingPeak = 0
  #longestWaitMs = 0
  #utilisationPeak = 0
  /** What it could have lent: size × time. */
  #capacityMs = 0

  constructor(first: PoolSample) {
    this.#first = first
    this.#last = first
    this.#notePeaks(first)
  }

  /** The next one. If the pool has begun anew meanwhile, so does its watch, but for the peaks. */
  add(sample: PoolSample): void {
    const { engine: before } = this.#last
    const { engine: now } = sample
    const passedMs = now.takenAtMs - before.takenAtMs
    const hasBegunAnew = passedMs < 0 || differences(before, now) === undefined
    if (hasBegunAnew) {
      this.#first = sample
      this.#capacityMs = 0
    } else if (passedMs > 0) this.#noteStep(passedMs * now.maxSize, now.heldMs - before.heldMs)
    this.#last = sample
    this.#notePeaks(sample)
  }

  #noteStep(capacityMs: number, heldMs: number): void {
    this.#capacityMs += capacityMs
    if (capacityMs > 0) this.#utilisationPeak = Math.max(this.#utilisationPeak, heldMs / capacityMs)
  }

  #notePeaks({ clients, servers, engine }: PoolSample): void {
    this.#clientsPeak = Math.max(this.#clientsPeak, connectedOf(clients))
    this.#serversPeak = Math.max(this.#serversPeak, allOf(servers))
    this.#waitingPeak = Math.max(this.#waitingPeak, engine.waiting)
    this.#longestWaitMs = Math.max(this.#longestWaitMs, engine.longestWaitMs)
  }

  reading(): PoolReading {
    const { database, user, mode, clients, servers, engine } = this.#last
    const { holdMs, waitMs } = this.#differences()
    return {
      database,
      user,
      mode,
      size: engine.maxSize,
      reserve: engine.reserveSize,
      clients: { connected: connectedOf(clients), waiting: engine.waiting },
      servers: serversOf(servers),
      clientsPeak: this.#clientsPeak,
      serversPeak: this.#serversPeak,
      waitingPeak: this.#waitingPeak,
      longestWaitMs: Math.max(this.#longestWaitMs, waitMs.maxMs),
      ...this.#rates(),
      ...(holdMs.count > 0 && { meanHeldMs: meanOf(holdMs), heldScv: scvOf(holdMs) }),
      ...(waitMs.count > 0 && { meanWaitMs: meanOf(waitMs) }),
      holdMs,
      waitMs,
      opening: this.#opening(),
      counted: this.#counted(),
    }
  }

  #differences(): Differences {
    return differences(this.#first.engine, this.#last.engine) as Differences
  }

  get #passedMs(): number {
    return this.#last.engine.takenAtMs - this.#first.engine.takenAtMs
  }

  #grown(name: CounterName): number {
    return this.#last.engine.counters[name] - this.#first.engine.counters[name]
  }

  /** Who asks is granted a lease, ends without one, or waits still. */
  #rates(): Pick<PoolReading, 'arrivalsPerSecond' | 'utilisation'> {
    if (this.#passedMs <= 0) return {}
    const decided = (['leases', 'timedOut', 'cancelled', 'queueFull', 'shed', 'refused'] as const).map((name) =>
      this.#grown(name),
    )
    const waiting = this.#last.engine.waiting - this.#first.engine.waiting
    const arrivals = decided.reduce((sum, one) => sum + one, waiting)
    const heldMs = this.#last.engine.heldMs - this.#first.engine.heldMs
    const peak = this.#utilisationPeak
    return {
      arrivalsPerSecond: (Math.max(0, arrivals) * 1_000) / this.#passedMs,
      ...(this.#capacityMs > 0 && { utilisation: { from: 'leases', mean: heldMs / this.#capacityMs, peak } }),
    }
  }

  #opening(): Opening {
    const { openMs } = this.#differences()
    const { lastFailure } = this.#last.engine
    const opened = this.#grown('opened')
    return {
      opened,
      failed: this.#grown('openFailures'),
      ...(this.#passedMs > 0 && { perSecond: (opened * 1_000) / this.#passedMs }),
      ...(openMs.count > 0 && { meanMs: meanOf(openMs) }),
      ...(lastFailure !== undefined && { lastFailure }),
    }
  }

  #counted(): PoolCounts {
    return {
      leases: this.#grown('leases'),
      immediate: this.#grown('immediate'),
      timedOut: this.#grown('timedOut'),
      cancelled: this.#grown('cancelled'),
      queueFull: this.#grown('queueFull'),
      shed: this.#grown('shed'),
      refused: this.#grown('refused'),
      pinnedMs: Math.max(0, this.#last.pinnedMs - this.#first.pinnedMs),
      pinned: this.#last.pinned,
      maxPinned: this.#last.maxPinned,
    }
  }
}

interface Differences {
  readonly holdMs: HistogramSnapshot
  readonly waitMs: HistogramSnapshot
  readonly openMs: HistogramSnapshot
}

/** Undefined if `later` is not of the same pool. */
function differences(earlier: PoolSample['engine'], later: PoolSample['engine']): Differences | undefined {
  const holdMs = subtractSnapshots(later.holdMs, earlier.holdMs)
  const waitMs = subtractSnapshots(later.waitMs, earlier.waitMs)
  const openMs = subtractSnapshots(later.openMs, earlier.openMs)
  const isGrown = (Object.keys(later.counters) as CounterName[]).every(
    (name) => later.counters[name] >= earlier.counters[name],
  )
  return holdMs && waitMs && openMs && isGrown && later.heldMs >= earlier.heldMs
    ? { holdMs, waitMs, openMs }
    : undefined
}

/** Those that carry cancel requests are no clients of the pool. */
function connectedOf(clients: PoolSample['clients']): number {
  return (clients['idle'] ?? 0) + (clients['active'] ?? 0) + (clients['waiting'] ?? 0)
}

function serversOf(servers: PoolSample['servers']): PoolServers {
  const of = (...names: string[]): number => names.reduce((sum, name) => sum + (servers[name] ?? 0), 0)
  return { active: of('active', 'being_canceled'), idle: of('idle', 'used', 'tested'), all: allOf(servers) }
}

/** But for connections that carry a cancel. */
function allOf(servers: PoolSample['servers']): number {
  return Object.entries(servers).reduce((sum, [state, count]) => sum + (state === 'active_cancel' ? 0 : count), 0)
}
