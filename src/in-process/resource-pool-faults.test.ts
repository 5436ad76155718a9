/** Everything that a pool is given fails now and then, or takes its time, and callers come, go and misbehave. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Supply, type Thing } from '../../test/support/supply.ts'
import type { ResourcePool } from './resource-pool.ts'

const max = 4
const callers = 400
const expected = new Set(['acquire_timeout', 'server_connect_failed', 'overloaded', 'queue_full', 'AbortError', 'work'])

/** Mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

class Trouble {
  readonly supply = new Supply()
  readonly outcomes = new Map<string, number>()
  /** Who has each thing: never two. */
  readonly #holders = new Set<Thing>()
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = randomFrom(seed)
  }

  pool(): ResourcePool<Thing> {
    return this.supply.pool({
      max,
      open: async () => (await this.#pass('open'), this.supply.open()),
      close: async (thing, reason) => (this.supply.close(thing, reason), await this.#pass('close')),
      check: async () => (await this.#pass('check'), this.#random() > 0.1),
      reset: () => this.#pass('reset'),
      checkAfterIdleMillis: 1,
      checkTimeoutMillis: 40,
      resetTimeoutMillis: 40,
      openTimeoutMillis: 40,
      closeTimeoutMillis: 40,
      idleTimeoutMillis: 10,
      maxLifetimeMillis: 60,
      lifetimeJitter: 0.5,
      acquireTimeoutMillis: 5_000,
      retryMaxMillis: 100,
      maxWaiting: 390,
      waitWhenDown: true,
    })
  }

  async caller(pool: ResourcePool<Thing>): Promise<void> {
    await sleep(this.#random() * 400)
    let outcome = 'served'
    try {
      await this.#call(pool)
    } catch (error) {
      const { code, name, message } = error as { code?: unknown; name: string; message: string }
      outcome = typeof code === 'string' ? code : message === 'work' ? 'work' : name
    }
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
  }

  async #call(pool: ResourcePool<Thing>): Promise<void> {
    const signal = this.#random() < 0.1 ? AbortSignal.abort() : undefined
    const lease = await pool.acquire(
      this.#random() < 0.3 ? { timeoutMillis: 1 + this.#random() * 50, signal } : undefined,
    )
    const { resource } = lease
    assert.ok(resource.isOpen && !this.#holders.has(resource), `${resource.name} is open, and nobody else's`)
    this.#holders.add(resource)
    await sleep(this.#random() * 3)
    this.#holders.delete(resource)
    if (this.#random() < 0.1) lease.destroy()
    else lease.release()
    if (this.#random() < 0.1) assert.throws(() => lease.release(), { code: 'stale_lease' })
  }

  /** Seldom fails, and seldom has no end. */
  async #pass(what: string): Promise<void> {
    const drawn = this.#random()
    if (drawn < 0.1) throw new Error(`${what} failed`)
    if (drawn < 0.15) await new Promise(() => undefined)
    if (drawn < 0.5) await sleep(this.#random() * 5)
  }
}

describe('a pool of what often fails', () => {
  for (const seed of [1, 2, 3, Math.trunc(Math.random() * 2 ** 31)]) {
    it(`lends to one at a time, tells everybody something, and ends: seed ${seed}`, async () => {
      const trouble = new Trouble(seed)
      const pool = trouble.pool()
      await Promise.all(Array.from({ length: callers }, () => trouble.caller(pool)))
      const { outcomes } = trouble
      const told = [...outcomes.values()].reduce((sum, count) => sum + count, 0)
      const served = outcomes.get('served') ?? 0
      assert.equal(told, callers)
      assert.ok(served > 0, 'some are served')
      assert.deepEqual(
        [...outcomes.keys()].filter((outcome) => outcome !== 'served' && !expected.has(outcome)),
        [],
      )
      assert.deepEqual([pool.leased, pool.waiting], [0, 0])
      await pool.drain({ deadline: 10_000 })
      assert.equal(pool.size, 0)
      assert.ok(trouble.supply.most <= max, `${trouble.supply.most} were open at once`)
    })
  }
})
