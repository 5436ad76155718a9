import type { Slot } from './slot.ts'

/** Exclusive: nobody else has the resource. Shared: others with the same state key may have it, too. */
export type LeaseMode = 'exclusive' | 'shared'

/**
 * The right to use a resource until it is given back, once. The object is granted again and again; each grant has a number
 * of its own, and whoever comes with an older number is refused.
 */
export class Lease<T> {
  readonly slot: Slot<T>
  /** Of this grant, never used again in its pool; 0 while nobody holds it. */
  number = 0
  mode: LeaseMode = 'exclusive'
  grantedAtMs = 0
  /** How long its holder waited for it, in milliseconds. */
  waitedMs = 0
  /** The name its caller gave: for reports. */
  holder = ''
  /** The lane it was granted in, by its place in the pool's options. */
  lane = 0
  /** The last grant that was reported as a leak. */
  leakNumber = 0

  constructor(slot: Slot<T>) {
    this.slot = slot
  }

  /** What was lent. Hold on to `number` and ask `Pool.use` where somebody may come late. */
  get resource(): T {
    return this.slot.resource
  }

  /** False once it was given back, or its resource was destroyed or lost. */
  get isHeld(): boolean {
    return this.number !== 0
  }
}
