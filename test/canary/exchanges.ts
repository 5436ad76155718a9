/**
 * The single requests of a canary client that succeed. Each carries a token of its own that every reply must show.
 */

import type { CanaryClient, Step } from './client.ts'
import type { Line } from './ledger.ts'
import { bind, close, describe, execute, functionCall, parse, query, sync } from './messages.ts'
import {
  bindComplete,
  closeComplete,
  commandComplete,
  copyOutDone,
  copyOutResponse,
  copyRow,
  emptyQuery,
  functionResult,
  notice,
  parameterDescription,
  parseComplete,
  portalSuspended,
  ready,
  row,
  rowDescription,
  type Field,
  type Reply,
} from './replies.ts'

export type Build = (client: CanaryClient) => Step

const noLines: readonly Line[] = []

function simple(client: CanaryClient, text: string, replies: readonly Reply[], lines = noLines): Step {
  return { bytes: query(text), replies: [...replies, ready(client.status)], lines, outcome: 'committed' }
}

function extended(client: CanaryClient, parts: readonly Buffer[], replies: readonly Reply[], lines = noLines): Step {
  return {
    bytes: Buffer.concat([...parts, sync]),
    replies: [...replies, ready(client.status)],
    lines,
    outcome: 'committed',
  }
}

/** A row of facts that only this client's session can give. `token` is an SQL expression. */
export function factsText(client: CanaryClient, token: string): string {
  const settings = [...client.settings.keys()].map((name) => `, current_setting('${name}', true)`).join('')
  return `select ${token}, session_user, current_database(), txid_current_if_assigned() is not null, pg_backend_pid()${settings}`
}

export function factsRow(client: CanaryClient, token: string): Field[] {
  const { transaction, identity, settings } = client
  const hasWritten = transaction?.hasWritten ? 't' : 'f'
  const values = [...settings.values()].map((value) => (value === '' ? isEmpty : value))
  return [token, identity.user, identity.database, hasWritten, sameBackend(client), ...values]
}

/** A custom parameter that is not set is NULL, or empty where it has been set before. */
const isEmpty = (value: string | null): string | undefined => (value ? `"${value}" where nothing is set` : undefined)

/** One transaction has one backend, and so has a client with something that keeps it. */
function sameBackend({ transaction, pin }: CanaryClient): Field {
  return (value) => {
    for (const held of [transaction, pin]) {
      if (!held || value === null) continue
      held.backend ??= value
      if (held.backend !== value) return `backend ${value} after ${held.backend} that this client has`
    }
    return undefined
  }
}

/** What a session may have beside its parameters. */
export interface Belongings {
  readonly locks?: string
  readonly tables?: number
  readonly cursors?: string
}

/** All that this client's session has, and that nobody has left anything in it. */
export function belongings(client: CanaryClient, { locks, tables, cursors }: Belongings = {}): Step {
  const token = client.token()
  const list = (what: string, from: string): string => `(select coalesce(string_agg(${what}, ' '), '') from ${from})`
  const columns = [
    'pg_backend_pid()',
    list(`classid || '.' || objid`, `pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`),
    '(select count(*) from pg_class where relnamespace = pg_my_temp_schema())',
    list('name', 'pg_cursors where is_holdable'),
    list('channel', 'pg_listening_channels() channel'),
    list('name', 'pg_prepared_statements where from_sql'),
  ]
  const had = [locks ?? '', String(tables ?? 0), cursors ?? '', '', '']
  return simple(client, `select '${token}', ${columns.join(', ')}`, [
    rowDescription(columns.length + 1),
    row([token, sameBackend(client), ...had]),
    commandComplete('SELECT 1'),
  ])
}

/** Outside of what keeps a server there is nothing, and where a client has listened a channel for a moment only. */
export const noBelongings: Build = (client) => (client.pin || client.isListening ? facts(client) : belongings(client))

/** The row to be written by a statement; inside a transaction its COMMIT decides about it. */
export function written(client: CanaryClient, token: string): readonly Line[] {
  const line = client.line(token)
  if (!client.transaction) return [line]
  client.transaction.hasWritten = true
  client.transaction.lines.push(line)
  return noLines
}

export const facts: Build = (client) => {
  const token = client.token()
  const expected = factsRow(client, token)
  return simple(client, factsText(client, `'${token}'`), [
    rowDescription(expected.length),
    row(expected),
    commandComplete('SELECT 1'),
  ])
}

export const rows: Build = (client) => {
  const token = client.token()
  const count = client.random.integer(0, 40)
  return simple(client, `select '${token}', n from generate_series(1, ${count}) n`, [
    rowDescription(2),
    ...Array.from({ length: count }, (_, n) => row([token, String(n + 1)])),
    commandComplete(`SELECT ${count}`),
  ])
}

