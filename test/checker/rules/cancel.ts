/**
 * I8: a cancel is sent only for a client whose key was used, in the lease in which that was, and hits only that client. From the moment its connection is opened until PostgreSQL has closed it,
 * the server stays with that client, nobody else's request is unanswered on it and no new request is written to it.
 */
import { frontend, printable } from '../messages.ts'
import type { Entry } from '../reply-account.ts'
import type { Rule } from '../rule.ts'
import type { Server } from '../server.ts'
import { waitEnds } from '../world.ts'

const name = 'I8'
const copyMessages: readonly number[] = [frontend.copyData, frontend.copyDone, frontend.copyFail]

export const cancel: Rule = (world, breach) => {
  /** Clients whose own key was used, until the cancel is sent or what it was for is over. */
  const asked = new Set<number>()
  return {
    cancelReceived(client) {
      asked.add(client.id)
    },
    clientClosed(client) {
      asked.delete(client.id)
    },
    waiterEnded(client, pool, how) {
      if (how !== waitEnds.cancelled || asked.has(client.id)) return
      breach(name, 'a cancel that names this client', 'none was received', { client: client.id, pool: pool.id })
    },
    serverDestroyed({ holder }) {
      if (holder) asked.delete(holder.id)
    },
    cancelSent(client, server) {
      const target = whyNotTarget(client, server)
      const about = { client, server: server.id }
      if (target !== undefined) breach(name, 'the client that holds the server', target, about)
      if (client !== 0 && !asked.delete(client))
        breach(name, 'a cancel that names this client', 'none was received', about)
      const holder = server.holder?.id
      if (server.account.hasUnanswered((entry) => entry.owner !== holder && !isInGroup(entry))) {
        breach(name, "only its holder's requests are unanswered", "somebody else's is", about)
      }
    },
    cancelDone(client, server) {
      const named = world.cancels.get(server)
      if (named !== client) breach(name, `the end of the cancel for client ${named}`, `for ${client}`, { server })
    },
    leaseReleased(client, server) {
      refuseDuringCancel(server, 'released', client.id)
      asked.delete(client.id)
    },
    leaseGranted(client, server) {
      refuseDuringCancel(server, 'lent', client.id)
    },
    requestBegan(server, type) {
      if (world.cancels.size === 0 || server.isDestroyed || copyMessages.includes(type)) return
      refuseDuringCancel(server, `a message ${printable(type)} was written to it`, server.writer?.id ?? 0)
    },
  }

  function refuseDuringCancel(server: Server, what: string, client: number): void {
    if (!world.cancels.has(server.id)) return
    breach(name, 'nothing before PostgreSQL has closed the cancel connection', what, { client, server: server.id })
  }
}

/**
 * The pooler puts Parse and Close into a client's group, and closes that of a client that is gone with a Parse that fails
 * and a Sync; a cancel that hits them hits that client's work.
 */
function isInGroup({ owner, type }: Entry): boolean {
  return owner === 0 && (type === frontend.sync || type === frontend.parse || type === frontend.close)
}

function whyNotTarget(client: number, server: Server): string | undefined {
  const { holder } = server
  if (holder === undefined) return 'nobody holds it'
  if (client === 0) return holder.isClosing ? undefined : `client ${holder.id} holds it, and is not gone`
  if (holder.id !== client) return `client ${holder.id} holds it`
  return holder.isClosed ? 'that client is gone' : undefined
}
