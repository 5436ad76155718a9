/**
 * What a server still owes, oldest first: the one authority on when it may be lent again.
 *
 * An entry stands for one ReadyForQuery and names the client that it is for. Query, FunctionCall and Sync each owe one;
 * extended messages not yet closed by a Sync form the open group, which owes its Sync's. The rules that make the count
 * come out right (all tried on PostgreSQL):
 *   - After an ErrorResponse in an extended group, PostgreSQL skips everything up to the next Sync, Query and
 *     FunctionCall included: their entries are dropped.
 *   - In copy-in it ignores Sync and Flush. Syncs sent before CopyInResponse was seen, directly behind the statement that
 *     copies, are struck off; the owner sends none while copy-in lasts.
 *   - CopyDone and CopyFail end copy-in, also when they were sent before CopyInResponse was seen.
 *   - If copy-in ends with an error after Syncs were struck off, nobody can know whether PostgreSQL had read them by then:
 *     the count is uncertain for good, and the server must never be lent again.
 */

import { assert } from '../assert.ts'
import type { ReplyReader } from './reply-reader.ts'

export type EntryKind = 'query' | 'sync' | 'ours'

class Entry {
  kind: EntryKind = 'query'
  reader: ReplyReader | undefined
  /** Extended messages in front of the Query or Sync, and how many of them have not been answered yet. */
  extended = 0
  unanswered = 0
  /** For each CopyDone or CopyFail in front of the Query or Sync: how many extended messages of the group it was sent behind. */
  copyEnds: number[] = []
}

/** More ends of COPYs than any client has COPYs: past this nobody counts any more. */
const mostCopyEnds = 1_000

/** none; in: the server reads copy data; ending: CopyDone or CopyFail is on its way. */
type CopyIn = 'none' | 'in' | 'ending'

export class ReplyQueue {
  #ring: Entry[] = Array.from({ length: 8 }, () => new Entry())
  #head = 0
  #size = 0
  /** The group that no Sync has closed yet. */
  readonly #open = new Entry()
  #isGroupOpen = false
  #isSkipping = false
  #copyIn: CopyIn = 'none'
  #struckSyncs = 0
  #isUncertain = false

  /** ReadyForQuery messages owed. */
  get owed(): number {
    return this.#size
  }

  get copyIn(): CopyIn {
    return this.#copyIn
  }

  get isUncertain(): boolean {
    return this.#isUncertain
  }

  /** Extended messages were sent and no Sync behind them: only a Sync brings the server to rest. */
  get needsSync(): boolean {
    return this.#isGroupOpen || this.#isSkipping
  }

  /** Nothing is owed, open or under way, as far as anybody can know. */
  get isAnswered(): boolean {
    return this.#size === 0 && !this.#isGroupOpen && !this.#isSkipping && this.#copyIn === 'none'
  }

  /** Nothing is owed, open or under way. */
  get isAtRest(): boolean {
    return this.isAnswered && !this.#isUncertain
  }

  /** A statement of the reader's is running or about to. */
  get isBusy(): boolean {
    return this.#size > 0 || this.#open.unanswered > 0 || this.#copyIn !== 'none'
  }

  /** Whom the next bytes from the server are for; undefined: nobody is owed anything by entry. */
  get reader(): ReplyReader | undefined {
    return this.#size > 0 ? this.#at(0).reader : undefined
  }

  /** The head is a request of the pooler's own. */
  get isHeadOurs(): boolean {
    return this.#size > 0 && this.#at(0).kind === 'ours'
  }

  // What is sent to the server.

