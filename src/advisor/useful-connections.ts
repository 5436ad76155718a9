/**
 * How many connections a database can use at once.
 *
 * While a connection is held the database works for it, or waits for something (a disk, the client's next statement), or it
 * waits in turn: for a core that others use, or for a lock that others hold. Only the first two need a connection; the waiting in
 * turn is the same with fewer, in the pool's queue instead, where it costs the database nothing. So what counts is how long each
 * would be held if it had nothing to wait in turn for.
 */

import { percentileOf } from '../metrics/histogram.ts'
import { usefulConnections } from '../sizing/database-size.ts'
import { inUse } from '../sizing/littles-law.ts'
import type { ActivityReading, DatabaseReading } from './database-reading.ts'
import type { PoolLoad } from './pool-load.ts'

export interface DatabaseUse {
  /** Nothing more can be done at the same time: its cores are used. */
  readonly isFull: boolean
  /** For all pools together. Undefined: nothing limits them, as far as can be seen. */
  readonly useful: number | undefined
  /** Shares of a hold, as it would be with nothing to wait in turn for: work on a core, and what is none. */
  readonly workShare: number
  readonly awayShare: number
}

const unknownUse: DatabaseUse = { isFull: false, useful: undefined, workShare: 0, awayShare: 1 }

/** Of the cores' time; somewhat less is enough if there is a queue for them, so many ready for each. */
const fullBusy = 0.85
const queuedBusy = 0.7
const queuedPerCore = 2
/**
 * Above what just keeps the cores busy if nobody ever met another. Two stations that are used alike, cores and the log for
 * example, do N / (N + 1) of the most with N (Zahorjan and others, "Balanced job bound analysis", 1982), and locks make it less:
 * with 2.5 times as many the loads of docs/reports/sizing.md reach their best.
 */
const slack = 2.5
/** Holds of which nothing was in turn, probably. */
const shortPercentile = 5

/** What connections were held for, on average. */
interface Held {
  /** By whomever: as PostgreSQL saw it, or as pools lent it, whichever is more. */
  readonly all: number
  /** In a statement or a transaction, as PostgreSQL saw it. */
  readonly seen: number
  /** On a core, or ready for one, those who help with a statement included. */
  readonly onCpu: number
  readonly locked: number
  readonly idleInTransaction: number
}

/** `cores` undefined: not known, so nothing is. */
export function useOf(
  { activity, machine }: Pick<DatabaseReading, 'activity' | 'machine'>,
  all: readonly PoolLoad[],
  cores: number | undefined,
): DatabaseUse {
  if (cores === undefined) return unknownUse
  // In session mode a server is lent to who does nothing.
  const loads = all.filter(({ isSession }) => !isSession)
  const held = heldBy(activity, loads)
  const busy = machine?.busy ?? held.onCpu / cores
  const ready = machine?.ready.mean ?? held.onCpu
  const isFull = busy >= fullBusy || (busy >= queuedBusy && ready >= queuedPerCore * cores)
  if (!isFull) return freeUse(held, cores)
  const areClientsHere = machine !== undefined && activity?.remote.max === 0
  return fullUse(loads, cores, shareAlone(held, Math.max(1, ready / cores), areClientsHere))
}

function heldBy(activity: ActivityReading | undefined, loads: readonly PoolLoad[]): Held {
  const lent = loads.reduce((sum, { busyMean }) => sum + busyMean, 0)
  if (!activity) return { all: lent, seen: 0, onCpu: 0, locked: 0, idleInTransaction: 0 }
  const { active, activeOnCpu, workersOnCpu, activeWaiting, idleInTransaction } = activity
  const seen = active.mean + idleInTransaction.mean
  return {
    all: Math.max(seen, lent),
    seen,
    onCpu: activeOnCpu.mean + workersOnCpu.mean,
    locked: activeWaiting['Lock']?.mean ?? 0,
    idleInTransaction: idleInTransaction.mean,
  }
}

/**
 * What is left of a hold that does not wait in turn. `stretch`: how many were ready for each core. What PostgreSQL doesn't see is
 * on its way, or its backend has not been on a core yet: statements of less than a millisecond are hardly ever seen. If the clients
 * are on the same machine, they are slow to go on for the same reason.
 */
function shareAlone(
  { all, seen, onCpu, locked, idleInTransaction }: Held,
  stretch: number,
  areClientsHere: boolean,
): number {
  if (all === 0) return 1 / stretch
  const stretched = all - seen + onCpu + (areClientsHere ? idleInTransaction : 0)
  return Math.max(0, stretched / stretch + all - stretched - locked) / all
}

/** More would only share the cores: as many as carry what is done now, by Little's law. */
function fullUse(loads: readonly PoolLoad[], cores: number, share: number): DatabaseUse {
  const needed = loads.reduce((sum, load) => sum + aloneOf(load, share), 0)
  const held = loads.reduce((sum, { busyMean }) => sum + busyMean, 0)
  const useful = Math.max(usefulConnections({ cores }), Math.ceil(slack * needed))
  if (held === 0) return { isFull: true, useful, workShare: 1, awayShare: 0 }
  const workShare = Math.min(cores, held) / held
  return { isFull: true, useful, workShare, awayShare: Math.max(0, needed / held - workShare) }
}

/** How many it would hold. No hold was ever shorter than the shortest are. */
function aloneOf({ holdMs, meanHeldMs, arrivalsPerSecond, busyMean }: PoolLoad, share: number): number {
  if (meanHeldMs === undefined || arrivalsPerSecond === undefined) return share * busyMean
  const shortMs = holdMs && holdMs.count > 0 ? percentileOf(holdMs, shortPercentile) : 0
  return inUse(arrivalsPerSecond, Math.min(meanHeldMs, Math.max(share * meanHeldMs, shortMs)))
}

/** So many seen on a core are enough to tell how much of a hold that is. */
const leastOnCpu = 0.1

/**
 * The cores have time left. As many as would keep them busy if each needs one for its share of the time,
 * `cores × held ÷ running` (the asymptotic bound of operational analysis: Denning and Buzen 1978).
 */
function freeUse({ all, onCpu, locked }: Held, cores: number): DatabaseUse {
  if (onCpu < leastOnCpu) return unknownUse
  const useful = Math.max(
    usefulConnections({ cores }),
    Math.ceil((slack * cores * Math.max(onCpu, all - locked)) / onCpu),
  )
  const workShare = Math.min(1, onCpu / Math.max(all, onCpu))
  return { isFull: false, useful, workShare, awayShare: 1 - workShare }
}
