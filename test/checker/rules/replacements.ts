/**
 * I10, what may be replaced: outside session mode the head of a client's message where only the statement's name changes,
 * what may stand for a whole one, and the replies to those. What stands for others is forwarded at once.
 */
import { backend, printable } from '../messages.ts'
import { deallocated, lengthOf, parseComplete, whyNotReplaced } from '../replacement.ts'
import type { About, Breach, Rule, Span } from '../rule.ts'
import type { Client } from '../client.ts'
import type { Server } from '../server.ts'
import type { TraceRecord } from '../trace-reader.ts'
import { kinds } from '../trace-reader.ts'
import { poolModes } from '../world.ts'

const name = 'I10'

export const replacements: Rule = (_world, breach) => {
  /** Which record must follow, and its source. */
  let next: { readonly kind: number; readonly source: number; readonly about: About } | undefined
  return {
    record(record) {
      if (next && !(record.kind === next.kind && record.b === next.source)) {
        breach(name, 'forwarded at once: it stands for other bytes', `a record of kind ${record.kind}`, next.about)
      }
      next = nextAfter(record)
    },
    clientReplaced(client, count, span) {
      if (client.received.isAbandoned) return
      const problem = whyNotOfClient(client, count, span)
      if (problem !== undefined) giveUp(client, problem, { client: client.id }, breach)
    },
    serverReplaced(server, count, span) {
      if (server.received.isAbandoned) return
      const problem = whyNotOfServer(server, count, span)
      if (problem !== undefined) giveUp(server, problem, { server: server.id }, breach)
    },
  }
}

function nextAfter({ kind, a }: TraceRecord): { kind: number; source: number; about: About } | undefined {
  if (kind === kinds.clientReplaced) return { kind: kinds.serverWritten, source: a, about: { client: a } }
  return kind === kinds.serverReplaced ? { kind: kinds.clientWritten, source: a, about: { server: a } } : undefined
}

function giveUp(from: Client | Server, problem: string, about: About, breach: Breach): void {
  breach(name, 'bytes that may stand for others', problem, about)
  from.received.abandon()
}

function whyNotOfClient({ pool, received, isAtMessage }: Client, count: number, span: Span): string | undefined {
  if (!pool) return 'a client of no pool'
  if (pool.mode === poolModes.session) return 'a pool in session mode'
  if (count > received.length) return `${count} bytes replaced, of ${received.length} that are unused`
  if (!isAtMessage) return 'bytes within a message'
  return whyNotReplaced(received.front(count), span.bytes.subarray(span.start, span.end))
}

/** In session mode nothing of a client's is replaced, so no reply to it. */
function whyNotOfServer({ received, replaceable }: Server, count: number, span: Span): string | undefined {
  if (replaceable === undefined) return 'bytes that are no reply to a message that was replaced'
  const replaced = received.front(count)
  if (!isWhole(replaced) || count !== replaced.length) return `${count} bytes replaced, which are not the reply`
  const bytes = span.bytes.subarray(span.start, span.end)
  if (replaceable === backend.emptyQuery) return bytes.equals(deallocated) ? undefined : 'no CommandComplete'
  if (replaceable === backend.closeComplete) return bytes.equals(parseComplete) ? undefined : 'no ParseComplete'
  return isWhole(bytes) && bytes[0] === backend.error ? undefined : `no ${printable(backend.error)}`
}

function isWhole(message: Buffer): boolean {
  return message.length >= parseComplete.length && lengthOf(message) === message.length
}
