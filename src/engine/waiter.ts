import type { TaxirankError } from '../errors.ts'
import type { Deadline } from '../time.ts'
import type { Lease, LeaseMode } from './lease.ts'
import { Node } from './list.ts'

/** Who asks for a lease. Exactly one of the two is called for each acquire that was not answered at once or cancelled. Neither must throw. */
export interface Caller<T> {
  granted(lease: Lease<T>): void
  refused(error: TaxirankError): void
}

/**
 * A place in the queue of one pool. Each caller keeps one for life and queues with it again and again; what it asks for is
 * set before `acquire`.
 */
export class Waiter<T> extends Node {
  readonly caller: Caller<T>
  mode: LeaseMode = 'exclusive'
  /** Resources whose state key is the same are preferred. 0: any. */
  stateKey = 0
  /** Which of the pool's lanes it queues in, by its place in the options. */
  lane = 0
  /** How long it waits at most, in milliseconds; 0: for ever; undefined: as long as the pool says. */
  timeoutMs: number | undefined = undefined
  /** What reports call whoever gets the lease. */
  holder = ''
  queuedAtMs = 0
  /** For the pool, if it has several lanes, or is refusing those who wait: its place among all that ever queued. */
  ticket = 0
  /** For the pool: made when it first waits with a time-out of its own. */
  deadline: Deadline | undefined = undefined

  constructor(caller: Caller<T>) {
    super()
    this.caller = caller
  }

  get isWaiting(): boolean {
    return this.list !== undefined
  }
}
