/**
 * What PostgreSQL's processes use, by /proc: they must be this machine's, and ours to see. A backend that ends takes its
 * context switches with it; its processor time goes to the postmaster.
 */

import { readFileSync } from 'node:fs'
import { memoryOf, type ProcessMemory } from '../advisor/read-backend-memory.ts'
import { childrenOf } from '../embedded/processes.ts'

/** USER_HZ: 1/100 s to user space on every architecture of Linux. */
const tickMs = 10
const nanosecondsPerMs = 1_000_000

export interface Memory extends ProcessMemory {
  readonly processes: number
}

export class PostgresProcesses {
  readonly postmaster: number

  constructor(postmaster: number) {
    this.postmaster = postmaster
  }

  /**
   * Of the postmaster that is this backend's parent. Undefined: there is no such thing to be seen here. At the end of a tunnel, or in
   * a container, the process with this id is another one: so what PostgreSQL has written over its command line must name the port
   * that we speak from.
   */
  static of(backend: number, clientPort: number): PostgresProcesses | undefined {
    const parent = statOf(backend)?.parent
    const isOurs = servesClient(read(`/proc/${backend}/cmdline`), clientPort)
    return isOurs && parent !== undefined && statOf(parent) ? new PostgresProcesses(parent) : undefined
  }

  /**
   * Processor time of all of them since they began: of those that are there to the nanosecond, of those that have ended in
   * steps of 10 ms altogether.
   */
  cpuMs(): number {
    const living = [this.postmaster, ...childrenOf(this.postmaster)].map(ranMsOf)
    const ended = (statOf(this.postmaster)?.ofEnded ?? 0) * tickMs
    return ended + living.reduce((sum, ms) => sum + ms, 0)
  }

  /** Of those that are there now, since each began. */
  contextSwitches(): number {
    return childrenOf(this.postmaster).reduce((sum, pid) => sum + (switchesOf(pid) ?? 0), 0)
  }

  /** Of these backends together; undefined: none can be seen. */
  memory(backends: readonly number[]): Memory | undefined {
    const seen = backends.map(memoryOf).filter((one) => one !== undefined)
    if (seen.length === 0) return undefined
    const sum = (of: (one: ProcessMemory) => number): number => seen.reduce((total, one) => total + of(one), 0)
    return {
      processes: seen.length,
      privateBytes: sum(({ privateBytes }) => privateBytes),
      proportionalBytes: sum(({ proportionalBytes }) => proportionalBytes),
      sharedBytes: sum(({ sharedBytes }) => sharedBytes),
    }
  }
}

/** `postgres: lab shop 127.0.0.1(41234) idle` */
export function servesClient(commandLine: string, clientPort: number): boolean {
  return commandLine.startsWith('postgres: ') && commandLine.includes(`(${clientPort}) `)
}

/** PostgreSQL's processes have one thread each. */
function ranMsOf(pid: number): number {
  return (
    (parseSchedstat(read(`/proc/${pid}/schedstat`)) ?? (statOf(pid)?.own ?? 0) * tickMs * nanosecondsPerMs) /
    nanosecondsPerMs
  )
}

/** The kernel's documentation, sched-stats: the first number is nanoseconds on a processor. Undefined: it keeps none. */
export function parseSchedstat(text: string): number | undefined {
  const [, nanoseconds] = /^(\d+) /.exec(text) ?? []
  return nanoseconds === undefined ? undefined : Number(nanoseconds)
}

interface Stat {
  readonly parent: number
  /** Ticks. */
  readonly own: number
  /** Of children that have ended and were waited for, in ticks. */
  readonly ofEnded: number
}

function statOf(pid: number): Stat | undefined {
  return parseStat(read(`/proc/${pid}/stat`))
}

/** proc(5), /proc/PID/stat, counted behind the command's name, which may hold spaces and ')'. */
export function parseStat(text: string): Stat | undefined {
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [, parent = 0] = fields
  const [user = Number.NaN, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15)
  return Number.isNaN(user) ? undefined : { parent, own: user + system, ofEnded: endedUser + endedSystem }
}

/** What `ps` and `top` show: shared memory that it has touched counts in full, as it does with each other backend. Undefined: it is gone. */
export function residentBytesOf(pid: number): number | undefined {
  return parseResident(read(`/proc/${pid}/status`))
}

/** proc(5), /proc/PID/status. */
export function parseResident(text: string): number | undefined {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(text) ?? []
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
}

function switchesOf(pid: number): number | undefined {
  return parseSwitches(read(`/proc/${pid}/status`))
}

/** proc(5), /proc/PID/status: those it made of itself, and those it was made to. */
export function parseSwitches(text: string): number | undefined {
  const [, voluntary] = /^voluntary_ctxt_switches:\s+(\d+)$/m.exec(text) ?? []
  const [, involuntary] = /^nonvoluntary_ctxt_switches:\s+(\d+)$/m.exec(text) ?? []
  return voluntary === undefined ? undefined : Number(voluntary) + Number(involuntary ?? 0)
}

/** Empty: it is gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
