/** How two sizes compare that were measured in the same rounds. */

/** One to the other in each round: a machine that is slow for a while is so for both. Rounds that only one has are left out. */
export function ratiosOf(one: readonly number[], other: readonly number[]): number[] {
  const rounds = Math.min(one.length, other.length)
  return Array.from({ length: rounds }, (_, round) => (one[round] ?? Number.NaN) / (other[round] ?? Number.NaN))
}

/**
 * Whether all rounds of one are below all of the other: what the rounds of this very run differ by cannot be told from less.
 * Of three rounds each of the same thing one pair in twenty is so by chance, of five one in 252. False where nothing is known.
 */
export function isClearlyLess(one: readonly number[], other: readonly number[]): boolean {
  return one.length > 0 && other.length > 0 && Math.max(...one) < Math.min(...other)
}
