/** The memory of a process, from /proc. */

import { readFileSync } from 'node:fs'

/** kB that belong to the process, with its part of what it shares. */
export function proportionalKb(pid: number): number {
  return kilobytes(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss')
}

/** The most kB it ever had resident. */
export function peakKb(pid: number): number {
  return kilobytes(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmHWM')
}

/** A line like `Pss:      1234 kB`. */
export function kilobytes(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]
  if (found === undefined) throw new Error(`the kernel does not tell ${name}`)
  return Number(found)
}
