/** I13: nothing a client says reaches a server, and it is not told to go ahead, before it is authenticated. */
import type { Rule } from '../rule.ts'

const name = 'I13'

export const noEarlyEffect: Rule = (_world, breach) => ({
  serverWritten(server, source, span) {
    if (!source || source.isAuthenticated) return
    const seen = `${span.end - span.start} of its bytes written to a server`
    breach(name, 'nothing before the client is authenticated', seen, { client: source.id, server: server.id })
  },
  readyGiven(client) {
    if (client.isAuthenticated) return
    breach(name, 'no ReadyForQuery before the client is authenticated', 'one', { client: client.id })
  },
})
