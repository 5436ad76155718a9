/**
 * Whether one more should be opened now. Opening costs time and work of the other side, so it is worth it only if it comes
 * in time: the rule is that of HikariCP's spike, made a formula.
 *
 * - Whoever is last in the queue expects to wait `waiting × hold ÷ resources` (Little's law: each resource serves one
 *   caller every `hold`), where those who may share one count as one. One more is opened only while that is longer than
 *   opening has been found to take.
 * - A prediction can be wrong: if whoever is first has waited as long as opening takes, one is opened after all, one at
 *   a time.
 * - How many at once: one, as long as nothing is known, or as many as the options say; each success doubles it, a failure
 *   makes it one.
 * - After a failure there is a pause, then one attempt at a time; the pause doubles up to a limit, and is shortened at
 *   random by up to a fifth, so that many pools don't knock at the same instant.
 */

import type { TaxirankError } from '../errors.ts'

export interface Demand {
  /** Resources that those who wait could use: one for each of them, or for as many as may share one. */
  readonly needed: number
  /** Resources that are or soon will be there: leased, being opened, checked or reset. */
  readonly resources: number
  /** Of them being opened. */
  readonly opening: number
  /** How long a lease is held. */
  readonly holdMs: number
  /** How long whoever is first has waited. */
  readonly longestWaitMs: number
}

const firstRetryMs = 100
const jitter = 0.2
/** How much of the newest measurement goes into the mean. */
const weight = 1 / 8
const mostAtOnce = 1 << 20

export class Opening {
  #retryMaxMs: number
  readonly #random: () => number
  #learntMs: number | undefined
  #atOnce: number
  #lastFailure: TaxirankError | undefined
  #pauseMs = 0
  #retryAtMs = 0

  /** `retryMaxMs` 0: the pause does not grow. */
  constructor(retryMaxMs: number, random: () => number, firstAtOnce = 1) {
    this.#retryMaxMs = atLeastFirst(retryMaxMs)
    this.#random = random
    this.#atOnce = firstAtOnce
  }

  /** Of the pauses that begin from now on. */
  set retryMaxMs(retryMaxMs: number) {
    this.#retryMaxMs = atLeastFirst(retryMaxMs)
  }

  /** How long opening takes, as learnt; undefined before the first success. */
  get learntMs(): number | undefined {
    return this.#learntMs
  }

  /** Why the last attempt failed; undefined once one has succeeded. */
  get lastFailure(): TaxirankError | undefined {
    return this.#lastFailure
  }

  /** When the pause after a failure is over. */
  get retryAtMs(): number {
    return this.#retryAtMs
  }

  /** What has failed may go well now: there is no pause, and the next one is short. */
  forgive(): void {
    this.#pauseMs = 0
    this.#retryAtMs = 0
  }

  succeeded(tookMs: number): void {
    this.#learntMs = this.#learntMs === undefined ? tookMs : this.#learntMs + weight * (tookMs - this.#learntMs)
    this.#atOnce = Math.min(2 * this.#atOnce, mostAtOnce)
    this.#lastFailure = undefined
    this.#pauseMs = 0
    this.#retryAtMs = 0
  }

  /** Attempts that began together and fail together are one failure: the pause grows once. */
  failed(error: TaxirankError, now: number): void {
    this.#lastFailure = error
    this.#atOnce = 1
    if (now < this.#retryAtMs) return
    this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, firstRetryMs), this.#retryMaxMs)
    this.#retryAtMs = now + this.#pauseMs * (1 - jitter * this.#random())
  }

  /** Whether another attempt may begin beside those under way. */
  mayBegin(opening: number, now: number): boolean {
    return opening < this.#atOnce && now >= this.#retryAtMs
  }

  isWorthIt({ needed, resources, opening, holdMs, longestWaitMs }: Demand): boolean {
    if (needed <= opening) return false
    if (this.#learntMs === undefined || resources === 0) return true
    if (needed * holdMs > this.#learntMs * resources) return true
    return opening === 0 && longestWaitMs >= this.#learntMs
  }
}

function atLeastFirst(retryMaxMs: number): number {
  return retryMaxMs === 0 ? firstRetryMs : retryMaxMs
}
