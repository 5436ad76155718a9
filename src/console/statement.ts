/**
 * The console's grammar, PgBouncer's and a little more: words, of which the first is the command; `SET name = value` or
 * `SET name TO value`; and one semicolon at the end. Words may stand in double quotes, values also in single ones; a quote is doubled within
 * its like. Nothing is looked up here.
 */

import { TaxirankError } from '../errors.ts'

export interface Word {
  readonly text: string
  /** It stood in double quotes, so it is no keyword. */
  readonly isQuoted: boolean
}

export type Statement =
  | { readonly name: 'empty' }
  | { readonly name: 'words'; readonly words: readonly Word[] }
  | { readonly name: 'set'; readonly key: string; readonly value: string }

/** PgBouncer's limits. */
const longestCommand = 15
const longestArgument = 63
const longestValue = 255
/** More than any command has. */
const mostWords = 16

interface Token extends Word {
  readonly kind: 'word' | 'string' | 'sign'
}

/** Throws `console_refused` for what is no statement, or is too long. */
export function readStatement(source: string): Statement {
  const tokens = readTokens(source)
  if (tokens.at(-1)?.kind === 'sign' && tokens.at(-1)?.text === ';') tokens.pop()
  if (tokens.length === 0) return { name: 'empty' }
  if (tokens.some((token) => token.kind === 'sign' && token.text === ';')) {
    throw refused('one command at a time: something stands behind the semicolon')
  }
  const first = tokens[0] as Token
  limit('a command', first.text, longestCommand)
  return readAssignment(tokens) ?? readWords(tokens)
}

/** `SET [SESSION|LOCAL] name (=|TO) value`, also a list of values. Undefined if it is none. */
function readAssignment(tokens: readonly Token[]): Statement | undefined {
  if (keyword(tokens[0]) !== 'set') return undefined
  const scope = keyword(tokens[1])
  const isScoped = (scope === 'session' || scope === 'local') && !isAssignment(tokens[2])
  const at = isScoped ? 2 : 1
  const key = tokens[at]
  if (key?.kind !== 'word' || !isAssignment(tokens[at + 1])) return undefined
  const values = tokens.slice(at + 2)
  if (values.length === 0) throw refused(`SET ${shown(key.text)} has no value`)
  if (!isList(values)) throw refused('a SET has one value: put what is not a single word into single quotes')
  limit('a setting name', key.text, longestArgument)
  const value = values.map((token) => (token.kind === 'sign' ? ', ' : token.text)).join('')
  limit('a value', value, longestValue)
  return { name: 'set', key: key.text.toLowerCase(), value }
}

function isAssignment(token: Token | undefined): boolean {
  return (token?.kind === 'sign' && token.text === '=') || keyword(token) === 'to'
}

/** Values and commas in turn. */
function isList(tokens: readonly Token[]): boolean {
  return (
    tokens.length % 2 === 1 &&
    tokens.every(
      (token, index) => (token.kind === 'sign') === (index % 2 === 1) && (index % 2 === 0 || token.text === ','),
    )
  )
}

function readWords(tokens: readonly Token[]): Statement {
  if (tokens.length > mostWords) throw refused(`a command has at most ${mostWords} words`)
  for (const token of tokens) {
    if (token.text.startsWith('$')) throw refused('the console takes no parameters: write the value into the command')
    if (token.kind !== 'word') throw refused(`${shown(token.text)} does not belong into a command`)
    limit('an argument', token.text, longestArgument)
  }
  return { name: 'words', words: tokens.map(({ text, isQuoted }) => ({ text, isQuoted })) }
}

/** In lower case; undefined for what is none. */
export function keyword(word: Word | Token | undefined): string | undefined {
  if (!word || word.isQuoted || ('kind' in word && word.kind !== 'word')) return undefined
  return word.text.toLowerCase()
}

const space = /[ \t\n\r\f\v]*/y
const quotedWord = /"((?:[^"]|"")*)"/y
const string = /'((?:[^']|'')*)'/y
const sign = /[=;,]/y
const plainWord = /[^ \t\n\r\f\v'"=;,]+/y

function readTokens(source: string): Token[] {
  const tokens: Token[] = []
  const scan = (pattern: RegExp, at: number): RegExpExecArray | null => {
    pattern.lastIndex = at
    return pattern.exec(source)
  }
  for (let at = skipSpace(source, 0); at < source.length; at = skipSpace(source, at)) {
    const found = scan(plainWord, at) ?? scan(sign, at) ?? scan(quotedWord, at) ?? scan(string, at)
    if (!found) throw refused('a quote is opened and not closed')
    tokens.push(tokenOf(found[0], found[1]))
    at += found[0].length
  }
  return tokens
}

function skipSpace(source: string, at: number): number {
  space.lastIndex = at
  space.exec(source)
  return space.lastIndex
}

function tokenOf(whole: string, inner: string | undefined): Token {
  if (inner === undefined) return { kind: /^[=;,]$/.test(whole) ? 'sign' : 'word', text: whole, isQuoted: false }
  if (whole.startsWith('"')) return { kind: 'word', text: inner.replaceAll('""', '"'), isQuoted: true }
  return { kind: 'string', text: inner.replaceAll("''", "'"), isQuoted: false }
}

/** In characters, as a person counts them. */
function limit(what: string, value: string, most: number): void {
  const length = Array.from(value).length
  if (length > most) throw refused(`${what} has at most ${most} characters, this one ${length}`)
}

/** For a message: what a peer sent, short. */
export function shown(value: string): string {
  const characters = Array.from(value)
  return `"${characters.length > 80 ? `${characters.slice(0, 80).join('')}…` : value}"`
}

function refused(message: string): TaxirankError {
  return new TaxirankError('console_refused', message)
}
