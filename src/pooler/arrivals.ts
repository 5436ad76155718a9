/**
 * The clients whose login has not been decided yet. They have a limit of time, and one of number: when too many are here,
 * whoever has been silent for longest makes room, so that nobody can keep the others out by saying nothing.
 */

import { List } from '../engine/list.ts'
import type { Log } from '../log.ts'
import { Deadline, type Deadlines } from '../time.ts'
import type { Arrival } from './arrival.ts'

const reportEveryMs = 10_000

export class Arrivals {
  #timeoutMs: number
  readonly #deadlines: Deadlines
  readonly #log: Log
  readonly #list = new List<Arrival>()
  #unreported = 0
  #reportedAtMs = -Infinity

  /** `timeoutMs` 0: no limit of time. */
  constructor(timeoutMs: number, deadlines: Deadlines, log: Log) {
    this.#timeoutMs = timeoutMs
    this.#deadlines = deadlines
    this.#log = log
  }

  /** Of those that arrive from now on. */
  set timeoutMs(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  get size(): number {
    return this.#list.size
  }

  add(arrival: Arrival, now: number): void {
    this.#list.push(arrival)
    const limitMs = this.#timeoutMs
    if (limitMs <= 0) return
    arrival.deadline = new Deadline(() => arrival.timedOut(limitMs))
    this.#deadlines.start(arrival.deadline, now + limitMs)
  }

  /** It may stay for as long as it likes. */
  stopTimeout(arrival: Arrival): void {
    if (arrival.deadline) this.#deadlines.stop(arrival.deadline)
  }

  /** Nothing happens if it was removed before. */
  remove(arrival: Arrival): void {
    this.stopTimeout(arrival)
    if (this.#list.has(arrival)) this.#list.remove(arrival)
  }

  /** Resets the oldest that does not carry a cancel, soon: it may be the one that has just been added. */
  makeRoom(): void {
    const oldest = this.all().find((arrival) => !arrival.isCancelling)
    if (!oldest) return
    this.remove(oldest)
    this.#unreported++
    queueMicrotask(() => oldest.client.reset())
  }

  all(): Arrival[] {
    return Array.from(this.#list)
  }

  /** Tells the log, now and then, how many had to make room. */
  advance(now: number): void {
    if (this.#unreported === 0 || now - this.#reportedAtMs < reportEveryMs) return
    this.#log.warning(`${this.#unreported} connections were reset before their login: too many were open`)
    this.#unreported = 0
    this.#reportedAtMs = now
  }
}
