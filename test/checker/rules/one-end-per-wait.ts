/** I5: every wait ends exactly once, and one that ends as granted is followed at once by the lease. */
import type { Client } from '../client.ts'
import type { Rule } from '../rule.ts'
import { kinds } from '../trace-reader.ts'
import { waitEnds } from '../world.ts'

const name = 'I5'

export const oneEndPerWait: Rule = (world, breach) => {
  let granted: Client | undefined
  return {
    record({ kind, a }) {
      if (granted && !(kind === kinds.leaseGranted && a === granted.id)) {
        breach(name, 'a lease right after the wait ended as granted', `a record of kind ${kind}`, {
          client: granted.id,
        })
      }
      granted = undefined
    },
    waiterQueued(client, pool) {
      if (client.wait) breach(name, 'one wait at a time', 'queued again', { client: client.id, pool: pool.id })
    },
    waiterEnded(client, pool, how) {
      const about = { client: client.id, pool: pool.id }
      if (client.wait?.pool !== pool) breach(name, 'a client that waits in this pool', 'it does not', about)
      if (how < waitEnds.granted || how > waitEnds.shutdown) breach(name, 'an end between 1 and 6', `${how}`, about)
      if (how === waitEnds.granted) granted = client
    },
    leaseGranted(client, server) {
      if (client.wait) breach(name, 'a wait that ended', 'it still waits', { client: client.id, server: server.id })
    },
    finished(hasEnd) {
      if (!hasEnd) return
      for (const { id, wait } of world.clients.values()) {
        if (wait) breach(name, 'every wait has an end', 'this one has none', { client: id, pool: wait.pool.id })
      }
    },
  }
}
