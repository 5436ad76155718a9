/**
 * Walks a server's chunks by header and hands them on in runs: neighbouring pieces for one reader leave in one write.
 * Whom a message is for, and what it means, is its desk's business; the router asks at every message's head.
 */

import type { Traffic } from '../server/server.ts'
import { Framer, type FramingRules } from '../wire/framer.ts'
import { Backend } from '../wire/messages.ts'
import type { ReplyReader } from './reply-reader.ts'
import { ServerSwallow } from './trace.ts'

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

export class ReplyRouter extends Framer {
  readonly #desk: RouterDesk
  readonly #traffic: Traffic
  /** Who gets the message being received. */
  #reader: ReplyReader | undefined

  constructor(desk: RouterDesk, traffic: Traffic, rules: FramingRules) {
    super(rules)
    this.#desk = desk
    this.#traffic = traffic
  }

  /** Somebody has been given part of a message. */
  get isMidReply(): boolean {
    return this.isTailOutstanding && this.#reader !== undefined
  }

  /** Hot path. Throws `protocol_violation`; what stood in front of the offending message has then been handed on. */
  walk(chunk: Buffer): void {
    let run: Buffer = chunk
    let start = 0
    let end = 0
    let reader: ReplyReader | undefined
    this.push(chunk)
    try {
      while (this.next()) {
        if (this.isHead) this.#reader = this.#desk.route(this)
        if (this.#reader !== reader || this.bytes !== run || this.start !== end) {
          if (start !== end) this.#deliver(run, start, end, reader)
          run = this.bytes
          start = this.start
          reader = this.#reader
        }
        end = this.end
        if (this.type === Backend.readyForQuery) {
          this.#deliver(run, start, end, reader)
          start = end
          this.#desk.answered(run[end - 1] as number)
        }
      }
    } finally {
      if (start !== end) this.#deliver(run, start, end, reader)
    }
  }

  #deliver(bytes: Buffer, start: number, end: number, reader: ReplyReader | undefined): void {
    const run = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
    if (reader === undefined) this.#traffic.usedUp(run.length, this.#desk.swallowReason())
    else if (!reader.reply(run, this.#desk.id)) this.#traffic.usedUp(run.length, ServerSwallow.clientGone)
  }
}
