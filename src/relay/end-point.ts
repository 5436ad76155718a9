/**
 * One side of a relayed connection: a TCP socket whose two directions end one by one, which net/'s cannot, since a pooler
 * has no use for half a connection. So a FIN can be passed on alone, or held back.
 */

import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { TaxirankError } from '../errors.ts'

/** What happens to an end point. Nothing follows `closed`. */
export interface EndPointHandler {
  received(bytes: Buffer): void
  /** The peer's FIN; it may go on reading. */
  finished(): void
  /** Sending should pause, and may go on. */
  blocked(): void
  drained(): void
  /** Exactly once: `undefined` when both directions ended in order or we ended it, else the reset or error. */
  closed(cause: Error | undefined): void
}

/** How long the peer of an end point that we ended may leave its own direction open. */
const lingerMs = 2_000

export class EndPoint {
  readonly #socket: Socket
  readonly #handler: EndPointHandler
  #isLeaving = false

  constructor(socket: Socket, handler: EndPointHandler) {
    this.#socket = socket
    this.#handler = handler
    let cause: Error | undefined
    socket.setNoDelay(true)
    socket
      .on('data', (bytes: Buffer) => {
        if (!this.#isLeaving) handler.received(bytes)
      })
      .on('end', () => handler.finished())
      .on('drain', () => handler.drained())
      .on('error', (error) => (cause = error))
      .on('close', () => handler.closed(this.#isLeaving ? undefined : cause))
  }

  write(bytes: Buffer): void {
    if (this.#socket.writable && !this.#socket.write(bytes)) this.#handler.blocked()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** FIN behind what was written; the peer is still heard. */
  finish(): void {
    if (this.#socket.writable) this.#socket.end()
  }

  /** FIN behind what was written; what the peer still says is discarded. */
  end(): void {
    if (this.#isLeaving) return
    this.#isLeaving = true
    this.resume()
    this.finish()
    const linger = setTimeout(() => this.#socket.resetAndDestroy(), lingerMs)
    this.#socket.once('close', () => clearTimeout(linger))
  }

  /** RST, at once. */
  reset(): void {
    this.#isLeaving = true
    this.#socket.resetAndDestroy()
  }
}

/** Listens on 127.0.0.1; port 0: a free one. Throws `listen_failed`. */
export function listenForEndPoints(port: number, accepted: (socket: Socket) => void): Server {
  const server = createServer({ allowHalfOpen: true }, accepted)
  server.on('error', () => undefined).listen(port, '127.0.0.1')
  if (!server.address()) throw new TaxirankError('listen_failed', `the relay cannot listen on 127.0.0.1:${port}`)
  return server
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** Rejects when nobody answers within `timeoutMs`, or at all. */
export async function connectEndPoint(target: { host: string; port: number }, timeoutMs: number): Promise<Socket> {
  const socket = connect({ ...target, allowHalfOpen: true })
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  try {
    await once(socket, 'connect')
    return socket
  } finally {
    clearTimeout(timer)
  }
}
