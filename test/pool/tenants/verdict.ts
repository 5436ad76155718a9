/** What a caller may be told, and what it may see. */

import type { Question } from './questions.ts'
import type { Wants } from './wants.ts'

/** What `seen` shows of a session. */
export interface Seen {
  readonly token: string
  readonly tenant: string
  readonly role: string
  /** Marked by whoever has begun it; '' outside. */
  readonly transaction: string
  /** The transaction has written something. */
  readonly writes: boolean
  /** It began with this statement. */
  readonly begins: boolean
  /** Temporary tables, session locks, a foreign name of the application. */
  readonly left: string
}

/** What a caller has done on its client so far. */
export class Standing {
  /** The mark of the transaction that it has begun; '' outside. */
  transaction = ''
  /** A statement of that has failed: PostgreSQL refuses all that follow. */
  hasFailed = false
  /** What was written in it. */
  readonly entries: string[] = []
  /** How it may be told of what it has done itself: a signal of its own, an end of its own. */
  readonly mayHear: RegExp[]

  constructor(...mayHear: RegExp[]) {
    this.mayHear = mayHear
  }
}

export const outside = new Standing()
export const cancelled = / 57014 /
/** The connection was lost, or none could be had. */
const lost =
  / (57P0\d|08\w{3}|53300|E[A-Z]{4,}) |Connection terminated|not queryable|timeout exceeded|commit_unknown|socket|Socket/
/** In a pipeline pg takes for prepared what is being refused still. */
export const refused = / (25P02|26000) /
const tokens = /token-\d+-(?:\w+-)*/g

export function describeError(error: unknown): string {
  const { name, code, message } = error as { name?: string; code?: unknown; message?: string }
  return `${name} ${typeof code === 'string' ? code : '-'} ${message}`
}

/** Whether PostgreSQL itself has refused this statement, and lives. */
export function isAnswer(error: unknown): boolean {
  const { severity } = error as { severity?: unknown }
  return typeof severity === 'string' && !lost.test(describeError(error))
}

/** What is wrong with an answer; undefined if nothing is. */
export function judgeAnswer(question: Question, wants: Wants, standing: Standing, result: unknown): string | undefined {
  const told = JSON.stringify(seenIn(result))
  if (wants.failure && !question.isLocal) return `was answered behind a set-up that fails: ${told}`
  if (question.fails) return `must fail, and was answered ${told}`
  const expected = question.tokens.map((token) => expectedOf(token, wants, standing))
  const shown = seenIn(result).map((seen) => concerning(seen, question, standing))
  if (JSON.stringify(shown) === JSON.stringify(expected)) return undefined
  return `was answered ${told}, and must see ${JSON.stringify(expected)}`
}

function seenIn(result: unknown): Seen[] {
  const results = (Array.isArray(result) ? result : [result]) as { readonly rows: readonly { seen: Seen }[] }[]
  return results.flatMap(({ rows }) => rows.map(({ seen }) => seen))
}

function expectedOf(token: string, { tenant, role }: Wants, { transaction }: Standing): Seen {
  const isOutside = transaction === ''
  return { token, tenant, role, transaction, writes: !isOutside, begins: isOutside, left: '' }
}

/** Without what can't be told for this kind of statement. */
function concerning(seen: Seen, { isSimple, entry }: Question, { transaction }: Standing): Seen {
  const { token, tenant, role, transaction: mark, left } = seen
  if (transaction !== '') return { token, tenant, role, transaction: mark, writes: true, begins: false, left }
  const writes = entry === undefined && seen.writes
  return { token, tenant, role, transaction: mark, writes, begins: !isSimple || seen.begins, left }
}

/** What is wrong with an error; undefined if nothing is. `own`: tokens it may repeat begin with that. */
export function judgeError(error: unknown, mayHear: readonly RegExp[], own: string): string | undefined {
  const said = JSON.stringify({ ...(error as object), message: (error as Error).message })
  const foreign = (said.match(tokens) ?? []).find((token) => !token.startsWith(own))
  if (foreign !== undefined) return `was told of ${foreign}: ${said}`
  const text = describeError(error)
  if ([lost, ...mayHear].some((one) => one.test(text))) return undefined
  return `must not hear ${text}`
}

/** What a caller may hear of a question. */
export function mayHearOf(question: Question, wants: Wants, standing: Standing): RegExp[] {
  const { fails, limit, isLocal } = question
  const own = [...standing.mayHear, ...(limit ? [limit] : [])]
  if (wants.failure) return [wants.failure, ...own, ...(fails && isLocal ? [fails] : [])]
  return [...own, ...(fails ? [fails] : []), ...(standing.hasFailed ? [refused] : [])]
}
