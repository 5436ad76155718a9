/**
 * What a PostgreSQL session owes: given the messages sent to it and the messages that came back, which request each
 * reply answers. The same account serves a server (what the pooler wrote and read) and a client (what it wrote and
 * what it was given), because a pooler must look like PostgreSQL to its client.
 *
 * The rules were tried on PostgreSQL. A session in copy-in mode ignores Sync and Flush. After an ErrorResponse in the
 * extended protocol everything up to the next Sync is skipped, Query and FunctionCall too. If an ErrorResponse ends
 * copy-in after a Sync had been sent early, nobody outside can know whether that Sync was ignored: the account is then
 * `uncertain` for good, and only bounds the number of ReadyForQuery.
 */
import { Deque } from './deque.ts'
import { backend, frontend, isAsynchronous, printable, rawReply, untypedPacket } from './messages.ts'
import type { Request } from './request.ts'

/** Messages of the extended protocol up to the Sync, Query or FunctionCall that ends them. */
export interface MessageGroup {
  /** The first client with a message in it; 0: all are the pooler's own so far. */
  client: number
}

/** One message whose answer is outstanding, or a CopyDone or CopyFail that may end a copy still to begin. */
export interface Entry {
  readonly type: number
  /** The client that sent it; 0: the pooler. */
  readonly owner: number
  /** Where it ends in its client's stream. */
  readonly offset: number
  readonly group: MessageGroup
  readonly request: Request | undefined
}

type Class = 'ready' | 'extended' | 'copyEnd' | 'copy' | 'silent' | 'unknown'

const classes = new Map<number, Class>([
  [untypedPacket, 'ready'],
  [frontend.query, 'ready'],
  [frontend.functionCall, 'ready'],
  [frontend.sync, 'ready'],
  [frontend.parse, 'extended'],
  [frontend.bind, 'extended'],
  [frontend.describe, 'extended'],
  [frontend.execute, 'extended'],
  [frontend.close, 'extended'],
  [frontend.copyDone, 'copyEnd'],
  [frontend.copyFail, 'copyEnd'],
  [frontend.copyData, 'copy'],
  [frontend.flush, 'silent'],
  [frontend.password, 'silent'],
  [frontend.terminate, 'silent'],
])

const classOf: readonly Class[] = Array.from({ length: 256 }, (_, type) => classes.get(type) ?? 'unknown')

/** What a reply of this type finishes; replies that only continue one are in `continues`. */
const finishes = new Map<number, readonly number[]>([
  [backend.parseComplete, [frontend.parse]],
  [backend.bindComplete, [frontend.bind]],
  [backend.closeComplete, [frontend.close]],
  [backend.rowDescription, [frontend.describe]],
  [backend.noData, [frontend.describe]],
  [backend.commandComplete, [frontend.execute]],
  [backend.emptyQuery, [frontend.execute]],
  [backend.portalSuspended, [frontend.execute]],
  [backend.ready, [untypedPacket, frontend.query, frontend.functionCall, frontend.sync]],
])

const rows = [frontend.query, frontend.execute]
const continues = new Map<number, readonly number[]>([
  [backend.rowDescription, [frontend.query]],
  [backend.commandComplete, [frontend.query]],
  [backend.emptyQuery, [frontend.query]],
  [backend.dataRow, rows],
  [backend.copyIn, rows],
  [backend.copyOut, rows],
  [backend.copyData, rows],
  [backend.copyDone, rows],
  [backend.parameterDescription, [frontend.describe]],
  [backend.functionResult, [frontend.functionCall]],
  [backend.authentication, [untypedPacket]],
  [backend.keyData, [untypedPacket]],
  [backend.negotiate, [untypedPacket]],
])

/** Both as one table, at reply type × 256 + request type: 0 is not an answer, 1 continues, 2 finishes. */
const answers = new Uint8Array(65_536)
for (const [reply, requests] of continues) for (const request of requests) answers[reply * 256 + request] = 1
for (const [reply, requests] of finishes) for (const request of requests) answers[reply * 256 + request] = 2

/** Parse, Bind, Describe, Execute and Close: an error in one skips everything up to the Sync. */
export function isExtended(type: number): boolean {
  return classOf[type] === 'extended'
}

