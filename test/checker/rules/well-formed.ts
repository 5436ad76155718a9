/** T: the trace itself makes sense: time goes forward, nothing follows the end, what the pooler writes is messages. */
import type { Rule } from '../rule.ts'
import { kinds } from '../trace-reader.ts'

export const wellFormed: Rule = (world, breach) => {
  let hasEnded = false
  return {
    record({ kind, timeMs }) {
      if (hasEnded) breach('T', 'nothing after record 22', `a record of kind ${kind}`)
      if (!(timeMs >= world.nowMs)) breach('T', `a time of at least ${world.nowMs} ms`, `${timeMs} ms`)
      hasEnded = kind === kinds.end
    },
    serverReady(server) {
      const problem = server.account.readyReceived === 0 ? 'none was read' : server.account.whyNotClean()
      if (!server.isSentWhole) breach('T', 'whole messages to it', 'half a one', { server: server.id })
      if (problem !== undefined) breach('T', 'a login that ended with ReadyForQuery', problem, { server: server.id })
    },
    serverClosed(server) {
      if (!server.isReady || server.isDestroyed) return
      breach('T', 'record 17 before record 18', 'none', { server: server.id })
    },
    framingBroke(to, why) {
      const about = 'holder' in to ? { server: to.id } : { client: to.id }
      breach('T', 'whole messages of the protocol', why, about)
    },
  }
}
