/**
 * How long callers wait, beside what an ideal queue would have let the same callers wait: they come, hold for a few
 * milliseconds, think and come again. Sessions are short: over a long one every microsecond that handing over takes would
 * keep the real queue behind the ideal one for good, since who comes next has been served before.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../../test/engine/random.ts'
import { percentile } from '../../src/metrics/statistics.ts'
import { replayFifo, type Visit } from './fifo-queue.ts'
import { createLender, type Lender, type LenderName, warm } from './lenders.ts'
import { StubDatabase } from './stub-database.ts'

const max = 10
const leastVisits = 3_000
const warmUpLeases = 2_000

interface TimedVisit extends Visit {
  readonly waitedMs: number
}

export interface WaitFigures {
  readonly p99Ms: number
  readonly idealP99Ms: number
  readonly ratio: number
}

export async function waits(name: LenderName, callers: number): Promise<WaitFigures> {
  const lender = createLender(name, { database: new StubDatabase({ openingMs: 0 }), max })
  await warm(lender, max)
  for (let done = 0; done < warmUpLeases; done++) lender.release(await lender.acquire())
  const random = new Random(callers)
  const turns = callers > 100 ? 2 : 10
  const waited: number[] = []
  const ideal: number[] = []
  while (waited.length < leastVisits) {
    const visits = await session(lender, callers, turns, random)
    waited.push(...visits.map(({ waitedMs }) => waitedMs))
    ideal.push(...replayFifo(visits, max))
  }
  const [p99Ms, idealP99Ms] = [percentile(waited, 99), percentile(ideal, 99)]
  return { p99Ms, idealP99Ms, ratio: p99Ms / idealP99Ms }
}

/** Every visit, in the order of arrival. */
async function session(
  lender: Lender<unknown>,
  callers: number,
  turns: number,
  random: Random,
): Promise<readonly TimedVisit[]> {
  const visits: TimedVisit[] = []
  const call = async (): Promise<void> => {
    for (let turn = 0; turn < turns; turn++) {
      if (turn > 0) await sleep(random.below(4))
      const place = visits.push(nobody) - 1
      visits[place] = await visit(lender, 1 + random.below(4))
    }
  }
  await Promise.all(Array.from({ length: callers }, call))
  return visits
}

const nobody: TimedVisit = { arrivedAtMs: 0, heldMs: 0, waitedMs: 0 }

async function visit(lender: Lender<unknown>, holdMs: number): Promise<TimedVisit> {
  const arrivedAtMs = performance.now()
  const lease = await lender.acquire()
  const grantedAtMs = performance.now()
  await sleep(holdMs)
  const heldMs = performance.now() - grantedAtMs
  lender.release(lease)
  return { arrivedAtMs, heldMs, waitedMs: grantedAtMs - arrivedAtMs }
}
