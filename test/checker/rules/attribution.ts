/**
 * I2: bytes pass between a client and a server only while the client holds the server; a reply goes to the client whose
 * request it answers, and only replies that nobody waits for are swallowed; a message has one writer.
 */
import type { Client } from '../client.ts'
import { frontend, printable } from '../messages.ts'
import type { Breach, Rule } from '../rule.ts'
import type { Server } from '../server.ts'
import type { World } from '../world.ts'
import { discards, swallows } from '../world.ts'

const name = 'I2'

export const attribution: Rule = (world, breach) => ({
  serverWritten(server, source) {
    if (source && server.holder !== source) {
      breach(name, `bytes of ${holderOf(server)} only`, 'bytes of this client', {
        client: source.id,
        server: server.id,
      })
    }
    if (!server.isSentWhole && server.writer !== source) {
      breach(name, `the rest of a message of ${nameOf(server.writer)}`, `bytes of ${nameOf(source)}`, {
        server: server.id,
      })
    }
  },
  clientWritten(client, source, span) {
    if (!client.isGivenWhole && client.writer !== source) {
      breach(name, `the rest of a message of ${nameOf(client.writer)}`, `bytes of ${nameOf(source)}`, {
        client: client.id,
      })
    }
    if (source) checkReply(client, source, span.end - span.start, breach)
  },
  serverSwallowed(server, count, reason) {
    checkSwallow(world, server, count, breach)
    checkReason(server, count, reason, breach)
  },
  clientDiscarded(client, count, reason) {
    const problem = whyNotDiscarded(client, count, reason)
    if (problem !== undefined) breach(name, problem, `discarded with reason ${reason}`, { client: client.id })
  },
})

function checkReply(client: Client, source: Server, count: number, breach: Breach): void {
  const about = { client: client.id, server: source.id }
  if (source.holder !== client) {
    breach(name, `replies for ${holderOf(source)} only`, 'they were written to this client', about)
    return
  }
  if (source.received.isAbandoned) return
  const from = source.received.consumed
  const owner = source.owners.firstRefused(from, source.received.offsetAfter(count), (id) => Math.abs(id) !== client.id)
  if (owner === undefined) return
  const whose = owner === 0 ? "the pooler's own request" : `a request of client ${Math.abs(owner)}`
  breach(name, "replies to this client's oldest unanswered request", `a reply to ${whose}`, about)
}

function checkSwallow(world: World, server: Server, count: number, breach: Breach): void {
  if (server.received.isAbandoned) return
  const from = server.received.consumed
  const owner = server.owners.firstRefused(
    from,
    server.received.offsetAfter(count),
    (id) => id > 0 && !isGoing(world.clients.get(id)),
  )
  if (owner === undefined) return
  breach(name, 'forwarded: the client waits for this reply', 'swallowed', { client: owner, server: server.id })
}

/** Beside a client that is there, the answer to the pooler's own request has a reason of its own. */
function checkReason(server: Server, count: number, reason: number, breach: Breach): void {
  const { holder, received, owners } = server
  if (received.isAbandoned || !holder || isGoing(holder) || reason === swallows.ours) return
  if (owners.firstRefused(received.consumed, received.offsetAfter(count), (id) => id === 0) === undefined) return
  breach(name, `swallowed with reason ${swallows.ours}: it answers the pooler`, `with reason ${reason}`, {
    client: holder.id,
    server: server.id,
  })
}

function isGoing(client: Client | undefined): boolean {
  return client === undefined || client.isClosing
}

/** What the reason demands and is not so. */
function whyNotDiscarded(client: Client, count: number, reason: number): string | undefined {
  const next = client.received.peek()
  const isCopying = client.lease?.account.isCopyIn === true
  switch (reason) {
    case discards.login:
      return client.isLoggedIn ? 'a client that is logging in' : undefined
    case discards.terminate:
      return next === frontend.terminate || next < 0 ? undefined : `Terminate, not a message ${printable(next)}`
    case discards.lateCopy:
      return isCopying ? 'forwarded: copy-in runs on its server' : undefined
    case discards.cancelled:
      return client.lease ? 'a request that is queued: the client holds a server' : undefined
    case discards.console:
      return client.isAuthenticated && !client.pool ? undefined : 'a client of the console'
    case discards.closing:
      return undefined
    case discards.syncInCopy:
      return isCopying ? undefined : 'forwarded: no copy-in runs on its server'
    case discards.answered:
      return namesHolder(client, count) ? undefined : 'a Query that names its holder, alone and whole'
    default:
      return 'a reason between 1 and 8'
  }
}

/** The only thing that clients say to the pooler, and not to PostgreSQL. */
const naming =
  /^[ \t\n\v\f\r]*(set\s+taxirank\.holder\s*(=|\bto\b)\s*('([^']|'')*'|default)|reset\s+taxirank\.holder)[ \t\n\v\f\r]*(;[ \t\n\v\f\r]*)?\0$/i

function namesHolder({ received, isAtMessage }: Client, count: number): boolean {
  if (received.isAbandoned) return true
  const message = received.front(count)
  const isWhole = isAtMessage && message.length > 5 && message.readUInt32BE(1) === count - 1
  return isWhole && message[0] === frontend.query && naming.test(message.toString('latin1', 5))
}

function holderOf(server: Server): string {
  return server.holder === undefined ? 'nobody, it is not leased,' : `client ${server.holder.id}`
}

function nameOf(writer: Client | Server | undefined): string {
  if (writer === undefined) return 'the pooler'
  return `${'holder' in writer ? 'server' : 'client'} ${writer.id}`
}
