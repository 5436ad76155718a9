/**
 * Turns an ini file, and the userlist it names, into a Config. Files are read through a function handed in. Whatever is
 * wrong is a problem with its file and line; nothing is repaired.
 */

import { databaseFrom, template } from './config.ts'
import type { Config, DatabaseConfig } from './config.ts'
import { nearestName } from './nearest-name.ts'
import { mayBeSecret, parseConnectionString } from './parse-connection-string.ts'
import { parseUserlist } from './parse-userlist.ts'
import type { UserlistEntry } from './parse-userlist.ts'
import { badConfiguration, problemAt, unreadable } from './problem.ts'
import type { Place, Problem, Report } from './problem.ts'
import { readIni } from './read-ini.ts'
import type { IniItem, ReadFile } from './read-ini.ts'
import { ValueReader } from './read-values.ts'
import { checkRules, databaseNameProblem } from './rules.ts'
import { settings } from './settings.ts'
import type { Section, Values } from './settings.ts'

const longestNameBytes = { databases: 63, users: 127 } as const

/** A configuration, and all that is wrong with it. */
export interface Inspection {
  /** Undefined: something is wrong. */
  readonly config: Config | undefined
  readonly problems: readonly Problem[]
}

/**
 * Reads and checks a configuration file. `readFile` returns a file's text or throws; names of files are handed to it as
 * they are written, so relative ones are relative to the working directory, as PgBouncer's are. Throws
 * `bad_configuration` with the first problem.
 */
export function parseConfig(path: string, readFile: ReadFile): Config {
  const { config, problems } = inspectConfig(path, readFile)
  if (config !== undefined) return config
  throw badConfiguration(problems[0] ?? { file: path, line: undefined, text: 'cannot be used' })
}

/** As `parseConfig`, but goes on after a problem. Rules between settings are checked once every line is right. */
export function inspectConfig(path: string, readFile: ReadFile): Inspection {
  const problems: Problem[] = []
  const report: Report = (problem) => void problems.push(problem)
  const draft = new Draft(report)
  for (const item of readIni(path, readFile)) draft.add(item)
  const config = draft.finish(path, readFile, problems.length === 0)
  if (config !== undefined && problems.length === 0) checkRules(config, report)
  return { config: problems.length === 0 ? config : undefined, problems }
}

/** A line of [databases] or [users], its connection string read. */
interface Entry<Name extends Section> {
  readonly place: Place
  readonly values: Values<Name>
}

/** A configuration while its lines come in. */
class Draft {
  readonly #report: Report
  readonly #global: ValueReader<'pgbouncer'>
  readonly #databases = new Map<string, Entry<'databases'>>()
  readonly #users = new Map<string, Entry<'users'>>()
  #section: Section | 'unknown' | undefined
  #head: Place | undefined

  constructor(report: Report) {
    this.#report = report
    this.#global = new ValueReader('pgbouncer', report)
  }

  add(item: IniItem): void {
    if (item.kind === 'problem') this.#report(item.problem)
    else if (item.kind === 'section') this.#open(item.name, item.place)
    else this.#take(item.key, item.value, item.place)
  }

  finish(file: string, readFile: ReadFile, isRight: boolean): Config | undefined {
    const head = this.#head
    if (head === undefined) {
      if (isRight) this.#report({ file, line: undefined, text: 'the section [pgbouncer] is missing' })
      return undefined
    }
    const global = this.#global.finish()
    return Object.freeze({
      file,
      global,
      databases: this.#finishDatabases(),
      databaseTemplate: this.#databases.get(template)?.values,
      users: valuesOf(this.#users),
      userlist: this.#readUserlist(global.authFile, readFile),
      origins: Object.freeze({
        head,
        settings: this.#global.places,
        databases: placesOf(this.#databases),
        users: placesOf(this.#users),
      }),
    })
  }

  #open(name: string, place: Place): void {
    const known = Object.keys(settings) as Section[]
    const section = known.find((candidate) => candidate === name)
    this.#section = section ?? 'unknown'
    if (section === undefined) this.#report(problemAt(place, `[${name}]`, sectionProblem(name, known)))
    if (section !== 'pgbouncer') return
    // As in PgBouncer: a second [pgbouncer] begins at the defaults again, and what the first said is gone.
    this.#global.reset()
    this.#head = place
  }

  #take(key: string, value: string, place: Place): void {
    switch (this.#section) {
      case undefined:
        return this.#report(problemAt(place, key, 'stands before the first section; begin with [pgbouncer]'))
      case 'unknown':
        return
      case 'pgbouncer':
        return this.#global.set(key, value, place)
      case 'databases':
        return this.#takeEntry('databases', this.#databases, key, value, place)
      case 'users':
        return this.#takeEntry('users', this.#users, key, value, place)
    }
  }

  #takeEntry<Name extends 'databases' | 'users'>(
    section: Name,
    entries: Map<string, Entry<Name>>,
    name: string,
    text: string,
    place: Place,
  ): void {
    const subject = `[${section}] ${name}`
    const problem = nameProblem(section, name) ?? (section === 'databases' ? databaseNameProblem(name) : undefined)
    if (problem !== undefined) this.#report(problemAt(place, subject, problem))
    const reader = new ValueReader(section, this.#report, `${subject}: `)
    for (const pair of parseConnectionString(text)) {
      if ('problem' in pair) this.#report(problemAt(place, subject, pair.problem))
      else reader.set(pair.key, pair.value, place, (word) => !mayBeSecret(word, text))
    }
    entries.set(name, { place, values: reader.finish() })
  }

  #finishDatabases(): ReadonlyMap<string, DatabaseConfig> {
    const databases = new Map<string, DatabaseConfig>()
    for (const [name, entry] of this.#databases) {
      if (name !== template) databases.set(name, databaseFrom(entry.values, name))
    }
    return databases
  }

  #readUserlist(file: string | undefined, readFile: ReadFile): ReadonlyMap<string, UserlistEntry> | undefined {
    const place = this.#global.places.get('auth_file')
    if (file === undefined || place === undefined) return undefined
    let text: string
    try {
      text = readFile(file)
    } catch (error) {
      this.#report(problemAt(place, 'auth_file', unreadable(file, error), error))
      return undefined
    }
    return parseUserlist(file, text, this.#report)
  }
}

function valuesOf<Name extends Section>(entries: ReadonlyMap<string, Entry<Name>>): ReadonlyMap<string, Values<Name>> {
  return new Map(Array.from(entries, ([name, entry]) => [name, entry.values]))
}

function placesOf(entries: ReadonlyMap<string, Entry<Section>>): ReadonlyMap<string, Place> {
  return new Map(Array.from(entries, ([name, entry]) => [name, entry.place]))
}

function sectionProblem(name: string, known: readonly string[]): string {
  if (name === 'peers') return 'not supported in this version'
  const nearest = nearestName(name, known)
  const hint = nearest === undefined ? `allowed: [${known.join('], [')}]` : `did you mean [${nearest}]?`
  return `unknown section; ${hint}`
}

function nameProblem(section: 'databases' | 'users', name: string): string | undefined {
  const bytes = new TextEncoder().encode(name).length
  if (bytes >= 1 && bytes <= longestNameBytes[section] && !name.includes('\0')) return undefined
  const what = section === 'databases' ? 'database' : 'user'
  return `the ${what} name has ${bytes} bytes; allowed: 1 to ${longestNameBytes[section]}`
}
