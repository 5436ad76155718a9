/**
 * A network between pooler and PostgreSQL: whatever comes in goes out so much later, in order, in each direction. Unlike the
 * relay in src/relay it always takes the same time, and does nothing else, not even end one direction alone: it must cost
 * little beside what it delays.
 */

export interface RelayOptions {
  /** 0: a free one. */
  readonly port: number
  readonly targetPort: number
  /** One way. Timers of Bun wake up to 0.2 ms late. */
  readonly delayMs: number
}

export interface DelayingRelay {
  readonly port: number
  /** Ends what is open. */
  stop(): void
}

/** Listens on 127.0.0.1, for a target there. */
export function startDelayingRelay({ port, targetPort, delayMs }: RelayOptions): DelayingRelay {
  const listener = Bun.listen<End>({
    hostname: '127.0.0.1',
    port,
    socket: {
      ...handlers,
      open: (client) => {
        const near = new End(delayMs)
        const far = new End(delayMs)
        near.other = far
        far.other = near
        client.data = near
        near.connected(client)
        Bun.connect<End>({ hostname: '127.0.0.1', port: targetPort, data: far, socket: handlers }).catch(() =>
          far.closed(),
        )
      },
    },
  })
  return { port: listener.port, stop: () => listener.stop(true) }
}

/** One side of a relayed connection. What does not fit into its socket waits here, without a bound: requests are small. */
class End {
  other: End | undefined
  readonly #delayMs: number
  readonly #waiting: Buffer[] = []
  #socket: Bun.Socket<End> | undefined
  #isLeaving = false

  constructor(delayMs: number) {
    this.#delayMs = delayMs
  }

  connected(socket: Bun.Socket<End>): void {
    this.#socket = socket
    socket.setNoDelay(true)
    this.flush()
  }

  /** Timers of the same length fire in the order in which they were set. */
  received(bytes: Buffer): void {
    setTimeout(() => this.other?.send(bytes), this.#delayMs)
  }

  closed(): void {
    setTimeout(() => this.other?.leave(), this.#delayMs)
  }

  send(bytes: Buffer): void {
    this.#waiting.push(bytes)
    this.flush()
  }

  leave(): void {
    this.#isLeaving = true
    this.flush()
  }

  flush(): void {
    const socket = this.#socket
    if (!socket) return
    for (let bytes = this.#waiting.shift(); bytes; bytes = this.#waiting.shift()) {
      const written = Math.max(0, socket.write(bytes))
      if (written === bytes.length) continue
      this.#waiting.unshift(bytes.subarray(written))
      return
    }
    if (this.#isLeaving) socket.end()
  }
}

const handlers: Bun.SocketHandler<End> = {
  binaryType: 'buffer',
  open: (socket) => socket.data.connected(socket),
  data: (socket, bytes) => socket.data.received(bytes),
  drain: (socket) => socket.data.flush(),
  error: () => undefined,
  close: (socket) => socket.data.closed(),
}
