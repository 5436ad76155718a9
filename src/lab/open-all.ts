import type { Pool } from '../pg/public-types.ts'
import type { Rig } from './rig.ts'

/** All that the pool may have; it goes on with what it has when the server refuses one. */
export async function openAll(rig: Rig, pool: Pool, size: number): Promise<void> {
  const leases = Array.from({ length: size }, () => pool.connect())
  const settled = Promise.allSettled(leases)
  const isDone = (): boolean => {
    const { counters, slots } = pool.snapshot()
    return counters.opened >= size || (counters.openFailures > 0 && slots.opening === 0)
  }
  while (!isDone()) await rig.sleep(2)
  for (const lease of leases) {
    lease.then(
      (client) => client.release(),
      () => undefined,
    )
  }
  await settled
}
