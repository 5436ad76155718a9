import { TaxirankError } from '../errors.ts'
import { rawHandlers, Socket, type SocketHandler } from './socket.ts'

export interface Listener {
  readonly host: string
  /** The port it got, also when port 0 was asked for. */
  readonly port: number
  /** Accepts no more. Connections already accepted go on. */
  stop(): void
}

/**
 * Accepts TCP connections on `host`:`port` (port 0: a free one). `accepted` is called for each and gives its handler.
 * Throws `listen_failed`.
 */
export function listen(options: { host: string; port: number }, accepted: (socket: Socket) => SocketHandler): Listener {
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
    return { host: options.host, port: listener.port, stop: () => listener.stop() }
  } catch (cause) {
    const code = (cause as { code?: string }).code ?? (cause as Error).message
    throw new TaxirankError('listen_failed', `cannot listen on ${options.host}:${options.port}: ${code}`, { cause })
  }
}
