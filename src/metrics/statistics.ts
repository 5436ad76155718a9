/** Medians, percentiles and how sure a median is: pure functions over plain numbers. */

/** An interval for a median. `confidence` is the exact probability that it covers the true median, 0 to 1. */
export interface Interval {
  readonly low: number
  readonly high: number
  readonly confidence: number
}

/** The middle value; of an even number of values the mean of the two in the middle. Rejects an empty list. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values)
  const upper = Math.floor(sorted.length / 2)
  if (sorted.length % 2 === 1) return at(sorted, upper)
  return (at(sorted, upper - 1) + at(sorted, upper)) / 2
}

/** The nearest-rank percentile: the smallest value that at least `percent` % of the values do not exceed. */
export function percentile(values: ArrayLike<number>, percent: number): number {
  const sorted = Float64Array.from(values).sort()
  if (sorted.length === 0) throw new RangeError('a percentile needs at least one value')
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length))
  return sorted[rank - 1] as number
}

/**
 * The order-statistic (sign test) interval of the median: from the k-th smallest to the k-th largest value, with the
 * largest k whose coverage, 1 − 2·P(Binomial(n, ½) < k), is at least `confidence`. It assumes nothing about the
 * distribution but independent values. Under six values not even the whole range reaches 95 %: then it is the range,
 * with the confidence it has.
 */
export function medianInterval(values: readonly number[], confidence = 0.95): Interval {
  const sorted = ascending(values)
  let k = 1
  while (2 * (k + 1) <= sorted.length && coverage(sorted.length, k + 1) >= confidence) k++
  return { low: at(sorted, k - 1), high: at(sorted, sorted.length - k), confidence: coverage(sorted.length, k) }
}

/** The probability that the median lies between the k-th smallest and the k-th largest of n values. */
function coverage(n: number, k: number): number {
  let probability = 0.5 ** n
  let tail = 0
  for (let i = 0; i < k; i++) {
    tail += probability
    probability = (probability * (n - i)) / (i + 1)
  }
  return Math.max(0, 1 - 2 * tail)
}

function ascending(values: readonly number[]): number[] {
  if (values.length === 0) throw new RangeError('a median needs at least one value')
  return [...values].sort((a, b) => a - b)
}

function at(values: readonly number[], index: number): number {
  return values[index] as number
}
