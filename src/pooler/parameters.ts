/**
 * Session parameters that PostgreSQL reports (ParameterStatus). Each client has a set of values that it believes in and
 * each server one that it is in; they are equal objects when nothing needs to be done, which is the hot path's whole
 * check. Values are byte strings.
 */

import { isPlanless } from '../sql/parameter-name.ts'
import * as build from '../wire/build.ts'

/** Reported by PostgreSQL and settable by anybody: carried from server to server with the client. By lower-case name. */
const settable = new Map(
  [
    'application_name',
    'client_encoding',
    'DateStyle',
    'IntervalStyle',
    'TimeZone',
    'standard_conforming_strings',
    'default_transaction_read_only',
    'scram_iterations',
    'search_path',
  ].map((name) => [name.toLowerCase(), name]),
)

/** Who the session is. Values that differ from those at login mean that a server must not be lent on. */
const identity = new Set(['session_authorization', 'is_superuser'])

/** In bytes: far more than any that exists. */
const longestName = 200

/** Encodings whose bytes a quoted string may hold as they are: no character contains an ASCII byte. */
const transparentEncoding = /^(utf8|unicode|sqlascii|latin\d+|iso8859\d*|(win|windows)12\d*)$/

/** Which parameters are carried from server to server with the client: those that PostgreSQL reports, and more. */
export class TrackedParameters {
  readonly #names: ReadonlyMap<string, string>

  /** `extra`: names of parameters that an extension has reported, say. Those that aren't reported are not carried. */
  constructor(extra: Iterable<string> = []) {
    const added = [...extra].filter((name) => !identity.has(name.toLowerCase()))
    const names = new Map([...added.map((name) => [name.toLowerCase(), name] as const), ...settable])
    this.#names = new Map([...names, ...[...names.values()].map((name) => [name, name] as const)])
  }

  /** PostgreSQL's spelling of a tracked parameter's name, whatever its case; undefined if it isn't one. */
  nameOf(name: string): string | undefined {
    return this.#names.get(name) ?? this.#names.get(name.toLowerCase())
  }
}

export const tracksDefaults = new TrackedParameters()
export const noSettings: ReadonlyMap<string, string> = new Map()

export function isIdentity(name: string): boolean {
  return identity.has(name)
}

/** What a session is like at one moment. Never changes; equal ones are the same object (see `ParameterSets`). */
export class ParameterSet {
  /** Of the parameters that PostgreSQL reports, by its spelling of their names. */
  readonly values: ReadonlyMap<string, string>
  /** Parameters that it doesn't report and that were set for the session, by lower-case name. */
  readonly settings: ReadonlyMap<string, string>
  /** Positive; the state key of a server that is like this. */
  readonly key: number
  /** Sets that give the same plans have the same: PostgreSQL bakes zone and style of dates, the search_path, the user into what it prepares. */
  readonly planKey: number
  /** client_encoding as PostgreSQL compares it, which takes `unicode` and `'utf-8'` for UTF8. */
  readonly encoding: string
  /** No character of its encoding contains an ASCII byte. */
  readonly isTransparent: boolean
  readonly #announcement: Buffer
  #loginEnd: Buffer | undefined
  #tempPlace: TempPlace | undefined

  constructor(session: SessionValues, key: number, planKey: number, announcement: Buffer) {
    this.values = new Map(session.values)
    this.settings = session.settings.length === 0 ? noSettings : new Map(session.settings)
    this.key = key
    this.planKey = planKey
    this.#announcement = announcement
    this.encoding = encodingName(this.values.get('client_encoding') ?? '')
    this.isTransparent = transparentEncoding.test(this.encoding)
  }

  /** PostgreSQL says so itself when this one changes; by lower-case name. */
  reports(name: string): boolean {
    if (this.values.has(name)) return true
    for (const key of this.values.keys()) if (key.toLowerCase() === name) return true
    return false
  }

  /** Whether what is created without a schema may be temporary, which nothing shows. */
  get tempPlace(): TempPlace {
    this.#tempPlace ??= placeOfTemp(this.values.get(path) ?? this.settings.get(path))
    return this.#tempPlace
  }

  /** What ends the login of a client that begins with these values, all but its cancel key. */
  get loginEnd(): Buffer {
    const report = (): Buffer[] => [...this.values].map(([name, value]) => build.parameterStatus(name, value))
    this.#loginEnd ??= build.loginEnd(Buffer.concat([...report(), this.#announcement]))
    return this.#loginEnd
  }
}

