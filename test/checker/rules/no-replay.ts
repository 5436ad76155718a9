/**
 * I15: nothing of a client is sent twice. I10 already uses each byte at most once; this rule names a replay as such, and
 * refuses that the rest of a message goes to another server than its beginning.
 */
import type { Client } from '../client.ts'
import type { Rule } from '../rule.ts'

const name = 'I15'

export const noReplay: Rule = (_world, breach) => {
  /** Clients whose message was written in part to a server that is gone. */
  const torn = new WeakSet<Client>()
  return {
    serverWritten(server, source, span) {
      if (!source) return
      const about = { client: source.id, server: server.id }
      const { bytes, start, end } = span
      if (torn.has(source)) {
        breach(name, 'nothing more: its last message went to a server that is gone', `${end - start} bytes`, about)
      }
      if (source.received.startsWith(bytes, start, end) || !source.received.wasConsumed(bytes, start, end)) return
      breach(name, 'each byte sent once', `${end - start} bytes that were used before`, about)
    },
    serverDestroyed(server) {
      if (server.writer && !server.isSentWhole) torn.add(server.writer)
    },
  }
}
