/** The place of one stage after the other: of another one when enough was played on it, or something went wrong. */

import type { Door } from './player.ts'
import { Stage } from './stage.ts'

export class Berth {
  readonly #postgres: Door
  readonly #mostPlays: number
  #current: { readonly stage: Stage; plays: number } | undefined
  neighbourAnswers = 0
  /** What was found when stages were closed. */
  readonly failures: string[] = []

  constructor(postgres: Door, mostPlays: number) {
    this.#postgres = postgres
    this.#mostPlays = mostPlays
  }

  /** For one play. */
  async get(): Promise<Stage> {
    if (this.#current && this.#current.plays >= this.#mostPlays) await this.close()
    this.#current ??= { stage: await Stage.open(this.#postgres), plays: 0 }
    this.#current.plays++
    return this.#current.stage
  }

  async close(): Promise<void> {
    const stage = this.#current?.stage
    this.#current = undefined
    if (!stage) return
    this.neighbourAnswers += stage.neighbourAnswers
    try {
      await stage.close()
    } catch (error) {
      this.failures.push(error instanceof Error ? error.message : String(error))
    }
  }
}
