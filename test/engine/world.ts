/** One pool, or three that share limits, and time. */

import assert from 'node:assert/strict'
import { Limit } from '../../src/engine/limit.ts'
import { Limits } from '../../src/engine/limits.ts'
import { Deadlines } from '../../src/time.ts'
import { Books } from './books.ts'
import type { Command, WorldOptions } from './commands.ts'

/** Rounds of answers and time in which everything must come to rest, however many wait, and those that are made in any case. */
const mostRounds = 1_000
const leastRounds = 30

export class World {
  readonly #clock = { now: 0 }
  readonly #deadlines = new Deadlines(0)
  readonly #limits: readonly Limit[]
  readonly #books: readonly Books[]

  constructor(options: WorldOptions) {
    const maxima = options.limit > 0 ? [options.limit, options.limit2].filter((max) => max > 0) : []
    const group = new Limits()
    this.#limits = maxima.map((max, index) => new Limit(`limit ${index}`, max, group))
    const count = this.#limits.length > 0 ? 3 : 1
    this.#books = Array.from({ length: count }, (_, index) => {
      const limits = index < 2 ? this.#limits : this.#limits.slice(0, 1)
      return new Books(options, this.#clock, this.#deadlines, limits, (books) => this.#checkEviction(books))
    })
    this.#advance(1)
  }

  run(command: Command, pool: number): void {
    const before = this.#limits.map(({ taken }) => taken)
    if (command.do === 'advance') this.#advance(command.ms)
    else if (command.do === 'resizeLimit')
      this.#limits[pool % this.#limits.length]?.resize(command.max, this.#clock.now)
    else this.#books[pool % this.#books.length]?.run(command)
    this.check()
    for (const [index, { taken, max }] of this.#limits.entries()) {
      assert.ok(taken <= Math.max(max, before[index] ?? 0), 'pools together keep to their limit')
    }
  }

  check(): void {
    for (const books of this.#books) books.check()
    for (const limit of this.#limits) {
      const size = this.#at(limit).reduce((sum, { pool }) => sum + pool.size, 0)
      assert.equal(limit.taken, size, 'a limit counts what there is')
    }
  }

  #at(limit: Limit): readonly Books[] {
    return limit === this.#limits[0] ? this.#books : this.#books.slice(0, 2)
  }

  /** Called when the pool counts it as being closed. */
  #checkEviction(victim: Books): void {
    const isNeeded = this.#limits.some((limit) => {
      const all = this.#at(limit)
      const closing = all.reduce((sum, { pool }) => sum + pool.closing, 0) - 1
      const waiting = all.filter((books) => books !== victim && books.pool.waiting > 0 && !books.isPaused)
      return all.includes(victim) && waiting.length > limit.max - limit.taken + closing
    })
    assert.ok(isNeeded, 'nothing is evicted unless somebody needs the place')
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

  /** Lets everything come to rest: nobody may have been forgotten, not for the sake of a pool that is paused either. */
  settle(): void {
    this.#comeToRest(({ isPaused }) => !isPaused)
    for (const books of this.#books) books.run({ do: 'resume' })
    this.#comeToRest(() => true)
    for (const books of this.#books) books.settle()
    for (const books of this.#books) books.checkSettled()
    for (const { taken, max } of this.#limits) assert.ok(taken <= max, 'what is too many has gone')
  }

  #comeToRest(isMeant: (books: Books) => boolean): void {
    for (let round = 0; ; round++) {
      const isServed = this.#books.every((books) => !isMeant(books) || books.pool.waiting === 0)
      if (round >= leastRounds && isServed) return
      assert.ok(round < mostRounds, 'everybody is served or told in the end')
      for (const books of this.#books) books.settle()
      this.#advance(100)
      this.check()
    }
  }
}
