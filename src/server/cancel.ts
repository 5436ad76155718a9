import type { Socket, SocketHandler } from '../net/socket.ts'
import { Deadline, type Deadlines } from '../time.ts'
import { cancelRequest } from '../wire/build.ts'
import { dial } from './dial.ts'
import type { ServerTarget } from './target.ts'

/** How a cancel connection ended. `unsent`: PostgreSQL never got it. `unknown`: it may still act on it. */
export type CancelOutcome = 'delivered' | 'unsent' | 'unknown'

export interface CancelOptions {
  /** Of the server: what protects that connection protects this one. */
  readonly target: ServerTarget
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
  const { target, key, timeoutMs, deadlines, now } = options
  let sentOn: Socket | undefined
  let isDone = false
  const finish = (outcome: CancelOutcome): void => {
    if (isDone) return
    isDone = true
    deadlines.stop(deadline)
    done(outcome)
  }
  const deadline = new Deadline(() => {
    // First of all: a reset is reported as an end while it is made.
    finish(sentOn ? 'unknown' : 'unsent')
    dialling.abandon()
    sentOn?.reset()
  })
  if (timeoutMs > 0) deadlines.start(deadline, now() + timeoutMs)
  const dialling = dial(target, {
    dialled: (socket): SocketHandler => {
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
    dialFailed: () => finish('unsent'),
  })
}
