/**
 * One measurement in a process of its own, so that no other has shaped the machine code: prints a number.
 * `probe ns WAITING`: nanoseconds for an acquire and a release. `probe bytes WAITING`: bytes allocated for them, where the
 * runtime can tell (Node with --expose-gc).
 */

import { measure } from 'mitata'
import { lending } from './lending.ts'

const warmUp = 3_000_000
const counted = 1_000_000

async function main(what: string | undefined, waiting: number): Promise<number> {
  const operation = lending(waiting)
  for (let done = 0; done < warmUp; done++) operation()
  if (what === 'bytes') return bytes(operation)
  const { p50 } = await measure(operation)
  return p50
}

/** The slope of the heap over a million operations without a collection in between. */
function bytes(operation: () => void): number {
  ;(globalThis as { gc?: () => void }).gc?.()
  const before = process.memoryUsage().heapUsed
  for (let done = 0; done < counted; done++) operation()
  return (process.memoryUsage().heapUsed - before) / counted
}

const [what, waiting] = process.argv.slice(2)
process.stdout.write(`${await main(what, Number(waiting))}\n`)
