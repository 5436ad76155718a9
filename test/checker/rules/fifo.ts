/** I6: within a pool, servers are given in the order in which clients began to wait; nobody overtakes. */
import type { Rule } from '../rule.ts'
import { kinds } from '../trace-reader.ts'
import type { Pool } from '../world.ts'
import { waitEnds } from '../world.ts'

const name = 'I6'

export const fifo: Rule = (_world, breach) => {
  /** The client whose wait the last record ended as granted. */
  let granted = 0
  return {
    record({ kind }) {
      if (kind !== kinds.leaseGranted) granted = 0
    },
    waiterEnded(client, pool, how) {
      if (how !== waitEnds.granted) return
      granted = client.id
      const first = pool.firstWait()?.client
      if (first && first !== client) overtaken(client.id, pool, first.id)
    },
    leaseGranted(client, server) {
      const first = server.pool.firstWait()?.client
      if (first && first !== client && granted !== client.id) overtaken(client.id, server.pool, first.id)
      granted = 0
    },
  }

  function overtaken(client: number, pool: Pool, first: number): void {
    breach(name, `client ${first}, which has waited longest`, `client ${client} got a server`, {
      client,
      pool: pool.id,
    })
  }
}
