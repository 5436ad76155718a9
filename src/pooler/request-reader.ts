/**
 * Reads a client's chunks by header and forwards them in runs: neighbouring pieces leave in one write. What becomes of a
 * message, its desk decides at its head. The framer is pulled: when the desk says stop (the client has to wait for a
 * server), the chunk stays where it is, and what comes meanwhile lies in the backlog.
 */

import type { Traffic } from '../client/client.ts'
import { Framer, type FramingRules } from '../wire/framer.ts'
import { Frontend, frontendRules } from '../wire/messages.ts'
import type { MessageBytes } from '../wire/read.ts'
import type { Replacement } from './server-statements.ts'
import { ClientDiscard } from './trace.ts'

/** `replace`: the desk is asked what goes in place of its beginning. A number discards it for that reason of docs/trace.md, record 7. */
export type Fate = 'forward' | 'replace' | 'stop' | number

/** A message of which at least the head has been read. */
export interface RequestHead extends MessageBytes {
  readonly type: number
  /** The bytes from `start` to `end` are the whole message. */
  readonly isTail: boolean
}

export interface ReaderDesk {
  /** Reading must not go on: a server is waited for, a cancel or too long a pipeline is under way, the client is leaving. */
  readonly isStopped: boolean
  /** Nothing more is to be read, ever. */
  readonly isOver: boolean
  /** A message begins. `stop`: it is asked about again at the next `resume`. */
  admit(head: RequestHead): Fate
  /** What stood in front of it has been forwarded. Undefined: it goes as it is. */
  replace(head: RequestHead): Replacement | undefined
  forward(bytes: Uint8Array): void
  /** A further piece of a Query or Parse is about to be forwarded. */
  goesOn(piece: MessageBytes): void
  /** A message that was forwarded in parts has been forwarded to its end. */
  completed(): void
  /** A message of this type has been discarded to its end. */
  discarded(type: number): void
  /** Terminate: what stood in front of it has been forwarded. */
  saidGoodbye(): void
}

/** Hot path. */
function isText(type: number): boolean {
  return type === Frontend.query || type === Frontend.parse
}

export class RequestReader extends Framer {
  readonly #desk: ReaderDesk
  readonly #traffic: Traffic
  /** Undefined until something has to wait: most clients never need it. */
  #backlog: Buffer[] | undefined = undefined
  #backlogBytes = 0
  #fate: Fate = 'forward'

  constructor(desk: ReaderDesk, traffic: Traffic, rules: FramingRules = frontendRules) {
    super(rules)
    this.#desk = desk
    this.#traffic = traffic
  }

  /** Bytes that came while reading was stopped. */
  get backlogBytes(): number {
    return this.#backlogBytes
  }

  /** Part of a message was forwarded, and the rest is still to come. */
  get isMidForward(): boolean {
    return this.isTailOutstanding && this.#fate === 'forward'
  }

  /** The message at which reading stopped. */
  get head(): RequestHead {
    return this
  }

  /** Hot path. Throws `protocol_violation`; what stood in front of the offending message has then been forwarded. */
  read(chunk: Buffer): void {
    if (this.#desk.isStopped || this.#backlogBytes > 0) {
      ;(this.#backlog ??= []).push(chunk)
      this.#backlogBytes += chunk.length
      return
    }
    if (this.pushWhole(chunk)) {
      this.#readWhole()
    } else {
      this.push(chunk)
      this.#readOn()
    }
  }

  /** Goes on where reading stopped: with the message at which the desk said stop, if it did; then with the backlog. */
  resume(): void {
    if (this.#fate !== 'stop') return this.#readOn()
    if (!this.isWholeChunk) {
      this.again()
      this.#readOn()
    } else if (this.#readWhole() && this.#backlogBytes > 0) {
      this.#readOn()
    }
  }

  /** Discards what is there of the message at which reading stopped. `resume` goes on behind it. */
  discardHead(reason: number): void {
    this.#fate = reason
    this.#traffic.usedUp(this.end - this.start, reason)
  }

  discardBacklog(): void {
    this.#backlog = undefined
    this.#backlogBytes = 0
  }

  #readOn(): void {
    while (this.#readChunk() && !this.#desk.isStopped) {
      const next = this.#backlog?.shift()
      if (!next) return
      this.#backlogBytes -= next.length
      this.push(next)
    }
  }

  /**
   * Hot path. What `#readChunk` does, for a chunk that is one whole message: as most are. False if reading stopped at it.
   */
  #readWhole(): boolean {
    if (this.type === Frontend.terminate) return this.#goodbye()
    const fate = this.#desk.admit(this)
    this.#fate = fate
    if (fate === 'forward') {
      this.#desk.forward(this.bytes)
      return true
    }
    if (fate === 'stop') return false
    if (fate !== 'replace') return this.#discard(fate)
    this.#forward(this.bytes, this.#replace(), this.end)
    return true
  }

  /** Hot path. What goes in place of the message's beginning is forwarded; returns where the rest begins. */
  #replace(): number {
    this.#fate = 'forward'
    const replacement = this.#desk.replace(this)
    if (!replacement) return this.start
    const { count, bytes } = replacement
    this.#traffic.replaced(count, bytes)
    this.#desk.forward(bytes)
    return this.start + count
  }

  /** Hot path. False if reading stopped before the chunk's end. */
  #readChunk(): boolean {
    let run: Buffer = this.bytes
    let start = 0
    let end = 0
    let isGoodbye = false
    try {
      while (!isGoodbye && this.next()) {
        if (this.isHead) {
          isGoodbye = this.type === Frontend.terminate
          if (isGoodbye) continue
          this.#fate = this.#desk.admit(this)
          if (this.#fate === 'stop') return false
          if (this.#fate === 'replace') {
            this.#forward(run, start, end)
            run = this.bytes
            // Whoever throws now leaves nothing behind that would be forwarded.
            start = end = this.end
            start = this.#replace()
            continue
          }
        }
        if (typeof this.#fate === 'number') {
          this.#forward(run, start, end)
          start = end
          if (!this.#discard(this.#fate)) return false
          continue
        }
        if (!this.isHead && isText(this.type)) this.#desk.goesOn(this)
        if (this.bytes !== run || this.start !== end || start === end) {
          this.#forward(run, start, end)
          run = this.bytes
          start = this.start
        }
        end = this.end
        if (this.isTail && !this.isHead) {
          this.#forward(run, start, end)
          start = end
          this.#desk.completed()
        }
      }
    } finally {
      this.#forward(run, start, end)
    }
    return isGoodbye ? this.#goodbye() : true
  }

  #forward(bytes: Buffer, start: number, end: number): void {
    if (start >= end) return
    this.#desk.forward(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
  }

  /** False if that was the last that is to be read. */
  #discard(reason: number): boolean {
    const { start, end, isTail, type } = this
    this.#traffic.usedUp(end - start, reason)
    if (isTail) this.#desk.discarded(type)
    return !this.#desk.isOver
  }

  #goodbye(): false {
    this.#traffic.usedUp(this.length, ClientDiscard.terminate)
    this.#desk.saidGoodbye()
    return false
  }
}
