/**
 * Walks one direction of one connection message by message, fed in pieces of any size. It copies nothing but the
 * beginning of a message that arrives in pieces, which is where names, severities and states stand; of a Parse, all of it.
 */
import { backend, frontend, packetCodes, rawReply, untypedPacket } from './messages.ts'

export interface MessageListener {
  /** The first byte of a message; `offset` is its place in the stream. */
  began(type: number, offset: number): void
  /** A whole message has passed. `bytes[start, end)` is its body, or the body's beginning; `offset` is its end. */
  ended(type: number, bytes: Buffer, start: number, end: number, offset: number): void
  /** The stream can't be cut any further. Called once. */
  broke(reason: string): void
}

const headerBytes = 5
const longestMessage = 0x4000_0002
const longestPacket = 10_000
/** How much of the body of a message in pieces is kept. */
const keptBytes = 2048
const nothing = Buffer.alloc(0)

export class MessageScanner {
  readonly #listener: MessageListener
  /** Bytes fed so far. */
  offset = 0
  readonly #isFrontend: boolean
  #isUntyped: boolean
  #isBroken = false
  #rawReplies = 0
  /** Of a message in pieces: header and the body's beginning. */
  #kept = nothing
  #keptLength = 0
  /** Bytes to come until the message's end; 0 while its length is not known. */
  #left = 0
  #isInside = false

  /** `isUntyped`: the stream begins with packets without a type, as a frontend's does. */
  constructor(listener: MessageListener, isUntyped: boolean) {
    this.#listener = listener
    this.#isFrontend = isUntyped
    this.#isUntyped = isUntyped
  }

  get isAtBoundary(): boolean {
    return !this.#isInside
  }

  get isBroken(): boolean {
    return this.#isBroken
  }

  /** The next message is a single byte (unless it is an ErrorResponse): the answer to SSLRequest or GSSENCRequest. */
  expectRawReply(): void {
    this.#rawReplies++
  }

  feed(bytes: Buffer, start: number, end: number): void {
    const base = this.offset - start
    let at = start
    while (at < end && !this.#isBroken) {
      if (this.#isInside) at = this.#continue(bytes, at, end, base)
      else if (this.#isUntyped || this.#rawReplies > 0 || end - at < headerBytes) at = this.#begin(bytes, at, base)
      else {
        const size = 1 + bytes.readUInt32BE(at + 1)
        if (size < headerBytes || size > longestMessage || at + size > end) at = this.#begin(bytes, at, base)
        else {
          const type = bytes[at] ?? 0
          this.#listener.began(type, base + at)
          this.#listener.ended(type, bytes, at + headerBytes, at + size, base + at + size)
          at += size
        }
      }
    }
    this.offset = base + end
  }

  /** The slow path: a message in pieces, an untyped packet or a raw reply. Uses no byte unless it is a raw reply. */
  #begin(bytes: Buffer, at: number, base: number): number {
    const type = this.#isUntyped ? untypedPacket : (bytes[at] ?? 0)
    if (this.#rawReplies > 0 && type !== backend.error) {
      this.#rawReplies--
      this.#listener.began(rawReply, base + at)
      this.#listener.ended(rawReply, bytes, at, at + 1, base + at + 1)
      return at + 1
    }
    this.#isInside = true
    this.#keptLength = 0
    this.#left = 0
    this.#listener.began(type, base + at)
    return at
  }

  #continue(bytes: Buffer, at: number, end: number, base: number): number {
    const header = this.#isUntyped ? 4 : headerBytes
    if (this.#left === 0) {
      const taken = this.#keep(bytes, at, Math.min(end, at + header - this.#keptLength))
      if (this.#keptLength < header) return at + taken
      if (this.#hasNoBody(header)) this.#end(header, base + at + taken)
      return at + taken
    }
    const taken = Math.min(this.#left, end - at)
    this.#keep(bytes, at, at + (this.#isKeptWhole ? taken : Math.min(taken, header + keptBytes - this.#keptLength)))
    this.#left -= taken
    if (this.#left === 0) this.#end(header, base + at + taken)
    return at + taken
  }

  #keep(bytes: Buffer, start: number, end: number): number {
    const needed = this.#keptLength + end - start
    if (needed > this.#kept.length) this.#makeRoom(needed)
    bytes.copy(this.#kept, this.#keptLength, start, end)
    this.#keptLength += Math.max(0, end - start)
    return end - start
  }

  get #isKeptWhole(): boolean {
    return this.#isFrontend && this.#kept[0] === frontend.parse && !this.#isUntyped
  }

  #makeRoom(needed: number): void {
    const larger = Buffer.allocUnsafe(Math.max(headerBytes + keptBytes, needed, 2 * this.#kept.length))
    this.#kept.copy(larger, 0, 0, this.#keptLength)
    this.#kept = larger
  }

  /** Reads the length, and tells whether the message ends with it. */
  #hasNoBody(header: number): boolean {
    const length = this.#kept.readUInt32BE(header - 4)
    const least = this.#isUntyped ? 8 : 4
    const most = this.#isUntyped ? longestPacket : longestMessage
    if (length < least || length > most) {
      this.#break(`a message says it is ${length} bytes long`)
      return false
    }
    this.#left = length - 4
    return this.#left === 0
  }

  #end(header: number, offset: number): void {
    const type = this.#isUntyped ? untypedPacket : (this.#kept[0] ?? 0)
    this.#isInside = false
    if (this.#isUntyped) this.#isUntyped = this.#isAnotherPacketToCome()
    const kept = this.#kept
    this.#kept = nothing
    this.#listener.ended(type, kept, header, this.#keptLength, offset)
  }

  #isAnotherPacketToCome(): boolean {
    const code = this.#kept.readUInt32BE(4)
    return code === packetCodes.ssl || code === packetCodes.gss || code === packetCodes.cancel
  }

  #break(reason: string): void {
    this.#isBroken = true
    this.#listener.broke(reason)
  }
}
