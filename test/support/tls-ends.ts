/** Two ends that agree on TLS with one byte each, `?` and `S`, much as PostgreSQL's do: ours, and those of node:tls. */

import { once } from 'node:events'
import { connect as connectPlain, createServer, type AddressInfo } from 'node:net'
import { connect as startTls, type ConnectionOptions, TLSSocket, type TLSSocketOptions } from 'node:tls'
import { connect } from '../../src/net/connect.ts'
import { listen } from '../../src/net/listen.ts'
import type { Socket, SocketHandler } from '../../src/net/socket.ts'
import type { TlsRole, TlsSession } from '../../src/net/tls-handshake.ts'

/** One of our ends: asks for TLS or answers, then waits for what is to be seen. */
export class TlsEnd implements SocketHandler {
  readonly socket: Socket
  readonly chunks: Buffer[] = []
  readonly events: string[] = []
  /** The session, or why there is none. */
  readonly secured: Promise<TlsSession | string>
  readonly over: Promise<Error | undefined>
  onSecured: (socket: Socket) => void = () => undefined
  onReceived: (bytes: Buffer) => void = () => undefined
  readonly #role: TlsRole
  #isAgreed = false
  #settle: (outcome: TlsSession | string) => void = () => undefined
  #close: (cause: Error | undefined) => void = () => undefined
  readonly #watchers = new Set<() => void>()

  constructor(socket: Socket, role: TlsRole) {
    this.socket = socket
    this.#role = role
    this.secured = new Promise((resolve) => (this.#settle = resolve))
    this.over = new Promise((resolve) => (this.#close = resolve))
    if ('host' in role) socket.write(Buffer.from('?'))
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }

  /** As soon as it holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#watchers.add(resolve))
  }

  received(bytes: Buffer): void {
    if (this.#isAgreed) {
      this.chunks.push(bytes)
      this.onReceived(bytes)
      return this.#note('received')
    }
    this.#isAgreed = true
    if (!('host' in this.#role)) this.socket.write(Buffer.from('S'))
    this.socket.startTls(this.#role, (session) => {
      this.#note('secured')
      this.onSecured(this.socket)
      this.#settle(session)
    })
  }

  blocked(): void {
    this.#note('blocked')
  }

  drained(): void {
    this.#note('drained')
  }

  closed(cause: Error | undefined): void {
    this.#note('closed')
    this.#settle(cause?.message ?? 'closed')
    this.#close(cause)
  }

  crashed(error: unknown): void {
    this.#note(`crashed ${(error as Error).message}`)
  }

  #note(event: string): void {
    if (event !== this.events.at(-1)) this.events.push(event)
    for (const wake of this.#watchers) wake()
    this.#watchers.clear()
  }
}

export interface Ends {
  readonly accepted: TlsEnd
  readonly connected: TlsEnd
  close(): void
}

/** Two of ours, each with its role, agreeing on TLS. `prepare` may change either before anything happens. */
export function joinEnds(
  accepting: TlsRole,
  connecting: TlsRole,
  prepare: (end: TlsEnd) => void = () => undefined,
): Promise<Ends> {
  return new Promise<Ends>((resolve, reject) => {
    let accepted: TlsEnd | undefined
    let connected: TlsEnd | undefined
    const listener = listen({ host: '127.0.0.1', port: 0 }, (socket) => {
      accepted = new TlsEnd(socket, accepting)
      prepare(accepted)
      finish()
      return accepted
    })
    const close = (): void => {
      listener.stop()
      accepted?.socket.reset()
      connected?.socket.reset()
    }
    const finish = (): void => {
      if (accepted && connected) resolve({ accepted, connected, close })
    }
    connect(
      { host: '127.0.0.1', port: listener.port, timeoutMs: 5_000 },
      (socket) => {
        connected = new TlsEnd(socket, connecting)
        prepare(connected)
        finish()
        return connected
      },
      reject,
    )
  })
}

/** How a foreign end saw it: what it read first, or what kept it from that. */
export interface Foreign {
  readonly port: number
  readonly outcome: Promise<string>
  close(): void
}

/** Answers `S` and then, as node:tls, is a TLS server that says `hello`; or says something else after `S`. */
export async function acceptForeign(options: TLSSocketOptions | string): Promise<Foreign> {
  let tell: (outcome: string) => void
  const outcome = new Promise<string>((resolve) => (tell = resolve))
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.write('S')
      if (typeof options === 'string') return void socket.once('data', () => socket.write(options))
      const secure = new TLSSocket(socket, { isServer: true, ...options })
      secure.on('error', (error: NodeJS.ErrnoException) => tell(error.code ?? error.message))
      secure.on('close', () => tell('closed'))
      secure.on('data', (bytes: Buffer) => {
        tell(bytes.toString())
        secure.write('hello')
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, outcome, close: () => server.close() }
}

/** Asks with `?` and then, as node:tls, is a TLS client that says `hello`; what it read, or what kept it from that. */
export function connectForeign(port: number, options: ConnectionOptions | string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectPlain(port, '127.0.0.1')
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.on('close', () => resolve('closed'))
    socket.on('connect', () => socket.write('?'))
    socket.once('data', (bytes: Buffer) => {
      if (bytes.toString() !== 'S') return resolve(`answered ${bytes.toString()}`)
      if (typeof options === 'string') return void socket.write(options)
      const secure = startTls({ socket, rejectUnauthorized: false, ...options })
      secure.on('secureConnect', () => secure.write('hello'))
      secure.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      secure.on('data', (received: Buffer) => {
        resolve(received.toString())
        secure.destroy()
      })
      secure.on('close', () => resolve('closed'))
    })
  })
}
