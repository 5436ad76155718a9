/** How many sockets this process may have. */

import { readFileSync } from 'node:fs'

/** For everything else. */
const otherDescriptors = 100

/** Infinity: there is no limit, or it can't be seen. */
export function mostSockets(): number {
  try {
    return Math.max(1, parseDescriptorLimit(readFileSync('/proc/self/limits', 'utf8')) - otherDescriptors)
  } catch {
    return Infinity
  }
}

/** The soft limit, which is the one that holds: proc(5), /proc/PID/limits. */
export function parseDescriptorLimit(text: string): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(text) ?? []
  return soft === undefined ? Infinity : Number(soft)
}
