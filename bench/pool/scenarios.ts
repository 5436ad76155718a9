/** The scenarios of bench/micro/scenarios.ts through the public interface, in real time, with a stub for a database. */

import { setTimeout as sleep } from 'node:timers/promises'
import { createLender, type Lender, type LenderName, warm } from './lenders.ts'
import { StubDatabase } from './stub-database.ts'

/** What was asked for when nobody needed it any more is counted as well. */
const settleMs = 400
/** Whoever is refused comes again after so long. With Taxirank nobody is. */
const comeAgainMs = 1_000

export interface SpikeFigures {
  /** Of all that were ever opened. */
  readonly opened: number
  readonly lastServedMs: number
}

/** HikariCP's: 50 callers at once, five open, opening takes 75 times as long as a query. */
export async function spike(name: LenderName): Promise<SpikeFigures> {
  const database = new StubDatabase({ openingMs: 150 })
  const lender = createLender(name, { database, max: 50, min: 5 })
  await warm(lender, 5)
  await sleep(settleMs)
  const begin = performance.now()
  await serve(lender, 50, 2)
  const lastServedMs = performance.now() - begin
  await sleep(settleMs)
  return { opened: database.openings.length, lastServedMs }
}

export interface OutageFigures {
  /** Those that had begun before the first that succeeded did. */
  readonly attempts: number
  /** From the return of the database to the first success. */
  readonly firstSuccessMs: number
}

/** 100 callers, and a database that is down for 10 s. */
export async function outage(name: LenderName): Promise<OutageFigures> {
  const database = new StubDatabase({ openingMs: 20 })
  const lender = createLender(name, { database, max: 20, waitWhenDown: true })
  database.isDown = true
  const served = serve(lender, 100, 50)
  await sleep(10_000)
  database.isDown = false
  const backAtMs = performance.now()
  await served
  const firstSuccessAtMs = database.openings[0] as number
  const attempts = database.attempts.filter((at) => at + 20 <= firstSuccessAtMs).length
  return { attempts, firstSuccessMs: firstSuccessAtMs - backAtMs }
}

async function serve(lender: Lender<unknown>, callers: number, holdMs: number): Promise<void> {
  await Promise.all(
    Array.from({ length: callers }, async () => {
      const lease = await persist(lender)
      await sleep(holdMs)
      lender.release(lease)
    }),
  )
}

async function persist(lender: Lender<unknown>): Promise<unknown> {
  for (;;) {
    try {
      return await lender.acquire()
    } catch {
      await sleep(comeAgainMs)
    }
  }
}
