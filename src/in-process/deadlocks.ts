/** Looks now and then whether callers who wait can ever be served; if not, refuses one, so that the others can. */

import type { Lease } from '../engine/lease.ts'
import type { TaxirankError } from '../errors.ts'
import { Deadline } from '../time.ts'
import type { Acquire } from './acquire.ts'
import { exactNow } from './clock.ts'
import type { Entry } from './entry.ts'
import { nestedAcquire } from './explain.ts'
import { isDeadlock, type Task } from './tasks.ts'
import { deadlines } from './timed-deadlines.ts'

/** What it needs of its pool. */
export interface DeadlockDesk<E extends Entry> {
  /** All there may be is leased. */
  isFull(): boolean
  maxSize(): number
  readonly held: ReadonlySet<Lease<E>>
  waiting(): readonly Acquire<E>[]
  abort(acquire: Acquire<E>, reason: TaxirankError): void
}

export class Deadlocks<E extends Entry> {
  readonly #desk: DeadlockDesk<E>
  readonly #everyMs: number

  constructor(desk: DeadlockDesk<E>, everyMs: number) {
    this.#desk = desk
    this.#everyMs = everyMs
  }

  /** Until its wait is over: whoever ends that stops the deadline. */
  watch(acquire: Acquire<E>): void {
    const suspicion = new Deadline((at) => {
      if (this.#isDeadlocked()) this.#desk.abort(acquire, this.#deadlock(acquire))
      else deadlines.start(suspicion, at + this.#everyMs)
    })
    acquire.suspicion = suspicion
    deadlines.start(suspicion, exactNow() + this.#everyMs)
  }

  #isDeadlocked(): boolean {
    if (!this.#desk.isFull()) return false
    const holders = [...this.#desk.held].map(({ resource }) =>
      resource.isWorking ? undefined : resource.holding?.task,
    )
    const waiters = this.#desk.waiting().map(({ holding }) => holding?.task)
    return isDeadlock(holders, waiters)
  }

  #deadlock(acquire: Acquire<E>): TaxirankError {
    const own = [...this.#desk.held].find(({ resource }) => isWithin(acquire.holding?.task, resource.holding?.task))
    return nestedAcquire(this.#desk.maxSize(), this.#everyMs, acquire.holding, own?.resource.holding)
  }
}

function isWithin(task: Task | undefined, outer: Task | undefined): boolean {
  for (let one = task; one; one = one.parent) if (one === outer) return true
  return false
}
