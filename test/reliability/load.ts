/** Canary clients that go on and on through one pooler, and what became of each thing they tried. */

import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../../src/metrics/statistics.ts'
import type { Canary } from '../canary/canary.ts'
import type { CanaryClient, Identity } from '../canary/client.ts'
import type { Target } from '../canary/connection.ts'
import { simpleCopyIn } from '../canary/copy.ts'
import { facts } from '../canary/exchanges.ts'
import { anything } from '../canary/failures.ts'
import type { Scenario } from '../canary/scenarios.ts'
import { transaction } from '../canary/transactions.ts'
import { identity as usualIdentity } from './stage.ts'

interface Attempt {
  readonly startMs: number
  readonly endMs: number
  readonly succeeded: boolean
}

const startLimitMs = 3000
const stopLimitMs = 10_000

async function single(client: CanaryClient): Promise<void> {
  await client.ask(anything(client))
}

/** One row of facts: the probe of whoever waits for an answer. */
export async function askFacts(client: CanaryClient): Promise<void> {
  await client.ask(facts(client))
}

export async function shortPipeline(client: CanaryClient): Promise<void> {
  await client.ask(...Array.from({ length: 8 }, () => anything(client)))
}

/**
 * What both poolers promise in transaction mode: no session state, no statements with names, and nothing sent ahead of an
 * answer outside of a transaction: PgBouncer 1.18 mixes up whose answer is whose when a pipeline meets a fault, which
 * row 2 shows and the other rows are not about.
 */
const everyday: readonly Scenario[] = [single, single, single, askFacts, transaction, transaction, simpleCopyIn]

export interface LoadOptions {
  readonly clients: number
  readonly scenarios?: readonly Scenario[]
  readonly identity?: Identity
  /** Rests this long after each attempt. */
  readonly pauseMs?: number
}

export class Load {
  readonly canary: Canary
  readonly clients: readonly CanaryClient[]
  readonly attempts: Attempt[] = []
  /** Clients that were in the middle of something when they had had time enough to finish it. */
  stuck = 0
  readonly #scenarios: readonly Scenario[]
  readonly #pauseMs: number
  readonly #running = new Map<CanaryClient, Promise<void>>()
  #isOver = false

  constructor(canary: Canary, target: Target, options: LoadOptions) {
    this.canary = canary
    this.#scenarios = options.scenarios ?? everyday
    this.#pauseMs = options.pauseMs ?? 0
    this.clients = Array.from({ length: options.clients }, () =>
      canary.addClient(options.identity ?? usualIdentity, target),
    )
  }

  /** Returns when every client has been through once, or has failed once, or takes too long for that. */
  async start(): Promise<void> {
    const began = this.clients.map((client) => this.#attempt(client))
    for (const [n, client] of this.clients.entries()) {
      this.#running.set(
        client,
        (began[n] as Promise<void>).then(() => this.#goOn(client)),
      )
    }
    await Promise.race([Promise.all(began), sleep(startLimitMs)])
  }

  async stop(limitMs = stopLimitMs): Promise<void> {
    this.#isOver = true
    const busy = new Set(this.clients)
    const ends = [...this.#running].map(([client, run]) => run.then(() => busy.delete(client)))
    const timer = new AbortController()
    await Promise.race([Promise.all(ends), sleep(limitMs, undefined, { signal: timer.signal }).catch(() => undefined)])
    timer.abort()
    this.stuck = busy.size
    for (const client of this.clients) client.finish()
  }

  get failures(): number {
    return this.attempts.filter(({ succeeded }) => !succeeded).length
  }

  /** Of attempts that began in this time and went well. */
  latency(percent: number, fromMs = -Infinity, toMs = Infinity): number {
    const taken = this.attempts
      .filter(({ startMs, succeeded }) => succeeded && startMs >= fromMs && startMs < toMs)
      .map(({ startMs, endMs }) => endMs - startMs)
    return taken.length === 0
      ? NaN
      : percentile(
          taken.sort((a, b) => a - b),
          percent,
        )
  }

  /** % of the attempts that were under way in this time. */
  failedPercent(fromMs = -Infinity, toMs = Infinity): number {
    const all = this.attempts.filter(({ startMs, endMs }) => endMs >= fromMs && startMs < toMs)
    return (100 * all.filter(({ succeeded }) => !succeeded).length) / Math.max(1, all.length)
  }

  failuresBetween(fromMs: number, toMs = Infinity): number {
    return this.attempts.filter(({ succeeded, endMs }) => !succeeded && endMs >= fromMs && endMs < toMs).length
  }

  successesBetween(fromMs: number, toMs = Infinity): number {
    return this.attempts.filter(({ succeeded, endMs }) => succeeded && endMs >= fromMs && endMs < toMs).length
  }

  /** ms from this time to the next success; NaN if there is none within the limit. */
  async nextSuccess(sinceMs: number, limitMs: number): Promise<number> {
    const found = (attempt: Attempt): boolean => attempt.succeeded && attempt.endMs > sinceMs
    for (let seen = 0; performance.now() - sinceMs < limitMs; await sleep(1)) {
      for (; seen < this.attempts.length; seen++) {
        const attempt = this.attempts[seen]
        if (attempt && found(attempt)) return attempt.endMs - sinceMs
      }
    }
    return NaN
  }

  async #goOn(client: CanaryClient): Promise<void> {
    while (!this.#isOver) {
      await this.#attempt(client)
      if (this.#pauseMs > 0) await sleep(this.#pauseMs)
    }
  }

  async #attempt(client: CanaryClient): Promise<void> {
    const startMs = performance.now()
    const succeeded = await client.attempt(client.random.pick(this.#scenarios))
    this.attempts.push({ startMs, endMs: performance.now(), succeeded })
  }
}
