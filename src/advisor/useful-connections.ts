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

/** Of the cores' time; somewhat less is enough if there is a queue for them, so many ready for each. */
const fullBusy = 0.85
const queuedBusy = 0.7
const queuedPerCore = 2
/** So many held on average are enough to tell what for. */
const leastHeld = 0.1
/**
 * Above what just keeps the cores busy if nobody ever met another. Two stations that are used alike, cores and the log for
 * example, do N / (N + 1) of the most with N (Zahorjan and others, "Balanced job bound analysis", 1982), and locks make it less:
 * with 2.5 times as many the loads of docs/reports/sizing.md reach their best.
 */
const slack = 2.5
/** Holds of which nothing was in turn, probably. */
const shortPercentile = 5

/** `cores` undefined: not known, so nothing is. */
export function useOf(
  { activity, machine }: Pick<DatabaseReading, 'activity' | 'machine'>,
  loads: readonly PoolLoad[],
  cores: number | undefined,
): DatabaseUse {
  if (cores === undefined) return { isFull: false, useful: undefined, workShare: 0, awayShare: 1 }
  const onCpu = activity?.activeOnCpu.mean ?? 0
  const ready = machine?.ready.mean ?? onCpu
  const busy = machine?.busy ?? onCpu / cores
  const isFull = busy >= fullBusy || (busy >= queuedBusy && ready >= queuedPerCore * cores)
  if (!isFull) return freeUse(loads, cores, activity)
  const lent = loads.reduce((sum, { busyMean }) => sum + busyMean, 0)
  const machineUse = { stretch: Math.max(1, ready / cores), areClientsHere: machine !== undefined }
  return fullUse(loads, cores, shareAlone(activity, lent, machineUse))
}

/**
 * What is left of a hold that does not wait in turn. `stretch`: how many were ready for each core. What PostgreSQL doesn't know of
 * is on its way, or its backend has not been on a core yet: statements of less than a millisecond are hardly ever seen.
 */
function shareAlone(
  activity: ActivityReading | undefined,
  lent: number,
  { stretch, areClientsHere }: { stretch: number; areClientsHere: boolean },
): number {
  const seen = activity ? activity.active.mean + activity.idleInTransaction.mean : 0
  const held = Math.max(seen, lent)
  if (!activity || held === 0) return 1 / stretch
  const locked = activity.activeWaiting['Lock']?.mean ?? 0
  // Clients on the same machine are slow to go on for the same reason.
  const ofClients = areClientsHere ? activity.idleInTransaction.mean : 0
  const stretched = held - seen + activity.activeOnCpu.mean + ofClients
  return Math.max(0, stretched / stretch + held - stretched - locked) / held
}

/** More would only share the cores: as many as carry what is done now, by Little's law. */
function fullUse(loads: readonly PoolLoad[], cores: number, share: number): DatabaseUse {
  const alone = loads.map((load) => inUse(load.arrivalsPerSecond ?? 0, aloneMsOf(load, share)))
  const needed = alone.reduce((sum, one) => sum + one, 0)
  const held = loads.reduce((sum, { busyMean }) => sum + busyMean, 0)
  const useful = Math.max(usefulConnections({ cores }), Math.ceil(slack * needed))
  if (held === 0) return { isFull: true, useful, workShare: 1, awayShare: 0 }
  const workShare = Math.min(cores, held) / held
  return { isFull: true, useful, workShare, awayShare: Math.max(0, needed / held - workShare) }
}

/** No hold was ever shorter than the shortest are. */
function aloneMsOf({ holdMs, meanHeldMs = 0 }: PoolLoad, share: number): number {
  const shortMs = holdMs && holdMs.count > 0 ? percentileOf(holdMs, shortPercentile) : 0
  return Math.min(meanHeldMs, Math.max(share * meanHeldMs, shortMs))
}

/**
 * The cores have time left. As many as would keep them busy if each needs one for its share of the time,
 * `cores × held ÷ running` (the asymptotic bound of operational analysis: Denning and Buzen 1978).
 */
function freeUse(loads: readonly PoolLoad[], cores: number, activity: ActivityReading | undefined): DatabaseUse {
  const held = activity ? activity.active.mean + activity.idleInTransaction.mean : 0
  const running = activity?.activeOnCpu.mean ?? 0
  const lent = loads.reduce((sum, { busyMean }) => sum + busyMean, 0)
  if (!activity || held < leastHeld || running === 0)
    return { isFull: false, useful: undefined, workShare: 0, awayShare: 1 }
  const locked = activity.activeWaiting['Lock']?.mean ?? 0
  const useful = Math.max(usefulConnections({ cores }), Math.ceil((slack * cores * (held - locked)) / running))
  const workShare = Math.min(1, running / Math.max(lent, held))
  return { isFull: false, useful, workShare, awayShare: 1 - workShare }
}
