/** A relay that cuts connections when it is told to: those that are open then, or the next one. */

import type { Faults } from '../../src/relay/faults.ts'
import { startRelay, type Relay } from '../../src/relay/relay.ts'

export class CuttingRelay {
  readonly #relay: Relay
  #latest = 0
  #isTarget: (connection: number) => boolean = () => false
  #faults: Faults = {}

  constructor(targetPort: number) {
    this.#relay = startRelay({
      target: { host: '127.0.0.1', port: targetPort },
      plan: (connection) => {
        this.#latest = Math.max(this.#latest, connection)
        return this.#isTarget(connection) ? this.#faults : {}
      },
      seed: 1,
    })
  }

  get port(): number {
    return this.#relay.port
  }

  /** How often a cut took effect. */
  get cuts(): number {
    return this.#relay.faults.cut + this.#relay.faults.reset
  }

  get forwardedBytes(): Relay['forwardedBytes'] {
    return this.#relay.forwardedBytes
  }

  /** Hurts those that are open, counting their bytes from now on; or the one that will be opened next. */
  arm(which: 'open' | 'next', faults: Faults): void {
    const latest = this.#latest
    this.#isTarget = which === 'open' ? (connection) => connection <= latest : (connection) => connection === latest + 1
    this.#faults = faults
    this.#relay.replan()
  }

  disarm(): void {
    this.#isTarget = () => false
    this.#relay.replan()
  }

  stop(): void {
    this.#relay.stop()
  }
}
