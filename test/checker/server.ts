/** A server as the trace tells it: its stream, what it owes, who holds it. */
import { ByteQueue } from './byte-queue.ts'
import type { Client } from './client.ts'
import { Deque } from './deque.ts'
import type { MessageListener } from './message-scanner.ts'
import { MessageScanner } from './message-scanner.ts'
import {
  backend,
  dropTag,
  frontend,
  isAsynchronous,
  isFatal,
  packetCodes,
  sessionAuthorization,
  statementName,
  untypedPacket,
} from './messages.ts'
import { OwnerRuns } from './owner-runs.ts'
import type { Entry } from './reply-account.ts'
import { ReplyAccount, isExtended } from './reply-account.ts'
import { requestOf } from './request.ts'
import type { Span } from './rule.ts'
import type { Pool, World } from './world.ts'

/** A ReadyForQuery that was read and not yet used: where it ends, and where the request ends that it answers. */
interface ReadyRead {
  readonly end: number
  readonly request: number
}

/** A reply that was read and not yet used, and that may be replaced: where it begins, and its type. */
interface Replaceable {
  readonly from: number
  readonly type: number
}

export class Server {
  readonly id: number
  readonly pool: Pool
  /** What the server sent and the pooler has not used. */
  readonly received = new ByteQueue()
  readonly owners = new OwnerRuns()
  readonly account = new ReplyAccount()
  /** ReadyForQuery for clients' requests, in order. */
  readonly readyRead = new Deque<ReadyRead>()
  readonly #replaceable = new Deque<Replaceable>()
  holder: Client | undefined
  isReady = false
  isDestroyed = false
  /** The transaction status of the last ReadyForQuery. */
  status = ''
  /** Named statements that were Parsed here since the server was opened. */
  namedParses = 0
  authorizationAtLogin: string | undefined
  authorization: string | undefined
  /** Why what the server sent can't be cut into messages. */
  garbled: string | undefined
  /** Who wrote the message to the server that is not complete yet, or the last one. */
  writer: Client | undefined
  readonly #world: World
  readonly #sent: MessageScanner
  readonly #came: MessageScanner
  /** Where the message that is coming in began. */
  #cameFrom = 0
  /** From offsets of what was written here to offsets of the writing client's stream. */
  #shift = 0

  constructor(id: number, pool: Pool, world: World) {
    this.id = id
    this.pool = pool
    this.#world = world
    this.#sent = new MessageScanner(this.#sentListener(), true)
    this.#came = new MessageScanner(this.#cameListener(), false)
  }

  get isSentWhole(): boolean {
    return this.#sent.isAtBoundary
  }

  get isReceivedWhole(): boolean {
    return this.#came.isAtBoundary
  }

  read(span: Span): void {
    this.received.append(span.bytes, span.start, span.end)
    this.#came.feed(span.bytes, span.start, span.end)
  }

  /** Call before the bytes are taken from the source's stream. */
  write(span: Span, source: Client | undefined): void {
    this.writer = source
    this.#shift = source === undefined ? 0 : source.received.base - this.#sent.offset
    this.#sent.feed(span.bytes, span.start, span.end)
  }

  /** The type of the reply that is next to be used, if another may take its place. */
  get replaceable(): number | undefined {
    const next = this.#replaceable.first()
    return next?.from === this.received.consumed && !this.received.isReplaced ? next.type : undefined
  }

  /** Bytes were forwarded or swallowed. */
  use(count: number): void {
    this.received.consume(count)
    const { consumed } = this.received
    for (let next = this.readyRead.first(); next && next.end <= consumed; next = this.readyRead.first()) {
      this.readyRead.shift()
    }
    for (let next = this.#replaceable.first(); next && next.from < consumed; next = this.#replaceable.first()) {
      this.#replaceable.shift()
    }
  }

