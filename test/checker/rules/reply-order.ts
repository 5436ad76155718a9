/**
 * I9, order and count: what a client is given is what PostgreSQL would give it. Each reply answers its oldest unanswered
 * request, and there is never a ReadyForQuery too many.
 */
import type { Rule } from '../rule.ts'

const name = 'I9'

export const replyOrder: Rule = (_world, breach) => ({
  replyUnexplained(client, what) {
    breach(name, 'replies to what the client asked, in order', what, { client: client.id })
  },
  readyGiven(client, source, answered, request) {
    if (!source || !answered || !source.account.isCertain || answered.offset === request) return
    const expected = `the answer to the request that ends at byte ${answered.offset} of its stream`
    const seen = request === undefined ? 'one to no request of a client' : `to the one that ends at ${request}`
    breach(name, expected, seen, { client: client.id, server: source.id })
  },
})
