/**
 * Cancelling what a server runs. PostgreSQL cancels a process, not a statement, and doesn't say when the signal arrives;
 * it only closes the connection that asked. So from the moment a cancel is sent until that connection is closed, nothing
 * is written to the server and it is not lent: the signal can meet nobody else's statement. A cancel that would meet a
 * request of the pooler's own waits until that is answered.
 */

import type { ReplyQueue } from './reply-queue.ts'

type State = 'none' | 'wanted' | 'sent'

export class ServerCancel {
  readonly #queue: ReplyQueue
  readonly #send: () => void
  #state: State = 'none'
  /** Who wants to know when it is over. */
  readonly #watchers: (() => void)[] = []
  #answered = 0
  #answeredWhenSent = -1

  /** `send` opens the connection that asks; `ended` must follow. */
  constructor(queue: ReplyQueue, send: () => void) {
    this.#queue = queue
    this.#send = send
  }

  /** Nothing may be written to the server. */
  get isSent(): boolean {
    return this.#state === 'sent'
  }

  /** Neither sent nor about to be. */
  get isOver(): boolean {
    return this.#state === 'none'
  }

  /** Cancels what runs, if anything does. `done` is called when that is over, once. */
  request(done: () => void): void {
    if (this.#state === 'none' && !this.#queue.isBusy) return done()
    this.#watchers.push(done)
    if (this.#state === 'none') this.#start()
  }

  /** For a client that is gone: once for each request of its, when that has come to the head. */
  requestForAbandoned(): void {
    if (this.#state === 'none' && this.#queue.isBusy && this.#answeredWhenSent !== this.#answered) this.#start()
  }

  /** The last chance before the server is destroyed: a cancel that came before its statement had begun did nothing. */
  requestAgain(): void {
    if (this.#state === 'none' && this.#queue.isBusy) this.#start()
  }

  /** The head of the queue was answered. */
  headAnswered(): void {
    this.#answered++
    if (this.#state !== 'wanted') return
    if (this.#queue.isBusy) this.#start()
    else this.ended()
  }

  /** The connection that asked is closed, or the server is. */
  ended(): void {
    this.#state = 'none'
    for (const done of this.#watchers.splice(0)) done()
  }

  #start(): void {
    if (this.#queue.isHeadOurs) {
      this.#state = 'wanted'
      return
    }
    this.#state = 'sent'
    this.#answeredWhenSent = this.#answered
    this.#send()
  }
}
