/**
 * What PostgreSQL says on one server, message by message: whom each is for, what it means for what is owed, what it tells of the session.
 */

import { TaxirankError } from '../errors.ts'
import { ourPrefix } from '../sql/statement-prefix.ts'
import * as build from '../wire/build.ts'
import type { Framer } from '../wire/framer.ts'
import { Backend, TransactionStatus } from '../wire/messages.ts'
import { readErrorFields, readNotification, readParameterStatus } from '../wire/read.ts'
import type { Chore } from './chore.ts'
import type { Holder } from './holder.ts'
import { ReplacedAnswer } from './replaced-answer.ts'
import type { MessageNote, ReplyQueue } from './reply-queue.ts'
import type { ReplyReader } from './reply-reader.ts'
import type { RouterDesk } from './reply-router.ts'
import type { ServerStatements } from './server-statements.ts'
import type { SessionKeeper } from './session-keeper.ts'
import { groupEndNote } from './settlement.ts'
import { ServerSwallow, type Traffic } from './trace.ts'

/** The server that says it. */
export interface ReplyDesk {
  readonly id: number
  readonly holder: Holder | undefined
  readonly chore: Chore | undefined
  /** Who reads what the chore is answered with; undefined: nobody. */
  readonly asking: ReplyReader | undefined
  /** One request at a time, and no transaction blocks. */
  readonly isStatement: boolean
  /** The head of what is owed is answered with this status. */
  requestAnswered(status: number): void
  /** PostgreSQL has told the holder why it closes the connection. */
  fatalTold(): void
  parametersChanged(): void
}

const prepareTag = Buffer.from('PREPARE\0')
const listenTag = Buffer.from('LISTEN\0')
const rollbackTag = Buffer.from('ROLLBACK\0')
const unlistenTag = Buffer.from('UNLISTEN\0')
const discardAllTag = Buffer.from('DISCARD ALL\0')
const deallocateAllTag = Buffer.from('DEALLOCATE ALL\0')
const deallocateTag = Buffer.from('DEALLOCATE\0')
/** "prepared statement does not exist". */
const noStatement = '\0C26000\0'
/** Where "cached plan must not change result type" comes from. */
const planChanged = '\0RRevalidateCachedQuery\0'
const header = 5
const letterD = 0x44
const letterL = 0x4c
const letterP = 0x50
const letterR = 0x52
const letterU = 0x55
/** The fields for severity come first, and the second of them is never translated. */
const fatalSeverity = /^E[^]{4}S[^\0]*\0V(FATAL|PANIC)\0/

const blockRefused = new TaxirankError(
  'feature_not_supported',
  'transaction blocks not allowed in statement pooling mode',
)

export class ServerReplies implements RouterDesk {
  readonly #desk: ReplyDesk
  readonly #queue: ReplyQueue
  readonly #keeper: SessionKeeper
  readonly #statements: ServerStatements
  readonly #traffic: Traffic
  /** Who gets the ReadyForQuery behind a BEGIN in statement mode: its client is told what it may not, instead. */
  readonly #blockRefusal: ReplyReader = { id: 0, isReading: true, reply: () => this.#refuseBlock() }
  #swallowReason: number = ServerSwallow.unsolicited

  constructor(
    desk: ReplyDesk,
    queue: ReplyQueue,
    keeper: SessionKeeper,
    statements: ServerStatements,
    traffic: Traffic,
  ) {
    this.#desk = desk
    this.#queue = queue
    this.#keeper = keeper
    this.#statements = statements
    this.#traffic = traffic
  }

  get id(): number {
    return this.#desk.id
  }

  swallowReason(): number {
    return this.#swallowReason
  }

