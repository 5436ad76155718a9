/**
 * PostgreSQL's lexical structure, as far as it decides what is a word, what a string and where a statement ends. Texts are byte strings: bytes
 * beyond ASCII are letters, as for PostgreSQL.
 */

/** `word`: a keyword or name, in lower case. `name`: a quoted one, as written. `string`: its content, undefined if that isn't plain. */
export type Token =
  | { readonly kind: 'word' | 'name'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string | undefined }
  | { readonly kind: 'symbol'; readonly text: string }

export function isSymbol(token: Token | undefined, text: string): boolean {
  return token?.kind === 'symbol' && token.text === text
}

/** As PostgreSQL folds names: bytes beyond ASCII stay as they are. */
export function lowered(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** Undefined: it can't be made out where what ends. One list for each statement that isn't empty. */
export function statementsOf(text: string): Token[][] | undefined {
  const statements: Token[][] = []
  let current: Token[] = []
  for (const token of new Lexer(text)) {
    if (token === undefined) return undefined
    if (token.kind !== 'symbol' || token.text !== ';') current.push(token)
    else if (current.length > 0) {
      statements.push(current)
      current = []
    }
  }
  if (current.length > 0) statements.push(current)
  return statements
}

const blank = /[ \t\n\r\f\v]+/y
const lineComment = /--[^\n\r]*/y
const word = /[a-z_\u0080-\u00ff][\w$\u0080-\u00ff]*/iy
const dollarTag = /\$(?:[a-z_\u0080-\u00ff][\w\u0080-\u00ff]*)?\$/iy
/** A character by its number: in front of it stand pairs of backslashes only. */
const codedEscape = /(?<!\\)(?:\\\\)*\\[xuU0-7]/
const quoteOrEscape = /''|\\([^])/g
/** As before PostgreSQL 15, which refuses letters right behind a number: until then a word begins there. Later spellings (0x1F, 1_000) are two tokens. */
const number = /\d+(?:\.\d*)?(?:e[+-]?\d+)?|\$\d+/iy

/** Which blank it is does not matter. */
function unescaped(_both: string, escaped = "'"): string {
  return 'bfnrt'.includes(escaped) ? ' ' : escaped
}

const slash = 0x2f
const dash = 0x2d

class Lexer {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Undefined, and then no more: what stands here has no end. */
  *[Symbol.iterator](): Generator<Token | undefined> {
    for (;;) {
      if (!this.#skip()) return yield undefined
      if (this.#at >= this.#text.length) return
      const token = this.#next()
      yield token
      if (token === undefined) return
    }
  }

  /** Blanks and comments; false: a comment has no end. */
  #skip(): boolean {
    for (;;) {
      const first = this.#text.charCodeAt(this.#at)
      if (first === slash && this.#text.startsWith('/*', this.#at)) {
        if (!this.#skipComment()) return false
      } else if (this.#take(first === dash ? lineComment : blank) === undefined) return true
    }
  }

  /** They nest. */
  #skipComment(): boolean {
    let depth = 0
    const mark = /\/\*|\*\//g
    mark.lastIndex = this.#at
    for (let found = mark.exec(this.#text); found; found = mark.exec(this.#text)) {
      depth += found[0] === '/*' ? 1 : -1
      this.#at = mark.lastIndex
      if (depth === 0) return true
    }
    return false
  }

  #next(): Token | undefined {
    switch (this.#text[this.#at]) {
      case "'":
        return this.#plain()
      case '"':
        return this.#quoted()
      case '$':
        return this.#dollar()
      default:
        return this.#wordOrSymbol()
    }
  }

  #plain(): Token | undefined {
    const text = this.#takeContinued(() => this.#takePlain())
    if (text === undefined) return undefined
    return { kind: 'string', text: text.replaceAll("''", "'") }
  }

  /** Whether a backslash in front of a quote escapes it depends on a setting: what that is a part of can't be made out. */
  #takePlain(): string | undefined {
    const text = this.#takeQuoted("'")
    return text?.includes("\\'") ? undefined : text
  }

  #quoted(): Token | undefined {
    const text = this.#takeQuoted('"')
    return text === undefined ? undefined : { kind: 'name', text: text.slice(1, -1).replaceAll('""', '"') }
  }

  #dollar(): Token | undefined {
    const tag = this.#take(dollarTag)
    if (tag === undefined) return this.#symbol()
    const end = this.#text.indexOf(tag, this.#at)
    if (end < 0) return undefined
    const text = this.#text.slice(this.#at, end)
    this.#at = end + tag.length
    return { kind: 'string', text }
  }

  #wordOrSymbol(): Token | undefined {
    const text = this.#take(word)
    if (text === undefined) return this.#symbol()
    const next = this.#text[this.#at]
    if (next === "'" && /^e$/i.test(text)) return this.#escaped()
    if (next === "'" && /^n$/i.test(text)) return this.#plain()
    if (next === "'" && /^[bx]$/i.test(text)) return this.#opaque()
    // U&'…' and U&"…": anything may be spelled in them.
    if (/^u$/i.test(text) && next === '&') return this.#coded(text)
    return { kind: 'word', text: lowered(text) }
  }

  /** A name that can't be read may be that of anything. */
  #coded(text: string): Token | undefined {
    const quote = this.#text[this.#at + 1]
    if (quote === '"') return undefined
    if (quote !== "'") return { kind: 'word', text: lowered(text) }
    this.#at++
    return this.#opaque()
  }

  #escaped(): Token | undefined {
    const text = this.#takeContinued(() => this.#takeEscaped())
    if (text === undefined) return undefined
    return { kind: 'string', text: codedEscape.test(text) ? undefined : text.replaceAll(quoteOrEscape, unescaped) }
  }

  /** Bits, or what is spelled by numbers. */
  #opaque(): Token | undefined {
    const text = this.#takeContinued(() => this.#takeQuoted("'"))
    return text === undefined ? undefined : { kind: 'string', text: undefined }
  }

  #symbol(): Token {
    const text = this.#take(number) ?? this.#text.slice(this.#at, ++this.#at)
    return { kind: 'symbol', text }
  }

  /** What is in the quotes: of one string, and of those behind it, which continue it from another line. On the same one PostgreSQL refuses them. */
  #takeContinued(take: () => string | undefined): string | undefined {
    let content = ''
    do {
      const text = take()
      if (text === undefined) return undefined
      content += text.slice(1, -1)
      if (!this.#skip()) return undefined
    } while (this.#text[this.#at] === "'")
    return content
  }

  /** With its quotes; one that is doubled does not end it. */
  #takeQuoted(quote: string): string | undefined {
    const [text, start] = [this.#text, this.#at]
    let end = text.indexOf(quote, start + 1)
    while (end >= 0 && text[end + 1] === quote) end = text.indexOf(quote, end + 2)
    if (end < 0) return undefined
    this.#at = end + 1
    return text.slice(start, this.#at)
  }

  /** With its quotes; neither one that is doubled nor one behind a backslash ends it. */
  #takeEscaped(): string | undefined {
    const [text, start] = [this.#text, this.#at]
    for (let at = start + 1; at < text.length; at++) {
      const isQuote = text[at] === "'"
      if (isQuote && text[at + 1] !== "'") {
        this.#at = at + 1
        return text.slice(start, this.#at)
      }
      if (isQuote || text[at] === '\\') at++
    }
    return undefined
  }

  #take(form: RegExp): string | undefined {
    form.lastIndex = this.#at
    const found = form.exec(this.#text)
    if (!found) return undefined
    this.#at = form.lastIndex
    return found[0]
  }
}
