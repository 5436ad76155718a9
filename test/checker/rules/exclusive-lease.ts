/** I1: a server has at most one holder, a client holds at most one server, and only a ready server is lent. */
import type { Breach, Rule } from '../rule.ts'
import type { Server } from '../server.ts'

const name = 'I1'

export const exclusiveLease: Rule = (_world, breach) => ({
  leaseGranted(client, server, isShared) {
    const about = { client: client.id, server: server.id }
    if (isShared) breach(name, 'an exclusive lease', 'a shared one', about)
    if (server.holder) breach(name, 'a server without a holder', `client ${server.holder.id} holds it`, about)
    if (client.lease) breach(name, 'a client without a lease', `it holds server ${client.lease.id}`, about)
    if (client.isClosed) breach(name, 'a client that is there', 'it was closed', about)
    refuseUnready(server, breach)
  },
  leaseReleased(client, server) {
    if (server.holder === client) return
    const holder = server.holder === undefined ? 'nobody' : `client ${server.holder.id}`
    breach(name, 'released by its holder', `${holder} holds it`, { client: client.id, server: server.id })
  },
  serverClosed(server) {
    if (!server.holder) return
    const about = { client: server.holder.id, server: server.id }
    breach(name, 'a lease that ends by record 16 or 17', 'its server was closed', about)
  },
})

function refuseUnready(server: Server, breach: Breach): void {
  if (!server.isReady) breach(name, 'a ready server', 'it has not logged in', { server: server.id })
  if (server.isDestroyed) breach(name, 'a ready server', 'it was destroyed', { server: server.id })
}
