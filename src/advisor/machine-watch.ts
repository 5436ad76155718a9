/** How busy the database's machine is, if that is this one: its processors, and who is ready for them. Linux only. */

import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import type { MachineReading } from './database-reading.ts'
import { Tally } from './distribution.ts'

/** Since the machine was started, of all processors. */
interface Ticks {
  readonly busy: number
  readonly all: number
}

/**
 * Looks at all processors; where this process may use only some of them (a container's limit), PostgreSQL may be under another
 * limit, and nothing is said.
 */
export class MachineWatch {
  readonly #first = readStat()
  readonly #ready = new Tally()
  #looks = 0

  look(): void {
    const stat = readStat()
    if (!stat) return
    // Without ourselves, who run now.
    this.#ready.add(Math.max(0, stat.ready - 1))
    this.#looks++
  }

  /** Undefined where it can't be known. */
  reading(): MachineReading | undefined {
    const last = readStat()
    if (!this.#first || !last || this.#looks === 0 || availableParallelism() !== cpus().length) return undefined
    const all = last.ticks.all - this.#first.ticks.all
    if (all === 0) return undefined
    return { busy: (last.ticks.busy - this.#first.ticks.busy) / all, ready: this.#ready.over(this.#looks) }
  }
}

function readStat(): { readonly ticks: Ticks; readonly ready: number } | undefined {
  try {
    return parseStat(readFileSync('/proc/stat', 'utf8'))
  } catch {
    return undefined
  }
}

/** proc(5). Who waits for a disk leaves the processor idle. Undefined: it looks otherwise. */
export function parseStat(text: string): { readonly ticks: Ticks; readonly ready: number } | undefined {
  const [, line] = /^cpu +([\d ]+)$/m.exec(text) ?? []
  const [, ready] = /^procs_running (\d+)$/m.exec(text) ?? []
  if (line === undefined || ready === undefined) return undefined
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .split(' ')
    .map(Number)
  const busy = user + nice + system + irq + softirq
  return { ticks: { busy, all: busy + idle + iowait + steal }, ready: Number(ready) }
}
