/**
 * What is served, made at most ten times a second however many ask: a snapshot, and its two texts when somebody wants
 * them. So a thousand scrapers cost the pooler no more than ten.
 */

import type { LoopDelay } from './loop-delay.ts'
import { metricsText } from './metrics-text.ts'
import { type MonitorSnapshot, type MonitorSource, takeSnapshot } from './monitor-snapshot.ts'
import { ProcessWatch } from './process-figures.ts'
import { Utilisations } from './utilisation.ts'

export interface Clocks {
  /** Milliseconds that only go forward. */
  readonly now: () => number
  /** Milliseconds since the epoch. */
  readonly wall: () => number
}

const freshForMs = 100

interface Edition {
  readonly madeAtMs: number
  readonly snapshot: MonitorSnapshot
  json?: string
  metrics?: string
}

export class Feed {
  readonly #source: MonitorSource
  readonly #clocks: Clocks
  readonly #loopDelay: LoopDelay
  readonly #process = new ProcessWatch()
  readonly #utilisations = new Utilisations()
  #edition: Edition | undefined

  constructor(source: MonitorSource, clocks: Clocks, loopDelay: LoopDelay) {
    this.#source = source
    this.#clocks = clocks
    this.#loopDelay = loopDelay
  }

  json(): string {
    const edition = this.#current()
    return (edition.json ??= JSON.stringify(edition.snapshot))
  }

  metrics(): string {
    const edition = this.#current()
    return (edition.metrics ??= metricsText(edition.snapshot))
  }

  #current(): Edition {
    const now = this.#clocks.now()
    if (this.#edition !== undefined && now - this.#edition.madeAtMs < freshForMs) return this.#edition
    this.#utilisations.startRound()
    const snapshot = takeSnapshot(this.#source, {
      takenAtMs: this.#clocks.wall(),
      process: this.#process.figures(now, this.#loopDelay.snapshot()),
      utilisationOf: (pool) => this.#utilisations.of(pool),
    })
    this.#edition = { madeAtMs: now, snapshot }
    return this.#edition
  }
}
