/** A client as the trace tells it: its stream, what it is owed, what it holds. */
import { ByteQueue } from './byte-queue.ts'
import { Deque } from './deque.ts'
import { backend, isFatal, packetCodes, untypedPacket } from './messages.ts'
import type { MessageListener } from './message-scanner.ts'
import { MessageScanner } from './message-scanner.ts'
import { ReplyAccount } from './reply-account.ts'
import type { Original } from './request.ts'
import { originalOf } from './request.ts'
import type { Span } from './rule.ts'
import type { Server } from './server.ts'
import type { Pool, Wait, World } from './world.ts'

export class Client {
  readonly id: number
  /** What the client sent and the pooler has not used. */
  readonly received = new ByteQueue()
  readonly account = new ReplyAccount()
  /** Where it logged in; undefined before that, and on the console. */
  pool: Pool | undefined
  isAuthenticated = false
  isLoggedIn = false
  /** The pooler is done with it: Terminate, a fatal error, or closing. Its replies may be swallowed. */
  isClosing = false
  isClosed = false
  lease: Server | undefined
  wait: Wait | undefined
  /** Who wrote the message to the client that is not complete yet. */
  writer: Server | undefined
  /** Where the messages begin that have come and are not used, but for the rest of one. */
  readonly #heads = new Deque<number>()
  /** What came in the place of the next message that goes to a server. */
  #original: Original | undefined
  /** The type of the message that has come in part. */
  #begun: number | undefined
  readonly #world: World
  readonly #sent: MessageScanner
  readonly #given: MessageScanner

  constructor(id: number, world: World) {
    this.id = id
    this.#world = world
    this.#sent = new MessageScanner(this.#sentListener(), true)
    this.#given = new MessageScanner(this.#givenListener(), false)
  }

  /** What was written to the client ends with a whole message. */
  get isGivenWhole(): boolean {
    return this.#given.isAtBoundary
  }

  /** Whether the next unused byte is the first of a message, as it came. */
  get isAtMessage(): boolean {
    return this.#heads.first() === this.received.consumed && !this.received.isReplaced
  }

  /** Bytes were forwarded or discarded. */
  use(count: number): void {
    this.received.consume(count)
    for (;;) {
      const head = this.#heads.first()
      if (head === undefined || head >= this.received.consumed) return
      this.#heads.shift()
    }
  }

  /** The next `count` bytes, the head of a message or all of it, stand as the span. */
  replace(count: number, { bytes, start, end }: Span): void {
    if (!this.received.isAbandoned) this.#original = originalOf(this.received.front(count))
    this.received.replace(count, bytes, start, end)
  }

  /** What came where the message now complete on a server was put in its place. */
  takeOriginal(): Original | undefined {
    const original = this.#original
    this.#original = undefined
    return original
  }

  read(span: Span): void {
    this.received.append(span.bytes, span.start, span.end)
    this.#sent.feed(span.bytes, span.start, span.end)
  }

  write(span: Span, source: Server | undefined): void {
    this.writer = source
    this.#given.feed(span.bytes, span.start, span.end)
  }

  #sentListener(): MessageListener {
    return {
      began: (type, offset) => {
        this.#begun = type
        this.#heads.push(offset)
      },
      ended: (type, bytes, start, end, offset) => {
        this.#begun = undefined
        if (type === untypedPacket) this.#startup({ bytes, start, end }, offset)
        else if (this.account.sent(type, this.id, offset)) this.#world.counts.requests++
      },
      broke: () => {
        this.#world.counts.peerFaults++
      },
    }
  }

  #startup({ bytes, start, end }: Span, offset: number): void {
    const code = bytes.readInt32BE(start)
    if (code === packetCodes.ssl || code === packetCodes.gss) this.#given.expectRawReply()
    else if (code !== packetCodes.cancel) this.account.sent(untypedPacket, this.id, offset)
    else for (const hear of this.#world.listeners.cancelAsked) hear(bytes.toString('hex', start + 4, end))
  }

  #givenListener(): MessageListener {
    const { listeners } = this.#world
    return {
      began: () => undefined,
      ended: (type, bytes, start, end) => {
        if (type === backend.error && isFatal(bytes, start, end)) this.isClosing = true
        if (type === backend.keyData) this.#key(bytes.toString('hex', start, end))
        const problem = this.account.received(type, this.#begun)
        if (problem !== undefined) for (const hear of listeners.replyUnexplained) hear(this, problem)
        else if (type === backend.ready) this.#ready()
      },
      broke: (why) => {
        for (const hear of listeners.framingBroke) hear(this, why)
      },
    }
  }

  #key(key: string): void {
    for (const hear of this.#world.listeners.keyGiven) hear(this, key)
  }

  #ready(): void {
    this.isLoggedIn = true
    const answered = this.account.isCertain ? this.account.answered : undefined
    const request = this.writer?.readyRead.shift()?.request
    for (const hear of this.#world.listeners.readyGiven) hear(this, this.writer, answered, request)
  }
}
