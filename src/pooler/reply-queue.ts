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
import { TaxirankError } from '../errors.ts'
import type { ReplyReader } from './reply-reader.ts'

export type EntryKind = 'query' | 'sync' | 'ours'

const none: readonly number[] = []
const noNotes: PlacedNote[] = []

/** What there is to know of one extended message beyond its being answered. Few have one. */
export interface MessageNote {
  /** The message is the pooler's own: its completion is nobody's. */
  readonly isOurs: boolean
  /** Hot path. It was answered with what its kind is answered with. */
  completed(): void
  /** It has failed, or was skipped because something in front of it had. */
  failed(): void
}

/** `at`: how many extended messages of the group stand in front of it. */
interface PlacedNote {
  readonly at: number
  readonly note: MessageNote
}

/** Entries carry their own links and are used again: a request allocates nothing. */
class Entry {
  kind: EntryKind = 'query'
  reader: ReplyReader | undefined
  /** Extended messages in front of the Query or Sync, and how many of them have not been answered yet. */
  extended = 0
  unanswered = 0
  /** For each CopyDone or CopyFail in front of the Query or Sync: how many extended messages of the group it was sent behind. */
  copyEnds: readonly number[] = none
  /** In the order of their messages. */
  notes: PlacedNote[] = noNotes
  /** The first of them that has not been answered. */
  nextNoteAt = 0
  /** How many messages of the group stand in front of its last Parse of the unnamed statement; -1: there is none. */
  unnamedAt = -1
  /** Of the Query. */
  queryNote: MessageNote | undefined
  /** The next younger one; for a spare entry the next spare. */
  next: Entry | undefined

  clear(): void {
    this.reader = undefined
    this.extended = 0
    this.unanswered = 0
    this.copyEnds = none
    this.#forgetNotes()
    this.unnamedAt = -1
    this.queryNote = undefined
  }

  /** The note of the message that is answered next. */
  get nextNote(): MessageNote | undefined {
    const first = this.notes[this.nextNoteAt]
    return first?.at === this.extended - this.unanswered ? first.note : undefined
  }

  /** Nothing of it will be answered any more. The last comes first: each undoes what it did to what those in front of it had left. */
  dropNotes(): void {
    this.queryNote?.failed()
    this.queryNote = undefined
    if (this.notes === noNotes) return
    const notes = this.notes.slice(this.nextNoteAt)
    this.#forgetNotes()
    for (const { note } of notes.toReversed()) note.failed()
  }

  /** Hot path. In a group that no Sync ends they would be kept for ever: half of them at a time is let go. */
  noteAnswered(): void {
    this.nextNoteAt++
    if (this.nextNoteAt < keptNotes || 2 * this.nextNoteAt < this.notes.length) return
    this.notes = this.notes.slice(this.nextNoteAt)
    this.nextNoteAt = 0
  }

  #forgetNotes(): void {
    this.notes = noNotes
    this.nextNoteAt = 0
  }

  /** One more message is the first of it. */
  shift(): void {
    this.extended++
    this.unanswered++
    this.copyEnds = this.copyEnds.map((behind) => behind + 1)
    this.notes = this.notes.map(({ at, note }) => ({ at: at + 1, note }))
    if (this.unnamedAt >= 0) this.unnamedAt++
  }
}

/** A request of five bytes costs an entry of sixty: so many are owed at most, but for requests of the pooler's own. */
const mostOwed = 4_096
/** So many entries are kept for the next requests. */
const mostKept = 64
/** So many notes that have been answered may be kept. */
const keptNotes = 1_024
/**
 * So many may wait for their answers, far more than PostgreSQL answers at once: it sends what it has to say whenever that is 8 kB, asked for or not.
 */
const mostNotes = 16_384
/** More ends of COPYs than any client has COPYs: past this nobody counts any more. */
const mostCopyEnds = 1_000

