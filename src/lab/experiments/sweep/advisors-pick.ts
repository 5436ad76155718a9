/** What the advisor says of a pool, when it watches this very load through the pooler for some seconds. */

import { advise } from '../../../advisor/advise.ts'
import { readDatabase } from '../../../advisor/read-database.ts'
import { readPooler } from '../../../advisor/read-pooler.ts'
import { closedLoad } from '../../load.ts'
import type { Rig } from '../../rig.ts'
import { urlOf } from '../../target.ts'
import type { Pool } from '../../../pg/public-types.ts'

export interface Watch {
  readonly callers: number
  /** Of the pooler's pool. */
  readonly size: number
  readonly watchMs: number
}

const warmUpMs = 200

/** Undefined: it has not seen enough to advise a size. */
export async function advisorsPick(
  rig: Rig,
  { callers, size, watchMs }: Watch,
  call: (pool: Pool) => Promise<unknown>,
): Promise<number | undefined> {
  const name = 'watched'
  const pooler = await rig.pooler([{ name, mode: 'transaction', size }], { isMonitored: true })
  const pool = rig.pool({ max: callers }, pooler.way(name))
  const { signal } = rig
  const read = async () => {
    await rig.sleep(warmUpMs)
    return Promise.all([
      readDatabase(urlOf(rig.target), { watchMs, signal }),
      readPooler(pooler.httpUrl ?? '', { watchMs, signal }),
    ])
  }
  const load = { workers: callers, warmUpMs, measureMs: watchMs + warmUpMs, signal }
  const [[database, watched]] = await Promise.all([read(), closedLoad(load, () => call(pool))])
  await rig.endPool(pool)
  await pooler.stop()
  await rig.untilFree()
  const cores = rig.facts.cores ?? undefined
  const { pools } = advise({ database, pooler: watched }, cores === undefined ? {} : { cores })
  return pools.find((one) => one.database === name)?.sizeAdvised
}
