import { TaxirankError } from '../errors.ts'
import { rawHandlers, Socket, type SocketHandler } from './socket.ts'

export interface Connecting {
  /** Gives up: neither callback is called any more, and a connection that still comes about is reset. */
  abandon(): void
}

/**
 * Opens a TCP connection. Exactly one of the callbacks is called, never before this returns: `connected`, which gives
 * the handler, or `failed` with `server_connect_failed` after an error or `timeoutMs` (0: no limit of ours).
 */
export function connect(
  options: { host: string; port: number; timeoutMs: number },
  connected: (socket: Socket) => SocketHandler,
  failed: (error: TaxirankError) => void,
): Connecting {
  const where = `${options.host}:${options.port}`
  let isPending = true
  const fail = (reason: string, cause?: unknown): void => {
    if (!settle()) return
    failed(new TaxirankError('server_connect_failed', `cannot connect to ${where}: ${reason}`, { cause }))
  }
  const timer =
    options.timeoutMs > 0
      ? setTimeout(() => fail(`no answer within ${options.timeoutMs} ms`), options.timeoutMs)
      : undefined
  const settle = (): boolean => {
    const wasPending = isPending
    isPending = false
    clearTimeout(timer)
    return wasPending
  }

  Bun.connect<Socket>({
    hostname: options.host,
    port: options.port,
    socket: {
      ...rawHandlers,
      open(raw) {
        const socket = new Socket(raw)
        raw.data = socket
        if (settle()) socket.handler = connected(socket)
        else raw.terminate()
      },
      connectError: (_raw, error) => fail(errorCode(error), error),
    },
  }).catch((error: unknown) => fail(errorCode(error), error))

  return { abandon: () => void settle() }
}

function errorCode(error: unknown): string {
  return (error as { code?: string }).code ?? (error instanceof Error ? error.message : String(error))
}
