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
  #isUp = true

  constructor({ pooler, target, newPool, connectsEachTime }: InstanceParts) {
    this.pooler = pooler
    this.target = target
    this.connectsEachTime = connectsEachTime
    this.#newPool = newPool
    this.start()
  }

  get isUp(): boolean {
    return this.#isUp
  }

  get pool(): SimulatedPool | undefined {
    return this.#pools.at(-1)
  }

  get pools(): readonly SimulatedPool[] {
    return this.#pools
  }

  /** With a new pool, which has nothing open. */
  start(): void {
    this.#isUp = true
    if (this.#newPool) this.#pools.push(this.#newPool())
  }

  /** Whoever has asked is served; then its pool ends. */
  stop(now: number): void {
    this.#isUp = false
    const error = new TaxirankError('admin_shutdown', 'the instance is being restarted')
    this.pool?.pool.drain({ error, waiting: 'serve', untilMs: Infinity, done: () => undefined }, now)
  }
}
