/**
 * What a reload would change, and what a SET does. Nothing is changed here: a Config is made from another, or refused.
 * Settings that need a restart keep the value they had, and are told; the rest goes on as the new file says.
 */

import { TaxirankError } from '../errors.ts'
import { databaseEntries } from './config.ts'
import type { Config, DatabaseConfig, GlobalConfig } from './config.ts'
import { forcedSecret } from './precedence.ts'
import type { Problem } from './problem.ts'
import { readValue } from './read-values.ts'
import { checkRules } from './rules.ts'
import { propertyName, settings } from './settings.ts'
import type { Row } from './settings.ts'

/** One setting of [pgbouncer] that is written otherwise now. Texts as SHOW CONFIG has them. */
export interface SettingChange {
  readonly name: string
  readonly old: string
  readonly next: string
  readonly needsRestart: boolean
}

/** Names of entries: databases, `*` among them, or users. */
export interface EntryChanges {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Options that differ, by entry. Names only: values may be secrets. */
  readonly changed: ReadonlyMap<string, readonly string[]>
}

export interface DatabaseChanges extends EntryChanges {
  /** Of `changed` those whose servers are logged in otherwise than the file says now, and have to go. */
  readonly reconnect: ReadonlySet<string>
}

export interface Changes {
  /** The configuration to go on with: `next`, but where a restart is needed, as it was. */
  readonly config: Config
  readonly settings: readonly SettingChange[]
  readonly databases: DatabaseChanges
  /** The entries of [users]. */
  readonly users: EntryChanges
  /** The entries of auth_file; nothing says how a secret changed. */
  readonly userlist: EntryChanges
}

/** Where a server is, who is logged in to it, and what its session was told: such a change closes servers. */
export const loginOptions: ReadonlySet<string> = new Set(
  (
    'dbname host port user password connect_query load_balance_hosts ' +
    'application_name client_encoding datestyle timezone'
  ).split(' '),
)

/**
 * What changes from one configuration to another. Throws `bad_configuration` when the new one doesn't hold together
 * with the old values that only a restart changes.
 */
export function changesBetween(old: Config, next: Config): Changes {
  const config = keepingRestartOnly(old, next)
  return Object.freeze({
    config,
    settings: settingChanges(old, next),
    databases: databaseChanges(old, config),
    users: entryChanges(old.users, config.users, settings.users),
    userlist: userlistChanges(old, config),
  })
}

/**
 * The configuration with one setting of [pgbouncer] changed, as the console's SET does. Throws `bad_configuration` when
 * there is no such setting, the value is wrong, it breaks a rule, or the setting can't be changed while running.
 */
export function withSetting(config: Config, name: string, text: string): Config {
  const read = readValue('pgbouncer', name, text)
  if (read.kind === 'problem') refuse(name, read.problem)
  if (read.kind === 'off') return config
  const row = rowOf(name)
  if (row.restartOnly) refuse(name, 'cannot be changed while running: change the file and restart')
  if (name === 'auth_file') refuse(name, 'is read at a reload: change the file and RELOAD')
  const global: GlobalConfig = Object.freeze({ ...config.global, [propertyName(name, row)]: read.value })
  return checked(Object.freeze({ ...config, global }), name)
}

function keepingRestartOnly(old: Config, next: Config): Config {
  const kept: Record<string, unknown> = { ...next.global }
  for (const [name, row] of globalRows()) {
    if (row.restartOnly) kept[propertyName(name, row)] = valueOf(old.global, name, row)
  }
  const global = Object.freeze(kept) as unknown as GlobalConfig
  return checked(Object.freeze({ ...next, global }), next.file)
}

/** Throws `bad_configuration` with the first rule that is broken. */
function checked(config: Config, subject: string): Config {
  const problems: Problem[] = []
  checkRules(config, (problem) => void problems.push(problem))
  const [first] = problems
  if (first !== undefined) refuse(subject, first.text)
  return config
}

function refuse(subject: string, problem: string): never {
  throw new TaxirankError('bad_configuration', `${subject}: ${problem}`)
}

function settingChanges(old: Config, next: Config): readonly SettingChange[] {
  return globalRows().flatMap(([name, row]) => {
    const [was, is] = [old, next].map((config) => row.show(valueOf(config.global, name, row)))
    if (was === undefined || is === undefined || was === is) return []
    return [{ name, old: masked(row, was), next: masked(row, is), needsRestart: row.restartOnly }]
  })
}

function masked(row: Row, text: string): string {
  return row.isSecret && text !== '' ? '***' : text
}

function databaseChanges(old: Config, next: Config): DatabaseChanges {
  const [was, is] = [databaseEntries(old), databaseEntries(next)]
  const changes = entryChanges(was, is, settings.databases)
  const changed = new Map(changes.changed)
  for (const [name, database] of is) {
    const before = was.get(name)
    if (before !== undefined && hasNewSecret(old, before, next, database)) {
      changed.set(name, [...new Set([...(changed.get(name) ?? []), 'password'])])
    }
  }
  const reconnect = [...changed].filter(([, options]) => options.some((option) => loginOptions.has(option)))
  return { ...changes, changed, reconnect: new Set(reconnect.map(([name]) => name)) }
}

/** Also when it is in auth_file that the forced user's secret has changed. */
function hasNewSecret(old: Config, was: DatabaseConfig, next: Config, is: DatabaseConfig): boolean {
  return forcedSecret(old, was) !== forcedSecret(next, is)
}

function entryChanges(
  old: ReadonlyMap<string, object>,
  next: ReadonlyMap<string, object>,
  rows: Readonly<Record<string, Row>>,
): EntryChanges {
  const changed = new Map<string, readonly string[]>()
  for (const [name, is] of next) {
    const was = old.get(name)
    if (was === undefined) continue
    const options = Object.entries(rows).filter(
      ([option, row]) => row.show(valueOf(was, option, row)) !== row.show(valueOf(is, option, row)),
    )
    if (options.length > 0) changed.set(name, Object.freeze(options.map(([option]) => option)))
  }
  return { added: missingFrom(old, next), removed: missingFrom(next, old), changed }
}

function userlistChanges(old: Config, next: Config): EntryChanges {
  const [was, is] = [old.userlist ?? new Map<string, never>(), next.userlist ?? new Map<string, never>()]
  const changed = [...is].filter(([name, entry]) => was.has(name) && was.get(name)?.secret !== entry.secret)
  return {
    added: missingFrom(was, is),
    removed: missingFrom(is, was),
    changed: new Map(changed.map(([name]) => [name, ['secret']])),
  }
}

/** The names of the second that the first doesn't have. */
function missingFrom(from: ReadonlyMap<string, unknown>, names: ReadonlyMap<string, unknown>): readonly string[] {
  return [...names.keys()].filter((name) => !from.has(name))
}

function globalRows(): [name: string, row: Row][] {
  return Object.entries<Row>(settings.pgbouncer)
}

function rowOf(name: string): Row {
  const found = globalRows().find(([candidate]) => candidate === name)
  return found === undefined ? refuse(name, 'unknown setting') : found[1]
}

function valueOf(values: object, name: string, row: Row): unknown {
  return (values as Readonly<Record<string, unknown>>)[propertyName(name, row)]
}
