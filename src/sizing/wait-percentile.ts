/** How long the unlucky wait. */

import { check } from './in-range.ts'
import type { Queue, Variability } from './queue.ts'
import { ggc } from './waiting.ts'

/**
 * The time in milliseconds that `percentile` percent (0 up to, but not including, 100) of the arrivals don't wait longer than.
 *
 * Exact for Poisson arrivals and exponential service, which is what is meant by leaving out the variabilities: those who
 * wait at all wait exponentially long, P(wait > t) = C · e^(-t / m), m their mean (Gross and Harris, "Fundamentals of
 * Queueing Theory", M/M/c). For any other it is an approximation: the same tail, with the mean that Allen and Cunneen give.
 * Infinity if the queue is overloaded. Throws `out_of_range`.
 */
export function waitPercentileMs(queue: Queue & Partial<Variability>, percentile: number): number {
  check(percentile >= 0 && percentile < 100, 'percentile', 'from 0 to below 100', percentile)
  const { waitProbability, meanWaitMs } = ggc({ arrivalScv: 1, serviceScv: 1, ...queue })
  const longer = (100 - percentile) / 100
  if (meanWaitMs === Infinity) return Infinity
  if (waitProbability <= longer) return 0
  return (Math.log(waitProbability / longer) * meanWaitMs) / waitProbability
}
