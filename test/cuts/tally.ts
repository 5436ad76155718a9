/** What came of many cuts of one conversation in one mode, the client's connection and the server's apart. */

import type { Outcome } from './lane.ts'

export class Tally {
  #kept = 0
  #destroyed = 0
  /** Beyond the end of the conversation: nothing was cut. */
  #missed = 0
  readonly #idleMs: number[] = []

  add({ isCut, isServerKept, idleMs }: Outcome): void {
    if (!isCut) {
      this.#missed++
      return
    }
    if (isServerKept) this.#kept++
    else this.#destroyed++
    this.#idleMs.push(idleMs)
  }

  addAll(other: Tally): void {
    this.#kept += other.#kept
    this.#destroyed += other.#destroyed
    this.#missed += other.#missed
    this.#idleMs.push(...other.#idleMs)
  }

  get cuts(): number {
    return this.#kept + this.#destroyed
  }

  get kept(): number {
    return this.#kept
  }

  get destroyed(): number {
    return this.#destroyed
  }

  get missed(): number {
    return this.#missed
  }

  /** The time until the next client was answered that this share of the cuts did not exceed. */
  idleMs(share: number): number {
    const sorted = this.#idleMs.toSorted((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  }
}
