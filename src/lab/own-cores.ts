/** How busy the lab's own process is: it makes the load, and is one process, which can use hardly more than one core. */

import { numberText } from '../report/number-text.ts'

const wholeCore = 0.9
const microsecondsPerMs = 1_000

/** Begins to watch. What is returned tells how many cores were used on average since. */
export function watchOwnCores(): () => number {
  const before = process.cpuUsage()
  const atMs = performance.now()
  return () => {
    const { user, system } = process.cpuUsage(before)
    return (user + system) / microsecondsPerMs / (performance.now() - atMs)
  }
}

/** `the lab used 0.98 cores and was the limit`; empty: it wasn't. `lab`: as what it is spoken of. */
export function ownLimitText(ownCores: number, lab: string): string {
  return ownCores < wholeCore || Number.isNaN(ownCores)
    ? ''
    : `${lab} used ${numberText(ownCores)} cores and was the limit`
}
