/** Averages of each database's counters over the last whole period. */

import type { DatabaseCounters, DatabaseStats } from './figures.ts'
import type { LiveDatabase } from './live.ts'
import { textOf } from './names.ts'
import { averageBetween, nothingCounted, sum } from './tally.ts'

interface Period {
  readonly start: DatabaseCounters
  readonly average: DatabaseCounters
}

export class Stats {
  readonly #databases: () => Iterable<LiveDatabase>
  #periods = new Map<LiveDatabase, Period>()
  #beganAtMs: number

  constructor(databases: () => Iterable<LiveDatabase>, now: number) {
    this.#databases = databases
    this.#beganAtMs = now
  }

  /** True if a period has just ended, so that there are new averages. */
  advance(periodMs: number, now: number): boolean {
    const passedMs = now - this.#beganAtMs
    if (passedMs < periodMs) return false
    const periods = new Map<LiveDatabase, Period>()
    for (const database of this.#databases()) {
      const start = database.tally.copy()
      const before = this.#periods.get(database)?.start ?? nothingCounted
      periods.set(database, { start, average: averageBetween(before, start, passedMs) })
    }
    this.#periods = periods
    this.#beganAtMs = now
    return true
  }

  now(): DatabaseStats[] {
    return [...this.#databases()].map((database) => ({
      database: textOf(database.name),
      total: database.tally.copy(),
      average: this.#periods.get(database)?.average ?? nothingCounted,
    }))
  }

  /** Of all databases together, as PgBouncer's log says it. */
  get line(): string {
    const averages = [...this.#periods.values()].map(({ average }) => average)
    const all = sum(averages)
    const mean = (time: keyof DatabaseCounters, events: keyof DatabaseCounters): number => {
      const weighed = averages.reduce((total, one) => total + one[time] * one[events], 0)
      return all[events] > 0 ? Math.round((weighed / all[events]) * 1_000) : 0
    }
    const rates = `${whole(all.transactions)} xacts/s, ${whole(all.queries)} queries/s, ${whole(all.clientParses)} client parses/s, ${whole(all.serverParses)} server parses/s, ${whole(all.binds)} binds/s`
    const bytes = `in ${whole(all.receivedBytes)} B/s, out ${whole(all.sentBytes)} B/s`
    const times = `xact ${mean('transactionMs', 'transactions')} us, query ${mean('queryMs', 'queries')} us, wait ${mean('waitMs', 'assignments')} us`
    return `stats: ${rates}, ${bytes}, ${times}`
  }
}

function whole(value: number): string {
  return String(Math.round(value))
}
