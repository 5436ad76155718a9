/** Faults that need somebody to make them happen: backends that die, and cancels that meet a queued request. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import type { Random } from '../../src/random.ts'
import { cancelSoon, occupy } from '../canary/cancel.ts'
import type { Canary } from '../canary/canary.ts'
import type { CanaryClient, Identity } from '../canary/client.ts'
import type { Target } from '../canary/connection.ts'

/** Kills some backend of the pooler's now and then, through a connection straight to PostgreSQL. */
export class BackendKiller {
  killed = 0
  readonly #admin: Client
  readonly #random: Random

  constructor(admin: Client, random: Random) {
    this.#admin = admin
    this.#random = random
  }

  async run(untilMs: number): Promise<void> {
    while (performance.now() < untilMs) {
      await sleep(this.#random.integer(100, 500))
      const { rows } = await this.#admin.query<{ pid: number }>(
        `select pid from pg_stat_activity where usename like 'canary%' order by pid`,
      )
      if (rows.length === 0 || performance.now() >= untilMs) continue
      const { pid } = this.#random.pick(rows)
      const killed = await this.#admin.query<{ done: boolean }>('select pg_terminate_backend($1) as done', [pid])
      if (killed.rows[0]?.done) this.killed++
    }
  }
}

/** Keeps all servers of one pool busy, and cancels a request that waits behind. */
export class QueueCanceller {
  readonly #occupiers: readonly CanaryClient[]
  readonly #victim: CanaryClient
  #round = Promise.resolve()

  constructor(canary: Canary, identity: Identity, target: Target, poolSize: number) {
    this.#occupiers = Array.from({ length: poolSize }, () => canary.addClient(identity, target))
    this.#victim = canary.addClient(identity, target)
  }

  /**
   * The storm's end does not wait for the last round: it may stand behind bytes that the storm lets through one by one.
   */
  async run(untilMs: number): Promise<void> {
    const stormEnd = sleep(Math.max(0, untilMs - performance.now()), 'storm over')
    while ((await Promise.race([this.#round, stormEnd])) !== 'storm over') this.#round = this.#occupyAndCancel()
  }

  async #occupyAndCancel(): Promise<void> {
    const occupied = this.#occupiers.map((client) => client.attempt(occupy))
    await sleep(60)
    await Promise.all([this.#victim.attempt(cancelSoon), ...occupied])
    await sleep(500)
  }

  /** Whoever was lost when the last storm ended gets on again: nobody will make them try later. */
  async recover(untilMs: number): Promise<void> {
    await this.#round
    const clients = [...this.#occupiers, this.#victim]
    await Promise.all(
      clients.map(async (client) => {
        while (client.isBusy && performance.now() < untilMs) await client.attempt(occupy)
      }),
    )
  }
}
