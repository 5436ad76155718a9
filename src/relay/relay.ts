/**
 * A TCP relay that hurts what it relays, by plan and from a seed: for tests and the lab. It stands between a client and
 * a target, knows nothing of what they say, and passes ends on as it sees them: FIN behind the last byte of its direction, while the
 * other direction goes on; a reset at once.
 */

import type { Socket } from 'node:net'
import { connectEndPoint, EndPoint, type EndPointHandler, listenForEndPoints, portOf } from './end-point.ts'
import { faultKinds, type FaultKind, type Faults } from './faults.ts'
import { Random } from '../random.ts'
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
  /** Bytes forwarded so far, over all connections; a duplicated chunk counts once. */
  readonly forwardedBytes: { readonly fromClient: number; readonly fromTarget: number }
  /** Asks the plan anew for every open connection. One whose bytes were swallowed can't go on: it is reset. */
  replan(): void
  /** New connections are refused from now on; open ones don't notice. */
  refuse(): void
  /** New connections are accepted again, on the same port. */
  accept(): void
  /** Stops listening and resets what is open. */
  stop(): void
}

/** Throws `listen_failed`. */
export function startRelay(options: RelayOptions): Relay {
  const faults = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>
  const forwardedBytes = { fromClient: 0, fromTarget: 0 }
  const open = new Set<RelayedConnection>()
  const random = new Random(options.seed)
  let count = 0
  const accepted = (client: Socket): void => {
    count++
    const connection = new RelayedConnection(client, options, count, random.fork(count), {
      happened: (kind) => faults[kind]++,
      forwarded: (side, bytes) => void (forwardedBytes[side] += bytes),
      closed: () => open.delete(connection),
    })
    open.add(connection)
  }
  let listener = listenForEndPoints(0, accepted)
  const port = portOf(listener)
  return {
    port,
    get connections() {
      return open.size
    },
    faults,
    forwardedBytes,
    replan: () => open.forEach((connection) => connection.replan()),
    refuse: () => void listener.close(),
    accept: () => void (listener = listenForEndPoints(port, accepted)),
    stop: () => {
      listener.close()
      open.forEach((connection) => connection.destroy())
    },
  }
}

type Side = keyof Faults

interface ConnectionOwner {
  happened(kind: FaultKind): void
  forwarded(side: Side, bytes: number): void
  closed(): void
}

class RelayedConnection {
  readonly #owner: ConnectionOwner
  readonly #plan: () => Faults
  readonly #client: EndPoint
  readonly #fromClient: Stream
  #fromTarget: Stream | undefined
  #target: EndPoint | undefined
  #faults: Faults
  /** The client's, and the target's from the moment it is being opened. */
  #openSockets = 2
  #isOver = false

  constructor(client: Socket, options: RelayOptions, number: number, random: Random, owner: ConnectionOwner) {
    this.#owner = owner
    this.#plan = () => options.plan(number, random)
    this.#faults = this.#plan()
    this.#client = new EndPoint(
      client,
      this.#handler(
        () => this.#fromClient,
        () => this.#fromTarget,
        () => this.#target,
      ),
    )
    this.#fromClient = this.#stream('fromClient', this.#client, random.fork(1))
    this.#fromClient.plan(this.#faults.fromClient ?? {})
    connectEndPoint(options.target, connectTimeoutMs).then(
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
    this.#isOver = true
    this.#client.reset()
    this.#target?.reset()
  }

  #connected(socket: Socket, random: Random): void {
    const target = new EndPoint(
      socket,
      this.#handler(
        () => fromTarget,
        () => this.#fromClient,
        () => this.#client,
      ),
    )
    const fromTarget = this.#stream('fromTarget', target, random)
    this.#target = target
    this.#fromTarget = fromTarget
    if (this.#isOver) return target.reset()
    fromTarget.plan(this.#faults.fromTarget ?? {})
    fromTarget.connected(this.#client)
    this.#fromClient.connected(target)
  }

  #stream(side: Side, source: EndPoint, random: Random): Stream {
    return new Stream(source, random, {
      happened: (kind) => this.#owner.happened(kind),
      forwarded: (bytes) => this.#owner.forwarded(side, bytes),
      ended: (kind) => this.#end(kind === 'cut' ? 'none' : (this.#faults[side]?.resetSide ?? 'both')),
    })
  }

  /** Ends both sides; those named by `resetSide` with a reset, after what was forwarded to them has left. */
  #end(resetSide: 'none' | 'both' | 'client' | 'target'): void {
    this.#isOver = true
    this.#fromClient.stop()
    this.#fromTarget?.stop()
    for (const [name, endPoint] of [
      ['client', this.#client],
      ['target', this.#target],
    ] as const) {
      if (resetSide === 'both' || resetSide === name) setImmediate(() => endPoint?.reset())
      else endPoint?.end()
    }
  }

  /** `incoming` carries what this end point receives, `outgoing` what is sent through it; `other` is the far one. */
  #handler(
    incoming: () => Stream,
    outgoing: () => Stream | undefined,
    other: () => EndPoint | undefined,
  ): EndPointHandler {
    return {
      received: (bytes) => incoming().received(bytes),
      finished: () => incoming().sourceEnded(),
      blocked: () => outgoing()?.sinkBlocked(),
      drained: () => outgoing()?.sinkDrained(),
      closed: (cause) => {
        outgoing()?.stop()
        if (cause && !incoming().isBlackhole) this.#passReset(incoming(), other())
        this.#socketClosed()
      },
    }
  }

  #passReset(incoming: Stream, other: EndPoint | undefined): void {
    incoming.stop()
    this.#isOver = true
    other?.reset()
  }

  #targetFailed(): void {
    this.#client.reset()
    this.#socketClosed()
  }

  #socketClosed(): void {
    if (--this.#openSockets === 0) this.#owner.closed()
  }
}
