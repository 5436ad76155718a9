/** A pooler as far as its clients matter: they connect to it cheaply, and share its servers. */

import type { Connection, ConnectionUser, Target } from './connection.ts'
import type { Durations } from './durations.ts'
import type { TimedEvent } from './event-queue.ts'
import { SimulatedPool, type PoolParts, type PoolSpec } from './simulated-pool.ts'
import type { VirtualTime } from './virtual-time.ts'

export class SimulatedPooler implements Target {
  readonly name: string
  readonly servers: SimulatedPool
  readonly #connect: Durations
  readonly #time: VirtualTime

  /** `connect`: how long a client's login takes. */
  constructor(name: string, spec: PoolSpec, connect: Durations, parts: Omit<PoolParts, 'told'>) {
    this.name = name
    this.#connect = connect
    this.#time = parts.time
    this.servers = new SimulatedPool(spec, { ...parts, told: 'nobody' })
  }

  connect(user: ConnectionUser, now: number): Connection {
    const connection = new ClientConnection(user)
    this.#time.at(now + this.#connect.next(), connection)
    return connection
  }
}

class ClientConnection implements Connection, TimedEvent {
  readonly #user: ConnectionUser
  #isClosed = false

  constructor(user: ConnectionUser) {
    this.#user = user
  }

  happen(now: number): void {
    if (!this.#isClosed) this.#user.opened(this, now)
  }

  close(): void {
    this.#isClosed = true
  }
}
