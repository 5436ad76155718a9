/**
 * I9, completeness: a client whose request no server will answer is told so, or closed, at once. That is: one whose
 * queued request was cancelled, whose wait ended without a server, or whose server was destroyed before its reply was
 * through. It must not go on as if nothing had happened. What the pooler answers itself it has answered when it discards
 * it, and everything in front of that has been.
 */
import type { Client } from '../client.ts'
import type { Rule } from '../rule.ts'
import type { Server } from '../server.ts'
import { discards, waitEnds } from '../world.ts'

const name = 'I9'
/** Milliseconds of trace time within which the client must be answered or closed. */
const slackMs = 50

interface Debt {
  readonly why: string
  readonly sinceMs: number
  /** The request that is owed an answer ends here, at the latest, in the client's stream. */
  readonly upTo: number
}

export const nothingUnanswered: Rule = (world, breach) => {
  const debts = new Map<Client, Debt>()
  return {
    clientDiscarded(client, count, reason) {
      if (reason === discards.answered) checkAnswered(client, client.received.offsetAfter(count))
      else if (reason === discards.cancelled)
        owe(client, 'was cancelled while queued', client.received.offsetAfter(count))
      else if (reason === discards.terminate || reason === discards.closing) leave(client)
    },
    waiterEnded(client, _pool, how) {
      if (how === waitEnds.timedOut || how === waitEnds.refused || how === waitEnds.shutdown) {
        owe(client, `waited for a server, and that ended with ${how}`, Infinity)
      }
    },
    serverDestroyed(server) {
      const { holder } = server
      if (holder && owesTo(server, holder)) owe(holder, `was on server ${server.id}, which was destroyed`, Infinity)
    },
    readyGiven(client, _source, answered) {
      const debt = debts.get(client)
      if (debt && (!answered || answered.offset <= debt.upTo)) debts.delete(client)
    },
    waiterQueued: goOn,
    leaseGranted: goOn,
    clientClosed: leave,
    clientWritten(client) {
      if (client.isClosing) debts.delete(client)
    },
  }

  function owe(client: Client, why: string, upTo: number): void {
    if (!client.isClosing && !debts.has(client)) debts.set(client, { why, sinceMs: world.nowMs, upTo })
  }

  function checkAnswered(client: Client, upTo: number): void {
    const next = client.account.isCertain ? client.account.nextReady() : undefined
    if (!next || next.offset > upTo) return
    const seen = `the request that ends at byte ${next.offset} of its stream is not`
    breach(name, 'discarded as answered: so is all up to there', seen, { client: client.id })
  }

  function goOn(client: Client): void {
    const debt = debts.get(client)
    debts.delete(client)
    if (!debt || !isOwed(client, debt)) return
    breach(name, `an answer to the request that ${debt.why}`, 'the client goes on without', { client: client.id })
  }

  function leave(client: Client): void {
    const debt = debts.get(client)
    debts.delete(client)
    if (!debt || client.isClosing || !isOwed(client, debt) || world.nowMs - debt.sinceMs <= slackMs) return
    const seen = `none for ${(world.nowMs - debt.sinceMs).toFixed(0)} ms`
    breach(name, `an answer to the request that ${debt.why}`, seen, { client: client.id })
  }
}

function isOwed(client: Client, debt: Debt): boolean {
  const next = client.account.nextReady()
  return next !== undefined && next.offset <= debt.upTo
}

/** Whether a request of the client's is unanswered on the server, or its answer was not handed on. */
export function owesTo(server: Server, client: Client): boolean {
  if (server.account.hasUnanswered(({ owner }) => owner === client.id)) return true
  const { received } = server
  return (
    server.owners.firstRefused(
      received.consumed,
      received.offsetAfter(received.length),
      (owner) => owner === client.id,
    ) !== undefined
  )
}
