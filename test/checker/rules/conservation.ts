/** I10: what is forwarded is the next unused byte of its source, unchanged; nothing is lost, doubled or reordered. */
import type { ByteQueue } from '../byte-queue.ts'
import type { About, Rule, Span } from '../rule.ts'

const name = 'I10'

export const conservation: Rule = (_world, breach) => {
  return {
    clientWritten(client, source, span) {
      if (source) compare(source.received, span, { client: client.id, server: source.id })
    },
    serverWritten(server, source, span) {
      if (source) compare(source.received, span, { client: source.id, server: server.id })
    },
    clientDiscarded(client, count) {
      measure(client.received, count, { client: client.id })
    },
    serverSwallowed(server, count) {
      measure(server.received, count, { server: server.id })
    },
  }

  function compare(stream: ByteQueue, span: Span, about: About): void {
    const { bytes, start, end } = span
    if (stream.startsWith(bytes, start, end)) return
    const at = stream.firstDifference(bytes, start, end)
    const expected = `the next of ${stream.length} unused bytes, from byte ${stream.consumed} of the stream`
    breach(name, expected, `${end - start} bytes that differ from the ${ordinal(at)} on`, about)
    stream.abandon()
  }

  function measure(stream: ByteQueue, count: number, about: About): void {
    if (stream.isAbandoned || count <= stream.length) return
    breach(name, `at most ${stream.length} bytes, which are unused`, `${count} used up`, about)
    stream.abandon()
  }
}

function ordinal(index: number): string {
  return `byte at ${index}`
}
