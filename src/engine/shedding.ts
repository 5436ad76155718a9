/** Both in milliseconds, above 0. */
export interface SheddingOptions {
  /** A wait that is fine. */
  readonly targetMs: number
  /** How long every wait must have been longer than that before anybody is refused. */
  readonly intervalMs: number
}

/**
 * Refusing some so that the others are served in time: controlled delay (Nichols and Jacobson, "Controlling Queue Delay",
 * 2012), as db_connection has it. A queue that was short once within the interval is a burst, and a burst passes. One in
 * which even the shortest wait of a whole interval was above the target stands: from then on whoever has waited for twice
 * the target is refused, until somebody is served within the target again.
 */
export class Shedding {
  readonly #options: SheddingOptions
  #isShedding = false
  #shortestMs = Infinity
  #endsAtMs = 0

  constructor(options: SheddingOptions) {
    this.#options = options
  }

  /** The longest anybody may have waited now. `headWaitMs`: how long whoever is next has. */
  limitMs(headWaitMs: number, now: number): number {
    if (now >= this.#endsAtMs) this.#begin(headWaitMs, now)
    return this.#isShedding ? 2 * this.#options.targetMs : Infinity
  }

  /** Somebody was served after a wait. */
  served(waitMs: number, now: number): void {
    if (now >= this.#endsAtMs) this.#begin(waitMs, now)
    if (waitMs < this.#shortestMs) this.#shortestMs = waitMs
    if (waitMs <= this.#options.targetMs) this.#isShedding = false
  }

  /** What was waited for until now was no overload: a pause, say. */
  restart(now: number): void {
    this.#isShedding = false
    this.#shortestMs = Infinity
    this.#endsAtMs = now + this.#options.intervalMs
  }

  /** When `limitMs` has to be asked again, if whoever is next has queued at `queuedAtMs`. */
  nextAtMs(queuedAtMs: number): number {
    return this.#isShedding ? queuedAtMs + 2 * this.#options.targetMs : this.#endsAtMs
  }

  /** The next interval. What was known of one that ended long ago says nothing any more. */
  #begin(waitMs: number, now: number): void {
    const { targetMs, intervalMs } = this.#options
    const isRecent = now < this.#endsAtMs + intervalMs
    const shortestMs = this.#shortestMs === Infinity ? waitMs : this.#shortestMs
    this.#isShedding = isRecent && shortestMs > targetMs
    this.#shortestMs = Infinity
    this.#endsAtMs = now + intervalMs
  }
}
