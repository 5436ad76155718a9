/** Reads what a live database shows, over a while. It only reads, on one connection, in transactions as short as a look. */

import { TaxirankError } from '../errors.ts'
import { ActivitySummary } from './activity-summary.ts'
import { Connection } from './connection.ts'
import type { CountersReading, DatabaseReading, LocksReading } from './database-reading.ts'
import { Tally } from './distribution.ts'
import { frozen } from './frozen.ts'
import { DatabaseParts, partNames } from './database-parts.ts'
import { MachineWatch } from './machine-watch.ts'
import { lostWatch } from './missing.ts'
import { readBackendMemory } from './read-backend-memory.ts'
import { type CountersSample, growthBetween, sampleCounters } from './read-counters.ts'
import { type Identity, readServer, refuseConsole } from './read-server.ts'
import { readSettings } from './read-settings.ts'
import { Statements } from './read-statements.ts'
import { type ActivitySample, readClock, sampleActivity } from './sample-activity.ts'
import { sampleLocks } from './sample-locks.ts'
import { watch } from './watch.ts'

export interface DatabaseOptions {
  /** How long to look; 0: once. */
  readonly watchMs: number
  /** Between two samples of what connections do. 250. */
  readonly sampleEveryMs?: number
  readonly signal?: AbortSignal
}

/**
 * `url`: `postgres://user:password@host:port/database`, PostgreSQL's or a pooler's in front of it. Rejects if it can't be read or
 * is a console's (`bad_configuration`), if there is no connection (`server_connect_failed`), and with the signal's reason. What
 * else goes wrong is in `missing`. The connection is closed in any case when this has settled.
 */
export async function readDatabase(url: string, options: DatabaseOptions): Promise<DatabaseReading> {
  const connection = await Connection.open(url, options.signal)
  try {
    await refuseConsole(connection)
    return frozen(await new DatabaseWatch(connection, options).run())
  } finally {
    await connection.end()
  }
}

type Draft = { -readonly [Name in keyof DatabaseReading]?: DatabaseReading[Name] | undefined }

/** One reading while it is made. */
class DatabaseWatch {
  readonly #connection: Connection
  readonly #options: DatabaseOptions
  readonly #everyMs: number
  readonly #parts: DatabaseParts
  readonly #takenAtMs = Date.now()
  readonly #activity = new ActivitySummary()
  readonly #locks = { notGranted: new Tally(), blocked: new Tally(), blockers: new Tally() }
  readonly #draft: Draft = {}
  #identity: Identity | undefined
  #counters: { readonly sample: CountersSample; readonly asked: number } | undefined
  #statements: Statements | undefined
  #machine: MachineWatch | undefined
  #usedSinceMs = 0
  #firstAtMs = 0
  #lastAtMs = 0
  #looks = 0

  constructor(connection: Connection, options: DatabaseOptions) {
    this.#connection = connection
    this.#options = options
    this.#everyMs = options.sampleEveryMs ?? 250
    this.#parts = new DatabaseParts(connection)
  }

  async run(): Promise<DatabaseReading> {
    const { watchMs, signal } = this.#options
    try {
      await this.#begin()
      await watch({ watchMs, everyMs: this.#everyMs, signal }, () => this.#look())
      await this.#finish()
    } catch (error) {
      if (!(error instanceof TaxirankError && error.code === 'server_lost')) throw error
      this.#parts.missing.add(lostWatch, error.message, 'run this again')
    }
    return this.#reading()
  }

  async #begin(): Promise<void> {
    const connection = this.#connection
    this.#identity = await this.#parts.read('server', () => readServer(connection))
    if (this.#identity) this.#parts.note(this.#identity.server)
    if (this.#identity?.server.isLocal) this.#machine = new MachineWatch()
    const settings = await this.#parts.read('settings', () => readSettings(connection))
    if (settings) this.#parts.noteSettings(settings)
    this.#draft.settings = settings
    this.#statements = await this.#parts.read('statements', () => Statements.begin(connection, this.#parts.missing))
    await this.#beginCounters()
    this.#usedSinceMs = (await this.#parts.read('activity', () => readClock(connection))) ?? 0
  }

  async #beginCounters(): Promise<void> {
    const { asked } = this.#connection
    const sample = await this.#sampleCounters()
    this.#counters = sample && { sample, asked }
  }

  #sampleCounters(): Promise<CountersSample | undefined> {
    const versionNumber = this.#identity?.server.versionNumber ?? 0
    return this.#parts.read('counters', () => sampleCounters(this.#connection, versionNumber))
  }

  /** Locks only if somebody may wait for one. */
  async #look(): Promise<boolean> {
    this.#lastAtMs = performance.now()
    this.#firstAtMs ||= this.#lastAtMs
    const sample = await this.#parts.read('activity', () => sampleActivity(this.#connection, this.#usedSinceMs))
    if (sample) this.#activity.add(sample)
    if (!sample || mayWaitForLocks(sample)) await this.#lookAtLocks()
    this.#machine?.look()
    this.#looks++
    return true
  }

  async #lookAtLocks(): Promise<void> {
    const sample = await this.#parts.read('locks', () => sampleLocks(this.#connection))
    if (!sample) return
    this.#locks.notGranted.add(sample.notGranted)
    this.#locks.blocked.add(sample.blocked)
    this.#locks.blockers.add(sample.blockers)
  }

  async #finish(): Promise<void> {
    const isLocal = this.#identity?.server.isLocal ?? false
    this.#draft.counters = await this.#endCounters()
    this.#draft.statements = await this.#parts.read('statements', async () => this.#statements?.end())
    this.#draft.backendMemory = await this.#parts.read('memory', () =>
      readBackendMemory(this.#connection, isLocal, this.#parts.missing),
    )
  }

  async #endCounters(): Promise<CountersReading | undefined> {
    if (!this.#counters) return undefined
    const { asked } = this.#connection
    const after = await this.#sampleCounters()
    const growth = after && growthBetween(this.#counters.sample, after, asked - this.#counters.asked)
    if (after && !growth)
      this.#parts.missing.add(partNames.counters, 'the statistics were reset meanwhile', 'run this again')
    return growth
  }

  #reading(): DatabaseReading {
    const machine = this.#machine?.reading()
    const { settings, counters, statements, backendMemory } = this.#draft
    const { address, database, user, answersMs } = this.#connection
    const watchedMs = this.#lastAtMs - this.#firstAtMs
    return {
      address,
      takenAtMs: this.#takenAtMs,
      watchedMs,
      own: { database, user, busyMean: Math.min(1, answersMs / watchedMs) },
      ...(this.#identity && { server: this.#identity.server }),
      ...(this.#identity?.pooler && { pooler: this.#identity.pooler }),
      ...(settings && { settings }),
      ...(this.#activity.samples > 0 && { activity: this.#activity.reading(this.#everyMs) }),
      ...this.#locksReading(),
      ...(counters && { counters }),
      ...(statements && { statements }),
      ...(backendMemory && { backendMemory }),
      ...(machine && { machine }),
      missing: this.#parts.missing.list(),
    }
  }

  #locksReading(): { readonly locks?: LocksReading } {
    const samples = this.#looks
    if (samples === 0 || this.#parts.hasFailed('locks')) return {}
    const { notGranted, blocked, blockers } = this.#locks
    return {
      locks: {
        samples,
        notGranted: notGranted.over(samples),
        blocked: blocked.over(samples),
        blockers: blockers.over(samples),
      },
    }
  }
}

function mayWaitForLocks({ counts }: ActivitySample): boolean {
  return counts.some(({ kind, waiting }) => kind === 'hidden' || waiting === 'Lock')
}
