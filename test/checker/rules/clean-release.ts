/** I3: a server that is released is as good as new: nothing owed, nothing half said, nothing left behind. */
import type { Rule } from '../rule.ts'
import type { Server } from '../server.ts'
import { poolModes, type World } from '../world.ts'

const name = 'I3'

export const cleanRelease: Rule = (world, breach) => ({
  leaseReleased(client, server, isReset) {
    const dirt = whyNotReleasable(server, world) ?? (isReset ? undefined : whyNotAsNew(server))
    if (dirt !== undefined) breach(name, 'a clean server', dirt, { client: client.id, server: server.id })
  },
  leaseGranted(client, server) {
    const dirt = server.holder ? undefined : (whyUnused(server) ?? whyNotLendable(server) ?? whyNotAsNew(server))
    if (dirt !== undefined) breach(name, 'a clean server', dirt, { client: client.id, server: server.id })
  },
})

function whyNotReleasable(server: Server, world: World): string | undefined {
  if (server.isDestroyed) return 'it was destroyed'
  if (server.status !== 'I') return `its last transaction status is ${server.status === '' ? 'unknown' : server.status}`
  if (!server.isSentWhole) return 'a message was written to it in part'
  if (!server.isReceivedWhole) return 'a message came from it in part'
  if (world.cancels.has(server.id)) return 'a cancel is under way to it'
  return whyUnused(server) ?? whyNotLendable(server)
}

/** What a client has left in the session; a reset may remove it. */
function whyNotAsNew(server: Server): string | undefined {
  if (server.status !== 'I') return `its last transaction status is ${server.status === '' ? 'unknown' : server.status}`
  if (server.pool.mode === poolModes.session && server.namedParses > 0)
    return `${server.namedParses} named statements were Parsed on it`
  if (server.authorization !== server.authorizationAtLogin) {
    return `its session_authorization is ${server.authorization}, at login it was ${server.authorizationAtLogin}`
  }
  return undefined
}

function whyUnused({ received }: Server): string | undefined {
  return received.length > 0 ? `${received.length} bytes it sent were neither forwarded nor swallowed` : undefined
}

function whyNotLendable(server: Server): string | undefined {
  return server.garbled ?? server.account.whyNotClean()
}
