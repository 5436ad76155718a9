/** How many servers are enough: the formulas of waiting.ts the other way round. */

import { check, mostServers, zeroOrMore } from './in-range.ts'
import { inUse } from './littles-law.ts'
import type { Demand, Variability } from './queue.ts'
import { utilisationToWarnAt } from './utilisation.ts'
import { waitPercentileMs } from './wait-percentile.ts'

/** In floating point 2.1 / 0.7 is above 3, and 2.1 / 3 above 0.7: nobody means a fourth server by that. */
const rounding = 1e-12

/**
 * The fewest servers, at least 1, that are used no more than `mostUtilisation` (above 0, below 1; 0.8 unless said
 * otherwise). Throws `out_of_range`, also if more than 1,000,000 would be needed.
 */
export function serversFor({
  arrivalsPerSecond,
  serviceMs,
  mostUtilisation = utilisationToWarnAt,
}: Demand & { readonly mostUtilisation?: number }): number {
  check(mostUtilisation > 0 && mostUtilisation < 1, 'mostUtilisation', 'above 0 and below 1', mostUtilisation)
  const load = loadOfDemand({ arrivalsPerSecond, serviceMs })
  const servers = Math.max(1, Math.ceil((load / mostUtilisation) * (1 - rounding)))
  checkNeeded(servers)
  return servers
}

/**
 * The fewest servers, at least 1, at which `percentile` percent (0 to below 100) of the arrivals wait no longer than
 * `mostWaitMs` (0 or more). The wait is that of `waitPercentileMs`: exact if the variabilities are left out, or else an
 * approximation. Throws `out_of_range`, also if more than 1,000,000 would be needed.
 */
export function serversForWait({
  percentile,
  mostWaitMs,
  ...demand
}: Demand & Partial<Variability> & { readonly percentile: number; readonly mostWaitMs: number }): number {
  zeroOrMore('mostWaitMs', mostWaitMs)
  const load = loadOfDemand(demand)
  checkNeeded(Math.floor(load) + 1)
  return fewest(Math.floor(load) + 1, (servers) => waitPercentileMs({ ...demand, servers }, percentile) <= mostWaitMs)
}

/** More servers are never worse, so the steps may double until there are enough; then the last one is halved. */
function fewest(least: number, isEnough: (servers: number) => boolean): number {
  let tooFew = least - 1
  let enough = least
  for (let step = 1; !isEnough(enough); step *= 2) {
    tooFew = enough
    enough = Math.min(enough + step, mostServers)
    checkNeeded(tooFew + 1)
  }
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2)
    if (isEnough(middle)) enough = middle
    else tooFew = middle
  }
  return enough
}

function loadOfDemand({ arrivalsPerSecond, serviceMs }: Demand): number {
  zeroOrMore('arrivalsPerSecond', arrivalsPerSecond)
  zeroOrMore('serviceMs', serviceMs)
  return inUse(arrivalsPerSecond, serviceMs)
}

function checkNeeded(servers: number): void {
  check(servers <= mostServers, 'the number of servers needed', `at most ${mostServers}`, servers)
}
