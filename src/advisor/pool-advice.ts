/** How large each pool should be, and how it would do then. */

import { percentileOf } from '../metrics/histogram.ts'
import { serversFor, serversForWait } from '../sizing/servers-for.ts'
import { utilisationToWarnAt } from '../sizing/utilisation.ts'
import type { PoolAdvice } from './advice.ts'
import { type Expectation, expect } from './expectation.ts'
import { isSaturated, type PoolLoad } from './pool-load.ts'
import type { DatabaseUse } from './useful-connections.ts'

export interface SizingFacts {
  readonly cores: number | undefined
  readonly use: DatabaseUse
  /** Connections that the database takes; undefined: not known. */
  readonly available: number | undefined
}

/** Two, so that one long statement does not stop everything. */
const leastSize = 2
/** Less in use at the peak is next to nothing. */
const leastBusy = 0.02

type Sized = Pick<PoolAdvice, 'sizeAdvised' | 'decidedBy'>

/** In the order of `loads`. */
export function advisePools(loads: readonly PoolLoad[], facts: SizingFacts): PoolAdvice[] {
  const sized = fit(loads.map(sizeFor), facts)
  const now = expectAt(loads, ({ sizeNow }) => sizeNow, facts)
  const advised = expectAt(loads, ({ sizeNow }, index) => sized[index]?.sizeAdvised ?? sizeNow, facts)
  return loads.map((load, index) => {
    return adviceFor(load, sized[index] ?? {}, facts, now.get(load.name), advised.get(load.name))
  })
}

function expectAt(
  loads: readonly PoolLoad[],
  sizeOf: (load: PoolLoad, index: number) => number | undefined,
  { cores, use }: SizingFacts,
): ReadonlyMap<string, Expectation> {
  const pools = loads.flatMap((load, index) => {
    const size = sizeOf(load, index)
    return size === undefined ? [] : [{ load, size }]
  })
  return expect(pools, cores, use)
}

/**
 * What is asked for: what a pool would need if the database could use any number. Undefined: next to nothing was asked for, or
 * clients keep their servers, so that there must be as many as clients.
 */
function sizeFor(load: PoolLoad): number | undefined {
  const { busyPeak, busyMean, ownBusyMean, meanHeldMs, heldScv, clients, waitingPeak, isSession } = load
  const busy = Math.max(busyPeak, busyMean)
  // Of the peak it is not known how much is our own.
  const isUsed = busy >= leastBusy && (ownBusyMean === 0 || busyMean - ownBusyMean >= leastBusy)
  if (isSession || !isUsed) return undefined
  // Whoever waits would take one, and nobody needs more than one at a time.
  if (isSaturated(load)) return Math.max(leastSize, Math.min(clients, Math.ceil(busy) + waitingPeak))
  // As if each were held for a second: then so many come in a second as are held.
  const heldMs = meanHeldMs !== undefined && meanHeldMs > 0 ? meanHeldMs : 1_000
  const demand = { arrivalsPerSecond: (busy * 1_000) / heldMs, serviceMs: heldMs }
  const forUse = serversFor({ ...demand, mostUtilisation: utilisationToWarnAt })
  const forWait = serversForWait({ ...demand, serviceScv: heldScv ?? 1, percentile: 99, mostWaitMs: heldMs })
  return Math.max(leastSize, forUse, forWait)
}

type Wanted = readonly (number | undefined)[]

/** No more than the database can use, or takes at all, all together. */
function fit(wanted: Wanted, { use, available = Infinity }: SizingFacts): Sized[] {
  const { useful = Infinity } = use
  const most = Math.min(useful, available)
  const total = wanted.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  if (total <= most) return wanted.map((size) => sizedBy(size, 'demand'))
  return shared(wanted, most, useful <= available ? 'cores' : 'limit')
}

function sizedBy(size: number | undefined, decidedBy: NonNullable<PoolAdvice['decidedBy']>): Sized {
  return size === undefined ? {} : { sizeAdvised: size, decidedBy }
}

/** Who wants little gets it, the others divide the rest by what they want; each has at least two. */
function shared(wanted: Wanted, most: number, decidedBy: 'cores' | 'limit'): Sized[] {
  const sized: Sized[] = wanted.map(() => ({}))
  const open = new Set([...wanted.keys()].filter((index) => wanted[index] !== undefined))
  const wish = (index: number): number => wanted[index] ?? 0
  let left = most
  for (let isChanged = true; isChanged;) {
    const rest = [...open].reduce((sum, index) => sum + wish(index), 0)
    const modest = [...open].filter((index) => wish(index) <= Math.max(leastSize, (left * wish(index)) / rest))
    for (const index of modest) {
      open.delete(index)
      left -= wish(index)
      sized[index] = sizedBy(wish(index), 'demand')
    }
    isChanged = modest.length > 0
  }
  const rest = [...open].reduce((sum, index) => sum + wish(index), 0)
  for (const index of open) {
    sized[index] = sizedBy(Math.max(leastSize, Math.floor((left * wish(index)) / rest)), decidedBy)
  }
  return sized
}

function adviceFor(
  load: PoolLoad,
  sized: Sized,
  { cores, use }: SizingFacts,
  now: Expectation | undefined,
  advised: Expectation | undefined,
): PoolAdvice {
  const { name, database, user, sizeNow, busyMean, busyPeak, arrivalsPerSecond, meanHeldMs, waitMs } = load
  return {
    name,
    database,
    user,
    busyMean,
    busyPeak,
    isSaturated: isSaturated(load),
    isSession: load.isSession,
    isDatabaseFull: use.isFull,
    areCoresKnown: cores !== undefined,
    ...sized,
    ...(arrivalsPerSecond !== undefined && { arrivalsPerSecond }),
    ...(meanHeldMs !== undefined && { meanHeldMs }),
    ...(sizeNow !== undefined && {
      sizeNow,
      utilisationMean: busyMean / sizeNow,
      utilisationPeak: busyPeak / sizeNow,
      ...(meanHeldMs !== undefined &&
        meanHeldMs > 0 && { perSecondAt80: (utilisationToWarnAt * sizeNow * 1_000) / meanHeldMs }),
      ...(waitMs && waitMs.count > 0 && { waitP99NowMs: percentileOf(waitMs, 99) }),
      ...(now && { waitP99SimulatedMs: now.waitP99Ms }),
    }),
    ...(sized.sizeAdvised !== undefined &&
      advised && { waitP99AdvisedMs: advised.waitP99Ms, utilisationAdvised: advised.utilisation }),
  }
}
