/**
 * Whose unnamed statement a server has. A Parse, Close or Query may be skipped behind an error, or fail before PostgreSQL has read it: then something
 * else is there. As long as it has not been answered, nobody has it in a later group.
 */

import type { ReplyQueue } from './reply-queue.ts'
import type { StatementOwner } from './server-statements.ts'

const nobody = 0
const unknown = -1

export class ServerUnnamed {
  readonly #queue: ReplyQueue
  /** The client's id, `nobody` or `unknown`; */
  #owner = nobody
  /** and which of that client's it is. */
  #parse = 0
  /** In which group that was sent. */
  #group = -1
  /** Whatever fails or is skipped, nobody else's is there. */
  #isSure = true

  constructor(queue: ReplyQueue) {
    this.#queue = queue
  }

  /** Hot path. There is none once the server has run what is sent next: a client's, by its id, or the pooler's. */
  dropped(by = nobody): void {
    this.#sent(nobody, by)
  }

  /** A Parse of it has failed, or something was skipped: nobody knows what is there. */
  lost(): void {
    this.#owner = unknown
  }

  /** Hot path. The owner's Parse is sent. One that fails before PostgreSQL has read it leaves what is there. */
  parsed({ id, statements }: StatementOwner): void {
    this.#sent(id, id)
    this.#parse = statements.unnamedParses
  }

  /** Hot path. If it fails, what was there before is there still. */
  #sent(owner: number, by: number): void {
    const isOwn = this.#isKnown && (this.#owner === nobody || this.#owner === by)
    this.#isSure = (isOwn || by === nobody) && !this.#queue.mayBeSkipped
    this.#owner = owner
    this.#group = this.#queue.group
  }

  /** Hot path. */
  isOf(owner: StatementOwner): boolean {
    return this.#isNewestOf(owner) && this.#isKnown
  }

  /** Nothing that is sent now runs without it. */
  isOfGroup(owner: StatementOwner): boolean {
    return this.#isNewestOf(owner) && this.#group === this.#queue.group
  }

  /** Hot path. */
  #isNewestOf({ id, statements }: StatementOwner): boolean {
    return this.#owner === id && this.#parse === statements.unnamedParses
  }

  /** Hot path. There is none, for certain. */
  get isNobodys(): boolean {
    return this.#owner === nobody && this.#isKnown
  }

  /** Hot path. In its own group nothing runs without it. */
  get #isKnown(): boolean {
    const { group, owed } = this.#queue
    if (this.#group === group) return true
    // All of it has been answered.
    if (owed === 0) this.#isSure = true
    return this.#isSure
  }
}
