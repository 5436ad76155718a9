/**
 * What running a text does to its session. Most texts do nothing to it, and that is seen in one pass over their bytes, without a string being
 * made: they begin with a harmless keyword, are one statement, and have none of a few words in them, whatever those would mean there. All
 * others are read by the lexer, and what was found is remembered.
 */

import { isAscii } from './ascii.ts'
import { type Effects, noEffects } from './effect.ts'
import { codeEffects } from './code-effects.ts'
import { statementsOf } from './lexer.ts'
import { statementEffects } from './statement-effects.ts'

export interface ClassifierLimits {
  readonly mostTexts: number
  /** In bytes: longer texts are not remembered. */
  readonly longestText: number
  /** In bytes: longer texts are not read, if they aren't seen to be harmless in one pass. It bounds how long a text keeps all clients waiting. */
  readonly longestRead: number
}

const usualLimits: ClassifierLimits = { mostTexts: 2_000, longestText: 4_096, longestRead: 65_536 }

export class Classifier {
  readonly #limits: ClassifierLimits
  readonly #known = new Map<string, Effects>()

  constructor(limits: Partial<ClassifierLimits> = {}) {
    this.#limits = { ...usualLimits, ...limits }
  }

  /**
   * Hot path. The text stands in the bytes from `from` to `to`, without a terminator. `isTransparent`: in the client's encoding no byte below
   * 0x80 is part of a longer character; so it is but in SJIS, BIG5, GBK, GB18030, UHC, JOHAB and SHIFT_JIS_2004, where what looks like a quote's backslash
   * may be half a character. Texts in ASCII are the same in all, and so is what is remembered of them; others can't be made out then.
   */
  classify(bytes: Buffer, from: number, to: number, isTransparent = true): Effects {
    if (!isTransparent && !isAscii(bytes, from, to)) return unreadable(bytes.toString('latin1', from, to))
    return isPlainlyHarmless(bytes, from, to) ? noEffects : this.#read(bytes.toString('latin1', from, to))
  }

  #read(text: string): Effects {
    if (text.length > this.#limits.longestRead) return unreadable(text)
    const known = this.#known.get(text)
    if (known) return known
    const effects = effectsOf(text)
    if (text.length > this.#limits.longestText) return effects
    if (this.#known.size >= this.#limits.mostTexts) this.#known.clear()
    this.#known.set(text, effects)
    return effects
  }
}

function effectsOf(text: string): Effects {
  const statements = statementsOf(text)
  if (!statements) return unreadable(text)
  const isAlone = statements.length === 1
  const effects = statements.flatMap((statement) => statementEffects(statement, isAlone))
  return effects.length === 0 ? noEffects : effects
}

/** What can't be made out is like a block of code. */
function unreadable(text: string): Effects {
  return codeEffects([{ kind: 'string', text }])
}

// In one pass.

/** Kinds of bytes; 0: any other. `inner`: part of a word, but not its first: a word may stand right behind a number. */
const letter = 1
const semicolon = 2
const ampersand = 3
const inner = 4
const kinds = new Uint8Array(256)
for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte)
  if (byte >= 0x80 || /[a-z_]/i.test(character)) kinds[byte] = letter
  else if (/[\d$]/.test(character)) kinds[byte] = inner
}
kinds[0x3b] = semicolon
kinds[0x26] = ampersand

/** By length: keywords with which a harmless statement begins. */
const openings = byLength(
  'select insert update delete merge values table begin start commit end rollback abort savepoint release fetch move copy show vacuum ' +
    'analyze lock notify truncate',
)

/** By length: words that need a closer look, wherever they stand. */
const suspects = byLength(
  'temp hold temporary set_config setseed set_limit isn_weak lastval currval dblink_connect dblink_connect_u ' +
    'query_to_xml query_to_xmlschema query_to_xml_and_xmlschema ts_stat ts_rewrite crosstab crosstab2 crosstab3 crosstab4 connectby xpath_table',
)
/** INTO makes a table, but behind these. */
const intoWord = Buffer.from('into')
const insertWord = Buffer.from('insert')
const mergeWord = Buffer.from('merge')

/** By length and first byte: whether a word may be a suspect. */
const mayBeSuspect = new Uint8Array(256 * (suspects.length + 1))
for (const word of [...suspects.flat(), intoWord]) {
  const [first = 0] = word
  for (const byte of [first, first & ~0x20]) mayBeSuspect[256 * word.length + byte] = 1
}

function byLength(words: string): readonly (readonly Buffer[])[] {
  const lists: Buffer[][] = []
  for (const word of words.split(' ')) (lists[word.length] ??= []).push(Buffer.from(word))
  return lists
}

/** Hot path. */
function isPlainlyHarmless(bytes: Buffer, from: number, to: number): boolean {
  let at = from
  while (at < to && isBlank(bytes[at] as number)) at++
  let end = at
  while (end < to && isInWord(bytes[end] as number)) end++
  if (!isAmong(openings, bytes, at, end)) return false
  const isInsert = isSame(insertWord, bytes, at, end) || isSame(mergeWord, bytes, at, end)
  let word = -1
  for (at = end; at < to; at++) {
    const kind = kinds[bytes[at] as number]
    if (kind === letter) {
      if (word < 0) word = at
      continue
    }
    if (kind === inner) continue
    if (word >= 0) {
      if (isSuspect(bytes, word, at, isInsert)) return false
      if (kind === ampersand && at - word === 1) return false
      word = -1
    }
    if (kind === semicolon) return isBlankOnly(bytes, at + 1, to)
  }
  return word < 0 || !isSuspect(bytes, word, to, isInsert)
}

/** Hot path. */
function isSuspect(bytes: Buffer, from: number, to: number, isInsert: boolean): boolean {
  const length = to - from
  const first = bytes[from] as number
  // pg_settings, pg_temp, pg_advisory_lock and more.
  if (bytes[from + 2] === 0x5f && length > 5 && (first | 0x20) === 0x70) return true
  if (length > suspects.length || mayBeSuspect[256 * length + first] === 0) return false
  if (length === 4 && !isInsert && isSame(intoWord, bytes, from, to)) return true
  return isAmong(suspects, bytes, from, to)
}

/** Hot path. */
function isAmong(lists: readonly (readonly Buffer[])[], bytes: Buffer, from: number, to: number): boolean {
  const words = lists[to - from]
  if (words === undefined) return false
  for (const word of words) if (isSame(word, bytes, from, to)) return true
  return false
}

/** Hot path. In whatever case. */
function isSame(word: Buffer, bytes: Buffer, from: number, to: number): boolean {
  if (word.length !== to - from) return false
  for (let at = 0; at < word.length; at++) {
    const byte = bytes[from + at] as number
    if (word[at] !== byte && word[at] !== (byte | 0x20)) return false
  }
  return true
}

function isInWord(byte: number): boolean {
  const kind = kinds[byte]
  return kind === letter || kind === inner
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}

function isBlankOnly(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (!isBlank(bytes[at] as number)) return false
  return true
}
