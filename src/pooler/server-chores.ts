/** What the pooler asks of a server while nobody holds it: to introduce itself, to show that it lives, to be cleaned. */

import { assert } from '../assert.ts'
import { TaxirankError } from '../errors.ts'
import { Deadline, type Deadlines } from '../time.ts'
import { Chore, type ChoreFailure, type ChoreOwner } from './chore.ts'
import type { SessionKeeper } from './session-keeper.ts'

/** The server that is asked, and its pool. */
export interface ChoreDesk {
  readonly connectTimeoutMs: number
  readonly connectQuery: string
  readonly deadlines: Deadlines
  readonly now: () => number
  /** Sends a Query of the pooler's own. */
  ask(text: string): void
  introduced(): void
  /** `isFinal`: PostgreSQL answered, and asking again soon would not help. */
  introductionFailed(error: TaxirankError, isFinal: boolean): void
  /** It closed the connection meanwhile. */
  introductionLost(error: TaxirankError): void
  /** Undefined if all is well. */
  checkEnded(failure: string | undefined): void
  resetEnded(failure: string | undefined): void
}

export class ServerChores {
  readonly #desk: ChoreDesk
  readonly #keeper: SessionKeeper
  /** Under way. */
  current: Chore | undefined

  constructor(desk: ChoreDesk, keeper: SessionKeeper) {
    this.#desk = desk
    this.#keeper = keeper
  }

  /** The connect query is part of the login: it has as much time as that once more, and if it fails, the login has. */
  introduce(): void {
    const { connectTimeoutMs: limitMs, connectQuery, deadlines, now } = this.#desk
    if (connectQuery === '') return this.#desk.introduced()
    const limit = new Deadline(() => {
      this.#refuse({ reason: `the connect query was not answered within ${limitMs.toLocaleString('en-US')} ms` }, false)
    })
    if (limitMs > 0) deadlines.start(limit, now() + limitMs)
    this.#run('the connect query', connectQuery, {
      done: (failure) => {
        deadlines.stop(limit)
        if (failure) this.#refuse(failure, true)
        else this.#desk.introduced()
      },
      lost: (failure) => {
        deadlines.stop(limit)
        this.#desk.introductionLost(connectFailure(failure))
      },
    })
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

function connectFailure({ reason, sqlState }: ChoreFailure): TaxirankError {
  return new TaxirankError('server_connect_failed', reason, sqlState === undefined ? {} : { sqlState })
}
