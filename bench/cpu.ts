/**
 * The CPU time of a process with all its threads, from /proc. Two sources, since each lacks something:
 * /proc/PID/stat knows user and kernel time and keeps the time of ended threads, in ticks of 10 ms, rounded down;
 * /proc/PID/task/TID/schedstat counts nanoseconds of living threads only, without the split. Neither ever counts too
 * much, so the larger one is the total, and the split is stat's.
 */

import { readdirSync, readFileSync } from 'node:fs'

/** CPU time since the process began. */
export interface CpuTime {
  readonly userTicks: number
  readonly kernelTicks: number
  readonly totalNs: number
}

/** CPU time spent per transaction. */
export interface CpuPerTransaction {
  readonly userMicros: number
  readonly kernelMicros: number
  readonly totalMicros: number
}

/** USER_HZ: Linux reports ticks of 1/100 s to user space on every architecture it is measured on. */
const tickNs = 10_000_000

/** Reads the CPU time of a living process; throws ENOENT or ESRCH when it is gone. */
export function readCpuTime(pid: number): CpuTime {
  const { userTicks, kernelTicks } = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  const threadsNs = readdirSync(`/proc/${pid}/task`)
    .map((tid) => readThreadNs(pid, tid))
    .reduce((sum, ns) => sum + ns, 0)
  return { userTicks, kernelTicks, totalNs: Math.max(threadsNs, (userTicks + kernelTicks) * tickNs) }
}

/** Divides what was spent between two readings by the number of transactions. */
export function cpuPerTransaction(before: CpuTime, after: CpuTime, transactions: number): CpuPerTransaction {
  const user = after.userTicks - before.userTicks
  const kernel = after.kernelTicks - before.kernelTicks
  const totalMicros = (after.totalNs - before.totalNs) / 1000 / transactions
  const userShare = user + kernel === 0 ? 0 : user / (user + kernel)
  return { userMicros: totalMicros * userShare, kernelMicros: totalMicros * (1 - userShare), totalMicros }
}

/** Fields 14 and 15 of /proc/PID/stat (proc(5)), counted behind the command name, which may hold spaces and ')'. */
export function parseStat(text: string): { userTicks: number; kernelTicks: number } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { userTicks: Number(fields[11]), kernelTicks: Number(fields[12]) }
}

/** The first field of schedstat: nanoseconds spent on a CPU. */
export function parseSchedstat(text: string): number {
  return Number(text.split(' ', 1)[0])
}

function readThreadNs(pid: number, tid: string): number {
  try {
    return parseSchedstat(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8'))
  } catch {
    return 0 // the thread ended between the listing and the reading
  }
}
