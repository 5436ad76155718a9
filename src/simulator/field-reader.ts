/**
 * Reads a table of a scenario, field by field, with suspicion: what is missing, of the wrong kind, out of range or unknown is
 * refused with `bad_configuration`, by its place in the file and with what is allowed.
 */

import { TaxirankError } from '../errors.ts'
import type { DurationSpec } from './durations.ts'

type Fields = Readonly<Record<string, unknown>>

const unitsMs: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const longestMs = 1e12
const durationKinds = ['fixed', 'exponential', 'log-normal', 'pareto', 'percentiles', 'measured', 'recorded'] as const

/** Brings the durations of a recording, for `{ kind = "recorded", file = "…" }`. */
export type ReadHolds = (file: string) => Float64Array

export class FieldReader {
  readonly path: string
  readonly #fields: Fields
  readonly #asked = new Set<string>()

  /** `value` must be a table. `path`: where it stands; empty: it is the whole file. */
  constructor(value: unknown, path: string) {
    this.path = path
    if (!isTable(value)) throw badScenario(path || 'the scenario', 'a table', value)
    this.#fields = value
  }

  /** Call it when all is read: what was not asked for does not exist. */
  end(): void {
    const unknown = Object.keys(this.#fields).find((name) => !this.#asked.has(name))
    if (unknown === undefined) return
    throw wrong(`${this.#at(unknown)} is unknown here; known: ${[...this.#asked].toSorted().join(', ')}`)
  }

  has(name: string): boolean {
    return this.#get(name) !== undefined
  }

  text(name: string): string {
    const value = this.#need(name)
    if (typeof value === 'string' && isPlain(value)) return value
    throw this.#refuse(name, 'a text without control characters')
  }

  choice<T extends string>(name: string, words: readonly T[], otherwise?: T): T {
    const value = otherwise === undefined ? this.#need(name) : (this.#get(name) ?? otherwise)
    const word = words.find((one) => one === value)
    if (word === undefined) throw this.#refuse(name, words.map((one) => `"${one}"`).join(' or '))
    return word
  }

  /** A number within the bounds, both included. */
  number(name: string, least: number, most: number, otherwise?: number): number {
    const value = otherwise === undefined ? this.#need(name) : (this.#get(name) ?? otherwise)
    if (typeof value === 'number' && value >= least && value <= most) return value
    throw this.#refuse(name, `a number from ${inWords(least)} to ${inWords(most)}`)
  }

  whole(name: string, least: number, most: number, otherwise?: number): number {
    const value = otherwise === undefined ? this.#need(name) : (this.#get(name) ?? otherwise)
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value as number
    throw this.#refuse(name, `a whole number from ${inWords(least)} to ${inWords(most)}`)
  }

  /** A time such as "20ms", in milliseconds. */
  time(name: string, otherwise?: number): number {
    const value = this.#get(name)
    if (value === undefined && otherwise !== undefined) return otherwise
    return timeOf(this.#need(name), this.#at(name))
  }

  timeAbove0(name: string): number {
    const ms = this.time(name)
    if (ms === 0) throw this.refuse(`${name} must be above 0`)
    return ms
  }

  table(name: string): FieldReader {
    return new FieldReader(this.#need(name), this.#at(name))
  }

  /** `[[name]]`; none, if it isn't there. They are called by their names, or their numbers. */
  tables(name: string): FieldReader[] {
    const value = this.#get(name) ?? []
    if (!Array.isArray(value)) throw this.#refuse(name, `tables: [[${name}]]`)
    return value.map((one: unknown, index) => new FieldReader(one, pathOf(one, `${name}[${index}]`)))
  }

  /** One value or more. */
  list(name: string): readonly unknown[] {
    const value = this.#need(name)
    if (!Array.isArray(value) || value.length === 0) throw this.#refuse(name, 'a list of one or more')
    return value
  }

  /** Pairs of numbers whose first ones ascend. */
  pairs(name: string, secondOf: (value: unknown, at: string) => number): (readonly [number, number])[] {
    const value = this.#need(name)
    if (!Array.isArray(value) || value.length === 0) throw this.#refuse(name, 'a list of pairs')
    const pairs = value.map((pair: unknown, index) => {
      const at = `${this.#at(name)}[${index}]`
      if (!Array.isArray(pair) || pair.length !== 2) throw badScenario(at, 'a pair', pair)
      return [positive(pair[0], at), secondOf(pair[1], at)] as const
    })
    const turn = pairs.findIndex(([first], index) => first <= (pairs[index - 1]?.[0] ?? -1))
    if (turn >= 0) throw wrong(`${this.#at(name)}[${turn}] does not ascend`)
    return pairs
  }

  /** How long something takes: a time, or a table with its kind. */
  durations(name: string, readHolds: ReadHolds, otherwise?: DurationSpec): DurationSpec {
    const value = this.#get(name)
    if (value === undefined && otherwise) return otherwise
    if (typeof value === 'string') return { kind: 'fixed', ms: timeOf(value, this.#at(name)) }
    if (value !== undefined && !isTable(value)) throw this.#refuse(name, 'a time such as "20ms", or a table')
    const table = this.table(name)
    const spec = durationsIn(table, readHolds)
    table.end()
    return spec
  }

  refuse(what: string): TaxirankError {
    return wrong(`${this.path === '' ? '' : `${this.path} `}${what}`)
  }

  #get(name: string): unknown {
    this.#asked.add(name)
    return this.#fields[name]
  }

  #need(name: string): unknown {
    const value = this.#get(name)
    if (value === undefined) throw wrong(`${this.#at(name)} is missing`)
    return value
  }

  #refuse(name: string, allowed: string): TaxirankError {
    return badScenario(this.#at(name), allowed, this.#fields[name])
  }

  #at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }
}

function durationsIn(table: FieldReader, readHolds: ReadHolds): DurationSpec {
  const kind = table.choice('kind', durationKinds)
  switch (kind) {
    case 'fixed':
      return { kind, ms: table.time('time') }
    case 'exponential':
      return { kind, meanMs: table.time('mean') }
    case 'log-normal':
      return { kind, meanMs: table.timeAbove0('mean'), cv: table.number('cv', 0, 1_000) }
    case 'pareto':
      return { kind, meanMs: table.timeAbove0('mean'), shape: table.number('shape', 1.01, 1_000) }
    case 'percentiles':
      return { kind, points: percentiles(table) }
    case 'measured':
      return { kind, values: measured(table) }
    case 'recorded':
      return { kind: 'measured', values: readHolds(table.text('file')) }
  }
}

function percentiles(table: FieldReader): (readonly [number, number])[] {
  const points = table.pairs('points', timeOf)
  const isWhole = points[0]?.[0] === 0 && points.at(-1)?.[0] === 100
  if (!isWhole) throw table.refuse('points must begin at 0 percent and end at 100')
  const falls = points.findIndex(([, ms], index) => ms < (points[index - 1]?.[1] ?? 0))
  if (falls >= 0) throw table.refuse(`points[${falls}] is shorter than the one before`)
  return points
}

function measured(table: FieldReader): Float64Array {
  const values = table.list('values')
  return Float64Array.from(values, (value, index) => timeOf(value, `${table.path}.values[${index}]`))
}

/** In milliseconds. */
function timeOf(value: unknown, at: string): number {
  const [, digits, unit = ''] = (typeof value === 'string' && /^(\d+(?:\.\d+)?)\s*([a-z]+)$/.exec(value.trim())) || []
  const ms = Number(digits) * (unitsMs[unit] ?? Number.NaN)
  if (ms >= 0 && ms <= longestMs) return ms
  throw badScenario(at, `a time with its unit (${Object.keys(unitsMs).join(', ')}) such as "20ms"`, value)
}

function positive(value: unknown, at: string): number {
  if (typeof value === 'number' && value >= 0 && value < Infinity) return value
  throw badScenario(at, 'a number of 0 or more', value)
}

function isTable(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** It may stand in a terminal. */
function isPlain(text: string): boolean {
  return /^\P{Cc}+$/u.test(text)
}

function pathOf(table: unknown, otherwise: string): string {
  const name = isTable(table) ? table['name'] : undefined
  return typeof name === 'string' && isPlain(name) ? name : otherwise
}

function inWords(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 9 })
}

function badScenario(at: string, allowed: string, value: unknown): TaxirankError {
  const got = typeof value === 'number' ? String(value) : JSON.stringify(value)
  return wrong(`${at} must be ${allowed}, got ${got.length > 60 ? `${got.slice(0, 60)}…` : got}`)
}

function wrong(what: string): TaxirankError {
  return new TaxirankError('bad_configuration', `scenario: ${what}`)
}
