import type { Config } from '../config/config.ts'
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
