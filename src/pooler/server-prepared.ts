/**
 * The named statements that one server has, under our names: what is there by what has been answered, what will be there if nothing fails, and which of
 * them gives way to a new one. Whether a Parse or Close has run is known when it is answered: an error in front of it makes PostgreSQL skip it.
 */

import { assert } from '../assert.ts'
import { List, Node } from '../engine/list.ts'
import { closeStatement } from '../wire/statement-name.ts'
import type { PreparedStatement } from './prepared-statements.ts'
import type { MessageNote, ReplyQueue } from './reply-queue.ts'
import type { Tally } from './tally.ts'

/** Who sends what must be sent. */
export interface PreparedDesk {
  readonly tally: Pick<Tally, 'serverParses'>
  /** Bytes of the pooler's own. */
  write(bytes: Buffer): void
}

/** What one Parse makes. */
interface Made {
  /** The lease in which it was prepared, or used in a way that nobody else may meet. */
  lease: number
  /** It is not used again. */
  isExpired: boolean
}

/** One statement on the server. It stands in the list of those that are kept if `coming` says that it will be there. */
class Prepared extends Node {
  readonly statement: PreparedStatement
  /** By what has been answered; undefined: it is not there. */
  there: Made | undefined = undefined
  /** If nothing that was sent fails. */
  coming: Made | undefined = undefined
  /** The last Parse or Close of it that has not been answered, */
  pending: MessageNote | undefined = undefined
  /** and in which group a Parse was sent last; -1: a Close was. */
  group = -1

  constructor(statement: PreparedStatement) {
    super()
    this.statement = statement
  }
}

export class ServerPrepared {
  readonly #queue: ReplyQueue
  readonly #most: number
  readonly #desk: PreparedDesk
  readonly #all = new Map<PreparedStatement, Prepared>()
  /** The one that was not used for longest first. */
  readonly #kept = new List<Prepared>()
  #lease = 0

  /** `most` are kept. */
  constructor(queue: ReplyQueue, most: number, desk: PreparedDesk) {
    this.#queue = queue
    this.#most = most
    this.#desk = desk
  }

  /** How many it has, if nothing that was sent fails. */
  get size(): number {
    return this.#kept.size
  }

  /** Closes that were skipped, again and again, have left far more than may be kept. */
  get isOverfull(): boolean {
    return this.#kept.size > 2 * this.#most + 100
  }

  leaseBegan(): void {
    this.#lease++
  }

  /** What was prepared in this lease, or used where `isTouched` was said, is not used again. */
  expireLease(): void {
    for (const { there, coming } of this.#all.values()) {
      if (there?.lease === this.#lease) there.isExpired = true
      if (coming?.lease === this.#lease) coming.isExpired = true
    }
  }

  /** Somebody may have dropped any of them by SQL. */
  expireAll(): void {
    for (const { there, coming } of this.#all.values()) {
      if (there) there.isExpired = true
      if (coming) coming.isExpired = true
    }
  }

  /** A DISCARD ALL or DEALLOCATE ALL has run. What was sent behind it is still to come. */
  discarded(): void {
    for (const prepared of this.#all.values()) {
      prepared.there = undefined
      if (!prepared.pending) this.#settle(prepared)
    }
  }

  /** Hot path. Somebody uses it, if the server has it when it reads what is sent next; false: it hasn't. */
  use(statement: PreparedStatement, isTouched: boolean): boolean {
    const prepared = this.#all.get(statement)
    const made = prepared?.coming
    if (!prepared || !made || !this.has(statement)) return false
    if (isTouched) made.lease = this.#lease
    this.#kept.push(prepared)
    return true
  }

  /** The server has it when it reads what is sent next. */
  has(statement: PreparedStatement): boolean {
    const prepared = this.#all.get(statement)
    return prepared?.coming !== undefined && this.#isSure(prepared) && !prepared.coming.isExpired
  }

  /** Hot path. */
  #isSure(prepared: Prepared): boolean {
    return prepared.pending === undefined || prepared.group === this.#queue.group
  }

  /** Hot path. Sees to it that the server has the statement when it reads what is sent next. `isTouched`: and nobody else behind that. */
  ensure(statement: PreparedStatement, isTouched: boolean): void {
    if (this.use(statement, isTouched)) return
    this.#send(statement.parse, this.making(statement, true))
  }

  /**
   * Closes what may be there of the statement, and if it takes another's place, the one that was not used for longest. Returns the note of the Parse
   * that is to be sent then. `failed` is called when that has failed or was skipped.
   */
  making(statement: PreparedStatement, isOurs: boolean, failed = nothing): MessageNote {
    const known = this.#all.get(statement)
    const prepared = known ?? new Prepared(statement)
    if (!prepared.coming) while (this.#kept.size >= this.#most) this.#closeOldest()
    if (known && (known.there || known.pending)) this.#close(known)
    this.#all.set(statement, prepared)
    const made: Made = { lease: this.#lease, isExpired: false }
    const note: MessageNote = {
      isOurs,
      completed: () => {
        prepared.there = made
        this.#answered(prepared, note)
      },
      failed: () => {
        this.#answered(prepared, note)
        failed()
      },
    }
    prepared.pending = note
    prepared.group = this.#queue.group
    prepared.coming = made
    this.#kept.push(prepared)
    this.#desk.tally.serverParses++
    return note
  }

  #closeOldest(): void {
    const { first } = this.#kept
    assert(first !== undefined, 'of those that are kept one is the oldest')
    this.#close(first)
  }

  #close(prepared: Prepared): void {
    const note: MessageNote = {
      isOurs: true,
      completed: () => {
        prepared.there = undefined
        this.#answered(prepared, note)
      },
      failed: () => this.#answered(prepared, note),
    }
    prepared.pending = note
    prepared.group = -1
    this.#expect(prepared, undefined)
    this.#send(closeStatement(prepared.statement.name), note)
  }

  #send(bytes: Buffer, note: MessageNote): void {
    this.#queue.sentNoted(note)
    this.#desk.write(bytes)
  }

  #answered(prepared: Prepared, note: MessageNote): void {
    if (prepared.pending !== note) return
    prepared.pending = undefined
    this.#settle(prepared)
  }

  /** Nothing of it is under way. */
  #settle(prepared: Prepared): void {
    this.#expect(prepared, prepared.there)
    if (!prepared.there) this.#all.delete(prepared.statement)
  }

  #expect(prepared: Prepared, made: Made | undefined): void {
    prepared.coming = made
    if (!made && this.#kept.has(prepared)) this.#kept.remove(prepared)
    else if (made && !this.#kept.has(prepared)) this.#kept.push(prepared)
  }
}

function nothing(): void {
  return
}
