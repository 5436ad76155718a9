import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TaxirankError } from '../errors.ts'
import { Deadline, Deadlines } from '../time.ts'
import type { PoolOptions } from './options.ts'
import { Pool } from './pool.ts'
import type { Slot } from './slot.ts'
import { Waiter } from './waiter.ts'

const unreachable = new TaxirankError('server_connect_failed', 'connection refused')

interface Scenario extends Partial<PoolOptions<string>> {
  readonly maxSize: number
  readonly openMs: number
  readonly holdMs: number
  /** Until when every attempt to open fails. */
  readonly downUntilMs?: number
}

/** A database and callers in virtual time: opening and holding take as long as they say. */
class Town {
  readonly pool: Pool<string>
  readonly servedAtMs: number[] = []
  readonly attemptsAtMs: number[] = []
  now = 0
  mostOpen = 0
  readonly #scenario: Scenario
  readonly #deadlines = new Deadlines(0)

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.pool = new Pool<string>({
      noun: 'server',
      random: () => 0,
      ...scenario,
      owner: { open: (slot) => this.#open(slot), close: (slot) => this.pool.closed(slot, this.now) },
      deadlines: this.#deadlines,
    })
  }

  /** So many at once, who give back when they have held for long enough. */
  arrive(count: number): void {
    for (let caller = 0; caller < count; caller++) {
      const waiter = new Waiter<string>({
        granted: (lease) => {
          this.servedAtMs.push(this.now)
          const { number } = lease
          this.#after(this.#scenario.holdMs, () => this.pool.release(lease, number, this.now))
        },
        refused: (error) => assert.fail(error),
      })
      const lease = this.pool.acquire(waiter, this.now)
      if (lease) waiter.caller.granted(lease)
    }
  }

  pass(ms: number): void {
    const until = this.now + ms
    while (this.#deadlines.nextAtMs <= until) {
      this.now = Math.max(this.now, this.#deadlines.nextAtMs)
      this.#deadlines.advance(this.now)
    }
    this.now = until
  }

  #open(slot: Slot<string>): void {
    const { openMs, downUntilMs = 0 } = this.#scenario
    this.attemptsAtMs.push(this.now)
    this.mostOpen = Math.max(this.mostOpen, this.pool.size)
    const isDown = this.now < downUntilMs
    this.#after(isDown ? 1 : openMs, () => {
      if (isDown) this.pool.openFailed(slot, unreachable, 'nobody', this.now)
      else this.pool.opened(slot, 'one', this.now)
    })
  }

  #after(ms: number, act: () => void): void {
    this.#deadlines.start(new Deadline(act), this.now + ms)
  }
}

describe('How the pool decides', () => {
  it('serves 1,000 callers who come at once to an empty pool within 130 ms, with at most 64 servers', () => {
    const town = new Town({ maxSize: 1_000, openMs: 20, holdMs: 1 })
    town.arrive(1_000)
    town.pass(1_000)
    const lastAtMs = Math.max(...town.servedAtMs)
    assert.equal(town.servedAtMs.length, 1_000)
    assert.ok(lastAtMs <= 130, `the last was served at ${lastAtMs} ms`)
    assert.ok(town.attemptsAtMs.length <= 64, `${town.attemptsAtMs.length} were opened`)
  })

  it('serves HikariCP’s spike from what is open: 50 at once, 5 idle, opening takes 150 ms, a lease 2 ms', () => {
    const town = new Town({ maxSize: 50, minSize: 5, openMs: 150, holdMs: 2 })
    town.pass(5_000)
    assert.equal(town.pool.idle, 5)
    town.arrive(50)
    town.pass(5_000)
    assert.equal(town.servedAtMs.length, 50)
    assert.ok(town.mostOpen <= 6, `${town.mostOpen} were open at once`)
    assert.ok(town.attemptsAtMs.length <= 6, `${town.attemptsAtMs.length} were opened`)
  })

  for (const chance of [0, 0.999]) {
    it(`knocks at most 20 times at a database that is down for 10 s, and is back within a second (${chance})`, () => {
      const town = new Town({
        maxSize: 100,
        openMs: 20,
        holdMs: 1,
        downUntilMs: 10_000,
        retryMaxMs: 1_000,
        random: () => chance,
      })
      town.arrive(100)
      town.pass(9_999)
      assert.ok(town.attemptsAtMs.length <= 20, `${town.attemptsAtMs.length} attempts`)
      town.pass(60_000)
      const firstAtMs = town.servedAtMs[0] ?? Infinity
      assert.ok(firstAtMs <= 11_020, `the first was served at ${firstAtMs} ms`)
      assert.equal(town.servedAtMs.length, 100)
    })
  }
})
