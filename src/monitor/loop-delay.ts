/** How late the process is: a timer that is asked for at regular intervals, and how much later it fires. */

import { Histogram, type HistogramSnapshot } from '../metrics/histogram.ts'

export class LoopDelay {
  readonly everyMs: number
  readonly #histogram = new Histogram()
  #dueAtMs: number

  /** Whoever makes it calls `tick` every `everyMs`, as exactly as a timer of the runtime does. */
  constructor(everyMs: number, now: number) {
    this.everyMs = everyMs
    this.#dueAtMs = now + everyMs
  }

  /** What is late does not make the next one late, too. */
  tick(now: number): void {
    this.#histogram.record(Math.max(0, now - this.#dueAtMs))
    this.#dueAtMs = now + this.everyMs
  }

  snapshot(): HistogramSnapshot {
    return this.#histogram.snapshot()
  }
}
