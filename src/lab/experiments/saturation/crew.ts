/** Clients who each run one transaction after the other, as many as there should be at the moment. */

import type { Client } from 'pg'
import { Random } from '../../../random.ts'
import { failureOf } from '../../load.ts'
import type { Way } from '../../openings.ts'
import type { Rig } from '../../rig.ts'

export interface Transaction {
  readonly endedMs: number
  /** How long its connection was asked for. */
  readonly askedMs: number
  /** From asking to the answer. */
  readonly tookMs: number
}

interface Member {
  readonly client: Client
  isLeaving: boolean
  readonly gone: Promise<void>
}

const pauseAfterFailureMs = 10

export class Crew {
  /** Those that succeeded, in the order in which they ended. */
  readonly transactions: Transaction[] = []
  /** How many failed, by why. */
  readonly failures = new Map<string, number>()
  readonly #rig: Rig
  readonly #way: Way
  readonly #holdMs: number
  readonly #random = new Random(1)
  readonly #members: Member[] = []

  /** Transactions hold their connection for half to one and a half times as long as `holdMs`, each length as likely. */
  constructor(rig: Rig, way: Way, holdMs: number) {
    this.#rig = rig
    this.#way = way
    this.#holdMs = holdMs
  }

  /** Those who are too many end when their transaction has; resolves when they have, or the others are connected. */
  async resize(count: number): Promise<void> {
    const leaving = this.#members.splice(count)
    for (const member of leaving) member.isLeaving = true
    const missing = Math.max(0, count - this.#members.length)
    const clients = await Promise.all(Array.from({ length: missing }, () => this.#rig.connect(this.#way)))
    for (const client of clients) this.#join(client)
    await Promise.all(leaving.map(({ gone }) => gone))
  }

  #join(client: Client): void {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const member: Member = { client, isLeaving: false, gone: promise }
    promise.catch(() => undefined)
    this.#members.push(member)
    this.#work(member).then(resolve, reject)
  }

  async #work(member: Member): Promise<void> {
    while (!member.isLeaving && !this.#rig.signal.aborted) await this.#transact(member.client)
    await this.#rig.end(member.client)
  }

  async #transact(client: Client): Promise<void> {
    const askedMs = this.#holdMs * (0.5 + this.#random.fraction())
    const { text, values } = this.#rig.work.holding(askedMs)
    const atMs = performance.now()
    try {
      await client.query(text, [...values])
    } catch (error) {
      const failure = failureOf(error)
      this.failures.set(failure, (this.failures.get(failure) ?? 0) + 1)
      await this.#rig.sleep(pauseAfterFailureMs)
      return
    }
    const endedMs = performance.now()
    this.transactions.push({ endedMs, askedMs, tookMs: endedMs - atMs })
  }
}
