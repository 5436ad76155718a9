/** Replies and parameters larger than any buffer, compared whole; and clients that don't read for a while. */

import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CanaryClient, Step } from './client.ts'
import { bind, execute, parse, query, sync } from './messages.ts'
import {
  bindComplete,
  commandComplete,
  copyOutDone,
  copyOutResponse,
  copyRow,
  parseComplete,
  ready,
  row,
  rowDescription,
} from './replies.ts'

const manyRowsCount = 2000
const filling = 'x'.repeat(500)

/** 1 MB of small messages. */
export function manyRows(client: CanaryClient, isCopy: boolean): Step {
  const token = client.token()
  const text = `select '${token}', n, '${filling}' from generate_series(1, ${manyRowsCount}) n`
  const numbers = Array.from({ length: manyRowsCount }, (_, n) => String(n + 1))
  const replies = isCopy
    ? [
        copyOutResponse(3),
        ...numbers.map((n) => copyRow(`${token}\t${n}\t${filling}\n`)),
        copyOutDone,
        commandComplete(`COPY ${manyRowsCount}`),
      ]
    : [rowDescription(3), ...numbers.map((n) => row([token, n, filling])), commandComplete(`SELECT ${manyRowsCount}`)]
  const bytes = query(isCopy ? `copy (${text}) to stdout` : text)
  return { bytes, replies: [...replies, ready(client.status)], lines: [], outcome: 'committed' }
}

/** A text of this length that no other token gives. */
function largeText(token: string, length: number): string {
  const piece = createHash('md5').update(token).digest('hex')
  return token + piece.repeat(Math.ceil(length / piece.length))
}

/** 10 kB to 1 MB, in one message there and one back. */
function largeRow(client: CanaryClient): Step {
  const token = client.token()
  const count = Math.round((10_000 * 100 ** (client.random.integer(0, 100) / 100)) / 32)
  const expected = row([largeText(token, count * 32)])
  if (client.random.chance(0.5)) {
    return {
      bytes: query(`select '${token}' || repeat(md5('${token}'), ${count})`),
      replies: [rowDescription(1), expected, commandComplete('SELECT 1'), ready('I')],
      lines: [],
      outcome: 'committed',
    }
  }
  const parameter = largeText(token, count * 32)
  return {
    bytes: Buffer.concat([parse('', 'select $1::text'), bind('', '', [parameter]), execute(''), sync]),
    replies: [parseComplete, bindComplete, expected, commandComplete('SELECT 1'), ready('I')],
    lines: [],
    outcome: 'committed',
  }
}

export async function large(client: CanaryClient): Promise<void> {
  await client.ask(largeRow(client))
}

/** Lets a large reply pile up before it is read. */
export async function slowReader(client: CanaryClient): Promise<void> {
  const { connection } = client
  const answer = client.ask(manyRows(client, client.random.chance(0.5)), largeRow(client))
  answer.catch(() => undefined)
  connection.pause()
  await sleep(client.random.integer(1, 100))
  connection.resume()
  await answer
}