export const insert: Build = (client) => {
  const token = client.token()
  const lines = written(client, token)
  return simple(client, `insert into public.ledger values ('${token}')`, [commandComplete('INSERT 0 1')], lines)
}

export const nothing: Build = (client) => {
  client.canary.countStatement()
  return simple(client, '', [emptyQuery])
}

export const notices: Build = (client) => {
  const token = client.token()
  const text = `do $$begin for n in 1..3 loop raise notice '${token} %', n; end loop; end$$`
  return simple(client, text, [...[1, 2, 3].map((n) => notice(`${token} ${n}`)), commandComplete('DO')])
}

/** One of several statements in one Query. */
export function one(client: CanaryClient, lines: Line[]): { text: string; replies: Reply[] } {
  const token = client.token()
  if (client.random.chance(0.4)) {
    lines.push(...written(client, token))
    return { text: `insert into public.ledger values ('${token}')`, replies: [commandComplete('INSERT 0 1')] }
  }
  return { text: `select '${token}'`, replies: [rowDescription(1), row([token]), commandComplete('SELECT 1')] }
}

export const several: Build = (client) => {
  const lines: Line[] = []
  const statements = Array.from({ length: client.random.integer(2, 5) }, () => one(client, lines))
  const text = statements.map((statement) => statement.text).join('; ')
  return simple(
    client,
    text,
    statements.flatMap(({ replies }) => replies),
    lines,
  )
}

export const extendedFacts: Build = (client) => {
  const token = client.token()
  const expected = factsRow(client, token)
  const description = client.random.pick(['none', 'portal', 'statement'])
  const parts = [parse('', factsText(client, '$1::text'))]
  const replies = [parseComplete]
  if (description === 'statement') {
    parts.push(describe('S', ''))
    replies.push(parameterDescription(1), rowDescription(expected.length))
  }
  parts.push(bind('', '', [token]))
  replies.push(bindComplete)
  if (description === 'portal') {
    parts.push(describe('P', ''))
    replies.push(rowDescription(expected.length))
  }
  parts.push(execute(''))
  return extended(client, parts, [...replies, row(expected), commandComplete('SELECT 1')])
}

export const extendedInsert: Build = (client) => {
  const token = client.token()
  return extended(
    client,
    [parse('', 'insert into public.ledger values ($1)'), bind('', '', [token]), execute('')],
    [parseComplete, bindComplete, commandComplete('INSERT 0 1')],
    written(client, token),
  )
}

/** A named portal, fetched in parts and closed. */
export const fetchedInParts: Build = (client) => {
  const token = client.token()
  const numbered = (n: number): Reply => row([token, String(n)])
  const text = 'select $1::text, n from generate_series(1, 5) n'
  return extended(
    client,
    [parse('', text), bind('p', '', [token]), execute('p', 2), execute('p', 2), execute('p'), close('P', 'p')],
    [
      parseComplete,
      bindComplete,
      numbered(1),
      numbered(2),
      portalSuspended,
      numbered(3),
      numbered(4),
      portalSuspended,
      numbered(5),
      commandComplete('SELECT 1'),
      closeComplete,
    ],
  )
}

export const call: Build = (client) => {
  const token = client.token()
  const bytes = functionCall(client.canary.functions.textcat, [token, '+'])
  return { bytes, replies: [functionResult(`${token}+`), ready(client.status)], lines: [], outcome: 'committed' }
}

export const addition: Build = (client) => {
  client.canary.countStatement()
  const [a, b] = [client.random.integer(0, 1e9), client.random.integer(0, 1e9)]
  const bytes = functionCall(client.canary.functions.int4pl, [String(a), String(b)])
  return { bytes, replies: [functionResult(String(a + b)), ready(client.status)], lines: [], outcome: 'committed' }
}

function copyOutText(client: CanaryClient): { text: string; replies: Reply[] } {
  const token = client.token()
  const count = client.random.integer(0, 60)
  const copied = Array.from({ length: count }, (_, n) => copyRow(`${token}\t${n + 1}\n`))
  return {
    text: `copy (select '${token}', n from generate_series(1, ${count}) n) to stdout`,
    replies: [copyOutResponse(2), ...copied, copyOutDone, commandComplete(`COPY ${count}`)],
  }
}

export const copyOut: Build = (client) => {
  const { text, replies } = copyOutText(client)
  return simple(client, text, replies)
}

export const extendedCopyOut: Build = (client) => {
  const { text, replies } = copyOutText(client)
  return extended(client, [parse('', text), bind('', '', []), execute('')], [parseComplete, bindComplete, ...replies])
}
