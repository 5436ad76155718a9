/**
 * What a configuration file says, parsed and frozen: every value is within its range and every rule between values
 * holds. Only `cli/` reads it, and turns it into the options of the parts.
 */

import type { UserlistEntry } from './parse-userlist.ts'
import type { Values } from './settings.ts'

/** The values of [pgbouncer]. */
export type GlobalConfig = Values<'pgbouncer'>

type InPool = Omit<Values<'databases'>, 'dbname' | 'poolSize'> & {
  /** The most servers a pool of this database may have: its own pool_size, else default_pool_size. */
  readonly poolSize: number
}

/** What `*` says for every name that is not in [databases]. */
export interface DatabaseTemplate extends InPool {
  /** Unset: the name the client asked for. */
  readonly dbname: string | undefined
}

/** One database a client can ask for. */
export interface DatabaseConfig extends InPool {
  /** The name clients ask for. */
  readonly name: string
  /** PostgreSQL's name of it. */
  readonly dbname: string
}

/** What [users] says of one user. */
// oxlint-disable-next-line typescript/no-generated-empty-object-type -- no option is supported in this version
export type UserConfig = Values<'users'>

export interface Config {
  /** The file it came from. */
  readonly file: string
  readonly global: GlobalConfig
  readonly databases: ReadonlyMap<string, DatabaseConfig>
  readonly databaseTemplate: DatabaseTemplate | undefined
  readonly users: ReadonlyMap<string, UserConfig>
  /** The users of auth_file; undefined where none is set, or none is needed. */
  readonly userlist: ReadonlyMap<string, UserlistEntry> | undefined
}

/** The database of a name: its own entry, else one made from `*`; undefined: there is no such database. */
export function findDatabase(config: Config, name: string): DatabaseConfig | undefined {
  const own = config.databases.get(name)
  if (own !== undefined || config.databaseTemplate === undefined) return own
  return databaseFrom(config.databaseTemplate, name)
}

/** Fills a name in where a database has no dbname of its own. */
export function databaseFrom(template: DatabaseTemplate, name: string): DatabaseConfig {
  return Object.freeze({ ...template, name, dbname: template.dbname ?? name })
}
