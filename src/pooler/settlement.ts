/**
 * Bringing a server to rest for a client that is gone. What the client left open is closed, what it left running is
 * cancelled (after an orderly goodbye it may finish), its transaction is rolled back. Everything PostgreSQL answers is
 * read and swallowed on the way; the pool sets the limit.
 */

import * as build from '../wire/build.ts'
import { TransactionStatus } from '../wire/messages.ts'
import type { MessageNote, ReplyQueue } from './reply-queue.ts'
import type { ServerCancel } from './server-cancel.ts'

const copyEnd = build.copyFail('the client has left')

/**
 * Makes a group fail and ends it. CopyFail comes first, because a COPY FROM STDIN may be under way that we have not heard
 * of yet, and in it a Parse would cost the connection; outside of one PostgreSQL ignores it.
 */
const groupEnd = Buffer.concat([copyEnd, build.parse('the client has left'), build.sync])

/** Of the Parse that fails: the error is nobody's, though its client may still read. */
export const groupEndNote: MessageNote = { isOurs: true, completed: () => undefined, failed: () => undefined }

/** Where the server stands now. */
export interface ServerState {
  /** Status byte of the last ReadyForQuery. */
  readonly status: number
  /** Part of a message has been received, and the rest is still to come. */
  readonly isMidMessage: boolean
}

/** `wait`: more is to come. `rest`: it may be lent again. Otherwise why it must be destroyed. */
export type SettleStep = 'wait' | 'rest' | { readonly destroy: string }

export class Settlement {
  readonly #isOrderly: boolean
  readonly #queue: ReplyQueue
  readonly #cancel: ServerCancel
  readonly #write: (bytes: Buffer) => void
  #isRolledBack = false
  /** Why it is destroyed as soon as what it runs has been cancelled: PostgreSQL would not notice, and run on. */
  #givenUp: string | undefined
  #isCancelledLast = false

  constructor(isOrderly: boolean, queue: ReplyQueue, cancel: ServerCancel, write: (bytes: Buffer) => void) {
    this.#isOrderly = isOrderly
    this.#queue = queue
    this.#cancel = cancel
    this.#write = write
  }

  /** To be called whenever something came from the server, or a cancel ended. */
  advance({ status, isMidMessage }: ServerState): SettleStep {
    if (this.#queue.isUncertain) return { destroy: 'nobody knows how many replies it owes' }
    if (this.#cancel.isSent) return 'wait'
    if (this.#givenUp !== undefined) return this.#cancelLast(this.#givenUp)
    this.#closeWhatIsOpen()
    if (this.#queue.owed > 0 || isMidMessage) {
      if (!this.#isOrderly && !this.#isRolledBack) this.#cancel.requestForAbandoned()
      return 'wait'
    }
    if (status === TransactionStatus.idle) return 'rest'
    if (this.#isRolledBack) return { destroy: 'a rollback did not end its transaction' }
    this.#isRolledBack = true
    this.#queue.sentOurs()
    this.#write(build.query('ROLLBACK'))
    return 'wait'
  }

  /** It can't come to rest any more: what it runs is cancelled, then it is destroyed. */
  giveUp(reason: string): void {
    this.#givenUp ??= reason
  }

  #cancelLast(reason: string): SettleStep {
    if (!this.#isCancelledLast) this.#cancel.requestAgain()
    this.#isCancelledLast = true
    return this.#cancel.isSent ? 'wait' : { destroy: reason }
  }

  /**
   * Copy-in waits for data and an extended group for its Sync: neither will come from the client any more. A Sync commits
   * what the group did, and PostgreSQL rolls that back for a client that leaves: so the group is made to fail first.
   */
  #closeWhatIsOpen(): void {
    if (this.#queue.needsSync) {
      this.#queue.sentCopyEnd()
      this.#queue.sentNoted(groupEndNote)
      this.#queue.sentSync(undefined)
      this.#write(groupEnd)
    } else if (this.#queue.copyIn === 'in') {
      this.#queue.sentCopyEnd()
      this.#write(copyEnd)
    }
  }
}
