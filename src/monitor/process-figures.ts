/** What the process as a whole uses. Files in /proc are read where there are any; elsewhere their figures are absent. */

import { readdirSync, readFileSync } from 'node:fs'
import type { HistogramSnapshot } from '../metrics/histogram.ts'

export interface ProcessFigures {
  /** Of the epoch. */
  readonly startedAtMs: number
  readonly cpuUserMs: number
  readonly cpuSystemMs: number
  readonly residentBytes: number
  readonly openFiles?: number
  readonly maxOpenFiles?: number
  /** How much later than asked for a timer fired: how long whatever arrived may have waited for the process. */
  readonly loopDelayMs: HistogramSnapshot
}

/** With ten thousand connections, counting them takes milliseconds in which nobody is served. */
const recountMs = 5_000

export class ProcessWatch {
  readonly #maxOpenFiles = readMaxOpenFiles()
  #openFiles: number | undefined
  #countedAtMs = -Infinity

  /** `now`: of any monotonic clock. */
  figures(now: number, loopDelayMs: HistogramSnapshot): ProcessFigures {
    if (now - this.#countedAtMs >= recountMs) this.#recount(now)
    const { user, system } = process.cpuUsage()
    return {
      startedAtMs: performance.timeOrigin,
      cpuUserMs: user / 1_000,
      cpuSystemMs: system / 1_000,
      residentBytes: process.memoryUsage.rss(),
      ...(this.#openFiles !== undefined && { openFiles: this.#openFiles }),
      ...(this.#maxOpenFiles !== undefined && { maxOpenFiles: this.#maxOpenFiles }),
      loopDelayMs,
    }
  }

  #recount(now: number): void {
    this.#countedAtMs = now
    this.#openFiles = attempt(() => readdirSync('/proc/self/fd').length)
  }
}

function readMaxOpenFiles(): number | undefined {
  const limits = attempt(() => readFileSync('/proc/self/limits', 'utf8')) ?? ''
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
  return soft === undefined ? undefined : Number(soft)
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
