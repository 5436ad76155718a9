/**
 * Estimates from repeated simulation. Each seed gives one run, each run, its warm-up cut off, one mean: batch means with a
 * batch a run. Runs are independent whatever their length, which batches of one run are only if they are long enough; so ten
 * values, 9 degrees of freedom, and nothing to tune. Cutting the runs up would make the interval a fifth narrower at best.
 */

import assert from 'node:assert/strict'

/**
 * Chosen before the first run, and not to be chosen again: whoever finds a comparison failing looks for what is wrong, or makes
 * the runs longer.
 */
export const seeds = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29] as const

/** Student's t, 9 degrees of freedom, 99 % on both sides. */
const t99 = 3.2498

/** An interval that is wider than this part of what is expected would agree with nearly anything. */
const widest = 0.15

/** A mean of ten, and half of its 99 % interval. */
export interface Estimate {
  readonly mean: number
  readonly half: number
}

/** `values`: one for each seed. */
export function estimateOf(values: readonly number[]): Estimate {
  assert.equal(values.length, seeds.length)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, half: t99 * Math.sqrt(squares / (values.length - 1) / values.length) }
}

/**
 * That the interval is narrow and holds what is expected. `upTo`: what is measured may be more than what happened by this part,
 * because of how it is measured.
 */
export function assertAgrees(what: string, { mean, half }: Estimate, expected: number, upTo = 0): void {
  const said = `${what}: ${mean} ± ${half} was simulated, ${expected} is expected`
  assert.ok(half <= widest * expected, `too wide to say anything: ${said}`)
  assert.ok(mean / (1 + upTo) - half <= expected && expected <= mean + half, said)
}
