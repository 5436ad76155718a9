/**
 * What will happen, by when: a binary heap whose times stand in an array of doubles, so that nothing is allocated for an
 * event. Which of two at the same instant comes first depends on the queue's history only, so a run can be repeated.
 */

/** Something that happens at an instant of virtual time. The same object may be queued several times. */
export interface TimedEvent {
  happen(now: number): void
}

export class EventQueue {
  #times = new Float64Array(64)
  readonly #events: TimedEvent[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Infinity: there is nothing. */
  get firstAtMs(): number {
    return this.#size === 0 ? Infinity : (this.#times[0] as number)
  }

  /** Hot path. */
  add(atMs: number, event: TimedEvent): void {
    if (this.#size === this.#times.length) this.#grow()
    const times = this.#times
    const events = this.#events
    let at = this.#size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      const parentAtMs = times[parent] as number
      if (parentAtMs <= atMs) break
      times[at] = parentAtMs
      events[at] = events[parent] as TimedEvent
      at = parent
    }
    times[at] = atMs
    events[at] = event
  }

  /** Hot path. Takes out what is first; there must be something. */
  takeFirst(): TimedEvent {
    const first = this.#events[0] as TimedEvent
    const last = --this.#size
    const event = this.#events[last] as TimedEvent
    this.#sink(this.#times[last] as number, event, last)
    return first
  }

  /** Puts an event into the place of the first, and whatever is earlier above it. */
  #sink(atMs: number, event: TimedEvent, size: number): void {
    const times = this.#times
    const events = this.#events
    let at = 0
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && (times[child + 1] as number) < (times[child] as number)) child++
      const childAtMs = times[child] as number
      if (atMs <= childAtMs) break
      times[at] = childAtMs
      events[at] = events[child] as TimedEvent
      at = child
    }
    times[at] = atMs
    events[at] = event
  }

  clear(): void {
    this.#size = 0
    this.#events.length = 0
  }

  #grow(): void {
    const times = new Float64Array(2 * this.#times.length)
    times.set(this.#times)
    this.#times = times
  }
}
