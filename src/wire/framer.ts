/**
 * Framing: where messages begin and end in a stream of chunks. Bodies are neither copied nor decoded. The framer is
 * pulled: `push` gives it a chunk, each `next` moves to the next piece of it, and between two calls the owner may stop
 * for as long as it likes (a client that waits for a server just isn't pulled).
 *
 * A piece is a whole message, or the first, a middle or the last part of one. For each type `rules.need` says how many
 * bytes of a message must stand together before its first piece is handed out; only those bytes are ever copied, when
 * they arrive in several chunks. `rules.longest` says how long a message may be, 0 that the type is not allowed: both
 * are checked on the header, before anything is kept.
 */

import { TaxirankError } from '../errors.ts'

/** What is allowed, by type byte. All lengths count the whole message, with type byte and length. */
export interface FramingRules {
  readonly need: Uint32Array
  readonly longest: Uint32Array
}

const headerBytes = 5
const keptBytes = 4_096
const noBytes = Buffer.alloc(0)

export class Framer {
  /** The buffer that the current piece lies in, from `start` to `end`. */
  bytes: Buffer = noBytes
  start = 0
  end = 0
  /** Type byte of the current message. */
  type = 0
  /** Bytes of the whole current message. */
  length = 0
  isHead = false
  isTail = false

  readonly #rules: FramingRules
  #chunk: Buffer = noBytes
  #offset = 0
  /** Bytes of the current message that no piece has covered yet. */
  #remaining = 0
  #held: Buffer = noBytes
  #heldBytes = 0
  #isRepeating = false

  constructor(rules: FramingRules) {
    this.#rules = rules
  }

  /** True inside a message: some of it was handed out or is held, and some is still to come. */
  get isMidMessage(): boolean {
    return this.#remaining > 0 || this.#heldBytes > 0
  }

  /** True if some of a message was handed out and the rest is still to come. */
  get isTailOutstanding(): boolean {
    return this.#remaining > 0
  }

  /** Bytes of the pushed chunk that no `next` has reached, and of a message that is held until it is complete enough. */
  get unreadBytes(): number {
    return this.#chunk.length - this.#offset + this.#heldBytes
  }

  /** The next `next` hands out the current piece once more: its owner had stopped at it. */
  again(): void {
    this.#isRepeating = true
  }

  /** Gives the next chunk. The one before must have been read to its end. */
  push(chunk: Buffer): void {
    this.#chunk = chunk
    this.#offset = 0
  }