  /** Hot path. For the router: whom a message is for, and what it means for the queue. */
  route(framer: Framer): ReplyReader | undefined {
    const isOurs = this.#queue.isHeadOurs
    const reader = isOurs ? (this.#keeper.asking ?? this.#desk.asking) : (this.#queue.reader ?? this.#desk.holder)
    if (reader === undefined) this.#swallow(framer, isOurs)
    switch (framer.type) {
      case Backend.dataRow:
        return reader
      case Backend.notificationResponse:
        return this.#notified(framer, isOurs)
      case Backend.errorResponse:
        return this.#gotError(framer, isOurs, reader)
      case Backend.parameterStatus:
        this.#gotParameter(framer, reader)
        return reader
      case Backend.readyForQuery:
        this.#count(framer)
        if (this.#queue.isHeadNobodys) return this.#swallowOurs()
        return this.#refusesBlock(framer) && reader?.isReading ? this.#blockRefusal : reader
      default:
        return this.#readerOf(this.#count(framer), reader)
    }
  }

  /** A message is nobody's: the pooler's own, or unasked. Of the latter a row would be followed by what is taken for an answer. */
  #swallow({ type }: Framer, isOurs: boolean): void {
    if (type === Backend.dataRow && !isOurs)
      throw new TaxirankError('protocol_violation', 'a row that nobody asked for')
    this.#swallowReason = isOurs ? ServerSwallow.ours : ServerSwallow.unsolicited
  }

  #swallowOurs(): undefined {
    this.#swallowReason = ServerSwallow.ours
    return undefined
  }

