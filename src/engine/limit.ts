import { TaxirankError } from '../errors.ts'
import { Limits } from './limits.ts'

/** A maximum that several pools share: of a database, a user, a process. */
export class Limit {
  /** For messages: `database shop`. */
  readonly name: string
  /** Limits that some pool has in common belong to one group. */
  readonly group: Limits
  #max: number
  /** For the group: places taken by resources that are being opened, open or being closed. */
  taken = 0
  /** For the group: of these, by resources that are being closed. */
  closing = 0
  /** For the group: pools that wait for a place. */
  wanting = 0

  /** `max`: a whole number, 1 or more; Infinity: none. Throws `bad_configuration`. */
  constructor(name: string, max: number, group: Limits = new Limits()) {
    this.name = name
    this.group = group
    this.#max = checked(name, max)
  }

  get max(): number {
    return this.#max
  }

  /** There is a place, though it may be kept for somebody. */
  get hasPlace(): boolean {
    return this.taken < this.#max
  }

  /** More are open than it allows now, those left out that are being closed. */
  get isExceeded(): boolean {
    return this.taken - this.closing > this.#max
  }

  /** Takes effect at once upwards; downwards, idle ones go now and the others when they are given back. Throws `bad_configuration`. */
  resize(max: number, now: number): void {
    this.#max = checked(this.name, max)
    this.group.resized(this, now)
  }
}

function checked(name: string, max: number): number {
  if (max >= 1 && (Number.isInteger(max) || max === Infinity)) return max
  throw new TaxirankError('bad_configuration', `limit ${name}: must be a whole number, 1 or more, got ${max}`)
}
