/** What the pooler asks of a server while nobody holds it: to introduce itself, to show that it lives, to be cleaned. */

import { assert } from '../assert.ts'
import { TaxirankError } from '../errors.ts'
import { Deadline, type Deadlines } from '../time.ts'
import { Chore, type ChoreFailure, type ChoreOwner } from './chore.ts'
import { dottedNames } from '../sql/dotted-names.ts'
import { Inquiry } from './inquiry.ts'
import { askableKinds, type Doubts, questionOf } from './pin.ts'
import type { ReplyReader } from './reply-reader.ts'
import type { SessionKeeper } from './session-keeper.ts'

/** The server that is asked, and its pool. */
export interface ChoreDesk {
  readonly connectTimeoutMs: number
  readonly connectQuery: string
  /** Whether it is PostgreSQL itself is to be found out. */
  readonly asksWhoItIs: boolean
  readonly deadlines: Deadlines
  readonly now: () => number
  /** Sends a Query of the pooler's own. */
  ask(text: string): void
  introduced(): void
  /** The process id that PostgreSQL says it has. */
  saidWhoItIs(processId: number): void
  usedUp(count: number): void
  /** `isFinal`: PostgreSQL answered, and asking again soon would not help. */
  introductionFailed(error: TaxirankError, isFinal: boolean): void
  /** It closed the connection meanwhile. */
  introductionLost(error: TaxirankError): void
  /** Undefined if all is well. */
  checkEnded(failure: string | undefined): void
  resetEnded(failure: string | undefined): void
}

type Rows = Inquiry['rows']

interface Introduction {
  readonly what: string
  readonly text: string
  /** Takes what it is answered with. */
  readonly read?: (rows: Rows) => void
}

export class ServerChores {
  readonly #desk: ChoreDesk
  readonly #keeper: SessionKeeper
  /** Under way. */
  current: Chore | undefined
  /** Who reads its answer; undefined: nobody. */
  asking: ReplyReader | undefined

  constructor(desk: ChoreDesk, keeper: SessionKeeper) {
    this.#desk = desk
    this.#keeper = keeper
  }

  /** What belongs to the login: it has as much time as that once more, and if it fails, the login has. */
  introduce(): void {
    const { connectTimeoutMs: limitMs, deadlines, now } = this.#desk
    const limit = new Deadline(() => {
      this.#refuse({ reason: `the connect query was not answered within ${limitMs.toLocaleString('en-US')} ms` }, false)
    })
    if (limitMs > 0) deadlines.start(limit, now() + limitMs)
    this.#runIntroduction(limit, this.#introductions())
  }

  #introductions(): Introduction[] {
    const { connectQuery, asksWhoItIs } = this.#desk
    const connecting = [
      { what: 'the connect query', text: connectQuery },
      {
        what: 'the question what the connect query has set',
        text: questionOf(doubtsAbout(connectQuery)),
        read: (rows: Rows) => this.#keeper.introduced(rows),
      },
    ]
    const asking = {
      what: 'the question who it is',
      text: 'SELECT pg_catalog.pg_backend_pid()',
      read: ([row]: Rows) => {
        if (row?.[0] !== undefined) this.#desk.saidWhoItIs(Number(row[0]))
      },
    }
    return [...(connectQuery === '' ? [] : connecting), ...(asksWhoItIs ? [asking] : [])]
  }

  #runIntroduction(limit: Deadline, [next, ...rest]: readonly Introduction[]): void {
    if (!next) {
      this.#desk.deadlines.stop(limit)
      return this.#desk.introduced()
    }
    const asked = next.read && new Inquiry((count) => this.#desk.usedUp(count))
    this.#run(next.what, next.text, {
      done: (failure) => {
        if (!failure) {
          next.read?.(asked?.rows ?? [])
          return this.#runIntroduction(limit, rest)
        }
        this.#desk.deadlines.stop(limit)
        this.#refuse(failure, true)
      },
      lost: (failure) => {
        this.#desk.deadlines.stop(limit)
        this.#desk.introductionLost(connectFailure(failure))
      },
    })
    this.asking = asked
  }

  #refuse(failure: ChoreFailure, isFinal: boolean): void {
    this.current = undefined
    this.#desk.introductionFailed(connectFailure(failure), isFinal)
  }

  /** Proves that it still lives. */
  check(text: string): void {
    this.#run('the check', text, {
      done: (failure) => this.#desk.checkEnded(failure?.reason ?? this.#keeper.session.spoiltBy),
      lost: () => undefined,
    })
  }

  /** Removes what the last lease has left in its session. */
  reset(): void {
    const text = this.#keeper.takeReset()
    assert(text !== undefined, 'what is given back dirty can be reset')
    this.#run('the reset', text, {
      done: (failure) => this.#desk.resetEnded(failure?.reason ?? this.#keeper.session.spoiltBy),
      lost: () => undefined,
    })
  }

  #run(what: string, text: string, owner: ChoreOwner): void {
    this.asking = undefined
    assert(!this.current, 'a server does one chore at a time')
    this.current = new Chore(what, owner)
    this.#desk.ask(text)
  }

  /** It is answered; the session has this status. */
  ended(status: number): void {
    const chore = this.current
    this.current = undefined
    chore?.end(status)
  }

  /** PostgreSQL has closed the connection. */
  lost(): void {
    const chore = this.current
    this.current = undefined
    chore?.lost()
  }

  /** The pooler closes it. */
  abandon(): void {
    this.current = undefined
  }
}

/** Everything that it may have set. */
function doubtsAbout(text: string): Doubts {
  const names = new Map(['role', ...dottedNames(text)].map((name) => [name, false]))
  const kinds = new Set(askableKinds)
  return { kinds, names, isAnyName: true, hasFailed: false, isFirstRoleAsked: true, resets: new Set() }
}

function connectFailure({ reason, sqlState }: ChoreFailure): TaxirankError {
  return new TaxirankError('server_connect_failed', reason, sqlState === undefined ? {} : { sqlState })
}