/** none; in: the server reads copy data; ending: CopyDone or CopyFail is on its way. */
type CopyIn = 'none' | 'in' | 'ending'

/** What an ErrorResponse has ended. */
export interface GroupFailure {
  /** Of the message that failed. */
  readonly note: MessageNote | undefined
  /** A Parse of the unnamed statement has failed or is skipped, and none was sent in a later group. */
  readonly isUnnamedFailed: boolean
  /** Nobody knows what the server's unnamed statement is: for that, or because a Query has failed, maybe before it dropped it. */
  readonly isUnnamedLost: boolean
}

/** Of a Query: its note. */
function failQuery(entry: Entry): MessageNote | undefined {
  const { queryNote: note } = entry
  entry.queryNote = undefined
  note?.failed()
  return note
}

export class ReplyQueue {
  #first: Entry | undefined
  #last: Entry | undefined
  #size = 0
  #isFull = false
  /** How many of extended messages have not been answered. */
  #notes = 0
  #isHeld = false
  /** The group that no Query or Sync has closed yet. When one does, it becomes the youngest entry. */
  #open = new Entry()
  #spare: Entry | undefined
  #isGroupOpen = false
  #isSkipping = false
  /** Since the last Sync an extended message was sent. */
  #isBehindExtended = false
  #copyIn: CopyIn = 'none'
  #struckSyncs = 0
  #isUncertain = false
  #group = 0
  readonly #mostOwed: number

  /** `most` may be owed before it is full, but for requests of the pooler's own. */
  constructor(most = mostOwed) {
    this.#mostOwed = most
  }

  /** ReadyForQuery messages owed. */
  get owed(): number {
    return this.#size
  }

