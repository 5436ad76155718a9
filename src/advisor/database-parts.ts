/** The parts of a reading: one that can't be had doesn't spoil the others, is not asked for again, and says why. */

import { type Connection, isFromPostgres } from './connection.ts'
import type { DatabaseSettings, ServerReading } from './database-reading.ts'
import { MissingParts } from './missing.ts'

/** What each is called where it is missing. */
export const partNames = {
  server: 'which PostgreSQL this is, and what may be seen of it',
  settings: 'the settings',
  activity: 'what connections do',
  locks: 'who waits for whose locks',
  counters: 'how much work the databases do',
  statements: 'which statements take most of the time',
  memory: 'how much memory a connection takes',
} as const

export type Part = keyof typeof partNames

/** SQLSTATEs: what to do. */
const remedies: Readonly<Record<string, string>> = {
  // insufficient_privilege
  '42501': 'give the user pg_monitor, or connect as another one',
  // undefined_column, undefined_table, undefined_function, undefined_object
  '42703': 'use a newer PostgreSQL',
  '42P01': 'use a newer PostgreSQL',
  '42883': 'use a newer PostgreSQL',
  '42704': 'use a newer PostgreSQL',
  // query_canceled, lock_not_available
  '57014': 'run this again when the database is less busy',
  '55P03': 'run this again when nobody holds such locks',
}

export class DatabaseParts {
  readonly missing = new MissingParts()
  readonly #connection: Connection
  readonly #failed = new Set<Part>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Undefined if PostgreSQL refuses. Rejects if the connection is gone. */
  async read<T>(part: Part, read: () => Promise<T>): Promise<T | undefined> {
    if (this.#failed.has(part)) return undefined
    try {
      return await read()
    } catch (error) {
      if (!isFromPostgres(error)) throw error
      this.#failed.add(part)
      const remedy = remedies[error.code] ?? 'run this again'
      this.missing.add(partNames[part], `${this.#connection.address} says: ${error.message}`, remedy)
      return undefined
    }
  }

  hasFailed(part: Part): boolean {
    return this.#failed.has(part)
  }

  note({ user, seesAll, isStandby, versionNumber }: ServerReading): void {
    if (!seesAll) {
      const remedy = `as a superuser run GRANT pg_read_all_stats TO "${user.replaceAll('"', '""')}"`
      this.missing.add('what connections and statements of other users do', `${user} has no right to see it`, remedy)
    }
    if (isStandby)
      this.missing.add('what the primary does', 'this is a standby', 'look at the primary, too, by its own address')
    if (versionNumber < 140_000) {
      const remedy = 'use PostgreSQL 14 or later'
      this.missing.add(
        'how many sessions begin, and how long they are busy',
        'this PostgreSQL does not count it',
        remedy,
      )
    }
  }

  noteSettings({ tracksActivities }: DatabaseSettings): void {
    if (tracksActivities) return
    this.missing.add(partNames.activity, 'track_activities is off', 'set track_activities = on')
  }
}
