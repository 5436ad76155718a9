/**
 * I9: what a client is given is what PostgreSQL would give it: each reply answers its oldest unanswered request, no
 * ReadyForQuery too many, and a request that was cancelled while queued is answered.
 */
import type { Rule } from '../rule.ts'
import { discards } from '../world.ts'

const name = 'I9'
/** Milliseconds within which a cancelled request must be answered. */
const slackMs = 50

export const replyOrder: Rule = (world, breach) => {
  /** Up to which offset of its stream, and when, a client's requests were last discarded as cancelled. */
  const cancelled = new Map<number, { readonly upTo: number; readonly atMs: number }>()
  return {
    replyUnexplained(client, what) {
      breach(name, 'replies to what the client asked, in order', what, { client: client.id })
    },
    readyGiven(client, source, answered, request) {
      if (!source || !answered || !source.account.isCertain || answered.offset === request) return
      const expected = `the answer to the request that ends at byte ${answered.offset} of its stream`
      const seen = request === undefined ? 'one to no request of a client' : `to the one that ends at ${request}`
      breach(name, expected, seen, { client: client.id, server: source.id })
    },
    clientDiscarded(client, count, reason) {
      if (reason !== discards.cancelled) return
      cancelled.set(client.id, { upTo: client.received.consumed + count, atMs: world.nowMs })
    },
    clientClosed(client) {
      const last = cancelled.get(client.id)
      cancelled.delete(client.id)
      if (!last || client.isClosing || world.nowMs - last.atMs <= slackMs) return
      const next = client.account.nextReady()
      if (!next || next.offset > last.upTo) return
      const waited = `none for ${(world.nowMs - last.atMs).toFixed(0)} ms`
      breach(name, 'an answer to the request that was cancelled', waited, { client: client.id })
    },
  }
}
