/** A way to a port of this machine that can be hurt at any moment: a relay, and what is planned for its connections. */

import type { Faults } from '../../src/relay/faults.ts'
import { type Relay, startRelay } from '../../src/relay/relay.ts'

export class Way {
  /** When each connection began, by `performance.now()`. */
  readonly begun: number[] = []
  readonly #relay: Relay
  #faults: Faults = {}

  constructor(port: number) {
    const plan = (number: number): Faults => {
      if (number > this.begun.length) this.begun.push(performance.now())
      return this.#faults
    }
    this.#relay = startRelay({ target: { host: '127.0.0.1', port }, plan, seed: 1 })
  }

  get port(): number {
    return this.#relay.port
  }

  /** Connections that are open. */
  hurt(faults: Faults): void {
    const next = this.#faults
    this.#faults = faults
    this.#relay.replan()
    this.#faults = next
  }

  /** Connections to come. */
  hurtNext(faults: Faults): void {
    this.#faults = faults
  }

  stop(): void {
    this.#relay.stop()
  }
}