  /** A pipeline must not grow any further until half of it is gone, answered or dropped. Copy data are no part of it. */
  get isFull(): boolean {
    return (this.#isFull || this.#isHeld || this.#notes >= mostNotes) && this.#copyIn !== 'in'
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

  /** An error has been answered, and no Sync sent since: PostgreSQL skips whatever is sent. */
  get isSkipping(): boolean {
    return this.#isSkipping
  }

  /** An error of something that was sent since the last Sync would keep what is sent now from running, a Query, too. */
  get mayBeSkipped(): boolean {
    return this.#isBehindExtended
  }

  /** Differs for messages that an error of one another would not keep from running. */
  get group(): number {
    return this.#group
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
    return this.#first?.reader
  }

  /** The head is a request of the pooler's own. */
  get isHeadOurs(): boolean {
    return this.#first?.kind === 'ours'
  }

  /** The head is a Sync that no client has sent. */
  get isHeadNobodys(): boolean {
    return this.#first?.kind === 'sync' && this.#first.reader === undefined
  }

  /** What comes next depends on how what is owed now is answered: it is full until that has been. */
  holdUntilAnswered(): void {
    this.#isHeld = this.#size > 0
  }

  // What is sent to the server.

  /** Hot path. Query or FunctionCall, whole requests in themselves. */
  sentQuery(reader: ReplyReader): void {
    if (this.#isSkipping) return
    this.#push('query', reader)
  }

  /** A Query that is answered once, with something to be remembered of it. */
  sentNotedQuery(reader: ReplyReader, note: MessageNote): void {
    if (this.#isSkipping) return note.failed()
    this.#open.queryNote = note
    this.#push('query', reader)
  }

  /** A Query of the pooler's own: its answer is swallowed. */
  sentOurs(): void {
    this.#push('ours', undefined)
  }

  /** Without a reader it is one of the pooler's own, which ends a client's group. */
  sentSync(reader: ReplyReader | undefined): void {
    assert(this.#copyIn !== 'in', 'no Sync is sent during copy-in')
    this.#isSkipping = this.#isBehindExtended = false
    this.#push('sync', reader)
  }

  /** Hot path. Parse, Bind, Describe, Execute or Close. */
  sentExtended(): void {
    if (this.#isSkipping) return
    this.#isGroupOpen = this.#isBehindExtended = true
    this.#open.extended++
    this.#open.unanswered++
  }

  /** The same, with something to be remembered of it. */
  sentNoted(note: MessageNote): void {
    if (this.#isSkipping) return note.failed()
    const open = this.#open
    if (open.notes === noNotes) open.notes = []
    this.#notes++
    open.notes.push({ at: open.extended, note })
    this.sentExtended()
  }

  /** Hot path. A Parse of the unnamed statement. */
  sentUnnamedParse(): void {
    this.#open.unnamedAt = this.#open.extended
    this.sentExtended()
  }

  /** CopyDone or CopyFail. PostgreSQL ignores one that nothing in front of it has any use for. */
  sentCopyEnd(): void {
    const isDuringCopyIn = this.#copyIn === 'in'
    if (isDuringCopyIn) this.#copyIn = 'ending'
    const isDirectlyBehind = isDuringCopyIn && this.#size + this.#open.unanswered === 1
    if (!this.isBusy || isDirectlyBehind) return
    if (this.#open.copyEnds.length >= mostCopyEnds) this.#isUncertain = true
    else this.#open.copyEnds = [...this.#open.copyEnds, this.#open.extended]
  }

  // What comes back.

  /**
   * ParseComplete, BindComplete, CloseComplete, RowDescription, NoData, CommandComplete, EmptyQueryResponse, PortalSuspended.
   * Throws `protocol_violation` if nothing was asked that could be answered so: lent on, the server would answer the next
   * client with what comes behind it. Returns the note of what it answers.
   */
  gotCompletion(): MessageNote | undefined {
    const entry = this.#first ?? this.#open
    if (entry.unanswered > 0) {
      const note = entry.notes === noNotes ? undefined : entry.nextNote
      if (note) {
        entry.noteAnswered()
        this.#notes--
      }
      entry.unanswered--
      return note
    }
    if (!this.#first && !this.#isUncertain) {
      throw new TaxirankError('protocol_violation', 'an answer that nobody asked for')
    }
    const note = entry.queryNote
    if (note) entry.queryNote = undefined
    return note
  }

  /** CommandComplete, besides being a completion, ends copy-in. */
  gotCommandComplete(): MessageNote | undefined {
    const note = this.gotCompletion()
    if (this.#copyIn === 'none') return note
    this.#copyIn = 'none'
    this.#struckSyncs = 0
    return note
  }

  gotCopyIn(): void {
    const first = this.#first
    const head = first ?? this.#open
    if (first && first.kind !== 'sync' && first.unanswered === 0) return this.#beginCopyIn(first, first.next)
    if (takeCopyEnd(head, head.extended - head.unanswered + 1)) {
      this.#copyIn = 'ending'
      return
    }
    const closesCopy = first && first.kind === 'sync' && first.unanswered === 1
    if (closesCopy) this.#beginExtendedCopyIn(first)
    else this.#copyIn = 'in'
  }

  /** An ErrorResponse. */
  gotError(): GroupFailure {
    if (this.#copyIn !== 'none') {
      this.#copyIn = 'none'
      if (this.#struckSyncs > 0) this.#isUncertain = true
    }
    const first = this.#first
    if (first && first.kind !== 'sync' && first.unanswered === 0)
      return { note: failQuery(first), isUnnamedFailed: false, isUnnamedLost: !this.#isUnnamedRenewed }
    const head = first ?? this.#open
    const { nextNote: note } = head
    const hasUnnamed = head.unnamedAt >= head.extended - head.unanswered
    this.#skipToSync()
    const isUnnamedFailed = hasUnnamed && !this.#isUnnamedRenewed
    return { note, isUnnamedFailed, isUnnamedLost: isUnnamedFailed }
  }

  /** Hot path. The head is answered. If the count is uncertain, there may be none. */
  gotReady(): void {
    if (!this.#first) return
    this.#dropNotes(this.#first)
    this.#dropFirst(this.#first)
    this.#copyIn = 'none'
    this.#struckSyncs = 0
  }

  /** Hot path. The open group is closed: it is an entry now. */
  #push(kind: EntryKind, reader: ReplyReader | undefined): void {
    const entry = this.#open
    entry.kind = kind
    entry.reader = reader
    if (this.#last) this.#last.next = entry
    else this.#first = entry
    this.#last = entry
    this.#size++
    if (kind !== 'ours' && this.#size >= this.#mostOwed) this.#isFull = true
    this.#open = this.#blank()
    this.#isGroupOpen = false
    this.#group++
  }

  #blank(): Entry {
    const spare = this.#spare
    if (!spare) return new Entry()
    this.#spare = spare.next
    spare.next = undefined
    return spare
  }

  /** Hot path. */
  #dropNotes(entry: Entry): void {
    this.#notes -= entry.notes.length - entry.nextNoteAt
    entry.dropNotes()
  }

  #dropFirst(first: Entry): void {
    this.#first = first.next
    if (!this.#first) this.#last = undefined
    this.#retire(first)
  }

  /** An entry that stands in the list no more. */
  #retire(entry: Entry): void {
    entry.clear()
    entry.next = undefined
    if (--this.#size <= this.#mostOwed / 2) this.#isFull = false
    if (this.#size === 0) this.#isHeld = false
    if (this.#size >= mostKept) return
    entry.next = this.#spare
    this.#spare = entry
  }

  /**
   * A statement reads copy data: the Syncs directly behind it, one behind the other with nothing between them, are ignored.
   * `from` is the first that may be one, `before` the entry in front of it.
   */
  #beginCopyIn(before: Entry | undefined, from: Entry | undefined): void {
    let next = from
    while (next && isBareSync(next)) next = this.#strike(before, next)
    this.#copyIn = takeCopyEnd(next ?? this.#open, 0) ? 'ending' : 'in'
  }

  /** The same for an Execute whose own Sync is `sync`: ignored as well, which leaves the Execute in the group behind. */
  #beginExtendedCopyIn(sync: Entry): void {
    this.#beginCopyIn(undefined, this.#strike(undefined, sync))
    const next = this.#first ?? this.#open
    next.shift()
    if (next === this.#open) this.#isGroupOpen = true
  }

  /** Takes out a Sync that PostgreSQL ignores; returns what stands behind it. */
  #strike(before: Entry | undefined, sync: Entry): Entry | undefined {
    const { next } = sync
    if (before) before.next = next
    else this.#first = next
    if (!next) this.#last = before
    this.#retire(sync)
    this.#struckSyncs++
    return next
  }

  /** A group behind the first one has a Parse of the unnamed statement. */
  get #isUnnamedRenewed(): boolean {
    if (!this.#first) return false
    for (let entry = this.#first.next; entry; entry = entry.next) if (entry.unnamedAt >= 0) return true
    return this.#open.unnamedAt >= 0
  }

  #skipToSync(): void {
    while (this.#first && this.#first.kind !== 'sync') {
      this.#dropNotes(this.#first)
      this.#dropFirst(this.#first)
    }
    const group = this.#first ?? this.#open
    this.#dropNotes(group)
    if (this.#first) {
      this.#first.unanswered = 0
      return
    }
    this.#open.clear()
    this.#isGroupOpen = false
    this.#isSkipping = true
  }
}

function isBareSync(entry: Entry): boolean {
  return entry.kind === 'sync' && entry.extended === 0 && entry.copyEnds.length === 0
}

/** Uses up a CopyDone or CopyFail that was sent behind so many extended messages of the group; false if there is none. */
function takeCopyEnd(entry: Entry, behind: number): boolean {
  const index = entry.copyEnds.indexOf(behind)
  if (index >= 0) entry.copyEnds = entry.copyEnds.toSpliced(index, 1)
  return index >= 0
}
