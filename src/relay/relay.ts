/**
 * A TCP relay that hurts what it relays, by plan and from a seed: for tests and the lab. It stands between a client and
 * a target, knows nothing of what they say, and passes ends on as it sees them: FIN behind the last byte, a reset at once.
 */

import { connect, type Connecting } from '../net/connect.ts'
import { listen } from '../net/listen.ts'
import type { Socket, SocketHandler } from '../net/socket.ts'
import { faultKinds, type FaultKind, type Faults } from './faults.ts'
import { Random } from './random.ts'
import { Stream } from './stream.ts'

const connectTimeoutMs = 10_000

export interface RelayOptions {
  readonly target: { readonly host: string; readonly port: number }
  /** Decides for each connection, counted from 1. Draws from `random` only, so that a seed gives the same faults. */
  readonly plan: (connectionNumber: number, random: Random) => Faults
  readonly seed: number
}

export interface Relay {
  /** Listens here on 127.0.0.1. */
  readonly port: number
  /** Connections open now. */
  readonly connections: number
  /** Faults that took effect: each kind at most once for each connection, direction and plan. */
  readonly faults: Readonly<Record<FaultKind, number>>
  /** Asks the plan anew for every open connection. */
  replan(): void
  /** Stops listening and resets what is open. */
  stop(): void
}

/** Throws `listen_failed`. */
export function startRelay(options: RelayOptions): Relay {
  const faults = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>
  const open = new Set<RelayedConnection>()
  const random = new Random(options.seed)
  let count = 0
  const listener = listen({ host: '127.0.0.1', port: 0 }, (client) => {
    count++
    const connection = new RelayedConnection(client, options, count, random.fork(count), {
      happened: (kind) => faults[kind]++,
      closed: () => open.delete(connection),
    })
    open.add(connection)
    return connection.clientHandler
  })
  return {
    port: listener.port,
    get connections() {
      return open.size
    },
    faults,
    replan: () => open.forEach((connection) => connection.replan()),
    stop: () => {
      listener.stop()
      open.forEach((connection) => connection.destroy())
    },
  }
}

interface ConnectionOwner {
  happened(kind: FaultKind): void
  closed(): void
}

class RelayedConnection {
  readonly clientHandler: SocketHandler
  readonly #owner: ConnectionOwner
  readonly #plan: () => Faults
  readonly #client: Socket
  readonly #connecting: Connecting
  readonly #fromClient: Stream
  #fromTarget: Stream | undefined
  #target: Socket | undefined
  #faults: Faults
  /** The client's, and the target's from the moment it is being opened. */
  #openSockets = 2

  constructor(client: Socket, options: RelayOptions, number: number, random: Random, owner: ConnectionOwner) {
    this.#owner = owner
    this.#client = client
    this.#plan = () => options.plan(number, random)
    this.#faults = this.#plan()
    this.#fromClient = this.#stream(client, random.fork(1), () => this.#faults.fromClient?.resetSide)
    this.#fromClient.plan(this.#faults.fromClient ?? {})
    this.clientHandler = this.#handler(
      () => this.#fromClient,
      () => this.#fromTarget,
      () => this.#target,
    )
    this.#connecting = connect(
      { ...options.target, timeoutMs: connectTimeoutMs },
      (target) => this.#connected(target, random.fork(2)),
      () => this.#targetFailed(),
    )
  }

  replan(): void {
    if (this.#fromClient.isBlackhole || this.#fromTarget?.isBlackhole) {
      this.destroy()
      return
    }
    this.#faults = this.#plan()
    this.#fromClient.plan(this.#faults.fromClient ?? {})
    this.#fromTarget?.plan(this.#faults.fromTarget ?? {})
  }

  destroy(): void {
    this.#client.reset(new Error('the relay ended the connection'))
    this.#target?.reset()
  }

  #connected(target: Socket, random: Random): SocketHandler {
    this.#target = target
    const fromTarget = this.#stream(target, random, () => this.#faults.fromTarget?.resetSide)
    this.#fromTarget = fromTarget
    fromTarget.plan(this.#faults.fromTarget ?? {})
    fromTarget.connected(this.#client)
    this.#fromClient.connected(target)
    return this.#handler(
      () => fromTarget,
      () => this.#fromClient,
      () => this.#client,
    )
  }

  #stream(source: Socket, random: Random, resetSide: () => 'both' | 'client' | 'target' | undefined): Stream {
    return new Stream(source, random, {
      happened: (kind) => this.#owner.happened(kind),
      ended: (kind) => this.#end(kind === 'cut' ? 'none' : (resetSide() ?? 'both')),
    })
  }

  /** Ends both sides; those named by `resetSide` with a reset, after what was forwarded to them has left. */
  #end(resetSide: 'none' | 'both' | 'client' | 'target'): void {
    this.#fromClient.stop()
    this.#fromTarget?.stop()
    for (const [name, socket] of [
      ['client', this.#client],
      ['target', this.#target],
    ] as const) {
      if (resetSide === 'both' || resetSide === name) setImmediate(() => socket?.reset())
      else socket?.end()
    }
  }

  /** `incoming` carries what this socket receives, `outgoing` what is sent through it; `other` is the far socket. */
  #handler(incoming: () => Stream, outgoing: () => Stream | undefined, other: () => Socket | undefined): SocketHandler {
    return {
      received: (bytes) => incoming().received(bytes),
      blocked: () => outgoing()?.sinkBlocked(),
      drained: () => outgoing()?.sinkDrained(),
      closed: (cause) => {
        outgoing()?.stop()
        if (!cause) incoming().sourceEnded()
        else if (!incoming().isBlackhole) this.#propagateReset(incoming(), other())
        this.#socketClosed()
      },
      crashed: (error) =>
        queueMicrotask(() => {
          throw error
        }),
    }
  }

  #propagateReset(incoming: Stream, other: Socket | undefined): void {
    incoming.stop()
    if (other) other.reset()
    else this.#abandonTarget()
  }

  #abandonTarget(): void {
    this.#connecting.abandon()
    this.#socketClosed()
  }

  #targetFailed(): void {
    this.#client.reset()
    this.#socketClosed()
  }

  #socketClosed(): void {
    if (--this.#openSockets === 0) this.#owner.closed()
  }
}
