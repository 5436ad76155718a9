/**
 * The kinds of settings: what a row of the table (settings.ts) is, and how its text becomes a value. A kind knows its
 * allowed range in words, so that every refusal can name it. Where a value stands in a file is not known here.
 */

/** A value, or the reason why the text is none. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string }

/** One row of the table. `Suffix` ends the property's name where the value has a unit: `Ms`. */
export interface Setting<T, Suffix extends string = ''> {
  readonly type: 'text' | 'list' | 'integer' | 'seconds' | 'boolean' | 'choice'
  readonly suffix: Suffix
  /** PgBouncer's default where it has the setting; undefined: unset. */
  readonly default: T
  /** The allowed values, in words. */
  readonly range: string
  /** A change needs a restart. */
  readonly restartOnly: boolean
  /** Why the setting can't be left out; undefined: it can. */
  readonly required: string | undefined
  /** One sentence for documents. */
  readonly about: string
  readonly parse: (text: string) => Parsed<T>
}

interface Common {
  readonly about: string
  readonly restartOnly?: boolean
}

function accept<T>(value: T): Parsed<T> {
  return { ok: true, value }
}

function reject(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem }
}

function row(options: Common & { readonly required?: string }) {
  return { about: options.about, restartOnly: options.restartOnly ?? false, required: options.required }
}

/** Free text; empty means unset, as in PgBouncer. `problemOf` may refuse a value with a sentence. */
export function text(
  options: Common & { readonly range?: string; readonly problemOf?: (value: string) => string | undefined },
): Setting<string | undefined> {
  return {
    type: 'text',
    suffix: '',
    default: undefined,
    range: options.range ?? 'any text',
    ...row(options),
    parse: (value) => {
      const problem = value === '' ? undefined : options.problemOf?.(value)
      return problem === undefined ? accept(value === '' ? undefined : value) : reject(problem)
    },
  }
}

/** Text that must be there. `required` says why. */
export function requiredText(
  options: Common & {
    readonly required: string
    readonly range: string
    readonly problemOf?: (value: string) => string | undefined
  },
): Setting<string> {
  return {
    type: 'text',
    suffix: '',
    default: '',
    range: options.range,
    ...row(options),
    parse: (value) => {
      const problem = options.problemOf?.(value)
      return problem === undefined ? accept(value) : reject(problem)
    },
  }
}

/** Items separated by commas; blanks around an item and empty items don't count. */
export function list(
  options: Common & { readonly range?: string; readonly required?: string },
): Setting<readonly string[]> {
  return {
    type: 'list',
    suffix: '',
    default: Object.freeze([]),
    range: options.range ?? 'names separated by commas',
    ...row(options),
    parse: (value) => {
      const items = value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '')
      if (items.length === 0 && options.required !== undefined) return reject(options.required)
      return accept(Object.freeze(items))
    },
  }
}

interface Bounds<D extends number | undefined> extends Common {
  readonly default: D
  readonly min: number
  readonly max: number
  /** What to add when the number is 0 and 0 is not allowed. */
  readonly zero?: string
}

function integerRow<D extends number | undefined>(
  options: Bounds<D>,
  parseNumber: (text: string) => number,
): Setting<number | D> {
  const range = rangeOf(options)
  return {
    type: 'integer',
    suffix: '',
    default: options.default,
    range,
    ...row(options),
    parse: (value) => {
      const number = parseNumber(value)
      if (Number.isNaN(number)) return reject(`"${value}" is not a whole number; allowed: ${range}`)
      if (number === 0 && options.zero !== undefined && options.min > 0)
        return reject(`${options.zero}; allowed: ${range}`)
      return inBounds(number, options) ? accept(number) : reject(`${value} is out of range; allowed: ${range}`)
    },
  }
}

/** A whole number as C writes it: `0x` is hexadecimal, a leading `0` octal. */
export function integer<D extends number | undefined>(options: Bounds<D>): Setting<number | D> {
  return integerRow(options, parseCInteger)
}

/** A whole number inside a connection string: always decimal, as PgBouncer reads it there. */
export function decimal<D extends number | undefined>(options: Bounds<D>): Setting<number | D> {
  return integerRow(options, (value) => (/^[+-]?\d+$/.test(value) ? Number.parseInt(value, 10) : Number.NaN))
}

/** Seconds, also fractional, in files; milliseconds inside. */
export function seconds(options: Bounds<number>): Setting<number, 'Ms'> {
  const range = `${rangeOf(options)} seconds`
  return {
    type: 'seconds',
    suffix: 'Ms',
    default: options.default * 1000,
    range,
    ...row(options),
    parse: (value) => {
      if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value)) {
        return reject(`"${value}" is not a number of seconds; allowed: ${range}`)
      }
      const number = Number(value)
      return inBounds(number, options) ? accept(number * 1000) : reject(`${value} is out of range; allowed: ${range}`)
    },
  }
}

/** 0 or 1. */
export function boolean(options: Common & { readonly default: boolean }): Setting<boolean> {
  return {
    type: 'boolean',
    suffix: '',
    default: options.default,
    range: '0 or 1',
    ...row(options),
    parse: (value) => {
      const number = parseCInteger(value)
      return number === 0 || number === 1 ? accept(number === 1) : reject(`"${value}" is neither; allowed: 0 or 1`)
    },
  }
}

/** One of some words, in any case. PgBouncer knows all of `words`; this version carries out the `supported` ones. */
export function choice<Word extends string, Supported extends Word>(
  words: readonly Word[],
  options: Common & { readonly default: Word; readonly supported: readonly Supported[] },
): Setting<Supported> {
  const range = options.supported.join(' or ')
  const fallback = options.supported.find((word) => word === options.default)
  return {
    type: 'choice',
    suffix: '',
    default: fallback ?? (options.default as Supported),
    range,
    ...row({
      ...options,
      ...(fallback === undefined && {
        required: `not set, and the default, ${options.default}, is not supported in this version; allowed: ${range}`,
      }),
    }),
    parse: (value) => {
      const known = words.find((word) => word === value.toLowerCase())
      if (known === undefined) return reject(`"${value}" is unknown; allowed: ${range}`)
      const word = options.supported.find((candidate) => candidate === known)
      return word === undefined ? reject(`${known} is not supported in this version; allowed: ${range}`) : accept(word)
    },
  }
}

/** Reads what C's strtol reads with base 0. NaN: it is not one. */
function parseCInteger(value: string): number {
  const match = /^([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9]\d*))$/.exec(value)
  if (!match) return Number.NaN
  const [, sign, hexadecimal, octal, plain] = match
  const magnitude =
    hexadecimal !== undefined
      ? Number.parseInt(hexadecimal, 16)
      : octal !== undefined
        ? Number.parseInt(octal, 8)
        : Number(plain)
  return sign === '-' && magnitude !== 0 ? -magnitude : magnitude
}

function inBounds(number: number, bounds: { readonly min: number; readonly max: number }): boolean {
  return number >= bounds.min && number <= bounds.max
}

function rangeOf(bounds: { readonly min: number; readonly max: number }): string {
  return `${bounds.min.toLocaleString('en-US')} to ${bounds.max.toLocaleString('en-US')}`
}
