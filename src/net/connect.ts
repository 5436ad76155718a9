/**
 * Opening connections. To an address, the socket is made in libc and given to the runtime while it connects: so it can be
 * given up, and its descriptor is free at once (the runtime has no such thing; the kernel would try for two minutes). To a
 * name, which nothing but the runtime resolves here, and to a unix socket, which answers at once, the runtime connects.
 */

import { getSystemErrorName } from 'node:util'
import { TaxirankError } from '../errors.ts'
import { closeDescriptor, getOption, inProgress, openStream } from './libc.ts'
import { inetAddress, type SocketAddress } from './socket-address.ts'
import { setSocketOptions, type SocketOptions } from './socket-options.ts'
import { descriptorOf, detached, rawHandlers, Socket, type SocketHandler } from './socket.ts'
import type { RawSocket } from './tls-handshake.ts'
import { unixAddress } from './unix-path.ts'

/** A literal address is best: see above. `unix` is a file's path, or with `@` in front a name in the kernel. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly unix: string }

export type ConnectOptions = Endpoint & {
  /** 0: no limit of ours. */
  readonly timeoutMs: number
  readonly socketOptions?: SocketOptions
  /** A connection with this descriptor or a higher one is refused: what is left is for the runtime. */
  readonly maxDescriptor?: number
}

export interface Connecting {
  /** Gives up: neither callback is called any more, and a connection that still comes about is reset. */
  abandon(): void
}

/**
 * Opens a connection. Exactly one of the callbacks is called, never before this returns: `connected`, which gives the
 * handler, or `failed` with `server_connect_failed` after an error or `timeoutMs`.
 */
export function connect(
  options: ConnectOptions,
  connected: (socket: Socket) => SocketHandler,
  failed: (error: TaxirankError) => void,
): Connecting {
  return new Attempt(options, connected, failed)
}

class Attempt implements Connecting {
  readonly #options: ConnectOptions
  readonly #connected: (socket: Socket) => SocketHandler
  readonly #failed: (error: TaxirankError) => void
  readonly #timer: ReturnType<typeof setTimeout> | undefined
  /** Of an attempt that the runtime lets us end. */
  #raw: RawSocket | undefined
  #isPending = true

  constructor(
    options: ConnectOptions,
    connected: (socket: Socket) => SocketHandler,
    failed: (error: TaxirankError) => void,
  ) {
    this.#options = options
    this.#connected = connected
    this.#failed = failed
    const { timeoutMs } = options
    if (timeoutMs > 0) this.#timer = setTimeout(() => this.#fail(`no answer within ${timeoutMs} ms`), timeoutMs)
    const address = 'unix' in options ? undefined : inetAddress(options.host, options.port)
    const stream = address && this.#openStream(address)
    if (stream) this.#adopt(stream)
    // The runtime tells of a unix socket that is not there while it is asked: nobody is told before this returns.
    else queueMicrotask(() => this.#isPending && this.#connectByRuntime())
  }

  abandon(): void {
    this.#settle()
  }

  /** True once. What is under way is ended. */
  #settle(): boolean {
    const wasPending = this.#isPending
    this.#isPending = false
    clearTimeout(this.#timer)
    const raw = this.#raw
    this.#raw = undefined
    raw?.terminate()
    return wasPending
  }

  #fail(reason: string, cause?: unknown): void {
    if (!this.#settle()) return
    const where = 'unix' in this.#options ? this.#options.unix : `${this.#options.host}:${this.#options.port}`
    this.#failed(new TaxirankError('server_connect_failed', `cannot connect to ${where}: ${reason}`, { cause }))
  }

  /** The runtime's socket is connected. */
  #succeed(raw: RawSocket): Socket | undefined {
    this.#raw = undefined
    if (!this.#settle()) {
      raw.data = detached
      raw.terminate()
      return undefined
    }
    const socket = new Socket(raw, 'unix' in this.#options)
    raw.data = socket
    socket.handler = this.#connected(socket)
    return socket
  }

  #openStream(address: SocketAddress): ReturnType<typeof openStream> {
    return openStream(address, (fd) => setSocketOptions(fd, this.#options.socketOptions ?? {}))
  }

  /** The runtime calls it open at once. It can be written to (`drain`) when it is connected, and is closed if it fails. */
  #adopt({ fd, error }: { readonly fd: number; readonly error: number }): void {
    if ((error !== 0 && error !== inProgress) || fd >= (this.#options.maxDescriptor ?? Infinity)) {
      closeDescriptor(fd)
      const reason = error !== 0 && error !== inProgress ? getSystemErrorName(-error) : 'EMFILE'
      return void setImmediate(() => this.#fail(reason))
    }
    const handlers: Bun.SocketHandler<Socket> = {
      ...rawHandlers,
      open: (raw) => {
        raw.data = detached
        this.#raw = raw
      },
      drain: (raw) => {
        if (this.#isPending) this.#writable(raw)
        else rawHandlers.drain(raw)
      },
      data: (raw, bytes) => {
        if (this.#isPending) this.#writable(raw)
        rawHandlers.data(raw, bytes)
      },
      close: (raw, cause) => {
        rawHandlers.close(raw, cause)
        this.#fail(cause ? errorCode(cause) : 'the connection was closed at once', cause)
      },
    }
    // The type knows no descriptors.
    const options = { fd, socket: handlers } as unknown as Bun.TCPSocketConnectOptions<Socket>
    try {
      Bun.connect<Socket>(options).catch((cause: unknown) => this.#fail(errorCode(cause), cause))
    } catch (cause) {
      setImmediate(() => this.#fail(errorCode(cause), cause))
    }
  }

  #writable(raw: RawSocket): void {
    const [error = 0] = getOption(descriptorOf(raw), 1, 4) ?? []
    if (error !== 0) return this.#fail(getSystemErrorName(-error))
    if (this.#succeed(raw)) raw.reload({ socket: rawHandlers })
  }

  #connectByRuntime(): void {
    const options = this.#options
    const socket: Bun.SocketHandler<Socket> = {
      ...rawHandlers,
      open: (raw) => {
        if (descriptorOf(raw) >= (options.maxDescriptor ?? Infinity)) {
          this.#fail('EMFILE')
          raw.data = detached
          raw.terminate()
          return
        }
        if (!('unix' in options) && this.#isPending) setSocketOptions(descriptorOf(raw), options.socketOptions ?? {})
        this.#succeed(raw)
      },
      connectError: (_raw, error) => this.#fail(errorCode(error), error),
    }
    this.#beginByRuntime(socket).catch((error: unknown) => this.#fail(errorCode(error), error))
  }

  /** Async, so that what it throws at once is a failure like any other. */
  async #beginByRuntime(socket: Bun.SocketHandler<Socket>): Promise<void> {
    const options = this.#options
    if ('unix' in options) await Bun.connect<Socket>({ unix: unixAddress(options.unix), socket })
    else await Bun.connect<Socket>({ hostname: options.host, port: options.port, socket })
  }
}

function errorCode(error: unknown): string {
  if (error instanceof TaxirankError) return error.message
  return (error as { code?: string }).code ?? (error instanceof Error ? error.message : String(error))
}