/** Its letters and digits; some have another name, too. */
function encodingName(text: string): string {
  const name = text.toLowerCase().replace(/[^a-z\d]/g, '')
  return encodingSynonyms.get(name) ?? name
}

const encodingSynonyms = new Map([
  ['unicode', 'utf8'],
  ['iso88591', 'latin1'],
  ['windows1252', 'win1252'],
  ['mskanji', 'sjis'],
  ['shiftjis', 'sjis'],
])

const path = 'search_path'

/** Where in search_path pg_temp stands. Behind `public` it is only looked at, if that may be used. */
type TempPlace = 'none' | 'first' | 'behind public'

function placeOfTemp(searchPath = ''): TempPlace {
  const names = searchPath.split(',').map((name) => name.trim().replaceAll('"', ''))
  const at = names.findIndex((name) => /^pg_temp/i.test(name))
  if (at < 0) return 'none'
  return names.slice(0, at).includes('public') ? 'behind public' : 'first'
}

/** Sorted by name. */
interface SessionValues {
  readonly values: Assignments
  readonly settings: Assignments
}

type Assignments = readonly (readonly [string, string])[]

const longestInterned = 4_096
const nothing = Buffer.alloc(0)

/** Interns sets, so that comparing two of them costs nothing. */
export class ParameterSets {
  readonly #byText = new Map<string, ParameterSet>()
  readonly #planKeys = new Map<string, number>()
  readonly #capacity: number
  readonly #announcement: Buffer
  #lastKey = 0

  /**
   * Past `capacity` sets it starts afresh, and very long ones it does not keep: equal values may then be two objects, which
   * only costs time. `announcement`: what a client's login ends with behind its values.
   */
  constructor(announcement: Buffer = nothing, capacity = 2_000) {
    this.#announcement = announcement
    this.#capacity = capacity
  }

  of(values: ReadonlyMap<string, string>, settings = noSettings): ParameterSet {
    const session = { values: sorted(values), settings: sorted(settings) }
    const text = `${textOf(session.values)}\0${textOf(session.settings)}`
    if (text.length > longestInterned) return this.#make(session)
    const known = this.#byText.get(text)
    if (known) return known
    if (this.#byText.size >= this.#capacity) this.#byText.clear()
    const made = this.#make(session)
    this.#byText.set(text, made)
    return made
  }

  /** With another value of a reported parameter. */
  with(set: ParameterSet, name: string, value: string): ParameterSet {
    if (set.values.get(name) === value) return set
    return this.of(new Map(set.values).set(name, value), set.settings)
  }

  /** With these settings instead. */
  withSettings(set: ParameterSet, settings: ReadonlyMap<string, string>): ParameterSet {
    return settings === set.settings ? set : this.of(set.values, settings)
  }

  #make(session: SessionValues): ParameterSet {
    return new ParameterSet(session, ++this.#lastKey, this.#planKeyOf(session), this.#announcement)
  }

  #planKeyOf({ values, settings }: SessionValues): number {
    const text = textOf([...values, ...settings].filter(([name]) => !isPlanless(name)))
    const known = this.#planKeys.get(text)
    if (known !== undefined) return known
    if (text.length <= longestInterned) {
      if (this.#planKeys.size >= this.#capacity) this.#planKeys.clear()
      this.#planKeys.set(text, this.#lastKey)
    }
    return this.#lastKey
  }
}

function sorted(assignments: ReadonlyMap<string, string>): Assignments {
  return [...assignments].sort(([a], [b]) => (a < b ? -1 : 1))
}

function textOf(assignments: Assignments): string {
  return assignments.map(([name, value]) => `${name}\0${value}\0`).join('')
}

/** A setting's name as SET takes it unquoted: maybe that of an extension's. */
const settingName = /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)*$/i

/** Whether it can be carried from server to server. */
export function isSettingName(name: string): boolean {
  return settingName.test(name) && name.length <= longestName
}

/** Reported values that differ, for telling a client what its session is like now. */
export function* differences(from: ParameterSet, to: ParameterSet): Generator<readonly [string, string]> {
  if (from === to) return
  for (const [name, value] of to.values) if (from.values.get(name) !== value) yield [name, value]
}
