/** When a resource that nobody uses must be looked at, and what for. */

import type { Settings } from './options.ts'
import type { Slot } from './slot.ts'

export type UpkeepSettings = Pick<
  Settings<unknown>,
  'lifetimeMs' | 'lifetimeJitter' | 'idleTimeoutMs' | 'keepAliveMs' | 'random'
>

/** What is due for an idle slot. */
export type Due = 'lifetime' | 'idle' | 'check' | undefined

export class Upkeep<T> {
  readonly #settings: UpkeepSettings

  constructor(settings: UpkeepSettings) {
    this.#settings = settings
  }

  /** The lifetime of one that opens now ends then. Jitter: so that what opened together doesn't end together. */
  expiresAtMs(now: number): number {
    const { lifetimeMs, lifetimeJitter, random } = this.#settings
    return lifetimeMs === 0 ? Infinity : now + lifetimeMs * (1 - lifetimeJitter * random())
  }

  /** What must happen to an idle slot now. `isSpare`: there are more than the minimum. */
  due(slot: Slot<T>, isSpare: boolean, now: number): Due {
    const { idleTimeoutMs, keepAliveMs } = this.#settings
    if (now >= slot.expiresAtMs) return 'lifetime'
    if (isSpare && idleTimeoutMs > 0 && now - slot.usedAtMs >= idleTimeoutMs) return 'idle'
    if (keepAliveMs > 0 && now - slot.provenAtMs >= keepAliveMs) return 'check'
    return undefined
  }

  /**
   * When to ask again. Only use puts a time off, so a slot need not be looked at when it is used: it is looked at when it
   * would have been due without that, and then again.
   */
  nextAtMs(slot: Slot<T>, isIdle: boolean, now: number): number {
    const { idleTimeoutMs, keepAliveMs } = this.#settings
    const used = isIdle ? slot.usedAtMs : now
    const proven = isIdle ? slot.provenAtMs : now
    let at = slot.expiresAtMs
    // One that is past its idle time and still here belongs to the minimum: it is looked at once an idle time.
    if (idleTimeoutMs > 0) at = Math.min(at, later(used + idleTimeoutMs, now, idleTimeoutMs))
    if (keepAliveMs > 0) at = Math.min(at, later(proven + keepAliveMs, now, keepAliveMs))
    return at
  }
}

function later(at: number, now: number, againMs: number): number {
  return at > now ? at : now + againMs
}
