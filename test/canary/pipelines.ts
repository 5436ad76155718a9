/** Several requests written at once, requests that stop half-way with Flush, and names that live inside one request. */

import type { CanaryClient, Step } from './client.ts'
import { factsRow, factsText, written } from './exchanges.ts'
import { succeeding } from './succeeding.ts'
import { anything } from './failures.ts'
import type { Line } from './ledger.ts'
import { bind, close, describe, execute, flush, functionCall, parse, query, sync } from './messages.ts'
import {
  bindComplete,
  closeComplete,
  commandComplete,
  error,
  parseComplete,
  ready,
  row,
  rowDescription,
  type Reply,
} from './replies.ts'
import { setSomething } from './settings.ts'
import { begin, end } from './transactions.ts'

/** 1 to 20 requests, each with its own ReadyForQuery. */
export function mixedRequests(client: CanaryClient): Step[] {
  const count = client.random.integer(1, 20)
  return Array.from({ length: count }, () => (client.random.chance(0.05) ? setSomething(client) : anything(client)))
}

export async function pipeline(client: CanaryClient): Promise<void> {
  await client.ask(...mixedRequests(client))
}

/** More requests than a pooler may want to keep account of at once, and others behind them. */
export async function longPipeline(client: CanaryClient): Promise<void> {
  const count = client.random.integer(3_000, 7_000)
  const bytes = Buffer.concat(Array.from({ length: count }, () => sync))
  const replies = Array.from({ length: count }, () => ready('I'))
  await client.ask({ bytes, replies, lines: [], outcome: 'committed' }, ...mixedRequests(client))
}

/** BEGIN, statements and COMMIT or ROLLBACK in one write. */
export async function pipelinedTransaction(client: CanaryClient): Promise<void> {
  const steps = [begin(client)]
  for (let n = client.random.integer(1, 4); n > 0; n--) steps.push(client.random.pick(succeeding)(client))
  steps.push(end(client, client.random.chance(0.7) ? 'commit' : 'rollback'))
  await client.ask(...steps)
}

/** A part of a Sync group: it either answers or fails. */
interface Part {
  readonly bytes: Buffer
  readonly replies: readonly Reply[]
}

function selecting(client: CanaryClient): Part {
  const token = client.token()
  return {
    bytes: Buffer.concat([parse('', 'select $1::text'), bind('', '', [token]), execute('')]),
    replies: [parseComplete, bindComplete, row([token]), commandComplete('SELECT 1')],
  }
}

function inserting(client: CanaryClient, lines: Line[]): Part {
  const token = client.token()
  lines.push(...written(client, token))
  return {
    bytes: Buffer.concat([parse('', 'insert into public.ledger values ($1)'), bind('', '', [token]), execute('')]),
    replies: [parseComplete, bindComplete, commandComplete('INSERT 0 1')],
  }
}

function failing(client: CanaryClient): Part {
  const token = client.token()
  if (client.random.chance(0.3)) {
    return { bytes: parse('', `select '${token}'::int`), replies: [error('22P02', token)] }
  }
  return {
    bytes: Buffer.concat([
      parse('', 'select ($1 || n)::int from generate_series(1, 1) n'),
      bind('', '', [token]),
      execute(''),
    ]),
    replies: [parseComplete, bindComplete, error('22P02', token)],
  }
}

const someParts = (client: CanaryClient, lines: Line[]): Part[] =>
  Array.from({ length: client.random.integer(1, 5) }, () =>
    client.random.chance(0.5) ? selecting(client) : inserting(client, lines),
  )

/** One Sync behind several statements: all of them or none. */
export function group(client: CanaryClient, fails: boolean): Step {
  const lines: Line[] = []
  const before = someParts(client, lines)
  const middle = fails ? [failing(client)] : []
  const after = fails ? someParts(client, []) : []
  return {
    bytes: Buffer.concat([...[...before, ...middle, ...after].map(({ bytes }) => bytes), sync]),
    replies: [...before, ...middle].flatMap(({ replies }) => replies).concat(ready('I')),
    lines,
    outcome: fails ? 'absent' : 'committed',
  }
}

