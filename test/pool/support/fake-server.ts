/**
 * A server of a test's own that lets everybody in and answers every query with nothing, and counts connections from the
 * outside. It can be one that never answers, that doesn't see a client leave, or that lets nobody in.
 */

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

export interface FakeServerOptions {
  /** Whether the connection with this number, from 1 on, is answered at all. Default: every one. */
  readonly answers?: (number: number) => boolean
  /** Every connection is reset at once. Default: false. */
  readonly isDown?: boolean
  /** How long after a client's last word its connection stays open; Infinity: it is never heard. Default 0. */
  readonly lingerMs?: number
}

const authenticated = message('R', Buffer.from([0, 0, 0, 0]))
const ready = message('Z', Buffer.from('I'))
const answer = Buffer.concat([message('I', Buffer.alloc(0)), ready])

export class FakeServer {
  readonly #options: FakeServerOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Connections so far. */
  accepted = 0
  /** The most that were open at one instant. */
  peak = 0

  constructor(options: FakeServerOptions = {}) {
    this.#options = options
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket))
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  stop(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(socket: Socket): void {
    const number = ++this.accepted
    socket.on('error', () => undefined)
    if (this.#options.isDown) return void socket.resetAndDestroy()
    this.#sockets.add(socket)
    this.peak = Math.max(this.peak, this.#sockets.size)
    socket.on('close', () => this.#sockets.delete(socket))
    const isAnswering = this.#options.answers?.(number) ?? true
    let isIn = false
    socket.on('data', (bytes: Buffer) => {
      if (!isAnswering) return
      if (!isIn) socket.write(Buffer.concat([authenticated, ready]))
      else if (bytes[0] === 0x58) this.#left(socket)
      else socket.write(answer)
      isIn = true
    })
    if (!isAnswering) socket.on('end', () => socket.end())
  }

  #left(socket: Socket): void {
    const { lingerMs = 0 } = this.#options
    if (lingerMs < Infinity) setTimeout(() => socket.end(), lingerMs)
  }
}

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.write(type)
  header.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}