export class ReplyAccount {
  /** The entry that the last `received` finished. */
  answered: Entry | undefined
  /** The entry that the last `received` was an ErrorResponse to. */
  failed: Entry | undefined
  readyReceived = 0
  /** Why nobody can know what the session owes. */
  uncertain: string | undefined
  /** An ErrorResponse came while nothing was asked: the session is ending. */
  isDying = false
  /** The first reply that answers nothing that was sent. The account stops there. */
  unexplained: string | undefined
  readonly #entries = new Deque<Entry>()
  #readyOwed = 0
  #isSkipping = false
  #isCopyIn = false
  /** Messages of the extended protocol since the last Sync, Query or FunctionCall. */
  #isGroupOpen = false
  /** The last of these groups, open or not. */
  #group: MessageGroup = { client: 0 }
  /** Syncs taken as ignored since the request at the head began to copy in. */
  #struck = 0
  /** With `uncertain`: how many more ReadyForQuery than owed may come. */
  #mayCome = 0

  get head(): Entry | undefined {
    return this.#entries.first()
  }

  /** ReadyForQuery that are still to come. */
  get readyOwed(): number {
    return this.#readyOwed
  }

  get isCopyIn(): boolean {
    return this.#isCopyIn
  }

  /** False as soon as the account can't say whom the next reply belongs to. */
  get isCertain(): boolean {
    return this.uncertain === undefined && this.unexplained === undefined
  }