export async function groups(client: CanaryClient): Promise<void> {
  const steps = Array.from({ length: client.random.integer(1, 3) }, () => group(client, client.random.chance(0.6)))
  await client.ask(...steps)
}

/** A Query or FunctionCall that PostgreSQL skips, because the Sync of a failed group has not come yet. */
function skipped(client: CanaryClient): Buffer {
  const token = client.token()
  if (client.random.chance(0.3)) return functionCall(client.canary.functions.textcat, [token, '+'])
  return query(`insert into public.ledger values ('${client.line(token).token}')`)
}

/** A group that fails, with whole requests in it: they have no effect and no answer. */
export async function skippedRequests(client: CanaryClient): Promise<void> {
  const failed = failing(client)
  const requests = Buffer.concat(Array.from({ length: client.random.integer(1, 4) }, () => skipped(client)))
  if (client.random.chance(0.5)) {
    const bytes = Buffer.concat([failed.bytes, requests, sync])
    await client.ask(
      { bytes, replies: [...failed.replies, ready('I')], lines: [], outcome: 'absent' },
      anything(client),
    )
    return
  }
  await client.ask({ ...failed, lines: [], outcome: 'absent' })
  await client.canary.think(client.random)
  await client.ask({ bytes: Buffer.concat([requests, sync]), replies: [ready('I')], lines: [], outcome: 'absent' })
}

/** Answers are asked for with Flush; what was written counts only from the Sync. */
export async function flushes(client: CanaryClient): Promise<void> {
  const lines: Line[] = []
  for (let n = client.random.integer(1, 3); n > 0; n--) {
    const { bytes, replies } = client.random.chance(0.5) ? selecting(client) : inserting(client, lines)
    await client.ask({ bytes: Buffer.concat([bytes, flush]), replies, lines: [], outcome: 'absent' })
    await client.canary.think(client.random)
  }
  const last = client.random.chance(0.5) ? [] : [inserting(client, lines)]
  await client.ask({
    bytes: Buffer.concat([...last.map(({ bytes }) => bytes), sync]),
    replies: [...last.flatMap(({ replies }) => replies), ready('I')],
    lines,
    outcome: 'committed',
  })
}

/** A statement with a name that every client uses, gone again at the end of the request. */
export async function prepared(client: CanaryClient): Promise<void> {
  const [first, second] = [client.token(), client.token()]
  const [expected, again] = [factsRow(client, first), factsRow(client, second)]
  await client.ask({
    bytes: Buffer.concat([
      parse('canary', factsText(client, '$1::text')),
      bind('', 'canary', [first]),
      describe('P', ''),
      execute(''),
      bind('', 'canary', [second]),
      execute(''),
      close('S', 'canary'),
      sync,
    ]),
    replies: [
      parseComplete,
      bindComplete,
      rowDescription(expected.length),
      row(expected),
      commandComplete('SELECT 1'),
      bindComplete,
      row(again),
      commandComplete('SELECT 1'),
      closeComplete,
      ready('I'),
    ],
    lines: [],
    outcome: 'committed',
  })
}

/** Prepared in one round trip and used in the next ones, inside a transaction. */
export async function preparedInTransaction(client: CanaryClient): Promise<void> {
  const name = `canary_${client.id}`
  await client.ask(begin(client))
  const done = (bytes: Buffer, replies: readonly Reply[]): Promise<boolean> =>
    client.ask({ bytes, replies: [...replies, ready('T')], lines: [], outcome: 'committed' })
  await done(Buffer.concat([parse(name, 'select $1::text'), sync]), [parseComplete])
  for (let n = 0; n < 2; n++) {
    const token = client.token()
    await done(Buffer.concat([bind('', name, [token]), execute(''), sync]), [
      bindComplete,
      row([token]),
      commandComplete('SELECT 1'),
    ])
  }
  await done(Buffer.concat([close('S', name), sync]), [closeComplete])
  await client.ask(end(client, 'commit'))
}
