/**
 * PgBouncer's ini syntax. A comment begins with `;` or `#` as the first character of a line that is no blank. A value
 * is the rest of its line, trimmed, never quoted. A key of other characters than letters, digits and `_.-*` is quoted,
 * with the quote doubled inside: in single quotes as PgBouncer's code has it, or in double quotes as its manual has it.
 * `%include FILE` goes on in that file, relative to the working directory; a section opened there stays open.
 */

import { problemAt, unreadable } from './problem.ts'
import type { Place, Problem } from './problem.ts'

/** Returns a file's text, or throws. */
export type ReadFile = (path: string) => string

export type IniItem =
  | { readonly kind: 'section'; readonly name: string; readonly place: Place }
  | { readonly kind: 'entry'; readonly key: string; readonly value: string; readonly place: Place }
  | { readonly kind: 'problem'; readonly problem: Problem }

const deepestInclude = 10
/** Files that include each other twice are a tree of 2^10 within the depth allowed. */
const mostFiles = 1_000
const blanks = ' \\t\\r\\f\\v'
const sectionHead = /^\[([^\]]*)\]/
const include = new RegExp(`^%include[${blanks}]+(.*)$`)
const entry = new RegExp(`^([A-Za-z0-9_.*-]*|'(?:[^']|'')*'|"(?:[^"]|"")*")[${blanks}]*=(.*)$`)
const syntax = 'syntax error; allowed: [section], name = value, %include FILE, or a comment that begins with ; or #'

/** The items of a file and of what it includes, in order. Bad lines are items, too. */
export function* readIni(path: string, readFile: ReadFile): Generator<IniItem> {
  yield* new IniReader(readFile).lines(path, 0, undefined)
}

class IniReader {
  readonly #readFile: ReadFile
  #files = 0

  constructor(readFile: ReadFile) {
    this.#readFile = readFile
  }

  *lines(path: string, depth: number, includedAt: Place | undefined): Generator<IniItem> {
    const text = this.#load(path, includedAt)
    if (typeof text !== 'string') {
      yield { kind: 'problem', problem: text }
      return
    }
    for (const [index, line] of text.split('\n').entries()) {
      yield* this.#line(line.trim(), { file: path, line: index + 1 }, depth)
    }
  }

  *#line(text: string, place: Place, depth: number): Generator<IniItem> {
    if (text === '' || text.startsWith(';') || text.startsWith('#')) return
    const included = include.exec(text)?.[1]
    if (included !== undefined) {
      yield* this.#include(included, place, depth)
      return
    }
    const section = sectionHead.exec(text)
    if (!section) {
      yield readEntry(text, place)
      return
    }
    yield { kind: 'section', name: section[1] ?? '', place }
    // A line may begin with many sections, so this is not left to recursion.
    const rest = text.slice(section[0].length).trim()
    if (sectionHead.test(rest)) yield { kind: 'problem', problem: problemAt(place, '', syntax) }
    else yield* this.#line(rest, place, depth)
  }

  *#include(path: string, place: Place, depth: number): Generator<IniItem> {
    const problem =
      depth >= deepestInclude
        ? `nested too deep; allowed: ${deepestInclude} levels`
        : this.#files >= mostFiles
          ? `too many files; allowed: ${mostFiles.toLocaleString('en-US')}`
          : undefined
    if (problem === undefined) yield* this.lines(path, depth + 1, place)
    else yield { kind: 'problem', problem: problemAt(place, '%include', problem) }
  }

  #load(path: string, includedAt: Place | undefined): string | Problem {
    this.#files += 1
    try {
      return this.#readFile(path)
    } catch (error) {
      const text = unreadable(path, error)
      if (includedAt) return problemAt(includedAt, '%include', text, error)
      return { file: path, line: undefined, text, cause: error }
    }
  }
}

function readEntry(line: string, place: Place): IniItem {
  const [whole, key = '', value = ''] = entry.exec(line) ?? []
  if (whole === undefined) return { kind: 'problem', problem: problemAt(place, '', syntax) }
  return { kind: 'entry', key: unquote(key), value: value.trim(), place }
}

function unquote(key: string): string {
  const quote = key[0]
  return quote === "'" || quote === '"' ? key.slice(1, -1).replaceAll(quote + quote, quote) : key
}
