import { Deadline, Deadlines } from '../time.ts'
import { exactNow, now } from './clock.ts'

/** What a timer takes. */
const longestTimerMs = 2 ** 31 - 1

/**
 * Deadlines that are kept by one timer of the runtime. The timer keeps the process alive only while somebody asks for that:
 * idle connections do so by themselves, or are meant not to.
 */
class TimedDeadlines extends Deadlines {
  #timer: NodeJS.Timeout | undefined
  #firesAtMs = Infinity
  #isFiring = false
  #keepers = 0

  constructor() {
    super(exactNow())
  }

  override start(deadline: Deadline, atMs: number): void {
    super.start(deadline, atMs)
    if (atMs < this.#firesAtMs && !this.#isFiring) this.#arm(atMs)
  }

  /** A deadline of its own for what may take `limitMs`; 0: for ever. */
  limit(limitMs: number, expired: () => void): Deadline {
    const deadline = new Deadline(expired)
    if (limitMs > 0) this.start(deadline, now() + limitMs)
    return deadline
  }

  /** Somebody waits for what only a deadline can bring: the process must not end meanwhile. */
  keepProcess(): void {
    if (this.#keepers++ === 0) this.#timer?.ref()
  }

  /** Once for each `keepProcess`. */
  letProcessEnd(): void {
    if (--this.#keepers === 0) this.#timer?.unref()
  }

  #arm(atMs: number): void {
    clearTimeout(this.#timer)
    this.#firesAtMs = atMs
    const delayMs = Math.min(Math.max(Math.ceil(atMs - exactNow()), 1), longestTimerMs)
    this.#timer = setTimeout(() => this.#fire(), delayMs)
    if (this.#keepers === 0) this.#timer.unref()
  }

  #fire(): void {
    this.#isFiring = true
    try {
      this.advance(exactNow())
    } finally {
      this.#isFiring = false
      this.#timer = undefined
      this.#firesAtMs = Infinity
      const { nextAtMs } = this
      if (nextAtMs < Infinity) this.#arm(nextAtMs)
    }
  }
}

/** Of all pools in this process. */
export const deadlines = new TimedDeadlines()