  /** Hot path. Whom the completion of a message with this note is for. */
  #readerOf(note: MessageNote | undefined, reader: ReplyReader | undefined): ReplyReader | undefined {
    if (!note) return reader
    note.completed()
    if (note.isOurs) return this.#swallowOurs()
    return note instanceof ReplacedAnswer && note.completion && reader ? this.#instead(note.completion, reader) : reader
  }

  /** Whoever is asked: it is the holder's, unless that hears of it elsewhere. */
  #notified(framer: Framer, isOurs: boolean): ReplyReader | undefined {
    const { holder } = this.#desk
    this.#swallowReason = isOurs ? ServerSwallow.ours : ServerSwallow.unsolicited
    if (!holder?.isReading) return undefined
    return this.#keeper.takesNotification(readNotification(framer), holder) ? undefined : holder
  }

  /** Gives the reader these bytes in place of the message. */
  #instead(bytes: Buffer, reader: ReplyReader): ReplyReader {
    const { id, isReading } = reader
    const reply = (replaced: Uint8Array, server: number): boolean => {
      if (!reader.isReading) return false
      this.#traffic.replaced(replaced.length, bytes)
      return reader.reply(bytes, server)
    }
    return { id, isReading, reply }
  }

  /** In statement mode: a transaction block was opened, or one statement has left it open. */
  #refusesBlock({ bytes, end }: Framer): boolean {
    return this.#desk.isStatement && bytes[end - 1] !== TransactionStatus.idle
  }

  #refuseBlock(): false {
    this.#desk.holder?.fail(blockRefused)
    return false
  }

  /** Hot path. What a message means for what is owed; returns the note of the one that it answers. */
  #count(framer: Framer): MessageNote | undefined {
    const queue = this.#queue
    switch (framer.type) {
      case Backend.commandComplete:
        this.#noteTag(framer)
        return queue.gotCommandComplete()
      case Backend.rowDescription:
      case Backend.parseComplete:
      case Backend.bindComplete:
      case Backend.closeComplete:
      case Backend.noData:
      case Backend.emptyQueryResponse:
      case Backend.portalSuspended:
        return queue.gotCompletion()
      case Backend.copyInResponse:
        queue.gotCopyIn()
        return undefined
      case Backend.readyForQuery:
        if (queue.owed > 0 || (queue.isUncertain && this.#desk.holder)) return undefined
        throw new TaxirankError('protocol_violation', 'a ReadyForQuery that nobody asked for')
      default:
        if (!this.#desk.holder && !this.#desk.chore) assertHarmless(framer.type)
        return undefined
    }
  }

  /** For the router. */
  answered(status: number): void {
    this.#desk.requestAnswered(status)
  }

  // What is left in the session.

  /** Hot path. What a command leaves in the session, where its tag says so, or removes from it. */
  #noteTag(framer: Framer): void {
    const letter = framer.bytes[framer.start + 5]
    if (letter === letterP && hasTag(framer, prepareTag)) this.#keeper.found('SQL PREPARE')
    else if (letter === letterL && this.#isTheirs(framer, listenTag)) this.#keeper.found('LISTEN')
    else if (letter === letterD) this.#noteDiscard(framer)
    else if (letter === letterR && this.#isTheirs(framer, rollbackTag)) this.#keeper.undone()
    else if (letter === letterU && this.#isTheirs(framer, unlistenTag)) this.#keeper.unlistened()
  }

  /** A command of the holder's, not the pooler's own, has this tag. */
  #isTheirs(framer: Framer, tag: Buffer): boolean {
    return hasTag(framer, tag) && !this.#queue.isHeadOurs
  }

  #noteDiscard(framer: Framer): void {
    const isEverything = hasTag(framer, discardAllTag)
    if (isEverything || hasTag(framer, deallocateAllTag)) this.#discarded(isEverything)
    else if (hasTag(framer, deallocateTag)) this.#statements.deallocated()
  }

  #discarded(isEverything: boolean): void {
    const { chore, holder } = this.#desk
    const isOurs = chore !== undefined || this.#queue.isHeadOurs
    this.#statements.discarded()
    if (chore) {
      this.#statements.unnamedDropped()
      this.#keeper.session.cleaned('statements')
    }
    if (!isOurs && holder?.hasStatements) this.#statements.allDropped(holder)
    if (!isEverything) return
    if (chore) this.#keeper.session.cleaned('listening')
    this.#keeper.discarded(isOurs)
  }

  #gotParameter(framer: Framer, reader: ReplyReader | undefined): void {
    const { name, value } = readParameterStatus(framer)
    const { planKey } = this.#keeper.parameters
    this.#keeper.session.parameterReported(name, value)
    const { parameters } = this.#keeper
    this.#desk.parametersChanged()
    if (reader && name === 'session_authorization') this.#keeper.userChanged(value)
    if (reader && name === 'search_path') this.#keeper.pathChanged()
    if (reader && parameters.planKey !== planKey) this.#statements.expireLease()
    if (reader?.isReading) this.#desk.holder?.parametersReported(parameters)
  }

  // Errors.

  /**
   * Whom an ErrorResponse is for. A FATAL one ends the session, so it is the holder's to know even while nothing is owed, or
   * where it answers a request of our own. Any other answers the head.
   */
  #gotError(framer: Framer, isOurs: boolean, reader: ReplyReader | undefined): ReplyReader | undefined {
    const { holder } = this.#desk
    if (!holder) return this.#choreFailed(framer)
    const text = framer.bytes.toString('latin1', framer.start, framer.end)
    const { note, isUnnamedFailed, isUnnamedLost } = this.#queue.gotError()
    if (fatalSeverity.test(text) && holder.isReading) {
      this.#desk.fatalTold()
      return holder
    }
    if (isOurs) this.#keeper.askedInVain()
    else this.#keeper.undone()
    if (isUnnamedFailed) holder.unnamedFailed()
    if (isUnnamedLost) this.#statements.unnamedLost()
    if (text.includes(noStatement)) this.#statements.expireAll()
    else if (text.includes(planChanged) && holder.hasStatements) holder.statements.expire()
    if (note === groupEndNote) return this.#swallowOurs()
    const replaced = note instanceof ReplacedAnswer && framer.isTail ? note.error(framer) : undefined
    const error = replaced ?? (framer.isTail ? withOwnName(text, holder) : undefined)
    return error && reader ? this.#instead(error, reader) : reader
  }

  #choreFailed(framer: Framer): undefined {
    const { chore } = this.#desk
    if (!chore)
      throw new TaxirankError('server_lost', `PostgreSQL ends it: ${readErrorFields(framer).get('M') ?? 'no message'}`)
    this.#queue.gotError()
    chore.gotError(framer, framer.isTail)
    return undefined
  }
}

const ours = new RegExp(`"(${ourPrefix}\\d+)"`)

/** An ErrorResponse that says our name for a statement of the holder's, with the holder's; undefined: it doesn't. */
function withOwnName(text: string, holder: Holder): Buffer | undefined {
  const [, name] = ours.exec(text) ?? []
  const own = name !== undefined && holder.hasStatements ? holder.statements.nameOf(name) : undefined
  if (name === undefined || own === undefined) return undefined
  return build.message(
    'E',
    Buffer.from(
      text.slice(header).replaceAll(`"${name}"`, () => `"${own}"`),
      'latin1',
    ),
  )
}

/** Nobody asked a server without a lease anything: it may tell notices and the like, nothing else. */
function assertHarmless(type: number): void {
  if (type === Backend.noticeResponse || type === Backend.notificationResponse) return
  throw new TaxirankError('protocol_violation', `unasked message '${String.fromCharCode(type)}'`)
}

function hasTag({ bytes, start, end }: Framer, tag: Buffer): boolean {
  const at = start + 5
  return end - at >= tag.length && bytes.compare(tag, 0, tag.length, at, at + tag.length) === 0
}
