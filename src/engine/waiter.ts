import type { TaxirankError } from '../errors.ts'
import type { Lease, LeaseMode } from './lease.ts'
import { Node } from './list.ts'

/** Who asks for a lease. Exactly one of the two is called for each acquire that was not answered at once. */
export interface Caller<T> {
  granted(lease: Lease<T>): void
  refused(error: TaxirankError): void
}

/**
 * A place in the queue. Each caller keeps one for life and queues with it again and again; what it asks for is set
 * before `acquire`.
 */
export class Waiter<T> extends Node {
  readonly caller: Caller<T>
  mode: LeaseMode = 'exclusive'
  /** Resources whose state key is the same are preferred. 0: any. */
  stateKey = 0
  queuedAtMs = 0

  constructor(caller: Caller<T>) {
    super()
    this.caller = caller
  }

  get isWaiting(): boolean {
    return this.list !== undefined
  }
}
