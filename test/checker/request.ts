/** What a message to a server says of a statement, and what its client had said where that was something else. */
import { definitionOf, frontend, statementName } from './messages.ts'
import type { Span } from './rule.ts'

/** A client's message as it came, where bytes were put in its place (record 23). */
export interface Original {
  readonly type: number
  readonly statement: string | undefined
  /** Undefined where only the head was replaced: the rest is in what was sent. */
  readonly definition: string | undefined
}

export interface Request {
  /** Undefined for a portal's, and for a Query. */
  readonly statement: string | undefined
  /** Of a Parse. */
  readonly definition: string | undefined
  readonly original: Original | undefined
}

/** PostgreSQL keeps this much of a statement's name. */
const nameBytes = 63
const headerBytes = 5
const about: readonly number[] = [frontend.parse, frontend.bind, frontend.describe, frontend.close]

/** Undefined for a message that has nothing to do with statements and stands for none that has. */
export function requestOf(
  type: number,
  { bytes, start, end }: Span,
  original: Original | undefined,
): Request | undefined {
  if (!about.includes(type)) return original && { statement: undefined, definition: undefined, original }
  const statement = statementName(type, bytes, start, end)?.slice(0, nameBytes)
  return { statement, definition: type === frontend.parse ? definitionOf(bytes, start, end) : undefined, original }
}

/** `replaced`: a message, or its head. */
export function originalOf(replaced: Buffer): Original {
  const type = replaced[0] ?? 0
  const isWhole = replaced.length === 1 + replaced.readUInt32BE(1)
  return {
    type,
    statement: statementName(type, replaced, headerBytes, replaced.length)?.slice(0, nameBytes),
    definition: type === frontend.parse && isWhole ? definitionOf(replaced, headerBytes, replaced.length) : undefined,
  }
}
