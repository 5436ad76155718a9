/**
 * How much of a pool is in use: lease time over a window, divided by what the pool could have lent in it. Not the share at
 * an instant, which says nothing of a pool that lends a thousand times a second.
 *
 * The lease time is read whenever somebody looks, so that a monitor nobody looks at costs nothing. The window goes from
 * the youngest reading that is at least `windowMs` old, or else the oldest there is, until now.
 */

import type { PoolSnapshot } from '../metrics/snapshot.ts'

export interface Utilisation {
  /**
   * 1: all `maxSize` servers were leased all the time; more, if the reserve was used, too. Null: it is not known yet,
   * because nobody has looked within the last minute, or the pool has no size.
   */
  readonly utilisation: number | null
  /** Over how long. */
  readonly utilisationOverMs: number
}

interface Reading {
  readonly atMs: number
  readonly heldMs: number
}

const windowMs = 10_000
const oldestMs = 60_000
/** The least time between two readings that are kept: at most this share of `oldestMs` stand in memory. */
const spacingMs = 1_000
const unknown: Utilisation = { utilisation: null, utilisationOverMs: 0 }

export class Utilisations {
  /** Oldest first, by the pool's name. */
  #readings = new Map<string, Reading[]>()
  #seen = new Map<string, Reading[]>()

  /** Between two of these the readings of pools that were not asked for are forgotten. */
  startRound(): void {
    this.#readings = this.#seen
    this.#seen = new Map()
  }

  /** Once for each pool in a round. */
  of({ name, maxSize, takenAtMs, heldMs }: PoolSnapshot): Utilisation {
    const now: Reading = { atMs: takenAtMs, heldMs }
    const readings = usable(this.#readings.get(name) ?? [], now)
    const base = readings.findLast(({ atMs }) => takenAtMs - atMs >= windowMs) ?? readings[0]
    const last = readings.at(-1)
    if (last === undefined || takenAtMs - last.atMs >= spacingMs) readings.push(now)
    this.#seen.set(name, readings)
    if (base === undefined || takenAtMs <= base.atMs || maxSize <= 0) return unknown
    const utilisationOverMs = takenAtMs - base.atMs
    return { utilisation: (heldMs - base.heldMs) / (utilisationOverMs * maxSize), utilisationOverMs }
  }
}

/** Not those that are too old, nor those of an earlier pool of this name: lease time never decreases. */
function usable(readings: readonly Reading[], now: Reading): Reading[] {
  return readings.filter(({ atMs, heldMs }) => now.atMs - atMs <= oldestMs && heldMs <= now.heldMs && atMs <= now.atMs)
}
