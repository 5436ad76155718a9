/** How busy the database's machine is, if that is this one: its processors, and who is ready for them. */

import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import type { MachineReading } from './database-reading.ts'
import { Tally } from './distribution.ts'

interface Ticks {
  readonly busy: number
  readonly all: number
}

/**
 * Looks at all processors; where this process may use only some of them (a container's limit), PostgreSQL may be under another
 * limit, and nothing is said.
 */
export class MachineWatch {
  readonly #first = ticks()
  readonly #ready = new Tally()
  #looks = 0

  look(): void {
    const ready = readyThreads()
    if (ready === undefined) return
    this.#ready.add(ready)
    this.#looks++
  }

  /** Undefined where it can't be known. */
  reading(): MachineReading | undefined {
    const cores = cpus().length
    const last = ticks()
    const all = last.all - this.#first.all
    if (this.#looks === 0 || all === 0 || availableParallelism() !== cores) return undefined
    return { busy: (last.busy - this.#first.busy) / all, ready: this.#ready.over(this.#looks) }
  }
}

function ticks(): Ticks {
  const times = cpus().map((cpu) => cpu.times)
  const idle = times.reduce((sum, one) => sum + one.idle, 0)
  const all = times.reduce((sum, one) => sum + one.user + one.nice + one.sys + one.idle + one.irq, 0)
  return { busy: all - idle, all }
}

/** Threads that run or are ready to, our own left out. Linux only. */
function readyThreads(): number | undefined {
  try {
    const [, count] = /^procs_running (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8')) ?? []
    return count === undefined ? undefined : Math.max(0, Number(count) - 1)
  } catch {
    return undefined
  }
}
