/** A number of things that was looked at again and again: the counts of a watch, condensed. */

import { assert } from '../assert.ts'

/** Over the samples of a watch. */
export interface Distribution {
  readonly mean: number
  /** 95 % of the samples don't exceed it, by nearest rank. */
  readonly p95: number
  readonly max: number
}

/** Takes one count a sample, and is as large as there are different counts, however long the watch. */
export class Tally {
  readonly #times = new Map<number, number>()
  #samples = 0

  get samples(): number {
    return this.#samples
  }

  add(count: number): void {
    this.#times.set(count, (this.#times.get(count) ?? 0) + 1)
    this.#samples++
  }

  /**
   * `samples`: how many there were in all, 1 or more. Those in which nothing was added, because there was nothing to count, are
   * zeros.
   */
  over(samples: number): Distribution {
    assert(samples >= Math.max(1, this.#samples), `a tally of ${this.#samples} samples can't be one over ${samples}`)
    const ascending = [...this.#times].sort(([one], [other]) => one - other)
    const sum = ascending.reduce((total, [count, times]) => total + count * times, 0)
    const rank = Math.ceil(0.95 * samples) - (samples - this.#samples)
    return { mean: sum / samples, p95: countAt(rank, ascending), max: ascending.at(-1)?.[0] ?? 0 }
  }
}

/** 0 for a rank among the zeros. */
function countAt(rank: number, ascending: readonly (readonly [count: number, times: number])[]): number {
  let seen = 0
  for (const [count, times] of ascending) {
    seen += times
    if (rank > 0 && seen >= rank) return count
  }
  return 0
}
