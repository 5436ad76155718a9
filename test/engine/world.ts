/** Two pools that may share a limit, and time. */

import assert from 'node:assert/strict'
import { Limit } from '../../src/engine/limit.ts'
import { Deadlines } from '../../src/time.ts'
import { Books } from './books.ts'
import type { Command, WorldOptions } from './commands.ts'

/** Rounds of answers and time in which everything must come to rest, however many wait, and those that are made in any case. */
const mostRounds = 1_000
const leastRounds = 30

export class World {
  readonly #clock = { now: 0 }
  readonly #deadlines = new Deadlines(0)
  readonly #limit: Limit | undefined
  readonly #books: readonly Books[]
  #limitMax: number
  #taken = 0

  constructor(options: WorldOptions) {
    this.#limitMax = options.limit
    this.#limit = options.limit > 0 ? new Limit('process', options.limit) : undefined
    const count = this.#limit ? 2 : 1
    this.#books = Array.from({ length: count }, () => new Books(options, this.#clock, this.#deadlines, this.#limit))
    this.#advance(1)
  }

  run(command: Command, pool: number): void {
    this.#taken = this.#limit?.taken ?? 0
    if (command.do === 'advance') this.#advance(command.ms)
    else if (command.do === 'resizeLimit') this.#resizeLimit(command.max)
    else this.#books[pool % this.#books.length]?.run(command)
    this.check()
  }

  check(): void {
    for (const books of this.#books) books.check()
    if (!this.#limit) return
    const size = this.#books.reduce((sum, { pool }) => sum + pool.size, 0)
    assert.equal(this.#limit.taken, size, 'the limit counts what there is')
    assert.ok(size <= Math.max(this.#limitMax, this.#taken), 'pools together keep to their limit')
  }

  /** From deadline to deadline, as a timer would. */
  #advance(ms: number): void {
    const until = this.#clock.now + ms
    while (this.#deadlines.nextAtMs <= until) {
      this.#clock.now = Math.max(this.#clock.now, this.#deadlines.nextAtMs)
      const before = this.#deadlines.nextAtMs
      this.#deadlines.advance(this.#clock.now)
      if (this.#deadlines.nextAtMs <= before) break
    }
    this.#clock.now = until
    this.#deadlines.advance(until)
  }

  #resizeLimit(max: number): void {
    this.#limitMax = max
    this.#limit?.resize(max, this.#clock.now)
  }

  /** Lets everything come to rest: nobody may have been forgotten. */
  settle(): void {
    for (const books of this.#books) books.run({ do: 'resume' })
    for (let round = 0; round < mostRounds; round++) {
      if (round >= leastRounds && this.#books.every(({ pool }) => pool.waiting === 0)) break
      for (const books of this.#books) books.settle()
      this.#advance(100)
      this.check()
    }
    for (const books of this.#books) books.settle()
    for (const books of this.#books) books.checkSettled()
  }
}
