import { databaseEntries } from '../config/config.ts'
import type { Config, DatabaseConfig } from '../config/config.ts'
import type { Place } from '../config/problem.ts'

export type Level = 'error' | 'warning' | 'note'

export interface Finding {
  readonly file: string
  /** Undefined: the file as a whole. */
  readonly line: number | undefined
  readonly level: Level
  readonly text: string
}

/** What the system knows. */
export interface CheckedSystem {
  readonly descriptorLimit: number
  /** A file's mode bits; undefined: there is no such file. */
  readonly modeOf: (path: string) => number | undefined
}

/** Where a setting of [pgbouncer] stands; where it isn't written, the section's head. */
export function settingPlace(config: Config, name: string): Place {
  return config.origins.settings.get(name) ?? config.origins.head
}

/** A warning at every entry of [databases] of which there is something to say. */
export function databaseFindings(config: Config, find: (database: DatabaseConfig) => string | undefined): Finding[] {
  return Array.from(databaseEntries(config)).flatMap(([name, database]): Finding[] => {
    const text = find(database)
    const place = config.origins.databases.get(name) ?? config.origins.head
    return text === undefined ? [] : [{ ...place, level: 'warning', text: `[databases] ${name}: ${text}` }]
  })
}
