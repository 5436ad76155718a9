/** One process of an application: its own pool, if it has one, and where its connections lead to. */

import { TaxirankError } from '../errors.ts'
import type { Target } from './connection.ts'
import type { SimulatedPool } from './simulated-pool.ts'
import type { SimulatedPooler } from './simulated-pooler.ts'

export interface InstanceParts {
  readonly pooler: SimulatedPooler | undefined
  readonly target: Target
  /** Undefined: it has no pool of its own. */
  readonly newPool: (() => SimulatedPool) | undefined
  readonly connectsEachTime: boolean
}

export class Instance {
  readonly pooler: SimulatedPooler | undefined
  readonly target: Target
  readonly connectsEachTime: boolean
  readonly #newPool: (() => SimulatedPool) | undefined
  /** All it ever had: the last is the present one. */
  readonly #pools: SimulatedPool[] = []
  /** How many restarts have stopped it and are not over: they may overlap. */
  #stops = 0

  constructor({ pooler, target, newPool, connectsEachTime }: InstanceParts) {
    this.pooler = pooler
    this.target = target
    this.connectsEachTime = connectsEachTime
    this.#newPool = newPool
    this.#begin()
  }

  get isUp(): boolean {
    return this.#stops === 0
  }

  get pool(): SimulatedPool | undefined {
    return this.#pools.at(-1)
  }

  get pools(): readonly SimulatedPool[] {
    return this.#pools
  }

  /** With a new pool, which has nothing open. */
  #begin(): void {
    if (this.#newPool) this.#pools.push(this.#newPool())
  }

  /** One restart is over. It is up if that was the last. */
  start(): void {
    if (--this.#stops === 0) this.#begin()
  }

  /** Whoever has asked is served; then its pool ends. */
  stop(now: number): void {
    if (this.#stops++ > 0) return
    const error = new TaxirankError('admin_shutdown', 'the instance is being restarted')
    this.pool?.pool.drain({ error, waiting: 'serve', untilMs: Infinity, done: () => undefined }, now)
  }
}
