import { assert } from '../assert.ts'
import { Node } from './list.ts'

/** Exclusive: nobody else has the resource. Shared: others with the same state key may have it, too. */
export type LeaseMode = 'exclusive' | 'shared'

/** The right to use a resource until it is given back, once. */
export class Lease<T> {
  readonly slot: Slot<T>
  mode: LeaseMode = 'exclusive'
  grantedAtMs = 0
  /** For the pool: granted and not given back. */
  isGranted = false

  constructor(slot: Slot<T>) {
    this.slot = slot
  }

  get resource(): T {
    return this.slot.resource
  }

  /** False once it was given back, or its resource was destroyed or lost. */
  get isHeld(): boolean {
    return this.isGranted && this.slot.holders > 0
  }
}

/**
 * A place in the pool: it counts against the maximum from the moment its resource begins to be opened until that is
 * closed again. The list it stands in is its state.
 */
export class Slot<T> extends Node {
  /** What the resource's session looks like, for the owner to say and for waiters to prefer. 0: unknown. */
  stateKey = 0
  /** Leases held at this moment: at most one exclusive, or several shared. */
  holders = 0
  /** The lease for exclusive use, made once and granted again and again. */
  readonly exclusiveLease: Lease<T> = new Lease<T>(this)
  #resource: T | undefined

  get resource(): T {
    assert(this.#resource !== undefined, 'a slot is used before its resource is open')
    return this.#resource
  }

  set resource(resource: T) {
    this.#resource = resource
  }
}
