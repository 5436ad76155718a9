/** I18: when the pooler has stopped in order, nothing is left: no client, server, lease, waiter or cancel. */
import type { Rule } from '../rule.ts'

const name = 'I18'

export const terminalCleanliness: Rule = (world, breach) => ({
  finished(hasEnd) {
    if (!hasEnd) return
    for (const client of world.clients.values()) {
      const held = client.lease ? `holds server ${client.lease.id}` : client.wait ? 'waits' : 'is open'
      breach(name, 'every client closed', client.isClosed ? `its closed connection ${held}` : `it ${held}`, {
        client: client.id,
      })
    }
    for (const server of world.servers.values()) {
      breach(name, 'every server closed', server.isDestroyed ? 'it is closing' : 'it is open', { server: server.id })
    }
    for (const server of world.cancels.keys()) breach(name, 'every cancel done', 'it is under way', { server })
  },
})