  #sentListener(): MessageListener {
    const { listeners } = this.#world
    return {
      began: (type) => {
        for (const hear of listeners.requestBegan) hear(this, type)
      },
      ended: (type, bytes, start, end, offset) => {
        if (type === untypedPacket) this.#startup(bytes.readInt32BE(start), offset)
        else this.#request(type, { bytes, start, end }, offset)
      },
      broke: (why) => {
        for (const hear of listeners.framingBroke) hear(this, why)
      },
    }
  }

  #startup(code: number, offset: number): void {
    if (code === packetCodes.ssl || code === packetCodes.gss) this.#came.expectRawReply()
    else if (code !== packetCodes.cancel) this.account.sent(untypedPacket, 0, offset)
  }

  #request(type: number, body: Span, offset: number): void {
    if (type === frontend.parse) this.#parse(type, body)
    const request = requestOf(type, body, this.writer?.takeOriginal())
    this.account.sent(type, this.writer?.id ?? 0, offset + this.#shift, request)
    for (const hear of this.#world.listeners.requestSent) hear(this, this.writer, type, body)
  }

  #parse(type: number, body: Span): void {
    const name = statementName(type, body.bytes, body.start, body.end) ?? ''
    if (name !== '') this.namedParses++
  }

  #cameListener(): MessageListener {
    return {
      began: (type, offset) => {
        this.#cameFrom = offset
        this.owners.mark(offset, this.#ownerOf(type))
      },
      ended: (type, bytes, start, end, offset) => this.#reply(type, bytes, start, end, offset),
      broke: (why) => {
        this.garbled = why
        this.#world.counts.peerFaults++
      },
    }
  }

  /**
   * Whose the next message is: the oldest unanswered request's. An ErrorResponse to what the pooler has put into a
   * client's group is that client's. One to a request of the pooler's own may be given to the holder as long as it may
   * still prove fatal (the guard around SET): nothing behind it runs then.
   */
  #ownerOf(type: number): number {
    const unasked = this.holder === undefined ? 0 : -this.holder.id
    const { head } = this.account
    // What a client listens to it may hear from elsewhere.
    if (head === undefined || !this.account.isCertain || type === backend.notification) return unasked
    if (head.owner !== 0) return head.owner
    if (type === backend.error) return this.#groupsClient(head) || unasked
    return isAsynchronous(type) ? unasked : 0
  }

  /** The client in whose group the pooler has put this message of its own, perhaps in front of one that is half sent. */
  #groupsClient({ type, group }: Entry): number {
    if (!isExtended(type)) return 0
    if (group.client !== 0) return group.client
    return this.isSentWhole ? 0 : (this.writer?.id ?? 0)
  }

  #reply(type: number, bytes: Buffer, start: number, end: number, offset: number): void {
    const { head } = this.account
    if (type === backend.parameterStatus) this.#parameter(bytes, start, end)
    if (type === backend.error && head?.owner === 0 && !this.#groupsClient(head) && !isFatal(bytes, start, end)) {
      this.owners.mark(Math.max(this.#cameFrom, this.received.consumed), 0)
    }
    if (type === backend.commandComplete) this.#completed({ bytes, start, end }, head)
    if (this.account.received(type) !== undefined) this.#world.counts.peerFaults++
    if (this.account.isCertain) this.#settled(type)
    if (type === backend.emptyQuery && isQuiet(head)) this.#replaceable.push({ from: this.#cameFrom, type })
    if (type === backend.ready) this.#ready(bytes[start] ?? 0, offset)
  }

  #settled(type: number): void {
    const settled = this.account.answered ?? this.account.failed
    if (settled === undefined) return
    const original = settled.request?.original
    if (original && (type === backend.error || isStandIn(settled, type))) {
      this.#replaceable.push({ from: this.#cameFrom, type })
    }
    for (const hear of this.#world.listeners.requestSettled) hear(this, settled, type === backend.error)
  }

  #completed(body: Span, head: Entry | undefined): void {
    if (head === undefined || !this.account.isCertain) return
    const dropped = dropTag(body.bytes, body.start, body.end)
    if (dropped === undefined) return
    // Nothing of a client's is under way when the pooler itself drops all.
    if (dropped === 'all' && head.owner === 0) this.namedParses = 0
    for (const hear of this.#world.listeners.statementsDropped) hear(this, head.owner, dropped)
  }

  #ready(status: number, end: number): void {
    this.status = String.fromCharCode(status)
    const { answered } = this.account
    if (answered && answered.owner !== 0) this.readyRead.push({ end, request: answered.offset })
  }

  #parameter(bytes: Buffer, start: number, end: number): void {
    const value = sessionAuthorization(bytes, start, end)
    if (value === undefined) return
    this.authorization = value
    if (!this.isReady) this.authorizationAtLogin = value
  }
}

/** A Query that was replaced. */
function isQuiet(head: Entry | undefined): boolean {
  return head?.type === frontend.query && head.request?.original !== undefined
}

/** A CloseComplete to a Close that took the place of a Parse. */
function isStandIn({ type, request }: Entry, reply: number): boolean {
  return reply === backend.closeComplete && type === frontend.close && request?.original?.type === frontend.parse
}
