/**
 * The bytes of one stream that were read and not yet used. One buffer per stream, reused; its size follows what is
 * unused, not what went through. `consumed` is the stream's offset of the first unused byte. Bytes at the front may be
 * replaced; offsets stay those of the stream as it came.
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
  /** Unused bytes at the front that stand for others, and how many of the stream's they stand for. */
  #standing = 0
  #stoodFor = 0

  get length(): number {
    return this.#end - this.#start
  }

  /** True once a difference was found: nothing sensible can be said about the rest of the stream. */
  get isAbandoned(): boolean {
    return this.#isAbandoned
  }

  /** True until the last byte that stands for others is used. */
  get isReplaced(): boolean {
    return this.#standing > 0
  }

  /** What makes an offset of the stream of a count of bytes from here on, behind what was replaced. */
  get base(): number {
    return this.consumed + this.#stoodFor - this.#standing
  }

  /** The stream's offset behind the next `count` bytes; what stands for others has but one end. */
  offsetAfter(count: number): number {
    return this.base + Math.max(count, this.#standing)
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

  /** The next bytes, at most `count`; valid until the queue changes. */
  front(count: number): Buffer {
    return this.#bytes.subarray(this.#start, Math.min(this.#start + count, this.#end))
  }

  /** Puts `bytes[start, end)` in the place of the next `count` bytes, which must be there, and as they came. */
  replace(count: number, bytes: Buffer, start: number, end: number): void {
    this.#standing = end - start
    this.#stoodFor = count
    if (this.#isAbandoned) return
    const restAt = this.#start + count
    if (restAt < this.#standing) this.#replaceAll([bytes.subarray(start, end), this.#bytes.subarray(restAt, this.#end)])
    else {
      this.#start = restAt - this.#standing
      bytes.copy(this.#bytes, this.#start, start, end)
    }
  }

  consume(count: number): void {
    if (count < this.#standing) this.#standing -= count
    else {
      this.consumed = this.offsetAfter(count)
      this.#standing = this.#stoodFor = 0
    }
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

  /** There is no room in front of the rest. */
  #replaceAll(pieces: readonly Buffer[]): void {
    this.#bytes = Buffer.concat(pieces)
    this.#start = this.#oldEnd = 0
    this.#end = this.#bytes.length
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
