/**
 * The clients whose login has not been decided yet. They have a limit of time, and one of number: when too many are here,
 * whoever has been silent for longest makes room, so that nobody can keep the others out by saying nothing; and only where
 * nobody is silent, whoever has been logging in for longest. Cancels come and go, but where there are many they make room first.
 */

import { List } from '../engine/list.ts'
import type { Log } from '../log.ts'
import { Deadline, type Deadlines } from '../time.ts'
import type { Arrival } from './arrival.ts'

const reportEveryMs = 10_000
/** Where room must be made, no more cancels than these are spared: nobody may fill all places with them. */
const mostCancelling = 8

export class Arrivals {
  #timeoutMs: number
  readonly #deadlines: Deadlines
  readonly #log: Log
  /** They have not said what they want yet, oldest first. */
  readonly #silent = new List<Arrival>()
  /** They have. Who cancels stands in neither list. */
  readonly #loggingIn = new List<Arrival>()
  readonly #cancelling = new Set<Arrival>()
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
    return this.#silent.size + this.#loggingIn.size + this.#cancelling.size
  }

  add(arrival: Arrival, now: number): void {
    this.#silent.push(arrival)
    const limitMs = this.#timeoutMs
    if (limitMs <= 0) return
    arrival.deadline = new Deadline(() => arrival.timedOut(limitMs))
    this.#deadlines.start(arrival.deadline, now + limitMs)
  }

  /** It has sent its startup packet. */
  loginBegan(arrival: Arrival): void {
    if (!this.#silent.has(arrival)) return
    this.#silent.remove(arrival)
    this.#loggingIn.push(arrival)
  }

  /** It has brought a cancel request: it may stay for as long as that takes, and makes no room unless there are many. */
  cancelBegan(arrival: Arrival): void {
    this.remove(arrival)
    this.#cancelling.add(arrival)
  }

  /** Nothing happens if it was removed before. */
  remove(arrival: Arrival): void {
    if (arrival.deadline) this.#deadlines.stop(arrival.deadline)
    for (const list of [this.#silent, this.#loggingIn]) if (list.has(arrival)) list.remove(arrival)
    this.#cancelling.delete(arrival)
  }

  /** Resets one, soon: it may be the one that has just been added. */
  makeRoom(): void {
    const [cancelling] = this.#cancelling.size > mostCancelling ? this.#cancelling : []
    const oldest = cancelling ?? this.#silent.first ?? this.#loggingIn.first
    if (!oldest) return
    this.remove(oldest)
    this.#unreported++
    queueMicrotask(() => oldest.client.reset())
  }

  all(): Arrival[] {
    return [...this.#silent, ...this.#loggingIn, ...this.#cancelling]
  }

  /** Tells the log, now and then, how many had to make room. */
  advance(now: number): void {
    if (this.#unreported === 0 || now - this.#reportedAtMs < reportEveryMs) return
    this.#log.warning(`${this.#unreported} connections were reset before their login: too many were open`)
    this.#unreported = 0
    this.#reportedAtMs = now
  }
}
