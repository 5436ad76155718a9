/**
 * What a client has changed of its names for statements and not all of which has been answered: names that it has given or taken back, and how often
 * it has dropped all of them by SQL. Behind an error PostgreSQL skips the rest of the group, so a change has run only once it is answered.
 */

import { TaxirankError } from '../errors.ts'
import type { ReplyQueue } from './reply-queue.ts'

/** A name was given to a statement or taken back: in which group, and how often the client had dropped all by then. */
interface Change {
  readonly group: number
  readonly drops: number
}

/** So many names may be given or taken back before all is answered. */
const mostChanged = 65_536

export class StatementChanges {
  readonly #queue: ReplyQueue
  readonly #byName = new Map<string, Change>()
  /** In which group it may have dropped all of them; -1: in none. How often that was sent, and how often it has run. */
  #allChangedIn = -1
  #drops = 0
  #dropsRun = 0
  /** The last that has run since all was settled; -1: none has. */
  #lastDropRun = -1

  constructor(queue: ReplyQueue) {
    this.#queue = queue
  }

  /** Hot path. */
  get isEmpty(): boolean {
    return this.#byName.size === 0 && this.#allChangedIn < 0
  }

  /** All that was sent has been answered. */
  settled(): void {
    // Clearing an empty one is slow.
    if (this.#byName.size > 0) this.#byName.clear()
    this.#lastDropRun = -1
    this.#dropsSettled()
  }

  /** Nothing is owed: what stood in earlier groups has been answered. */
  requestsAnswered(): void {
    if (!this.#queue.needsSync) this.settled()
    else if (this.#allChangedIn !== this.#queue.group) this.#dropsSettled()
  }

  /** What has not run never will. */
  #dropsSettled(): void {
    this.#allChangedIn = -1
    this.#dropsRun = this.#drops
  }

  /** The client gives the name to a statement, or takes it back. Throws `too_many_statements`. */
  changing(name: string): void {
    if (this.#byName.size >= mostChanged) {
      const text = `more than ${mostChanged.toLocaleString('en-US')} names of prepared statements given or taken back, and not all of it answered yet`
      throw new TaxirankError('too_many_statements', text)
    }
    this.#byName.set(name, { group: this.#queue.group, drops: this.#drops })
  }

  /** The client is about to drop all of its statements by SQL. */
  allDropping(): void {
    this.#allChangedIn = this.#queue.group
    this.#drops++
  }

  /** The next of the messages with which the client drops all has run: those that did not run are the last of their group. */
  allDropped(): void {
    this.#lastDropRun = ++this.#dropsRun
  }

  /** The client has dropped it with all others, by a message in front of this one and in its group, without which this one does not run either. */
  isDropped(name: string): boolean {
    return this.#allChangedIn === this.#queue.group && this.#byName.get(name)?.drops !== this.#drops
  }

  /** The name, which stands for something, has been given behind whatever has dropped all and has run. */
  survives(name: string): boolean {
    return this.#isBehindDrops(this.#byName.get(name))
  }

  /** Tells later, when the name has been given anew, whether what it stands for now has survived until then. */
  survivalOf(name: string): () => boolean {
    const given = this.#byName.get(name)
    return () => this.#isBehindDrops(given)
  }

  #isBehindDrops(given: Change | undefined): boolean {
    return (given?.drops ?? -1) >= this.#lastDropRun
  }

  /** Hot path. All may have been dropped in an earlier group. */
  get isAllChangedBefore(): boolean {
    return this.#allChangedIn >= 0 && this.#allChangedIn !== this.#queue.group
  }

  /** Hot path. In an earlier group. */
  isChangedBefore(name: string): boolean {
    const changedIn = this.#byName.get(name)?.group
    return changedIn !== undefined && changedIn !== this.#queue.group
  }
}
