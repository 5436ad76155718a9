/**
 * The bytes of one stream that were read and not yet used. One buffer per stream, reused; its size follows what is
 * unused, not what went through. `consumed` is the stream's offset of the first unused byte.
 */

const smallest = 1024
/** A buffer above this size is given back as soon as its stream is used up. */
const keepUpTo = 65_536
const nothing = Buffer.alloc(0)

export class ByteQueue {
  consumed = 0
  #bytes = nothing
  #start = 0
  #end = 0
  /** Up to here the buffer still shows bytes that were used before it was begun anew. */
  #oldEnd = 0
  #isAbandoned = false

  get length(): number {
    return this.#end - this.#start
  }

  /** True once a difference was found: nothing sensible can be said about the rest of the stream. */
  get isAbandoned(): boolean {
    return this.#isAbandoned
  }

  append(bytes: Buffer, start: number, end: number): void {
    if (this.#isAbandoned) return
    if (this.#end + end - start > this.#bytes.length) this.#makeRoom(end - start)
    bytes.copy(this.#bytes, this.#end, start, end)
    this.#end += end - start
  }

  /** Whether the next unused bytes are exactly `bytes[start, end)`. */
  startsWith(bytes: Buffer, start: number, end: number): boolean {
    const length = end - start
    if (this.#isAbandoned) return true
    if (length > this.length) return false
    return bytes.compare(this.#bytes, this.#start, this.#start + length, start, end) === 0
  }

  /** For a report: where `bytes[start, end)` first differs from the next unused bytes. */
  firstDifference(bytes: Buffer, start: number, end: number): number {
    const length = Math.min(end - start, this.length)
    for (let i = 0; i < length; i++) if (bytes[start + i] !== this.#bytes[this.#start + i]) return i
    return length
  }

  /** The first unused byte, -1 if there is none. */
  peek(): number {
    return this.length === 0 ? -1 : (this.#bytes[this.#start] ?? -1)
  }

  consume(count: number): void {
    this.consumed += count
    if (this.#isAbandoned) return
    this.#start = Math.min(this.#start + count, this.#end)
    if (this.#start === this.#end) this.#beginAnew()
  }

  /** Best effort: whether the same bytes were used a short while ago. */
  wasConsumed(bytes: Buffer, start: number, end: number): boolean {
    const wanted = bytes.subarray(start, end)
    return (
      this.#bytes.subarray(0, this.#start).includes(wanted) ||
      this.#bytes.subarray(this.#end, this.#oldEnd).includes(wanted)
    )
  }

  abandon(): void {
    this.#isAbandoned = true
    this.#bytes = nothing
    this.#start = this.#end = this.#oldEnd = 0
  }

  #beginAnew(): void {
    if (this.#bytes.length > keepUpTo) this.#bytes = nothing
    this.#oldEnd = Math.min(this.#end, this.#bytes.length)
    this.#start = this.#end = 0
  }

  #makeRoom(more: number): void {
    const unused = this.length
    const needed = unused + more
    const isRoomy = needed * 2 <= this.#bytes.length
    const target = isRoomy ? this.#bytes : Buffer.allocUnsafe(Math.max(smallest, 2 ** Math.ceil(Math.log2(needed))))
    this.#bytes.copy(target, 0, this.#start, this.#end)
    this.#bytes = target
    this.#start = 0
    this.#end = unused
    this.#oldEnd = 0
  }
}
