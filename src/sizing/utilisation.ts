/**
 * Up to where a pool may be used. Waiting grows with u / (1 - u), in service times (Kingman, see waiting.ts): 2.3 at 70 %,
 * 4 at 80 %, 9 at 90 %, 19 at 95 %, 99 at 99 %.
 */

/** To plan for: a third more arrivals than expected still find the pool below 95 %. */
export const utilisationToPlanFor = 0.7

/** To warn at: from here on each doubling of the wait takes less than ten points more. */
export const utilisationToWarnAt = 0.8
