/** How long the unlucky wait. */

import { check, zeroOrMore } from './in-range.ts'
import { mgc } from './mgc.ts'
import type { Queue, Variability } from './queue.ts'

/**
 * The time in milliseconds that `percentile` percent (0 up to, but not including, 100) of the arrivals don't wait longer than.
 *
 * Exact for Poisson arrivals and exponential service, which is what is meant by leaving out the variabilities: those who
 * wait at all wait exponentially long, P(wait > t) = C · e^(-t / m), m their mean (Gross and Harris, "Fundamentals of
 * Queueing Theory", M/M/c). For any other it is an approximation: the same tail, with Kimura's mean for Poisson arrivals, times
 * (arrivalScv + serviceScv) / (1 + serviceScv), Allen and Cunneen's factor for others.
 * Infinity if the queue is overloaded. Throws `out_of_range`.
 */
export function waitPercentileMs(queue: Queue & Partial<Variability>, percentile: number): number {
  check(percentile >= 0 && percentile < 100, 'percentile', 'from 0 to below 100', percentile)
  const { arrivalScv = 1, serviceScv = 1 } = queue
  zeroOrMore('arrivalScv', arrivalScv)
  const { waitProbability, meanWaitMs: poissonMs } = mgc({ ...queue, serviceScv })
  const longer = (100 - percentile) / 100
  if (poissonMs === Infinity) return Infinity
  const meanWaitMs = (poissonMs * (arrivalScv + serviceScv)) / (1 + serviceScv)
  if (waitProbability <= longer) return 0
  return (Math.log(waitProbability / longer) * meanWaitMs) / waitProbability
}
