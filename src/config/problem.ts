/** What is wrong with a configuration, and where. Readers report problems and go on, so that all of them can be told. */

import { TaxirankError } from '../errors.ts'

/** A line of a configuration file. */
export interface Place {
  readonly file: string
  readonly line: number
}

export interface Problem {
  readonly file: string
  /** Undefined: the file as a whole. */
  readonly line: number | undefined
  /** `setting: what is wrong and what is allowed`. Never a secret. */
  readonly text: string
  readonly cause?: unknown
}

/** Takes a problem down. */
export type Report = (problem: Problem) => void

/** A problem of one line. `subject` is the setting; empty: the line itself. */
export function problemAt(place: Place, subject: string, text: string, cause?: unknown): Problem {
  return { ...place, text: subject === '' ? text : `${subject}: ${text}`, cause }
}

/** The problem as `bad_configuration`: `FILE:LINE: setting: what is wrong`. */
export function badConfiguration(problem: Problem): TaxirankError {
  const line = problem.line === undefined ? '' : `:${problem.line}`
  return new TaxirankError('bad_configuration', `${problem.file}${line}: ${problem.text}`, { cause: problem.cause })
}

/** What to say of a file that can't be read. */
export function unreadable(path: string, error: unknown): string {
  return `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`
}
