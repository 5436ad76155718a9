/**
 * Deadlines. Everything is in milliseconds of a monotonic clock that is handed in; wall-clock time appears in log lines
 * only.
 *
 * A `TimeoutQueue` holds deadlines of one and the same duration: the oldest is always the next to expire, so adding,
 * cancelling and expiring cost O(1) and no timer is made per connection. Somebody calls `advance` now and then.
 */

/** What can stand in a `TimeoutQueue`. It carries its own links; one item stands in one queue at a time. */
export interface Timed {
  timeout: TimeoutLinks | undefined
}

interface TimeoutLinks {
  readonly owner: Timed
  readonly queue: TimeoutQueue<Timed>
  startedAtMs: number
  previous: TimeoutLinks | undefined
  next: TimeoutLinks | undefined
}

/** Deadlines of one duration, oldest first. */
export class TimeoutQueue<T extends Timed> {
  readonly durationMs: number
  readonly #expired: (item: T, now: number) => void
  #first: TimeoutLinks | undefined
  #last: TimeoutLinks | undefined

  /** `durationMs` 0 or less: nothing ever expires. */
  constructor(durationMs: number, expired: (item: T, now: number) => void) {
    this.durationMs = durationMs
    this.#expired = expired
  }

  /** Starts the item's time, or starts it again. */
  start(item: T, now: number): void {
    if (this.durationMs <= 0) return
    if (item.timeout) stopTimeout(item)
    const links: TimeoutLinks = {
      owner: item,
      queue: this as unknown as TimeoutQueue<Timed>,
      startedAtMs: now,
      previous: this.#last,
      next: undefined,
    }
    if (this.#last) this.#last.next = links
    else this.#first = links
    this.#last = links
    item.timeout = links
  }

  /** Fires everything whose time is up. An item is out of the queue before its callback runs. */
  advance(now: number): void {
    while (this.#first && now - this.#first.startedAtMs >= this.durationMs) {
      const item = this.#first.owner as T
      stopTimeout(item)
      this.#expired(item, now)
    }
  }

  /**
   * Internal to `stopTimeout`. The links forget their neighbours: a dead link that a generation of the garbage collector
   * has outlived would keep everything alive that came after it.
   */
  unlink(links: TimeoutLinks): void {
    const { previous, next } = links
    if (previous) previous.next = next
    else this.#first = next
    if (next) next.previous = previous
    else this.#last = previous
    links.previous = links.next = undefined
  }
}

/** Takes an item out of the queue it stands in, if any. */
export function stopTimeout(item: Timed): void {
  const links = item.timeout
  if (!links) return
  links.queue.unlink(links)
  item.timeout = undefined
}
