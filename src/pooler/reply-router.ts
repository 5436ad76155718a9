/**
 * Walks a server's chunks by header and hands them on in runs: neighbouring pieces for one reader leave in one write.
 * Whom a message is for, and what it means, is its desk's business; the router asks at every message's head.
 */

import type { Traffic } from '../server/server.ts'
import { Framer } from '../wire/framer.ts'
import { Backend, backendRules } from '../wire/messages.ts'
import type { ReplyReader } from './reply-reader.ts'

export interface RouterDesk {
  /** Id of the server whose chunks these are. */
  readonly id: number
  /** A message begins: who gets it; undefined: nobody. */
  route(framer: Framer): ReplyReader | undefined
  /** Why what nobody gets goes nowhere: a reason of docs/trace.md, record 14. */
  swallowReason(): number
  /** A ReadyForQuery with this status has been handed on. */
  answered(status: number): void
}

export class ReplyRouter {
  readonly #desk: RouterDesk
  readonly #traffic: Traffic
  readonly #framer = new Framer(backendRules)
  /** Who gets the message being received. */
  #reader: ReplyReader | undefined

  constructor(desk: RouterDesk, traffic: Traffic) {
    this.#desk = desk
    this.#traffic = traffic
  }

  /** Part of a message has been received, and the rest is still to come. */
  get isMidMessage(): boolean {
    return this.#framer.isMidMessage
  }

  /** Somebody has been given part of a message. */
  get isMidReply(): boolean {
    return this.#framer.isTailOutstanding && this.#reader !== undefined
  }

  /** Hot path. Throws `protocol_violation`; what stood in front of the offending message has then been handed on. */
  walk(chunk: Buffer): void {
    const framer = this.#framer
    let run: Buffer = chunk
    let start = 0
    let end = 0
    let reader: ReplyReader | undefined
    framer.push(chunk)
    try {
      while (framer.next()) {
        if (framer.isHead) this.#reader = this.#desk.route(framer)
        if (this.#reader !== reader || framer.bytes !== run || framer.start !== end) {
          this.#deliver(run, start, end, reader)
          run = framer.bytes
          start = framer.start
          reader = this.#reader
        }
        end = framer.end
        if (framer.type === Backend.readyForQuery) {
          this.#deliver(run, start, end, reader)
          start = end
          this.#desk.answered(run[end - 1] as number)
        }
      }
    } finally {
      this.#deliver(run, start, end, reader)
    }
  }

  #deliver(bytes: Buffer, start: number, end: number, reader: ReplyReader | undefined): void {
    if (start === end) return
    if (reader?.isReading) {
      reader.reply(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.#desk.id)
      return
    }
    this.#traffic.usedUp(end - start, this.#desk.swallowReason())
  }
}
