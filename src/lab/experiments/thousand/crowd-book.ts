/** What became of a crowd of clients. */

import { failureOf } from '../../load.ts'

export interface CrowdTimes {
  readonly warmUpMs: number
  readonly windowMs: number
  readonly windows: number
  /** Between an answer and the same client's next question, on average; drawn from an exponential distribution. */
  readonly meanPauseMs: number
}

export interface CrowdWindow {
  readonly latenciesMs: readonly number[]
  readonly seconds: number
}

export interface CrowdService {
  /** By when they were answered. */
  readonly windows: readonly CrowdWindow[]
  /** Clients who were answered at least once. */
  readonly served: number
  /** Clients whose connection was ended instead of an answer, by why. */
  readonly failures: ReadonlyMap<string, number>
  /** Clients who had asked, and had no answer at all when it was over. */
  readonly waiting: number
}

/** Who of a crowd has asked, was answered, was turned away; by when they were answered, in windows. */
export class CrowdBook {
  readonly #times: CrowdTimes
  readonly #now: () => number
  readonly #latenciesMs: readonly number[][]
  readonly #failures = new Map<string, number>()
  readonly #asked = new Set<number>()
  readonly #served = new Set<number>()
  readonly #lost = new Set<number>()
  #fromMs = Infinity
  #untilMs = Infinity

  constructor(times: CrowdTimes, now: () => number = () => performance.now()) {
    this.#now = now
    this.#times = times
    this.#latenciesMs = Array.from({ length: times.windows }, () => [])
  }

  /** The time that is measured. When it is over. */
  begin(): number {
    const { warmUpMs, windowMs, windows } = this.#times
    this.#fromMs = this.#now() + warmUpMs
    this.#untilMs = this.#fromMs + windows * windowMs
    return this.#untilMs
  }

  isLost(index: number): boolean {
    return this.#lost.has(index)
  }

  async enter(index: number, answer: Promise<unknown>): Promise<void> {
    const atMs = this.#now()
    this.#asked.add(index)
    try {
      await answer
      this.#answered(index, atMs)
    } catch (error) {
      // What is cut at the end was waiting, not refused.
      if (this.#now() >= this.#untilMs) return
      this.#lost.add(index)
      count(this.#failures, failureOf(error))
    }
  }

  #answered(index: number, atMs: number): void {
    const endMs = this.#now()
    this.#latenciesMs[Math.floor((endMs - this.#fromMs) / this.#times.windowMs)]?.push(endMs - atMs)
    if (endMs < this.#untilMs) this.#served.add(index)
  }

  close(): CrowdService {
    const isWaiting = (index: number): boolean => !this.#served.has(index) && !this.#lost.has(index)
    return {
      windows: this.#latenciesMs.map((latenciesMs) => ({
        latenciesMs: [...latenciesMs],
        seconds: this.#times.windowMs / 1_000,
      })),
      served: this.#served.size,
      failures: new Map(this.#failures),
      waiting: [...this.#asked].filter(isWaiting).length,
    }
  }
}

/** One more. */
export function count(counts: Map<string, number>, reason: string): void {
  counts.set(reason, (counts.get(reason) ?? 0) + 1)
}
