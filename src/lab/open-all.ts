import type { Pool, PoolClient } from '../pg/public-types.ts'
import type { Rig } from './rig.ts'

/**
 * All that the pool may have; it goes on with what it has when the server refuses one. On each of them `warm` is run once, so
 * that its backend has filled its caches before something is measured; one on which it fails is closed.
 */
export async function openAll(
  rig: Rig,
  pool: Pool,
  size: number,
  warm: (client: PoolClient) => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const all = Promise.withResolvers<void>()
  let isAll = false
  const visit = async (): Promise<void> => {
    const client = await pool.connect()
    try {
      // Who was refused gets one that is warm.
      if (!isAll) await warm(client)
      await all.promise
      client.release()
    } catch {
      client.release(true)
    }
  }
  const visits = Promise.allSettled(Array.from({ length: size }, visit))
  const isDone = (): boolean => {
    const { counters, slots } = pool.snapshot()
    return counters.opened >= size || (counters.openFailures > 0 && slots.opening === 0)
  }
  try {
    while (!isDone()) await rig.sleep(2)
  } finally {
    isAll = true
    all.resolve()
  }
  await visits
}
