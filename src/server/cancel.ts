import { connect } from '../net/connect.ts'
import type { SocketHandler } from '../net/socket.ts'
import { cancelRequest } from '../wire/build.ts'
import type { ServerAddress } from './server.ts'

/** How a cancel connection ended. `unsent`: PostgreSQL never got it. `unknown`: it may still act on it. */
export type CancelOutcome = 'delivered' | 'unsent' | 'unknown'

/**
 * Asks PostgreSQL to cancel what the backend with `key` is doing, over a connection of its own. `done` is called once,
 * when PostgreSQL has closed that connection (only then has the signal been sent) or after `timeoutMs` (0: no limit).
 */
export function cancelBackend(
  address: ServerAddress,
  key: Buffer,
  timeoutMs: number,
  done: (outcome: CancelOutcome) => void,
): void {
  let isDone = false
  const finish = (outcome: CancelOutcome): void => {
    if (isDone) return
    isDone = true
    done(outcome)
  }
  connect(
    { host: address.host, port: address.port, timeoutMs },
    (socket) => {
      const giveUp = (): void => {
        finish('unknown')
        socket.reset()
      }
      const timer = timeoutMs > 0 ? setTimeout(giveUp, timeoutMs) : undefined
      socket.write(cancelRequest(key))
      return cancelHandler(timer, finish)
    },
    () => finish('unsent'),
  )
}

function cancelHandler(
  timer: ReturnType<typeof setTimeout> | undefined,
  finish: (outcome: CancelOutcome) => void,
): SocketHandler {
  return {
    received: () => undefined,
    blocked: () => undefined,
    drained: () => undefined,
    crashed: () => undefined,
    closed: (cause) => {
      clearTimeout(timer)
      finish(cause ? 'unknown' : 'delivered')
    },
  }
}
