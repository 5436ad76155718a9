/** Time that passes as fast as it can be computed: from one event to the next, in milliseconds from 0. */

import { Deadlines } from '../time.ts'
import { EventQueue, type TimedEvent } from './event-queue.ts'

/** Something whose next event is not known for certain beforehand. */
export interface Process {
  /** When its next event is, if nothing else happens before; Infinity: none. */
  readonly nextAtMs: number
  /** It is `nextAtMs`. */
  advance(now: number): void
}

const nothing: Process = { nextAtMs: Infinity, advance: () => undefined }

export class VirtualTime {
  /** Of the pools. */
  readonly deadlines = new Deadlines(0)
  /** The one thing whose events move when others happen: the database's processors. */
  process: Process = nothing
  #now = 0
  readonly #events = new EventQueue()

  get now(): number {
    return this.#now
  }

  at(atMs: number, event: TimedEvent): void {
    this.#events.add(atMs, event)
  }

  /** Lets everything happen up to and including `untilMs`. What throws ends the run. */
  run(untilMs: number): void {
    const events = this.#events
    const { deadlines, process } = this
    for (;;) {
      const eventAtMs = events.firstAtMs
      const processAtMs = process.nextAtMs
      const deadlineAtMs = deadlines.nextAtMs
      const atMs = Math.min(eventAtMs, processAtMs, deadlineAtMs)
      if (atMs > untilMs) break
      if (atMs > this.#now) this.#now = atMs
      if (processAtMs === atMs) process.advance(this.#now)
      else if (eventAtMs === atMs) events.takeFirst().happen(this.#now)
      else deadlines.advance(this.#now)
    }
    this.#now = untilMs
  }
}
