/**
 * Turns an ini file, and the userlist it names, into a Config. Files are read through a function handed in. Whatever is
 * wrong is a `bad_configuration` with `FILE:LINE: setting: what is wrong`; nothing is repaired.
 */

import { databaseFrom } from './config.ts'
import type { Config, DatabaseConfig, DatabaseTemplate, GlobalConfig, UserConfig } from './config.ts'
import { TaxirankError } from '../errors.ts'
import { nearestName } from './nearest-name.ts'
import { parseConnectionString } from './parse-connection-string.ts'
import { parseUserlist } from './parse-userlist.ts'
import type { UserlistEntry } from './parse-userlist.ts'
import { readIni } from './read-ini.ts'
import type { IniItem, ReadFile } from './read-ini.ts'
import { ValueReader } from './read-values.ts'
import { refuse } from './refuse.ts'
import type { Place } from './refuse.ts'
import { settings } from './settings.ts'
import type { Section } from './settings.ts'

const longestDatabaseNameBytes = 63
const consoleName = 'pgbouncer'
const template = '*'

/** A line of [databases] or [users], its connection string read. */
interface Entry<Name extends Section> {
  readonly place: Place
  readonly values: ReturnType<ValueReader<Name>['finish']>
}

/**
 * Reads and checks a configuration file. `readFile` returns a file's text or throws; names of files are handed to it as
 * they are written, so relative ones are relative to the working directory, as PgBouncer's are.
 */
export function parseConfig(path: string, readFile: ReadFile): Config {
  const draft = new Draft()
  for (const item of readIni(path, readFile)) draft.add(item)
  return draft.finish(path, readFile)
}

/** A configuration while its lines come in. */
class Draft {
  readonly #global = new ValueReader('pgbouncer')
  readonly #databases = new Map<string, Entry<'databases'>>()
  readonly #users = new Map<string, Entry<'users'>>()
  #section: Section | undefined
  #globalPlace: Place | undefined

  add(item: IniItem): void {
    if (item.kind === 'section') this.#open(item.name, item.place)
    else this.#take(item.key, item.value, item.place)
  }

  finish(file: string, readFile: ReadFile): Config {
    if (this.#globalPlace === undefined) {
      throw new TaxirankError('bad_configuration', `${file}: the section [pgbouncer] is missing`)
    }
    const global = this.#global.finish(this.#globalPlace)
    if (global.authType === 'any') this.#requireForcedUsers()
    const wildcard = this.#databases.get(template)
    return Object.freeze({
      file,
      global,
      databases: this.#finishDatabases(global),
      databaseTemplate: wildcard && withPoolSize(wildcard.values, global),
      users: new Map<string, UserConfig>([...this.#users].map(([name, entry]) => [name, entry.values])),
      userlist: this.#readUserlist(global, readFile),
    })
  }

  #open(name: string, place: Place): void {
    if (name === 'peers') refuse(place, '[peers]', 'not supported in this version')
    const known = Object.keys(settings) as Section[]
    const section = known.find((candidate) => candidate === name)
    if (section === undefined) {
      const nearest = nearestName(name, known)
      const hint = nearest === undefined ? `allowed: [${known.join('], [')}]` : `did you mean [${nearest}]?`
      refuse(place, `[${name}]`, `unknown section; ${hint}`)
    }
    this.#section = section
    if (section !== 'pgbouncer') return
    // As in PgBouncer: a second [pgbouncer] begins at the defaults again, and what the first said is gone.
    this.#global.reset()
    this.#globalPlace = place
  }

  #take(key: string, value: string, place: Place): void {
    if (this.#section === undefined) refuse(place, key, 'stands before the first section; begin with [pgbouncer]')
    if (this.#section === 'pgbouncer') this.#global.set(key, value, place)
    else if (this.#section === 'databases') this.#takeDatabase(key, value, place)
    else this.#takeUser(key, value, place)
  }

  #takeDatabase(name: string, text: string, place: Place): void {
    requireName(place, 'database', name, longestDatabaseNameBytes)
    if (name === consoleName) refuse(place, `[databases] ${name}`, 'this name is reserved for the console')
    this.#databases.set(name, readEntry('databases', name, text, place))
  }

  #takeUser(name: string, text: string, place: Place): void {
    requireName(place, 'user', name, 127)
    this.#users.set(name, readEntry('users', name, text, place))
  }

  #finishDatabases(global: GlobalConfig): ReadonlyMap<string, DatabaseConfig> {
    const databases = new Map<string, DatabaseConfig>()
    for (const [name, entry] of this.#databases) {
      if (name !== template) databases.set(name, databaseFrom(withPoolSize(entry.values, global), name))
    }
    return databases
  }

  #requireForcedUsers(): void {
    for (const [name, { place, values }] of this.#databases) {
      if (values.user !== undefined) continue
      refuse(place, `[databases] ${name}: user`, 'not set, and auth_type = any needs it: nobody proves who they are')
    }
  }

  /** Not read for `any`, which asks nobody who they are. */
  #readUserlist(global: GlobalConfig, readFile: ReadFile): ReadonlyMap<string, UserlistEntry> | undefined {
    const place = this.#global.placeOf('auth_file')
    if (global.authFile === undefined || place === undefined || global.authType === 'any') return undefined
    return parseUserlist(global.authFile, readUserlist(global.authFile, place, readFile))
  }
}

function readEntry<Name extends Section>(section: Name, name: string, text: string, place: Place): Entry<Name> {
  const prefix = `[${section}] ${name}: `
  const reader = new ValueReader(section, prefix)
  for (const pair of parseConnectionString(text)) {
    if ('problem' in pair) refuse(place, `[${section}] ${name}`, pair.problem)
    reader.set(pair.key, pair.value, place)
  }
  return { place, values: reader.finish(place) }
}

function withPoolSize(values: Entry<'databases'>['values'], global: GlobalConfig): DatabaseTemplate {
  return Object.freeze({ ...values, poolSize: values.poolSize ?? global.defaultPoolSize })
}

function requireName(place: Place, what: 'database' | 'user', name: string, longest: number): void {
  const bytes = new TextEncoder().encode(name).length
  if (bytes >= 1 && bytes <= longest) return
  refuse(place, `[${what}s] ${name}`, `the ${what} name has ${bytes} bytes; allowed: 1 to ${longest}`)
}

function readUserlist(file: string, place: Place, readFile: ReadFile): string {
  try {
    return readFile(file)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return refuse(place, 'auth_file', `cannot read ${file}: ${reason}`, error)
  }
}
