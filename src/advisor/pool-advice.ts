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
}

/** Two, so that one long statement does not stop everything. */
const leastSize = 2
/** Nobody advises more without having seen more. */
const mostSize = 100_000

type Sized = Pick<PoolAdvice, 'sizeAdvised' | 'decidedBy'>

/** In the order of `loads`. */
export function advisePools(loads: readonly PoolLoad[], facts: SizingFacts): PoolAdvice[] {
  const sized = fit(loads.map(sizeFor), loads, facts.use.useful)
  const advised = expectAt(loads, (_, index) => sized[index]?.sizeAdvised, facts)
  const now = expectAt(loads, ({ sizeNow }) => sizeNow, facts)
  return loads.map((load, index) => {
    return adviceFor(load, sized[index] ?? {}, now.get(load.name), advised.get(load.name))
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

/** What is asked for: what a pool would need if the database could use any number. Undefined: nothing was seen. */
function sizeFor(load: PoolLoad): number | undefined {
  const { busyPeak, busyMean, meanHeldMs, heldScv, sizeNow, clients } = load
  // Whoever waits would take one, and nobody needs more than one at a time.
  if (isSaturated(load)) return Math.max(leastSize, clients)
  const busy = Math.max(busyPeak, busyMean)
  if (busy === 0) return sizeNow === undefined ? undefined : leastSize
  // As if each were held for a second: then so many come in a second as are held.
  const heldMs = meanHeldMs !== undefined && meanHeldMs > 0 ? meanHeldMs : 1_000
  const demand = { arrivalsPerSecond: (busy * 1_000) / heldMs, serviceMs: heldMs }
  const forUse = serversFor({ ...demand, mostUtilisation: utilisationToWarnAt })
  const forWait = serversForWait({
    ...demand,
    arrivalScv: 1,
    serviceScv: heldScv ?? 1,
    percentile: 99,
    mostWaitMs: heldMs,
  })
  return Math.min(mostSize, Math.max(leastSize, forUse, forWait))
}

/**
 * No more than the database can use, all together: who asks for more than is left shares it by what is in use.
 */
function fit(wanted: readonly (number | undefined)[], loads: readonly PoolLoad[], useful: number | undefined): Sized[] {
  if (useful === undefined) return wanted.map(asDemanded)
  const total = wanted.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  if (total <= useful) return wanted.map(asDemanded)
  return shared(wanted, loads, useful)
}

function asDemanded(size: number | undefined): Sized {
  return size === undefined ? {} : { sizeAdvised: size, decidedBy: 'demand' }
}

/** Small pools get what they ask for, the others divide the rest. */
function shared(wanted: readonly (number | undefined)[], loads: readonly PoolLoad[], useful: number): Sized[] {
  const busyOf = (index: number): number => Math.max(loads[index]?.busyMean ?? 0, 0.01)
  const sized: Sized[] = wanted.map(() => ({}))
  const open = new Set(wanted.keys())
  let left = useful
  for (let isChanged = true; isChanged;) {
    const busy = [...open].reduce((sum, index) => sum + busyOf(index), 0)
    const modest = [...open].filter(
      (index) => (wanted[index] ?? Infinity) <= Math.max(leastSize, (left * busyOf(index)) / busy),
    )
    for (const index of modest) {
      open.delete(index)
      left -= wanted[index] as number
      sized[index] = { sizeAdvised: wanted[index] as number, decidedBy: 'demand' }
    }
    isChanged = modest.length > 0
  }
  const busy = [...open].reduce((sum, index) => sum + busyOf(index), 0)
  for (const index of open) {
    sized[index] = { sizeAdvised: Math.max(leastSize, Math.floor((left * busyOf(index)) / busy)), decidedBy: 'cores' }
  }
  return sized
}

function adviceFor(
  load: PoolLoad,
  sized: Sized,
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
    ...(advised && { waitP99AdvisedMs: advised.waitP99Ms, utilisationAdvised: advised.utilisation }),
  }
}
