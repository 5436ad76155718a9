/** I12: a client waits for, and is lent, only servers of the pool it authenticated for. */
import type { Rule } from '../rule.ts'
import type { Client } from '../client.ts'
import type { Pool } from '../world.ts'

const name = 'I12'

export const identity: Rule = (_world, breach) => {
  /** Pools used by clients that have not authenticated yet. */
  const usedBefore = new WeakMap<Client, Pool>()
  return {
    clientAuthenticated(client, pool) {
      const used = usedBefore.get(client)
      if (used && used !== pool) wrong(client, pool, used)
    },
    waiterQueued: use,
    leaseGranted(client, server) {
      use(client, server.pool)
    },
  }

  function use(client: Client, pool: Pool): void {
    if (!client.isAuthenticated) {
      const used = usedBefore.get(client)
      if (used && used !== pool) wrong(client, used, pool)
      usedBefore.set(client, pool)
    } else if (client.pool !== pool) wrong(client, client.pool, pool)
  }

  function wrong(client: Client, expected: Pool | undefined, seen: Pool): void {
    const own = expected === undefined ? 'none, it is on the console' : `pool ${expected.id}, ${expected.name}`
    breach(name, own, `pool ${seen.id}, ${seen.name}`, { client: client.id, pool: seen.id })
  }
}
