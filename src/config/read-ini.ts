/**
 * PgBouncer's ini syntax. A comment begins with `;` or `#` as the first character of a line that is no blank. A value
 * is the rest of its line, trimmed, never quoted. A key of other characters than letters, digits and `_.-*` is quoted,
 * with the quote doubled inside: in single quotes as PgBouncer's code has it, or in double quotes as its manual has it.
 * `%include FILE` goes on in that file, relative to the working directory; a section opened there stays open.
 */

import { TaxirankError } from '../errors.ts'
import { refuse } from './refuse.ts'
import type { Place } from './refuse.ts'

/** Returns a file's text, or throws. */
export type ReadFile = (path: string) => string

export type IniItem =
  | { readonly kind: 'section'; readonly name: string; readonly place: Place }
  | { readonly kind: 'entry'; readonly key: string; readonly value: string; readonly place: Place }

const deepestInclude = 10
const blanks = ' \\t\\r\\f\\v'
const sectionHead = /^\[([^\]]*)\]/
const include = new RegExp(`^%include[${blanks}]+(.*)$`)
const entry = new RegExp(`^([A-Za-z0-9_.*-]*|'(?:[^']|'')*'|"(?:[^"]|"")*")[${blanks}]*=(.*)$`)

/** The items of a file and of what it includes, in order. Throws `bad_configuration` at the first bad line. */
export function* readIni(path: string, readFile: ReadFile): Generator<IniItem> {
  yield* readLines(path, readFile, 0, undefined)
}

function* readLines(
  path: string,
  readFile: ReadFile,
  depth: number,
  includedAt: Place | undefined,
): Generator<IniItem> {
  for (const [index, line] of load(path, readFile, includedAt).split('\n').entries()) {
    yield* readLine(line.trim(), { file: path, line: index + 1 }, readFile, depth)
  }
}

function* readLine(line: string, place: Place, readFile: ReadFile, depth: number): Generator<IniItem> {
  if (line === '' || line.startsWith(';') || line.startsWith('#')) return
  const included = include.exec(line)?.[1]
  if (included !== undefined) {
    if (depth >= deepestInclude) refuse(place, '%include', `nested too deep; allowed: ${deepestInclude} levels`)
    yield* readLines(included, readFile, depth + 1, place)
    return
  }
  const section = sectionHead.exec(line)
  if (section) {
    yield { kind: 'section', name: section[1] ?? '', place }
    yield* readLine(line.slice(section[0].length).trim(), place, readFile, depth)
    return
  }
  yield readEntry(line, place)
}

function readEntry(line: string, place: Place): IniItem {
  const [whole, key = '', value = ''] = entry.exec(line) ?? []
  if (whole === undefined) {
    refuse(
      place,
      '',
      'syntax error; allowed: [section], name = value, %include FILE, or a comment that begins with ; or #',
    )
  }
  return { kind: 'entry', key: unquote(key), value: value.trim(), place }
}

function unquote(key: string): string {
  const quote = key[0]
  return quote === "'" || quote === '"' ? key.slice(1, -1).replaceAll(quote + quote, quote) : key
}

function load(path: string, readFile: ReadFile, includedAt: Place | undefined): string {
  try {
    return readFile(path)
  } catch (error) {
    const problem = `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`
    if (includedAt) refuse(includedAt, '%include', problem, error)
    throw new TaxirankError('bad_configuration', problem, { cause: error })
  }
}
