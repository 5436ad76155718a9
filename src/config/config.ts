/**
 * What a configuration file says, parsed and frozen: every value is within its range and every rule between values
 * holds. Only `cli/` reads it, and turns it into the options of the parts. What holds for a pool or a user, when
 * several places speak of it, is decided in precedence.ts.
 */

import type { UserlistEntry } from './parse-userlist.ts'
import type { Place } from './problem.ts'
import type { Values } from './settings.ts'

/** The values of [pgbouncer]. */
export type GlobalConfig = Values<'pgbouncer'>

/** What `*` says for every name that is not in [databases]. Unset options: what [pgbouncer] says. */
export type DatabaseTemplate = Values<'databases'>

/** One database a client can ask for. Unset options: what [pgbouncer] says. */
export interface DatabaseConfig extends DatabaseTemplate {
  /** The name clients ask for. */
  readonly name: string
  /** PostgreSQL's name of it. */
  readonly dbname: string
}

/** What [users] says of one user. Unset options: what the database or [pgbouncer] says. */
export type UserConfig = Values<'users'>

/** Where everything stands, for messages. */
export interface Origins {
  /** The line [pgbouncer]. */
  readonly head: Place
  /** The settings of [pgbouncer] that were written. */
  readonly settings: ReadonlyMap<string, Place>
  /** `*` among them. */
  readonly databases: ReadonlyMap<string, Place>
  readonly users: ReadonlyMap<string, Place>
}

export interface Config {
  /** The file it came from. */
  readonly file: string
  readonly global: GlobalConfig
  readonly databases: ReadonlyMap<string, DatabaseConfig>
  readonly databaseTemplate: DatabaseTemplate | undefined
  readonly users: ReadonlyMap<string, UserConfig>
  /** The users of auth_file; undefined where none is set. */
  readonly userlist: ReadonlyMap<string, UserlistEntry> | undefined
  readonly origins: Origins
}

/** The name of the template in [databases]. */
export const template = '*'

/** The database of a name: its own entry, else one made from `*`; undefined: there is no such database. */
export function findDatabase(config: Config, name: string): DatabaseConfig | undefined {
  const own = config.databases.get(name)
  if (own !== undefined || config.databaseTemplate === undefined) return own
  return databaseFrom(config.databaseTemplate, name)
}

/** Fills a name in where a database has no dbname of its own. */
export function databaseFrom(options: DatabaseTemplate, name: string): DatabaseConfig {
  return Object.freeze({ ...options, name, dbname: options.dbname ?? name })
}

/** Every entry of [databases], with the template as a database of the name `*`. */
export function databaseEntries(config: Config): ReadonlyMap<string, DatabaseConfig> {
  const { databases, databaseTemplate } = config
  return databaseTemplate === undefined
    ? databases
    : new Map([...databases, [template, databaseFrom(databaseTemplate, template)]])
}
