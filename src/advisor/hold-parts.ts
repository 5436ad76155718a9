/**
 * What connections are held for. While one is held the database works for it, or waits for something (a disk, the client's next
 * statement), or it waits in turn: for a core that others use, or for a lock that others hold. Only the first two need a
 * connection; the waiting in turn is the same with fewer, in the pool's queue instead, where it costs the database nothing.
 */

import { usefulConnections } from '../sizing/database-size.ts'
import type { ActivityReading } from './database-reading.ts'

/** How many connections were held for what, on average. */
export interface HoldParts {
  /** On a core. */
  readonly running: number
  /** Ready for a core, and others were on all of them. */
  readonly ready: number
  /** Waiting for a lock. */
  readonly locked: number
  /** Not the database's work: waits for disks, for the client, idle in transaction. */
  readonly elsewhere: number
}

/** In turn, as far as PostgreSQL tells. */
const turnTypes = ['Lock', 'LWLock', 'BufferPin'] as const

export function holdPartsOf(
  { active, activeOnCpu, activeWaiting, idleInTransaction }: ActivityReading,
  cores: number,
): HoldParts {
  const running = Math.min(activeOnCpu.mean, cores)
  const locked = turnTypes.reduce((sum, type) => sum + (activeWaiting[type]?.mean ?? 0), 0)
  const held = active.mean + idleInTransaction.mean
  const elsewhere = Math.max(0, held - activeOnCpu.mean - locked)
  return { running, ready: activeOnCpu.mean - running, locked, elsewhere }
}

/** So many held on average are enough to tell what for. */
const leastHeld = 0.1
/** Above what keeps all cores busy on average, so that none is idle because of chance. */
const slack = 1.5

/**
 * How many connections a database of so many cores can use at once, all pools together: as many as keep the cores busy if each
 * needs one for its share of the time, `cores × (running + elsewhere) ÷ running` (the asymptotic bound of operational analysis:
 * Denning and Buzen 1978), and half as many more; at least `cores × 2 + 1`. `parts` undefined: that.
 */
export function usefulFor(cores: number, parts: HoldParts | undefined): number {
  const least = usefulConnections({ cores })
  if (!parts || parts.running + parts.elsewhere < leastHeld || parts.running === 0) return least
  const { running, elsewhere } = parts
  return Math.max(least, Math.ceil((slack * cores * (running + elsewhere)) / running))
}

/** Shares of a hold: on a core, and elsewhere, if it never had to wait its turn. */
export function sharesOf({ running, ready, locked, elsewhere }: HoldParts): { onCore: number; away: number } {
  const held = running + ready + locked + elsewhere
  if (held === 0) return { onCore: 1, away: 0 }
  return { onCore: running / held, away: (elsewhere + locked) / held }
}
