/**
 * Reads a client's chunks by header and forwards them in runs: neighbouring pieces leave in one write. What becomes of a
 * message, its desk decides at its head. The framer is pulled: when the desk says stop (the client has to wait for a
 * server), the chunk stays where it is, and what comes meanwhile lies in the backlog.
 */

import type { Traffic } from '../client/client.ts'
import { Framer } from '../wire/framer.ts'
import { Frontend, frontendRules } from '../wire/messages.ts'
import type { MessageBytes } from '../wire/read.ts'
import { ClientDiscard } from './trace.ts'

/** A number discards the message for that reason of docs/trace.md, record 7. */
export type Fate = 'forward' | 'stop' | number

/** A message of which at least the head has been read. */
export interface RequestHead extends MessageBytes {
  readonly type: number
  /** The bytes from `start` to `end` are the whole message. */
  readonly isTail: boolean
}

export interface ReaderDesk {
  /** Reading must not go on: a server is waited for, a cancel is under way, the client is leaving. */
  readonly isStopped: boolean
  /** Nothing more is to be read, ever. */
  readonly isOver: boolean
  /** A message begins. */
  admit(head: RequestHead): Fate
  forward(bytes: Uint8Array): void
  /** A message that was forwarded in parts has been forwarded to its end. */
  completed(): void
  /** A message of this type has been discarded to its end. */
  discarded(type: number): void
  /** Terminate: what stood in front of it has been forwarded. */
  saidGoodbye(): void
}

export class RequestReader {
  readonly #desk: ReaderDesk
  readonly #traffic: Traffic
  readonly #framer = new Framer(frontendRules)
  readonly #backlog: Buffer[] = []
  #backlogBytes = 0
  #fate: Fate = 'forward'

  constructor(desk: ReaderDesk, traffic: Traffic) {
    this.#desk = desk
    this.#traffic = traffic
  }

  /** Bytes that came while reading was stopped. */
  get backlogBytes(): number {
    return this.#backlogBytes
  }

  /** Part of a message has come, and the rest is still to come. */
  get isMidMessage(): boolean {
    return this.#framer.isMidMessage
  }

  /** Part of a message was forwarded, and the rest is still to come. */
  get isMidForward(): boolean {
    return this.#framer.isTailOutstanding && this.#fate === 'forward'
  }

  /** The message at which reading stopped. */
  get head(): RequestHead {
    return this.#framer
  }

  /** Hot path. Throws `protocol_violation`; what stood in front of the offending message has then been forwarded. */
  read(chunk: Buffer): void {
    if (this.#desk.isStopped || this.#backlog.length > 0) {
      this.#backlog.push(chunk)
      this.#backlogBytes += chunk.length
      return
    }
    this.#framer.push(chunk)
    this.#readOn()
  }

  /** Goes on with the message at which reading stopped, then with the backlog. */
  resumeAtHead(): void {
    this.#framer.again()
    this.#readOn()
  }

  /** Discards what is there of the message at which reading stopped. `resumeBehindHead` goes on. */
  discardHead(reason: number): void {
    this.#fate = reason
    this.#traffic.usedUp(this.#framer.end - this.#framer.start, reason)
  }

  resumeBehindHead(): void {
    this.#readOn()
  }

  discardBacklog(): void {
    this.#backlog.length = 0
    this.#backlogBytes = 0
  }

  #readOn(): void {
    while (this.#readChunk() && !this.#desk.isStopped) {
      const next = this.#backlog.length === 0 ? undefined : this.#backlog.shift()
      if (!next) return
      this.#backlogBytes -= next.length
      this.#framer.push(next)
    }
  }

  /** Hot path. False if reading stopped before the chunk's end. */
  #readChunk(): boolean {
    const framer = this.#framer
    let run: Buffer = framer.bytes
    let start = 0
    let end = 0
    let isGoodbye = false
    try {
      while (!isGoodbye && framer.next()) {
        if (framer.isHead) {
          isGoodbye = framer.type === Frontend.terminate
          if (isGoodbye) continue
          this.#fate = this.#desk.admit(framer)
          if (this.#fate === 'stop') return false
        }
        if (typeof this.#fate === 'number') {
          this.#forward(run, start, end)
          start = end
          if (!this.#discard(this.#fate)) return false
          continue
        }
        if (framer.bytes !== run || framer.start !== end || start === end) {
          this.#forward(run, start, end)
          run = framer.bytes
          start = framer.start
        }
        end = framer.end
        if (framer.isTail && !framer.isHead) {
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
    if (start < end) this.#desk.forward(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
  }

  /** False if that was the last that is to be read. */
  #discard(reason: number): boolean {
    const { start, end, isTail, type } = this.#framer
    this.#traffic.usedUp(end - start, reason)
    if (isTail) this.#desk.discarded(type)
    return !this.#desk.isOver
  }

  #goodbye(): false {
    this.#traffic.usedUp(this.#framer.length, ClientDiscard.terminate)
    this.#desk.saidGoodbye()
    return false
  }
}
