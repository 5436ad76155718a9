import { TaxirankError } from '../errors.ts'
import { setListenerOptions } from './listener-options.ts'
import { rawHandlers, Socket, type SocketHandler } from './socket.ts'

export interface Listener {
  readonly host: string
  /** The port it got, also when port 0 was asked for. */
  readonly port: number
  /** Accepts no more. Connections already accepted go on. */
  stop(): void
}

export interface ListenOptions {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** How many connections the kernel queues before they are accepted; absent: 512. */
  readonly backlog?: number
  /** A connection is accepted only when its first bytes are there: for protocols in which the client speaks first. */
  readonly deferAccept?: boolean
}

/** Accepts TCP connections. `accepted` is called for each and gives its handler. Throws `listen_failed`. */
export function listen(options: ListenOptions, accepted: (socket: Socket) => SocketHandler): Listener {
  try {
    const listener = Bun.listen<Socket>({
      hostname: options.host,
      port: options.port,
      socket: {
        ...rawHandlers,
        open(raw) {
          const socket = new Socket(raw)
          raw.data = socket
          socket.handler = accepted(socket)
        },
      },
    })
    // The runtime has the descriptor; its types don't.
    const { fd } = listener as unknown as { fd: number }
    setListenerOptions(fd, { backlog: options.backlog ?? 512, deferAccept: options.deferAccept ?? false })
    return { host: options.host, port: listener.port, stop: () => listener.stop() }
  } catch (cause) {
    const code = (cause as { code?: string }).code ?? (cause as Error).message
    throw new TaxirankError(
      'listen_failed',
      `cannot listen on ${options.host}:${options.port}: ${code}${code === 'EADDRINUSE' ? ' (another program has this port)' : ''}`,
      { cause },
    )
  }
}
