/** What goes when a pool has become smaller. */

import type { Size } from './size.ts'
import type { Slot } from './slot.ts'
import type { Slots } from './slots.ts'
import type { Stock } from './stock.ts'

/** Closes what nobody holds at once, and marks as many of the rest as are too many: those go when they are given back. */
export class Shrinking<T> {
  readonly #slots: Slots<T>
  readonly #size: Size<T>
  readonly #stock: Stock<T>
  /** Some are marked. */
  #isOn = false

  constructor(slots: Slots<T>, size: Size<T>, stock: Stock<T>) {
    this.#slots = slots
    this.#size = size
    this.#stock = stock
  }

  /** The pool has another size. What was marked before is marked anew, or not any more. */
  resized(isLower: boolean, now: number): void {
    if (this.#pardon() || isLower) this.#shrink(now)
  }

  /** True if as many have just gone as were too many, though not all of them those that were marked: the others may stay. */
  ended(): boolean {
    return this.#isOn && this.#slots.alive <= this.#size.max && this.#pardon()
  }

  /** True if any was marked. */
  #pardon(): boolean {
    this.#isOn = false
    const marked = this.#slots.all().filter(({ retiring }) => retiring === 'resized')
    for (const slot of marked) slot.retiring = undefined
    return marked.length > 0
  }

  #shrink(now: number): void {
    const staying = this.#slots.all().filter(({ retiring }) => retiring === undefined || retiring === 'lifetime')
    const order = staying.toSorted((a, b) => Number(this.#slots.isUnheld(b)) - Number(this.#slots.isUnheld(a)))
    for (const slot of order.slice(0, Math.max(0, order.length - this.#size.max))) {
      if (this.#slots.isUnheld(slot)) this.#stock.close(slot, 'resized', now)
      else this.#mark(slot)
    }
  }

  #mark(slot: Slot<T>): void {
    slot.retiring = 'resized'
    this.#isOn = true
  }
}
