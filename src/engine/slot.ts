import { assert } from '../assert.ts'
import type { CloseReason } from '../metrics/counters.ts'
import type { Deadline } from '../time.ts'
import { Lease, type LeaseMode } from './lease.ts'
import { Node } from './list.ts'

/**
 * A place in the pool: it counts against the maximum from the moment its resource begins to be opened until that is
 * closed again. The list it stands in is its state.
 */
export class Slot<T> extends Node {
  /** What the resource's session looks like, for the owner to say and for waiters to prefer. 0: unknown. */
  stateKey = 0
  /** Leases held at this moment: at most one exclusive, or several shared. */
  holders = 0
  /** The lane of the lease that took it. */
  lane = 0
  /** When its opening or its last check began. */
  sinceMs = 0
  openedAtMs = 0
  /** When it was last given back, or opened. */
  usedAtMs = 0
  /** When it last showed that it lives: it was used, opened or checked. */
  provenAtMs = 0
  /** When its lifetime is over: fixed when it opens, or when the pool's lifetime becomes another. */
  expiresAtMs = Infinity
  /** Why it is being closed, or is closed as soon as nobody holds it; undefined: it isn't. */
  retiring: CloseReason | undefined
  /** When the pool must look at it next, or what the owner does with it must be over. */
  readonly deadline: Deadline
  /** The lease for exclusive use, made once and granted again and again. */
  readonly exclusiveLease: Lease<T> = new Lease<T>(this)
  /** Those for shared use: as many as were ever held at once. */
  readonly sharedLeases: Lease<T>[] = []
  #resource: T | undefined

  constructor(deadline: (slot: Slot<T>) => Deadline) {
    super()
    this.deadline = deadline(this)
  }

  get resource(): T {
    assert(this.#resource !== undefined, 'a slot is used before its resource is open')
    return this.#resource
  }

  set resource(resource: T) {
    this.#resource = resource
  }

  /** A lease that nobody holds. */
  freeLease(mode: LeaseMode): Lease<T> {
    return mode === 'exclusive' ? this.exclusiveLease : this.#freeSharedLease()
  }

  /** Those held now. */
  get heldLeases(): Lease<T>[] {
    return [this.exclusiveLease, ...this.sharedLeases].filter((lease) => lease.isHeld)
  }

  #freeSharedLease(): Lease<T> {
    const free = this.sharedLeases.find((lease) => !lease.isHeld)
    if (free) return free
    const lease = new Lease<T>(this)
    lease.mode = 'shared'
    this.sharedLeases.push(lease)
    return lease
  }
}
