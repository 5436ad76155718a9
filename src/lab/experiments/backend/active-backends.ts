/** How often the cores go from one process to another, by how many backends are at work at a time. */

import { inTurns } from '../../in-turns.ts'
import { closedLoad, perSecond } from '../../load.ts'
import type { Rig } from '../../rig.ts'
import { openAll } from '../../open-all.ts'

export interface ActiveSample {
  readonly active: number
  readonly statementsPerSecond: number
  /** NaN: they can't be seen. */
  readonly switchesPerSecond: number
}

export interface ActivePlan {
  /** How many at a time. */
  readonly counts: readonly number[]
  readonly rounds: number
  readonly warmUpMs: number
  readonly measureMs: number
  readonly progress: (share: number, doing: string) => void
}

/** On one core that it has alone. */
export const statementMs = 1

/** With the same connections open in all rounds: who is not at work is idle. */
export async function measureActive(
  rig: Rig,
  { counts, rounds, warmUpMs, measureMs, progress }: ActivePlan,
): Promise<ActiveSample[]> {
  const largest = Math.max(...counts)
  const pool = rig.pool({ max: largest })
  await openAll(rig, pool, largest)
  const { text, values } = rig.work.busy(statementMs)
  const count = (): number => rig.processes?.contextSwitches() ?? Number.NaN
  const samples: ActiveSample[] = []
  for (const { item: active, share } of inTurns(counts, rounds)) {
    progress(share, `${active} at work`)
    const switches = { first: Number.NaN, last: Number.NaN }
    const load = await closedLoad(
      {
        workers: active,
        warmUpMs,
        measureMs,
        signal: rig.signal,
        begun: () => (switches.first = count()),
        ended: () => (switches.last = count()),
      },
      () => pool.query(text, [...values]),
    )
    samples.push({
      active,
      statementsPerSecond: perSecond(load),
      switchesPerSecond: (switches.last - switches.first) / load.seconds,
    })
  }
  await rig.endPool(pool)
  await rig.untilFree()
  return samples
}
