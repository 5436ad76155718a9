/**
 * Collects the values of one section, or of one connection string, against the table. A repeated name replaces the
 * earlier value; a wrong name or value is reported at its own line, also when a later line would replace it.
 */

import { nearestName } from './nearest-name.ts'
import { problemAt } from './problem.ts'
import type { Place, Report } from './problem.ts'
import { aliases, propertyName, settings } from './settings.ts'
import type { Row, Section, Values } from './settings.ts'
import { unsupported } from './unsupported.ts'

/** A value, nothing (it is off, and stays so), or what is wrong. */
type Read =
  | { readonly kind: 'value'; readonly name: string; readonly value: unknown }
  | { readonly kind: 'off' }
  | { readonly kind: 'problem'; readonly problem: string }

/** Reads one value against the table. */
export function readValue(section: Section, alias: string, text: string): Read {
  const name = aliases[section].get(alias) ?? alias
  const rows: Readonly<Record<string, Row>> = settings[section]
  const row = Object.hasOwn(rows, name) ? rows[name] : undefined
  if (row === undefined) return readUnknown(section, name, text)
  if (text.includes('\0')) return { kind: 'problem', problem: 'holds a zero byte' }
  const parsed = row.parse(text)
  return parsed.ok ? { kind: 'value', name, value: parsed.value } : { kind: 'problem', problem: parsed.problem }
}

function readUnknown(section: Section, name: string, text: string): Read {
  const known = unsupported[section].get(name)
  if (known?.isOff(text)) return { kind: 'off' }
  if (known) return { kind: 'problem', problem: 'not supported in this version' }
  const nearest = nearestName(name, [...Object.keys(settings[section]), ...unsupported[section].keys()])
  return {
    kind: 'problem',
    problem: nearest === undefined ? 'unknown setting' : `unknown setting; did you mean ${nearest}?`,
  }
}

function isKnown(section: Section, alias: string): boolean {
  return aliases[section].has(alias) || Object.hasOwn(settings[section], alias) || unsupported[section].has(alias)
}

/** What is allowed, where the problem says so after the value. */
function withoutValue(problem: string): string {
  const allowed = problem.indexOf('allowed: ')
  return allowed < 0 ? problem : `has a wrong value, which may hold a password; ${problem.slice(allowed)}`
}

export class ValueReader<Name extends Section> {
  readonly #section: Name
  readonly #report: Report
  /** Stands before the setting's name in problems. */
  readonly #prefix: string
  readonly #values = new Map<string, unknown>()
  readonly #places = new Map<string, Place>()

  constructor(section: Name, report: Report, prefix = '') {
    this.#section = section
    this.#report = report
    this.#prefix = prefix
  }

  /** Takes one value, or reports what is wrong with it, without words that may not be shown. */
  set(alias: string, text: string, place: Place, isShown: (word: string) => boolean = () => true): void {
    const read = readValue(this.#section, alias, text)
    if (read.kind === 'problem') {
      const name = isKnown(this.#section, alias) || isShown(alias) ? alias : '(a name that is not shown)'
      const problem = isShown(text) ? read.problem : withoutValue(read.problem)
      this.#report(problemAt(place, `${this.#prefix}${name}`, problem))
    }
    if (read.kind !== 'value') return
    this.#values.set(read.name, read.value)
    this.#places.set(read.name, place)
  }

  /** Forgets all values. */
  reset(): void {
    this.#values.clear()
    this.#places.clear()
  }

  /** Where the values stand that were written. */
  get places(): ReadonlyMap<string, Place> {
    return this.#places
  }

  /** The frozen values, defaults filled in. */
  finish(): Values<Name> {
    const rows: Readonly<Record<string, Row>> = settings[this.#section]
    const values: Record<string, unknown> = {}
    for (const [name, row] of Object.entries(rows)) {
      values[propertyName(name, row)] = this.#values.has(name) ? this.#values.get(name) : row.default
    }
    return Object.freeze(values) as Values<Name>
  }
}
