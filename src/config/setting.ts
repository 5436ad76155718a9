/**
 * The kinds of settings: what a row of the table (settings.ts) is, how its text becomes a value, and how the value is
 * shown. A kind knows its allowed range in words, so that every refusal can name it. Where a value stands in a file is
 * not known here. Numbers of `[pgbouncer]` are written as C writes them, those of connection strings are decimal.
 */

/** A value, or the reason why the text is none. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string }

/** One row of the table. `Suffix` ends the property's name where the value has a unit: `Ms`, `Bytes`. */
export interface Setting<T, Suffix extends string = ''> {
  readonly type: 'text' | 'list' | 'integer' | 'seconds' | 'boolean' | 'choice'
  readonly suffix: Suffix
  /** PgBouncer's default where it has the setting; undefined: unset. */
  readonly default: T
  /** The default as it would be written in a file; empty: unset. */
  readonly defaultText: string
  /** The unit in files; empty: none. */
  readonly unit: string
  /** The allowed values, in words, with the unit. */
  readonly range: string
  /** A change needs a restart. */
  readonly restartOnly: boolean
  /** One sentence for documents. */
  readonly about: string
  /** One sentence: where it does something else than in PgBouncer. */
  readonly differs: string | undefined
  /** One sentence: which values it refuses that PgBouncer takes. */
  readonly narrower: string | undefined
  /** It is accepted, and nothing here depends on it. */
  readonly hasNoEffect: boolean
  /** A value is never shown. */
  readonly isSecret: boolean
  readonly parse: (text: string) => Parsed<T>
  /** The value as SHOW CONFIG shows it; empty: unset. A method, so that rows of all kinds can stand in one table. */
  show(value: T): string
}

interface Common {
  readonly about: string
  readonly differs?: string
  readonly narrower?: string
  readonly restartOnly?: boolean
  readonly hasNoEffect?: boolean
  readonly isSecret?: boolean
}

/** Durations end up as timer delays, and beyond 2^31 − 1 ms those fire at once. */
const longestSeconds = 2_147_483

function accept<T>(value: T): Parsed<T> {
  return { ok: true, value }
}

function reject(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem }
}

function common(options: Common) {
  return {
    about: options.about,
    differs: options.differs,
    narrower: options.narrower,
    restartOnly: options.restartOnly ?? false,
    hasNoEffect: options.hasNoEffect ?? false,
    isSecret: options.isSecret ?? false,
  }
}

interface TextOptions extends Common {
  readonly default?: string
  readonly range?: string
  /** May refuse a value, with a sentence. Never asked about the empty text. */
  readonly problemOf?: (value: string) => string | undefined
}

/** Free text; empty means unset, as in PgBouncer. */
export function text(options: TextOptions): Setting<string | undefined> {
  return {
    type: 'text',
    suffix: '',
    default: options.default,
    defaultText: options.default ?? '',
    unit: '',
    range: options.range ?? 'any text',
    ...common(options),
    parse: (value) => {
      if (value === '') return accept(undefined)
      const problem = options.problemOf?.(value)
      return problem === undefined ? accept(value) : reject(problem)
    },
    show: (value) => value ?? '',
  }
}

interface ListOptions extends Common {
  readonly default?: readonly string[]
  readonly range?: string
  readonly problemOf?: (item: string) => string | undefined
}

/** Items separated by commas; blanks around an item and empty items don't count. */
export function list(options: ListOptions): Setting<readonly string[]> {
  const fallback = Object.freeze([...(options.default ?? [])])
  return {
    type: 'list',
    suffix: '',
    default: fallback,
    defaultText: fallback.join(','),
    unit: '',
    range: options.range ?? 'names separated by commas',
    ...common(options),
    parse: (value) => {
      const items = value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '')
      const problem = options.problemOf && items.map(options.problemOf).find((found) => found !== undefined)
      return problem === undefined ? accept(Object.freeze(items)) : reject(problem)
    },
    show: (items) => items.join(','),
  }
}

interface Numbers<D extends number | undefined> extends Common {
  readonly default: D
  readonly min: number
  readonly max: number
  /** How the default is written, where that isn't its decimal number. */
  readonly defaultText?: string
  /** The range in words, where it isn't `min to max unit`. */
  readonly range?: string
}

interface NumberKind<Suffix extends string> {
  readonly suffix: Suffix
  readonly unit: string
  /** What one unit is inside. */
  readonly factor: number
  readonly read: (text: string) => number
  readonly noun: string
}

const plain = { suffix: '', unit: '', factor: 1, noun: 'a whole number' } as const
const wholeSeconds = { suffix: 'Ms', unit: 'seconds', factor: 1000, noun: 'a whole number of seconds' } as const

function numberRow<D extends number | undefined, Suffix extends string>(
  kind: NumberKind<Suffix>,
  options: Numbers<D>,
): Setting<number | D, Suffix> {
  const unit = kind.unit === '' ? '' : ` ${kind.unit}`
  const range = options.range ?? `${grouped(options.min)} to ${grouped(options.max)}${unit}`
  return {
    type: kind.factor === 1000 ? 'seconds' : 'integer',
    suffix: kind.suffix,
    default: scaled(options.default, kind.factor),
    defaultText: options.defaultText ?? (options.default === undefined ? '' : String(options.default)),
    unit: kind.unit,
    range,
    ...common(options),
    parse: (value) => {
      const number = kind.read(value)
      if (Number.isNaN(number)) return reject(`"${value}" is not ${kind.noun}; allowed: ${range}`)
      const isWithin = number >= options.min && number <= options.max
      return isWithin ? accept(exact(number * kind.factor)) : reject(`${value} is out of range; allowed: ${range}`)
    },
    show: (value) => (value === undefined ? '' : String(exact(value / kind.factor))),
  }
}