  /**
   * Hot path. `push` and `next` in one for a chunk that is one short message, no more and no less. False if it is anything
   * else, or nothing that is allowed: then nothing has happened. Not between `again` and the `next` that it is about.
   */
  pushWhole(chunk: Buffer): boolean {
    const length = chunk.length
    if (length < headerBytes || length > keptBytes || this.#remaining > 0 || this.#heldBytes > 0) return false
    const type = chunk[0] as number
    if (bodyLength(chunk, 0) !== length - 1 || length > (this.#rules.longest[type] as number)) return false
    this.type = type
    this.length = length
    this.#chunk = chunk
    this.#offset = length
    this.#handOut(chunk, 0, length)
    return true
  }

  /** The current piece is a whole message, and it is all that was last pushed. */
  get isWholeChunk(): boolean {
    return this.isHead && this.isTail && this.bytes === this.#chunk && this.length === this.#chunk.length
  }

  /** The bytes of the chunk that no `next` has reached, for somebody else to read on. */
  takeRest(): Buffer {
    const rest = this.#chunk.subarray(this.#offset)
    this.#offset = this.#chunk.length
    return rest
  }

  /**
   * Hot path. Moves to the next piece; false when the chunk is used up.
   * Throws `protocol_violation` for a type that isn't allowed or a length outside its limits.
   */
  next(): boolean {
    const chunk = this.#chunk
    const offset = this.#offset
    // The piece is not simply the chunk's next message. No getters: subclasses share this code, and the engine would call them.
    const isUnderWay = this.#remaining > 0 || this.#heldBytes > 0 || this.#isRepeating
    if (offset + headerBytes > chunk.length || isUnderWay) return this.#nextPiece(chunk, offset)
    const type = chunk[offset] as number
    const end = offset + 1 + bodyLength(chunk, offset)
    const isWhole = end <= chunk.length && end >= offset + headerBytes
    if (!isWhole || end - offset > (this.#rules.longest[type] as number)) return this.#nextPiece(chunk, offset)
    this.type = type
    this.length = end - offset
    this.bytes = chunk
    this.start = offset
    this.end = end
    this.isHead = true
    this.isTail = true
    this.#offset = end
    return true
  }

  /** What `next` does where the chunk doesn't have a whole message to go on with. */
  #nextPiece(chunk: Buffer, offset: number): boolean {
    if (this.#isRepeating) {
      this.#isRepeating = false
      return true
    }
    const available = chunk.length - offset
    if (available === 0) return this.#forget(chunk)
    if (this.#remaining > 0) return this.#continue(available)
    if (this.#heldBytes > 0) return this.#nextHeld()
    if (available < headerBytes) return this.#hold(available, headerBytes)

    const want = this.#readHeader(chunk, offset)
    if (available < want) return this.#hold(available, want)
    const covered = this.length < available ? this.length : available
    this.#handOut(chunk, offset, covered)
    this.#offset = offset + covered
    return true
  }

  /** A large chunk that is used up isn't kept alive for as long as its connection is silent. */
  #forget(chunk: Buffer): false {
    if (chunk.length > keptBytes) {
      this.#chunk = noBytes
      this.#offset = 0
      this.bytes = noBytes
    }
    return false
  }

  /** Reads the header at `offset` and checks it. Returns how many bytes the first piece needs. */
  #readHeader(bytes: Buffer, offset: number): number {
    const type = bytes[offset] as number
    const body = bodyLength(bytes, offset)
    const length = body + 1
    const longest = this.#rules.longest[type] as number
    if (body < 4 || length > longest) throw refusal(type, body, longest)
    this.type = type
    this.length = length
    const need = this.#rules.need[type] as number
    return length < need ? length : need
  }

  #handOut(bytes: Buffer, start: number, covered: number): void {
    this.bytes = bytes
    this.start = start
    this.end = start + covered
    this.#remaining = this.length - covered
    this.isHead = true
    this.isTail = this.#remaining === 0
  }

  #continue(available: number): boolean {
    const covered = this.#remaining < available ? this.#remaining : available
    this.bytes = this.#chunk
    this.start = this.#offset
    this.end = this.#offset + covered
    this.#offset = this.end
    this.#remaining -= covered
    this.isHead = false
    this.isTail = this.#remaining === 0
    return true
  }

  /** Keeps the chunk's last bytes until `want` of them stand together. */
  #hold(available: number, want: number): false {
    this.#held = Buffer.allocUnsafeSlow(Math.min(want, Math.max(keptBytes, 2 * available)))
    this.#chunk.copy(this.#held, 0, this.#offset)
    this.#heldBytes = available
    this.#offset = this.#chunk.length
    return false
  }

  /** Goes on filling what is held: first the header, then, its length known and allowed, what the type needs. */
  #nextHeld(): boolean {
    if (this.#heldBytes < headerBytes && !this.#fillHeld(headerBytes)) return false
    const want = this.#readHeader(this.#held, 0)
    if (!this.#fillHeld(want)) return false
    const held = this.#held
    this.#held = noBytes
    this.#heldBytes = 0
    this.#handOut(held, 0, want)
    return true
  }

  #fillHeld(want: number): boolean {
    if (want > this.#held.length) this.#growHeld(want)
    const copied = this.#chunk.copy(this.#held, this.#heldBytes, this.#offset, this.#offset + want - this.#heldBytes)
    this.#heldBytes += copied
    this.#offset += copied
    return this.#heldBytes === want
  }

  /** As the bytes come: who only announces a long message takes no room for it. */
  #growHeld(want: number): void {
    const filled = this.#heldBytes + this.#chunk.length - this.#offset
    if (filled <= this.#held.length) return
    const larger = Buffer.allocUnsafeSlow(Math.min(want, 2 * filled))
    this.#held.copy(larger, 0, 0, this.#heldBytes)
    this.#held = larger
  }
}

/** The length field of the message at `offset`: it counts itself and the body, not the type byte. */
function bodyLength(bytes: Buffer, offset: number): number {
  const signed =
    ((bytes[offset + 1] as number) << 24) |
    ((bytes[offset + 2] as number) << 16) |
    ((bytes[offset + 3] as number) << 8) |
    (bytes[offset + 4] as number)
  return signed >>> 0
}

function refusal(type: number, body: number, longest: number): TaxirankError {
  const name = type > 32 && type < 127 ? `'${String.fromCharCode(type)}'` : `0x${type.toString(16).padStart(2, '0')}`
  if (longest === 0) return new TaxirankError('protocol_violation', `message type ${name} is not allowed here`)
  const range = `4 to ${longest - 1}`
  return new TaxirankError('protocol_violation', `message ${name} has length ${body}; allowed here: ${range}`)
}
