/**
 * Whose bytes of a server's stream are: runs of bytes with one owner, written down when they are read and looked up
 * when they are used. A positive owner: a client's reply, which must be forwarded to it. 0: the pooler's own, which
 * must be swallowed. A negative owner: may be swallowed or forwarded to that client (nobody asked for it).
 */
import { Deque } from './deque.ts'

interface Run {
  readonly from: number
  readonly owner: number
}

export class OwnerRuns {
  readonly #runs = new Deque<Run>()
  #lastOwner: number | undefined

  /** From this offset of the stream on, bytes belong to `owner`. */
  mark(offset: number, owner: number): void {
    if (owner === this.#lastOwner) return
    this.#lastOwner = owner
    this.#runs.push({ from: offset, owner })
  }

  /** The first owner among the bytes [from, to) that `isRefused`. */
  firstRefused(from: number, to: number, isRefused: (owner: number) => boolean): number | undefined {
    this.#forgetBefore(from)
    if (from >= to) return undefined
    for (let i = 0; i < this.#runs.length; i++) {
      const run = this.#runs.at(i)
      if (run === undefined || run.from >= to) return undefined
      if (isRefused(run.owner)) return run.owner
    }
    return undefined
  }

  #forgetBefore(offset: number): void {
    for (;;) {
      const next = this.#runs.at(1)
      if (next === undefined || next.from > offset) return
      this.#runs.shift()
    }
  }
}