function scaled<D extends number | undefined>(value: D, factor: number): number | D {
  return value === undefined ? value : value * factor
}

/** A whole number as C writes it: `0x` is hexadecimal, a leading `0` octal. */
export function integer<D extends number | undefined>(options: Numbers<D>): Setting<number | D> {
  return numberRow({ ...plain, read: parseCInteger }, options)
}

/** A whole number of bytes. */
export function bytes(options: Numbers<number>): Setting<number, 'Bytes'> {
  return numberRow({ ...plain, suffix: 'Bytes', unit: 'bytes', read: parseCInteger }, options)
}

/** Whole milliseconds, in files and inside. */
export function milliseconds(options: Numbers<number>): Setting<number, 'Ms'> {
  return numberRow({ ...plain, suffix: 'Ms', unit: 'milliseconds', read: parseCInteger }, options)
}

/** Whole seconds in files; milliseconds inside. */
export function secondsWhole(
  options: Common & { readonly default: number; readonly max?: number },
): Setting<number, 'Ms'> {
  return numberRow({ ...wholeSeconds, read: parseCInteger }, { min: 0, max: longestSeconds, ...options })
}

/** Seconds, also fractional, in files; milliseconds inside. */
export function seconds(options: Common & { readonly default: number }): Setting<number, 'Ms'> {
  const kind = { suffix: 'Ms', unit: 'seconds', factor: 1000, noun: 'a number of seconds' } as const
  return numberRow({ ...kind, read: parseFraction }, { min: 0, max: longestSeconds, ...options })
}

/** A whole number in a connection string, always decimal, as PgBouncer reads it there. */
export function decimal<D extends number | undefined>(options: Numbers<D>): Setting<number | D> {
  return numberRow({ ...plain, read: parseDecimal }, options)
}

/** A size in a connection string: undefined, or -1 in the file, is "not set": the next wider value holds. */
export function ownSize(options: Common & { readonly max: number }): Setting<number | undefined> {
  return orInherited(decimal({ ...options, default: undefined, min: 0 }), -1)
}

/** A limit in a connection string: undefined, or 0 in the file, is "not set": the next wider value holds. */
export function ownLimit(options: Common & { readonly max: number }): Setting<number | undefined> {
  return orInherited(decimal({ ...options, default: undefined, min: 0 }), 0)
}

/** Whole seconds in a connection string: undefined, or 0 in the file, is "not set": the next wider value holds. */
export function ownSeconds(options: Common): Setting<number | undefined, 'Ms'> {
  const bounds = { default: undefined, min: 0, max: longestSeconds }
  return orInherited(numberRow({ ...wholeSeconds, read: parseDecimal }, { ...options, ...bounds }), 0)
}

function orInherited<Suffix extends string>(
  row: Setting<number | undefined, Suffix>,
  sentinel: 0 | -1,
): Setting<number | undefined, Suffix> {
  return {
    ...row,
    range: `${row.range}; ${sentinel}: not set`,
    parse: (value) => (parseDecimal(value) === sentinel ? accept(undefined) : row.parse(value)),
  }
}

/** 0 or 1. */
export function boolean(options: Common & { readonly default: boolean }): Setting<boolean> {
  return {
    type: 'boolean',
    suffix: '',
    default: options.default,
    defaultText: options.default ? '1' : '0',
    unit: '',
    range: '0 or 1',
    ...common(options),
    parse: (value) => {
      const number = parseCInteger(value)
      return number === 0 || number === 1 ? accept(number === 1) : reject(`"${value}" is neither; allowed: 0 or 1`)
    },
    show: (value) => (value ? '1' : '0'),
  }
}

interface Choices<Word extends string, D extends Word | undefined> extends Common {
  readonly default: D
  readonly words: readonly Word[]
  /** What PgBouncer knows besides, and this version doesn't carry out. */
  readonly unsupported?: readonly string[]
}

/** One of some words, in any case. */
export function choice<Word extends string, D extends Word | undefined>(options: Choices<Word, D>): Setting<Word | D> {
  const { words } = options
  const range = words.length === 1 ? `only ${words[0]}` : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  return {
    type: 'choice',
    suffix: '',
    default: options.default,
    defaultText: options.default ?? '',
    unit: '',
    range,
    ...common(options),
    parse: (value) => {
      const lower = value.toLowerCase()
      const word = words.find((candidate) => candidate === lower)
      if (word !== undefined) return accept(word)
      const isKnown = options.unsupported?.includes(lower) ?? false
      return reject(
        `${isKnown ? `${lower} is not supported in this version` : `"${value}" is unknown`}; allowed: ${range}`,
      )
    },
    show: (value) => value ?? '',
  }
}

/** 1.1 s are 1,100 ms, not 1,100.0000000000002. */
function exact(product: number): number {
  return Number(product.toPrecision(15))
}

/** Reads what C's strtol reads with base 0. NaN: it is not one. */
export function parseCInteger(value: string): number {
  const match = /^([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9]\d*))$/.exec(value)
  if (!match) return Number.NaN
  const [, sign, hexadecimal, octal, decimalDigits] = match
  const magnitude =
    hexadecimal !== undefined
      ? Number.parseInt(hexadecimal, 16)
      : octal !== undefined
        ? Number.parseInt(octal, 8)
        : Number(decimalDigits)
  return sign === '-' && magnitude !== 0 ? -magnitude : magnitude
}

function parseDecimal(value: string): number {
  return /^[+-]?\d+$/.test(value) ? Number.parseInt(value, 10) : Number.NaN
}

function parseFraction(value: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value) ? Number(value) : Number.NaN
}

function grouped(number: number): string {
  return number.toLocaleString('en-US')
}
