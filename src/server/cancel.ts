import { connect } from '../net/connect.ts'
import type { Socket } from '../net/socket.ts'
import { Deadline, type Deadlines } from '../time.ts'
import { cancelRequest } from '../wire/build.ts'
import type { ServerAddress } from './server.ts'

/** How a cancel connection ended. `unsent`: PostgreSQL never got it. `unknown`: it may still act on it. */
export type CancelOutcome = 'delivered' | 'unsent' | 'unknown'

export interface CancelOptions {
  readonly address: ServerAddress
  /** Of the backend whose statement is meant. */
  readonly key: Buffer
  /** Connecting and waiting for PostgreSQL together, in milliseconds; 0: no limit. */
  readonly timeoutMs: number
  readonly deadlines: Deadlines
  readonly now: () => number
}

/**
 * Asks PostgreSQL to cancel what a backend is doing, over a connection of its own. `done` is called once, when
 * PostgreSQL has closed that connection (only then has the signal been sent) or when the time is up.
 */
export function cancelBackend(options: CancelOptions, done: (outcome: CancelOutcome) => void): void {
  const { address, key, timeoutMs, deadlines, now } = options
  let sentOn: Socket | undefined
  let isDone = false
  const finish = (outcome: CancelOutcome): void => {
    if (isDone) return
    isDone = true
    deadlines.stop(deadline)
    done(outcome)
  }
  const deadline = new Deadline(() => {
    connecting.abandon()
    finish(sentOn ? 'unknown' : 'unsent')
    sentOn?.reset()
  })
  if (timeoutMs > 0) deadlines.start(deadline, now() + timeoutMs)
  const connecting = connect(
    { host: address.host, port: address.port, timeoutMs: 0 },
    (socket) => {
      sentOn = socket
      socket.write(cancelRequest(key))
      return {
        received: () => undefined,
        blocked: () => undefined,
        drained: () => undefined,
        crashed: () => undefined,
        closed: (cause) => finish(cause ? 'unknown' : 'delivered'),
      }
    },
    () => finish('unsent'),
  )
}