  /** Hot path. Query or FunctionCall, whole requests in themselves. */
  sentQuery(reader: ReplyReader): void {
    if (this.#isSkipping) return
    this.#push('query', reader)
  }

  /** A Query of the pooler's own: its answer is swallowed. */
  sentOurs(): void {
    this.#push('ours', undefined)
  }

  sentSync(reader: ReplyReader | undefined): void {
    assert(this.#copyIn !== 'in', 'no Sync is sent during copy-in')
    this.#isSkipping = false
    this.#push('sync', reader)
  }

  /** Parse, Bind, Describe, Execute or Close. */
  sentExtended(): void {
    if (this.#isSkipping) return
    this.#isGroupOpen = true
    this.#open.extended++
    this.#open.unanswered++
  }

  /** CopyDone or CopyFail. PostgreSQL ignores one that nothing in front of it has any use for. */
  sentCopyEnd(): void {
    const isDuringCopyIn = this.#copyIn === 'in'
    if (isDuringCopyIn) this.#copyIn = 'ending'
    const isDirectlyBehind = isDuringCopyIn && this.#size + this.#open.unanswered === 1
    if (!this.isBusy || isDirectlyBehind) return
    if (this.#open.copyEnds.length >= mostCopyEnds) this.#isUncertain = true
    else this.#open.copyEnds.push(this.#open.extended)
  }

  // What comes back.

  /** ParseComplete, BindComplete, CloseComplete, RowDescription, NoData, CommandComplete, EmptyQueryResponse, PortalSuspended. */
  gotCompletion(): void {
    const entry = this.#size > 0 ? this.#at(0) : this.#open
    if (entry.unanswered > 0) entry.unanswered--
  }

  /** CommandComplete, besides being a completion, ends copy-in. */
  gotCommandComplete(): void {
    this.gotCompletion()
    if (this.#copyIn === 'none') return
    this.#copyIn = 'none'
    this.#struckSyncs = 0
  }

  gotCopyIn(): void {
    const head = this.#size > 0 ? this.#at(0) : this.#open
    if (this.#size > 0 && head.kind !== 'sync' && head.unanswered === 0) return this.#beginCopyIn(1, false)
    if (takeCopyEnd(head, head.extended - head.unanswered + 1)) {
      this.#copyIn = 'ending'
      return
    }
    const closesCopy = this.#size > 0 && head.kind === 'sync' && head.unanswered === 1
    if (closesCopy) this.#beginCopyIn(0, true)
    else this.#copyIn = 'in'
  }

  gotError(): void {
    if (this.#copyIn !== 'none') {
      this.#copyIn = 'none'
      if (this.#struckSyncs > 0) this.#isUncertain = true
    }
    if (this.#size > 0 && this.#at(0).kind !== 'sync' && this.#at(0).unanswered === 0) return
    this.#skipToSync()
  }

  /** The head is answered. If the count is uncertain, there may be none. */
  gotReady(): void {
    if (this.#size === 0) return
    const entry = this.#at(0)
    entry.reader = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#size--
    this.#copyIn = 'none'
    this.#struckSyncs = 0
  }

  #at(index: number): Entry {
    return this.#ring[(this.#head + index) & (this.#ring.length - 1)] as Entry
  }

  #push(kind: EntryKind, reader: ReplyReader | undefined): void {
    if (this.#size === this.#ring.length) this.#grow()
    const entry = this.#at(this.#size++)
    const open = this.#open
    entry.kind = kind
    entry.reader = reader
    entry.extended = open.extended
    entry.unanswered = open.unanswered
    const used = entry.copyEnds
    entry.copyEnds = open.copyEnds
    open.copyEnds = used
    this.#closeGroup()
  }

  #closeGroup(): void {
    this.#isGroupOpen = false
    this.#open.extended = 0
    this.#open.unanswered = 0
    if (this.#open.copyEnds.length > 0) this.#open.copyEnds.length = 0
  }

  #grow(): void {
    const entries = Array.from({ length: this.#size }, (_, index) => this.#at(index))
    this.#ring = [...entries, ...Array.from({ length: this.#size }, () => new Entry())]
    this.#head = 0
  }

  /**
   * The statement before entry `from` reads copy data: the Syncs that stand there, one behind the other with nothing
   * between them, are ignored. In an extended group that leaves its Execute without its Sync.
   */
  #beginCopyIn(from: number, isExtended: boolean): void {
    let end = from
    while (end < this.#size && this.#isIgnoredInCopy(end, isExtended)) end++
    this.#remove(from, end)
    this.#struckSyncs += end - from
    const next = this.#size > from ? this.#at(from) : this.#open
    this.#copyIn = takeCopyEnd(next, 0) ? 'ending' : 'in'
    if (!isExtended) return
    next.extended++
    next.unanswered++
    next.copyEnds = next.copyEnds.map((behind) => behind + 1)
    if (next === this.#open) this.#isGroupOpen = true
  }

  #isIgnoredInCopy(index: number, isExtended: boolean): boolean {
    if (isExtended && index === 0) return true
    const entry = this.#at(index)
    return entry.kind === 'sync' && entry.extended === 0 && entry.copyEnds.length === 0
  }

  #remove(from: number, to: number): void {
    if (to === from) return
    const kept = Array.from({ length: this.#size }, (_, index) => this.#at(index))
    const removed = kept.splice(from, to - from)
    for (const entry of removed) {
      entry.reader = undefined
      entry.unanswered = 0
    }
    const free = this.#ring.length - kept.length - removed.length
    const spare = Array.from({ length: free }, () => new Entry())
    this.#ring = [...kept, ...removed, ...spare]
    this.#head = 0
    this.#size = kept.length
  }

  #skipToSync(): void {
    let end = 0
    while (end < this.#size && this.#at(end).kind !== 'sync') end++
    if (end < this.#size) {
      this.#at(end).unanswered = 0
      this.#remove(0, end)
      return
    }
    this.#remove(0, end)
    this.#closeGroup()
    this.#isSkipping = true
  }
}

/** Uses up a CopyDone or CopyFail that was sent behind so many extended messages of the group; false if there is none. */
function takeCopyEnd(entry: Entry, behind: number): boolean {
  const index = entry.copyEnds.indexOf(behind)
  if (index >= 0) entry.copyEnds.splice(index, 1)
  return index >= 0
}
