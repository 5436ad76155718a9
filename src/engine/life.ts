/** Whether a pool lends, and its end. One table of what may follow what, one method that moves. */

import type { TaxirankError } from '../errors.ts'
import type { HeldLease } from './observer.ts'

/** How a drain went. */
export interface DrainReport {
  /** Leases that were not given back in time, oldest first. Their resources were closed. */
  readonly stragglers: readonly HeldLease[]
}

export interface DrainOptions {
  /** What everybody is told who asks from now on. */
  readonly error: TaxirankError
  /** Those who wait already: they are served, or told the same. */
  readonly waiting: 'serve' | 'refuse'
  /** When whoever still holds a lease loses it; Infinity: never. */
  readonly untilMs: number
  /** Called once: when everything is closed, or at `untilMs`. */
  readonly done: (report: DrainReport) => void
}

export type Phase =
  | { readonly name: 'open' }
  /** Callers queue, and nothing is lent or opened. */
  | { readonly name: 'paused' }
  /** No new callers. What is given back is closed. */
  | ({ readonly name: 'draining' } & DrainOptions)
  | { readonly name: 'ended'; readonly error: TaxirankError }

const next: Readonly<Record<Phase['name'], readonly Phase['name'][]>> = {
  open: ['paused', 'draining'],
  paused: ['open', 'draining'],
  draining: ['ended'],
  ended: [],
}

export class Life {
  #phase: Phase = { name: 'open' }

  get name(): Phase['name'] {
    return this.#phase.name
  }

  get isOpen(): boolean {
    return this.#phase.name === 'open'
  }

  get isPaused(): boolean {
    return this.#phase.name === 'paused'
  }

  /** No new callers. */
  get isOver(): boolean {
    return this.refusal !== undefined
  }

  get isEnded(): boolean {
    return this.#phase.name === 'ended'
  }

  /** What whoever asks is told. */
  get refusal(): TaxirankError | undefined {
    return 'error' in this.#phase ? this.#phase.error : undefined
  }

  /** When a drain has lasted long enough; Infinity: there is none, or it may last. */
  get drainEndsAtMs(): number {
    return this.#phase.name === 'draining' ? this.#phase.untilMs : Infinity
  }

  /** False, and nothing has changed, if that can't follow what is. */
  move(to: Phase): boolean {
    if (!next[this.#phase.name].includes(to.name)) return false
    this.#phase = to
    return true
  }

  /** Ends a drain, if there is one, and reports. */
  end(stragglers: readonly HeldLease[]): void {
    const phase = this.#phase
    if (phase.name !== 'draining') return
    this.move({ name: 'ended', error: phase.error })
    phase.done({ stragglers })
  }
}
