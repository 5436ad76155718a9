/** A crowd of clients who stay connected and ask something now and then: who of them is let in, who is answered, and how soon. */

import type { Client } from 'pg'
import type { Random } from '../../../random.ts'
import { closedLoad, exponential, failureOf } from '../../load.ts'
import type { Way } from '../../openings.ts'
import type { Rig } from '../../rig.ts'
import { count, CrowdBook, type CrowdService, type CrowdTimes } from './crowd-book.ts'

export interface Crowd {
  readonly wanted: number
  /** Those who were let in. */
  readonly clients: readonly Client[]
  /** The others, by why. */
  readonly refusals: ReadonlyMap<string, number>
}

/** As many at a time: a server's queue of those who knock is no longer than that. */
const knocking = 32

export async function gather(rig: Rig, wanted: number, way: Way): Promise<Crowd> {
  const clients: Client[] = []
  const refusals = new Map<string, number>()
  let next = 0
  const knock = async (): Promise<void> => {
    while (next < wanted) {
      next++
      try {
        clients.push(await rig.connect(way))
      } catch (error) {
        rig.signal.throwIfAborted()
        count(refusals, failureOf(error))
      }
    }
  }
  await Promise.all(Array.from({ length: knocking }, knock))
  return { wanted, clients, refusals }
}

export async function dismiss(rig: Rig, { clients }: Crowd): Promise<void> {
  await Promise.all(clients.map((client) => rig.end(client)))
  await rig.untilFree()
}

export interface Service extends CrowdTimes {
  /** First each asks once, all at the same time, which ends only where all can be answered. */
  readonly isGreeted: boolean
  /** Called before the load begins. */
  readonly begun?: () => Promise<void>
}

/** Resolves when the time is over: who has no answer by then isn't waited for. */
export async function serve(rig: Rig, { clients }: Crowd, service: Service): Promise<CrowdService> {
  const { warmUpMs, windowMs, windows, meanPauseMs, isGreeted, begun } = service
  const book = new CrowdBook(service)
  const answer = (index: number): Promise<void> => book.enter(index, ask(rig, clients[index] as Client, index))
  if (isGreeted) await Promise.all(clients.map((_, index) => answer(index)))
  await begun?.()
  const over = rig.sleep(book.begin() - performance.now())
  const load = { workers: clients.length, warmUpMs, measureMs: windows * windowMs, signal: rig.signal }
  const pauseMs = (random: Random): number => exponential(random, meanPauseMs)
  const loaded = closedLoad({ ...load, pauseMs }, (index) =>
    book.isLost(index) ? over : Promise.race([answer(index), over]),
  )
  await Promise.all([loaded, over])
  return book.close()
}

async function ask(rig: Rig, client: Client, index: number): Promise<void> {
  const { text, values } = rig.work.lookup((index % rig.work.accounts) + 1)
  await client.query(text, [...values])
}
