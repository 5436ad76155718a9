/**
 * Opens a connection to a server up to the point where the first packet may be sent: connected, and encrypted as its
 * target says. What a server says before it is encrypted is one byte: anything else ends the attempt, and none of it is
 * shown to anybody.
 */

import { TaxirankError } from '../errors.ts'
import type { Connecting } from '../net/connect.ts'
import type { Socket, SocketHandler } from '../net/socket.ts'
import type { TlsSession } from '../net/tls-handshake.ts'
import type { ConnectingTls } from '../net/tls.ts'
import { sslRequest } from '../wire/build.ts'
import { addressText, type ServerTarget } from './target.ts'

/** Exactly one of the two is called, never before `dial` returns, unless it is abandoned. */
export interface DialHandler {
  /** Gives who handles the socket from now on. `session`: of an encrypted connection. */
  dialled(socket: Socket, session: TlsSession | undefined): SocketHandler
  dialFailed(error: TaxirankError): void
}

export function dial(target: ServerTarget, handler: DialHandler): Connecting {
  const { address, encryption, network } = target
  const isPlain = encryption.mode === 'disable' || 'unix' in address
  let opening: Opening | undefined
  const connecting = network.connect(
    address,
    (socket) => {
      if (isPlain) return handler.dialled(socket, undefined)
      opening = new Opening(socket, encryption, 'unix' in address ? '' : address.host, addressText(address), handler)
      return opening
    },
    (error) => handler.dialFailed(error),
  )
  return {
    abandon: () => {
      connecting.abandon()
      opening?.abandon()
    },
  }
}

const accepted = 'S'.charCodeAt(0)
const refused = 'N'.charCodeAt(0)

/** A connection while its encryption is asked for and begun. */
class Opening implements SocketHandler {
  readonly #socket: Socket
  readonly #tls: ConnectingTls
  readonly #host: string
  readonly #where: string
  #handler: DialHandler | undefined
  #isAnswered = false

  constructor(socket: Socket, tls: ConnectingTls, host: string, where: string, handler: DialHandler) {
    this.#socket = socket
    this.#tls = tls
    this.#host = host
    this.#where = where
    this.#handler = handler
    socket.write(sslRequest)
  }

  /** Once the connection has been passed on it is its owner's. */
  abandon(): void {
    if (!this.#handler) return
    this.#handler = undefined
    this.#socket.reset()
  }

  received(bytes: Buffer): void {
    if (this.#isAnswered || bytes.length !== 1) return this.#fail('sent more than its answer before TLS had begun')
    this.#isAnswered = true
    if (bytes[0] === accepted) {
      const role = { tls: this.#tls, host: this.#host }
      this.#socket.startTls(role, (session) => this.#pass(session))
    } else if (bytes[0] !== refused) {
      this.#fail('answered neither yes nor no when it was asked for TLS')
    } else if (this.#tls.mode === 'allow' || this.#tls.mode === 'prefer') {
      this.#pass(undefined)
    } else {
      this.#fail(`does not offer TLS, and server_tls_sslmode is ${this.#tls.mode}`)
    }
  }

  #pass(session: TlsSession | undefined): void {
    const handler = this.#handler
    this.#handler = undefined
    if (handler) this.#socket.handler = handler.dialled(this.#socket, session)
  }

  #fail(what: string, cause?: unknown): void {
    const handler = this.#handler
    this.#handler = undefined
    this.#socket.reset()
    handler?.dialFailed(new TaxirankError('server_connect_failed', `server ${this.#where} ${what}`, { cause }))
  }

  blocked(): void {}

  drained(): void {}

  closed(cause: Error | undefined): void {
    this.#fail(cause ? `could not be reached: ${cause.message}` : 'closed the connection before TLS', cause)
  }

  crashed(error: unknown): void {
    this.#fail('met a bug of the pooler', error)
  }
}
