/** COPY FROM STDIN in the orders that clients send it, ended well, given up, or with bad data on the way. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { CanaryClient, Step } from './client.ts'
import { facts, written } from './exchanges.ts'
import type { Line } from './ledger.ts'
import { bind, copyData, copyDone, copyFail, execute, flush, parse, query, sync } from './messages.ts'
import { bindComplete, commandComplete, copyInResponse, error, parseComplete, ready, type Reply } from './replies.ts'

const text = 'copy public.ledger (token) from stdin'

/** What is copied, and how PostgreSQL answers to it. */
interface Content {
  readonly bytes: Buffer
  readonly reply: Reply
  readonly lines: readonly Line[]
  readonly succeeds: boolean
}

/** Rows in chunks that need not begin or end with a row. */
function chunked(client: CanaryClient, rows: string): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < rows.length;) {
    const size = client.random.integer(1, 200)
    chunks.push(copyData(rows.slice(at, at + size)))
    at += size
  }
  return chunks
}

function goodContent(client: CanaryClient): Content {
  const token = client.token()
  const tokens = Array.from({ length: client.random.integer(0, 30) }, (_, n) => `${token}#${n}`)
  const lines = tokens.flatMap((each) => written(client, each))
  return {
    bytes: Buffer.concat([...chunked(client, tokens.map((each) => `${each}\n`).join('')), copyDone]),
    reply: commandComplete(`COPY ${tokens.length}`),
    lines,
    succeeds: true,
  }
}

/** Outside a transaction block only. */
function badContent(client: CanaryClient): Content {
  const token = client.token()
  const good = Array.from({ length: client.random.integer(0, 20) }, (_, n) => client.line(`${token}#${n}`).token)
  const rows = (lines: readonly string[]): Buffer[] => chunked(client, lines.map((each) => `${each}\n`).join(''))
  if (client.random.chance(0.5)) {
    const bytes = Buffer.concat([...rows(good), copyFail(token)])
    return { bytes, reply: error('57014', token), lines: [], succeeds: false }
  }
  const bytes = Buffer.concat([...rows([...good, `${token}\ta second column`, ...good]), copyDone])
  return { bytes, reply: error('22P04', token), lines: [], succeeds: false }
}

const content = (client: CanaryClient): Content =>
  client.transaction || client.random.chance(0.6) ? goodContent(client) : badContent(client)

const finished = ({ lines, succeeds }: Content): Pick<Step, 'lines' | 'outcome'> => ({
  lines,
  outcome: succeeds ? 'committed' : 'absent',
})

/** Waits for the answer that copying has begun. */
const opening = (bytes: Buffer, replies: readonly Reply[]): Step => ({ bytes, replies, lines: [], outcome: 'absent' })

export async function simpleCopyIn(client: CanaryClient): Promise<void> {
  const copied = content(client)
  const replies = [copied.reply, ready(client.status)]
  if (client.random.chance(0.2)) {
    const bytes = Buffer.concat([query(text), copied.bytes])
    await client.ask({ bytes, replies: [copyInResponse(1), ...replies], ...finished(copied) })
    return
  }
  await client.ask(opening(query(text), [copyInResponse(1)]))
  await client.ask({ bytes: copied.bytes, replies, ...finished(copied) })
}

const preparing = Buffer.concat([parse('', text), bind('', '', []), execute('')])
const begun = [parseComplete, bindComplete, copyInResponse(1)]

/** The Sync stands behind the data; or already behind Execute, too, where PostgreSQL ignores it; or all is sent at once. */
export async function extendedCopyIn(client: CanaryClient): Promise<void> {
  const copied = content(client)
  const bytes = Buffer.concat([copied.bytes, sync])
  const replies = [copied.reply, ready(client.status)]
  const order = client.random.pick(['early Sync', 'Flush', 'at once'])
  if (order === 'at once') {
    await client.ask({
      bytes: Buffer.concat([preparing, bytes]),
      replies: [...begun, ...replies],
      ...finished(copied),
    })
    return
  }
  await client.ask(opening(Buffer.concat([preparing, order === 'Flush' ? flush : sync]), begun))
  await client.ask({ bytes, replies, ...finished(copied) })
}

/** So many bytes of a message are more than a pooler waits for before it forwards its beginning. */
const longLineBytes = 40_000

/** A row that fails, and the beginning of a long message; the rest of that comes after the error and the ReadyForQuery. */
export async function copyFailedInMessage(client: CanaryClient): Promise<void> {
  const token = client.token()
  const long = copyData(`${client.line(`${token}#`).token.padEnd(longLineBytes, 'x')}\n`)
  const cut = client.random.integer(longLineBytes / 2, longLineBytes)
  const bytes = Buffer.concat([copyData(`${token}\ta second column\n`), long.subarray(0, cut)])
  await client.ask(opening(query(text), [copyInResponse(1)]))
  await client.ask({ bytes, replies: [error('22P04', token), ready('I')], lines: [], outcome: 'absent' })
  await sleep(client.random.integer(0, 20))
  client.connection.send(Buffer.concat([long.subarray(cut), copyDone]))
  await client.ask(facts(client))
}

/** Begins to copy and leaves in the middle. */
export async function halfCopyIn(client: CanaryClient): Promise<void> {
  const { bytes } = goodContent(client)
  await client.ask(opening(query(text), [copyInResponse(1)]))
  client.connection.send(bytes.subarray(0, client.random.integer(0, bytes.length - 1)))
}