  /** Whether an unanswered message for which `isMeant` holds is outstanding. */
  hasUnanswered(isMeant: (entry: Entry) => boolean): boolean {
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries.at(i)
      if (entry && classOf[entry.type] !== 'copyEnd' && isMeant(entry)) return true
    }
    return false
  }

  /** The first outstanding entry that a ReadyForQuery will answer. */
  nextReady(): Entry | undefined {
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries.at(i)
      if (entry && classOf[entry.type] === 'ready') return entry
    }
    return undefined
  }

  /** Why the session can't be given to somebody else now; undefined: nothing is owed. */
  whyNotClean(): string | undefined {
    if (this.unexplained !== undefined) return `it sent ${this.unexplained}`
    if (this.uncertain !== undefined) return `its replies can't be counted: ${this.uncertain}`
    if (this.isDying) return 'it sent an ErrorResponse that nobody had asked for: it is ending'
    if (this.#readyOwed > 0) return `${this.#readyOwed} ReadyForQuery still owed after ${this.readyReceived} received`
    if (this.#isCopyIn) return 'copy-in runs'
    if (this.#isSkipping) return 'it skips to the next Sync after an error'
    if (this.#isGroupOpen) return 'a group of the extended protocol was not closed by Sync'
    return undefined
  }

  /** A message was sent to the session. Returns whether a ReadyForQuery is now owed for it. */
  sent(type: number, owner: number, offset: number, request?: Request): boolean {
    const kind = classOf[type] ?? 'unknown'
    if (kind === 'silent' || kind === 'copy') return false
    if (kind === 'unknown') this.#becomeUncertain(`${printable(type)} was sent, which is no message of the protocol`)
    const entry = { type, owner, offset, group: this.#group, request }
    if (this.uncertain !== undefined) return this.#sentUncertain(kind, entry)
    if (this.#isCopyIn) return this.#sentInCopy(kind, type)
    if (kind === 'copyEnd') {
      if (this.#entries.length > 0) this.#entries.push(entry)
      return false
    }
    if (type === frontend.sync) this.#isSkipping = false
    if (this.#isSkipping) return false
    entry.group = this.#joinGroup(owner)
    this.#isGroupOpen = kind === 'extended'
    this.#entries.push(entry)
    if (kind === 'ready') this.#readyOwed++
    return kind === 'ready'
  }

  #joinGroup(owner: number): MessageGroup {
    if (!this.#isGroupOpen) this.#group = { client: owner }
    else if (this.#group.client === 0) this.#group.client = owner
    return this.#group
  }

  #sentInCopy(kind: Class, type: number): boolean {
    if (kind === 'copyEnd') this.#isCopyIn = false
    else if (type === frontend.sync) this.#struck++
    else this.#becomeUncertain(`${printable(type)} was sent during copy-in`)
    return false
  }

  #sentUncertain(kind: Class, entry: Entry): boolean {
    if (kind !== 'ready') return false
    this.#entries.push(entry)
    this.#readyOwed++
    return true
  }

  /**
   * A message came from the session. Returns what is wrong with it, if it answers nothing that was sent. `begun` is the
   * type of a message that has been sent in part: an error can answer it, since the pooler puts its own in front.
   */
  received(type: number, begun = untypedPacket): string | undefined {
    this.answered = this.failed = undefined
    if (this.unexplained !== undefined || isAsynchronous(type) || type === rawReply) return undefined
    if (this.uncertain !== undefined) return this.#receivedUncertain(type)
    if (type === backend.error) return this.#receivedError(isExtended(begun))
    const head = this.#entries.first()
    const answer = head === undefined ? 0 : (answers[type * 256 + head.type] ?? 0)
    if (answer === 0) return this.#isUnexplained(type, head)
    if (this.#isCopyIn && type !== backend.copyIn) return this.#isUnexplained(type, head)
    if (type === backend.copyIn) this.#beginCopyIn()
    if (answer === 2) this.#finish(type)
    return undefined
  }

  #finish(type: number): void {
    this.answered = this.#entries.shift()
    this.#struck = 0
    if (type === backend.ready) this.#countReady()
    this.#dropCopyEnds()
  }

  #countReady(): void {
    this.#readyOwed--
    this.readyReceived++
  }

  /** The session reads on in copy-in mode: up to the first CopyDone or CopyFail, Sync means nothing. */
  #beginCopyIn(): void {
    const head = this.#entries.shift()
    const behind: Entry[] = []
    while (this.#entries.length > 0) behind.push(this.#entries.shift() as Entry)
    const end = behind.findIndex((entry) => classOf[entry.type] === 'copyEnd')
    const read = end < 0 ? behind : behind.slice(0, end)
    this.#entries.push(head as Entry)
    for (const entry of behind.slice(read.length + (end < 0 ? 0 : 1))) this.#entries.push(entry)
    for (const entry of read) if (classOf[entry.type] === 'ready') this.#readyOwed--
    this.#struck += read.filter((entry) => entry.type === frontend.sync).length
    this.#isGroupOpen = this.#hasOpenGroup()
    this.#isCopyIn = end < 0
    const misplaced = read.find((entry) => entry.type !== frontend.sync)
    if (misplaced) this.#becomeUncertain(`${printable(misplaced.type)} was sent during copy-in`)
  }

  #hasOpenGroup(): boolean {
    let isOpen = false
    for (let i = 0; i < this.#entries.length; i++) {
      const kind = classOf[this.#entries.at(i)?.type ?? 0]
      if (kind !== 'copyEnd') isOpen = kind === 'extended'
    }
    return isOpen
  }

  #receivedError(hasBegun: boolean): undefined {
    const head = this.#entries.first()
    if (head === undefined && !hasBegun) this.isDying = true
    this.#isCopyIn = false
    if (this.#struck > 0) this.#becomeUncertain('an error ended copy-in after an early Sync')
    else if (head === undefined ? hasBegun : isExtended(head.type)) this.#skipToSync()
    if (this.uncertain === undefined) this.failed = head
    return undefined
  }

  #skipToSync(): void {
    this.#isSkipping = true
    while (this.#entries.length > 0 && this.#isSkipping) {
      const entry = this.#entries.first() as Entry
      if (entry.type === frontend.sync) this.#isSkipping = false
      else {
        this.#entries.shift()
        if (classOf[entry.type] === 'ready') this.#readyOwed--
      }
    }
  }

  #becomeUncertain(why: string): void {
    this.uncertain ??= why
    this.#mayCome = this.#struck
    const left: Entry[] = []
    while (this.#entries.length > 0) left.push(this.#entries.shift() as Entry)
    for (const entry of left) if (classOf[entry.type] === 'ready') this.#entries.push(entry)
  }

  #receivedUncertain(type: number): string | undefined {
    if (type !== backend.ready) return undefined
    while (this.#entries.length > 0) {
      this.answered = this.#entries.shift()
      if (classOf[this.answered?.type ?? 0] !== 'ready') continue
      this.#countReady()
      return undefined
    }
    this.answered = undefined
    if (this.#mayCome === 0) return this.#isUnexplained(type, undefined)
    this.#mayCome--
    return undefined
  }

  #isUnexplained(type: number, head: Entry | undefined): string {
    const waiting = head === undefined ? 'nothing was asked' : `${printable(head.type)} was next to be answered`
    this.unexplained = `a reply of type ${printable(type)} where ${waiting}`
    return this.unexplained
  }

  /** Copy messages behind a request that is over owe nothing. */
  #dropCopyEnds(): void {
    while (this.#entries.length > 0 && classOf[this.#entries.first()?.type ?? 0] === 'copyEnd') this.#entries.shift()
  }
}
