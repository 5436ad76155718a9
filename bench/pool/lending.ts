/** What a lease costs by promise: callers who ask, hold nothing for no time at all, and ask again. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { median } from '../../src/metrics/statistics.ts'
import { createLender, type Lender, type LenderName, warm } from './lenders.ts'
import { StubDatabase } from './stub-database.ts'

const max = 10
/** Long enough for what a slice begins and ends with to vanish, and short enough for many slices. */
const sliceNs = 40e6
const warmUpSlices = 4
const slices = 9

/** Nanoseconds of one acquire and release, `callers` at once over ten: the median of slices of some 40 ms. */
export async function nsPerLease(name: LenderName, callers: number): Promise<number> {
  const lender = createLender(name, { database: new StubDatabase({ openingMs: 0 }), max })
  await warm(lender, max)
  let each = 1
  for (let done = 0; done < warmUpSlices; done++) each = await atLeast(sliceNs, lender, callers, each)
  const measured: number[] = []
  for (let done = 0; done < slices; done++) {
    await nextTurn()
    measured.push((await slice(lender, callers, each)) / (callers * each))
  }
  return median(measured)
}

/** Doubles what each caller does until all together take so long; returns it. */
async function atLeast(ns: number, lender: Lender<unknown>, callers: number, from: number): Promise<number> {
  for (let each = from; ; each *= 2) {
    await nextTurn()
    if ((await slice(lender, callers, each)) >= ns) return each
  }
}

async function slice(lender: Lender<unknown>, callers: number, each: number): Promise<number> {
  const begin = process.hrtime.bigint()
  await Promise.all(Array.from({ length: callers }, () => call(lender, each)))
  return Number(process.hrtime.bigint() - begin)
}

async function call(lender: Lender<unknown>, times: number): Promise<void> {
  for (let done = 0; done < times; done++) {
    const lease = await lender.acquire()
    lender.release(lease)
  }
}
