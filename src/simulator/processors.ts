/**
 * The database's processors, shared equally by all statements that run: with `n` of them each goes on at the speed
 * `capacity(n) / n`, where a statement alone has the speed 1.
 *
 * All have the same speed at any instant, so one number says how much work each has got since the beginning, and whoever
 * is done first is who has the least of it to wait for: a heap by that number, not by time (processor sharing by virtual
 * work, as in fair queueing). When somebody comes or goes only the speed changes.
 */

import { EventQueue, type TimedEvent } from './event-queue.ts'
import type { Process } from './virtual-time.ts'

export class Processors implements Process {
  readonly #capacity: (running: number) => number
  readonly #speeds: Float64Array
  readonly #work = new EventQueue()
  /** What each has got since nothing ran. */
  #doneMs = 0
  #atMs = 0
  #speed = 1
  #nextAtMs = Infinity
  /** The integral of how many run. */
  #runningMs = 0
  #mostRunning = 0

  /** `capacity(n)`: how many statements' worth of work is done at a time while `n` run; up to `most` computed beforehand. */
  constructor(capacity: (running: number) => number, most: number) {
    this.#capacity = capacity
    this.#speeds = Float64Array.from({ length: most + 1 }, (_, running) =>
      running === 0 ? 1 : capacity(running) / running,
    )
  }

  get running(): number {
    return this.#work.size
  }

  get mostRunning(): number {
    return this.#mostRunning
  }

  get nextAtMs(): number {
    return this.#nextAtMs
  }

  /** The sum over all statements of how long they have run until now, in milliseconds. */
  runningMs(now: number): number {
    return this.#runningMs + (now - this.#atMs) * this.#work.size
  }

  /** Hot path. `event` happens when it has got `workMs`, 0 or more, of a processor's time. */
  begin(workMs: number, event: TimedEvent, now: number): void {
    this.#pass(now)
    if (this.#work.size === 0) this.#doneMs = 0
    this.#work.add(this.#doneMs + workMs, event)
    if (this.#work.size > this.#mostRunning) this.#mostRunning = this.#work.size
    this.#changed()
  }

  /** Hot path. Whoever is first is done. */
  advance(now: number): void {
    this.#pass(now)
    // Exactly, so that errors of rounding don't add up.
    this.#doneMs = this.#work.firstAtMs
    const event = this.#work.takeFirst()
    this.#changed()
    event.happen(now)
  }

  /** All that runs is lost: nothing of it happens. */
  stop(now: number): void {
    this.#pass(now)
    this.#work.clear()
    this.#changed()
  }

  #pass(now: number): void {
    const passedMs = now - this.#atMs
    this.#runningMs += passedMs * this.#work.size
    this.#doneMs += passedMs * this.#speed
    this.#atMs = now
  }

  #changed(): void {
    const running = this.#work.size
    if (running === 0) {
      this.#nextAtMs = Infinity
      return
    }
    this.#speed = this.#speedOf(running)
    this.#nextAtMs = this.#atMs + Math.max(0, this.#work.firstAtMs - this.#doneMs) / this.#speed
  }

  #speedOf(running: number): number {
    return running < this.#speeds.length ? (this.#speeds[running] as number) : this.#capacity(running) / running
  }
}
