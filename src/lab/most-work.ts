/** What a request can at most be of work, by how many there are. */

import { mostHeldMs } from '../sizing/littles-law.ts'
import type { DatabaseFacts } from './results.ts'

/** No core can have worked on one for longer than its share of all cores' time, on average. NaN: the cores are another machine's, or not known. */
export function mostWorkMs({ cores, isLocal }: DatabaseFacts, perSecond: number): number {
  return isLocal && cores !== null ? mostHeldMs(cores, perSecond) : Number.NaN
}
