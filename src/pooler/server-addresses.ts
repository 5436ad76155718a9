/** Where the servers of a pool go, if its database has several addresses. */

import { assert } from '../assert.ts'
import type { ServerAddress } from '../server/target.ts'
import type { LoadBalanceHosts } from './figures.ts'

export class ServerAddresses {
  readonly #all: readonly ServerAddress[]
  readonly #isSticky: boolean
  #next = 0

  /** One address or more. */
  constructor(all: readonly ServerAddress[], balance: LoadBalanceHosts) {
    this.#all = all
    this.#isSticky = balance === 'disable'
  }

  /** For a new server. */
  take(): ServerAddress {
    const address = this.#current
    if (!this.#isSticky) this.#goOn()
    return address
  }

  /** A server could not be opened there: the next one goes elsewhere. Attempts that fail together count once. */
  failed(address: ServerAddress): void {
    if (this.#isSticky && address === this.#current) this.#goOn()
  }

  get #current(): ServerAddress {
    const address = this.#all[this.#next]
    assert(address !== undefined, 'a database has an address')
    return address
  }

  #goOn(): void {
    this.#next = (this.#next + 1) % this.#all.length
  }
}
