/** Plain sockets of node:net, to stand opposite those of src/net. Everything is awaited by event, nothing by time. */

import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** One end of a connection that remembers what came. It reads nothing until it is told to, unless `isReading`. */
export class Peer {
  readonly socket: Socket
  readonly chunks: Buffer[] = []
  /** How it ended: `end` for FIN, the code of a reset or another error, `close` if we closed it ourselves. */
  readonly ended: Promise<string>
  readonly closed: Promise<unknown>
  readonly #watchers = new Set<() => void>()

  constructor(socket: Socket, isReading = true) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', resolve))
    this.ended = new Promise((resolve) => {
      socket.once('end', () => resolve('end'))
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      socket.once('close', () => resolve('close'))
    })
    if (isReading) this.read()
    else socket.pause()
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks)
  }

  read(): void {
    this.socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk)
      for (const watcher of this.#watchers) watcher()
    })
    this.socket.resume()
  }

  /** As soon as so many bytes have come. */
  async until(bytes: number): Promise<void> {
    let total = this.received.length
    if (total >= bytes) return
    await new Promise<void>((resolve) => {
      const seen = this.chunks.length
      let next = seen
      const watcher = (): void => {
        for (; next < this.chunks.length; next++) total += (this.chunks[next] as Buffer).length
        if (total < bytes) return
        this.#watchers.delete(watcher)
        resolve()
      }
      this.#watchers.add(watcher)
    })
  }
}

export async function connectPeer(port: number, isReading = true): Promise<Peer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.setNoDelay(true)
  const peer = new Peer(socket, isReading)
  await once(socket, 'connect')
  return peer
}

/** Accepts connections as peers, on a free port. */
export async function listenForPeers(isReading = true): Promise<{
  readonly port: number
  next(): Promise<Peer>
  close(): void
}> {
  const server: Server = createServer({ allowHalfOpen: true })
  const arrived: Peer[] = []
  let wake: (() => void) | undefined
  server.on('connection', (socket) => {
    arrived.push(new Peer(socket, isReading))
    wake?.()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async next() {
      while (arrived.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      return arrived.shift() as Peer
    },
    close: () => server.close(),
  }
}
