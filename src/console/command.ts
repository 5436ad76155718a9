/** What a command is. Each stands in a file of its own, or with its nearest kin, and `commands.ts` lists them. */

import { TaxirankError } from '../errors.ts'
import type { ClientFigures, DatabaseCounters, PoolerFigures, PoolerVerbs } from '../pooler/figures.ts'
import type { Column } from '../wire/build-result.ts'
import type { ProcessControl } from './process-control.ts'
import type { Row } from './result.ts'
import type { Role } from './role.ts'

/** The console's own name as a database, and its user's as who runs its commands. */
export const consoleDatabase = 'pgbouncer'

/** What commands look at and act on. */
export interface Surroundings {
  readonly figures: PoolerFigures
  readonly verbs: PoolerVerbs
  readonly process: ProcessControl
  readonly console: ConsoleFigures
}

/** What the console says of itself, where PgBouncer's has rows about its own database. */
export interface ConsoleFigures {
  clients(): ClientFigures[]
  counters(): DatabaseCounters
  /** False: none of its clients has this id. */
  killClient(id: number): boolean
}

export interface Answer {
  /** Of CommandComplete. */
  readonly tag: string
  readonly rows?: readonly Row[]
  readonly notice?: { readonly text: string; readonly detail?: string }
  /** What ReadyForQuery says from now on: drivers that begin a transaction by themselves want to see one. */
  readonly transaction?: 'begun' | 'ended'
  /** The client's prepared statements are dropped. */
  readonly forgetsStatements?: boolean
  /** Called when the answer is on its way. */
  readonly afterwards?: () => void
}

/** An answer that comes later. Meanwhile nothing else of its client's is read. */
export interface Wait {
  readonly until: Promise<Answer>
  /** A cancel request came: lets everything go on that this has stopped. Undefined: it can't be given up. */
  readonly giveUp: (() => void) | undefined
  /** The client is gone: nobody waits for it any more. */
  readonly left?: () => void
}

/** `hang-up`: no answer, and the connection ends. */
export type Outcome = Answer | Wait | 'hang-up'

export interface Command {
  /** Its words in capitals: `SHOW POOLS`. */
  readonly name: string
  readonly argument?: Argument
  /** Whoever has this role may run it. */
  readonly role: Role
  /** Undefined: it has no rows. */
  readonly columns?: readonly Column[]
  run(around: Surroundings, argument: string | undefined): Outcome
}

/** What stands behind the words of a command. `name` as help shows it. */
export interface Argument {
  readonly name: string
  readonly isRequired: boolean
}

/** A command that shows rows and does nothing. */
export function show(
  name: string,
  columns: readonly Column[],
  rows: (around: Surroundings) => readonly Row[],
  role: Role = 'stats',
): Command {
  return { name: `SHOW ${name}`, role, columns, run: (around) => ({ tag: 'SHOW', rows: rows(around) }) }
}

export function refused(message: string): TaxirankError {
  return new TaxirankError('console_refused', message)
}
