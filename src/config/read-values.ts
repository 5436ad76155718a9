/**
 * Collects the values of one section, or of one connection string, against the table. A repeated name replaces the
 * earlier value; a wrong name or value is refused at its own line, also when a later line would replace it.
 */

import { nearestName } from './nearest-name.ts'
import { refuse } from './refuse.ts'
import type { Place } from './refuse.ts'
import { propertyName, settings } from './settings.ts'
import type { Section, Values } from './settings.ts'
import type { Setting } from './setting.ts'
import { unsupported } from './unsupported.ts'

type Row = Setting<unknown, string>

export class ValueReader<Name extends Section> {
  readonly #section: Name
  /** Stands before the setting's name in errors. */
  readonly #prefix: string
  readonly #rows: Readonly<Record<string, Row>>
  readonly #values = new Map<string, unknown>()
  readonly #places = new Map<string, Place>()

  constructor(section: Name, prefix = '') {
    this.#section = section
    this.#prefix = prefix
    this.#rows = settings[section]
  }

  /** Takes one value. Throws `bad_configuration` when the name or the value is wrong. */
  set(name: string, text: string, place: Place): void {
    const parsed = this.#rowOf(name, place).parse(text)
    if (!parsed.ok) this.#refuse(place, name, parsed.problem)
    this.#values.set(name, parsed.value)
    this.#places.set(name, place)
  }

  /** Forgets all values. */
  reset(): void {
    this.#values.clear()
    this.#places.clear()
  }

  placeOf(name: string): Place | undefined {
    return this.#places.get(name)
  }

  /** The frozen values, defaults filled in. Throws `bad_configuration`, naming `place`, when one is missing. */
  finish(place: Place): Values<Name> {
    const values: Record<string, unknown> = {}
    for (const [name, row] of Object.entries(this.#rows))
      values[propertyName(name, row)] = this.#valueOf(name, row, place)
    Object.freeze(values)
    return values as Values<Name>
  }

  #valueOf(name: string, row: Row, place: Place): unknown {
    if (this.#values.has(name)) return this.#values.get(name)
    if (row.required !== undefined) this.#refuse(place, name, row.required)
    return row.default
  }

  #rowOf(name: string, place: Place): Row {
    const row = Object.hasOwn(this.#rows, name) ? this.#rows[name] : undefined
    if (row !== undefined) return row
    const known = unsupported[this.#section]
    if (known.has(name)) this.#refuse(place, name, 'not supported in this version')
    const nearest = nearestName(name, [...Object.keys(this.#rows), ...known])
    this.#refuse(place, name, nearest === undefined ? 'unknown setting' : `unknown setting; did you mean ${nearest}?`)
  }

  #refuse(place: Place, name: string, problem: string): never {
    refuse(place, `${this.#prefix}${name}`, problem)
  }
}
