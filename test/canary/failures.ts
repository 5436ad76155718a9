/** Single requests that fail on purpose: outside of transaction blocks only, which they would end. */

import type { CanaryClient, Step } from './client.ts'
import { one, type Build } from './exchanges.ts'
import { succeeding } from './succeeding.ts'
import type { Line } from './ledger.ts'
import { bind, describe, execute, parse, query, sync } from './messages.ts'
import {
  bindComplete,
  copyOutResponse,
  copyRow,
  error,
  parseComplete,
  ready,
  row,
  rowDescription,
  type Reply,
} from './replies.ts'

const failing = (bytes: Buffer, replies: readonly Reply[]): Step => ({
  bytes,
  replies: [...replies, ready('I')],
  lines: [],
  outcome: 'absent',
})

const failingAtOnce: Build = (client) => {
  const token = client.token()
  return failing(query(`select '${token}'::int`), [error('22P02', token)])
}

/** Rows that turn to an error on the way. */
function failingLateText(token: string, failsAt: number): string {
  return `select '${token}:' || n, case when n = ${failsAt} then ('${token}:' || n)::int end from generate_series(1, 9) n`
}

const failingLate: Build = (client) => {
  const token = client.token()
  const failsAt = client.random.integer(1, 9)
  return failing(query(failingLateText(token, failsAt)), [
    rowDescription(2),
    ...Array.from({ length: failsAt - 1 }, (_, n) => row([`${token}:${n + 1}`, null])),
    error('22P02', `${token}:${failsAt}`),
  ])
}

const failingCopyOut: Build = (client) => {
  const token = client.token()
  const failsAt = client.random.integer(1, 9)
  return failing(query(`copy (${failingLateText(token, failsAt)}) to stdout`), [
    copyOutResponse(2),
    ...Array.from({ length: failsAt - 1 }, (_, n) => copyRow(`${token}:${n + 1}\t\\N\n`)),
    error('22P02', `${token}:${failsAt}`),
  ])
}

/** Several statements in one Query, one of which fails: none of them has an effect. */
const failingInTheMiddle: Build = (client) => {
  const lines: Line[] = []
  const before = Array.from({ length: client.random.integer(0, 3) }, () => one(client, lines))
  const after = Array.from({ length: client.random.integer(0, 3) }, () => one(client, lines))
  const token = client.token()
  const text = [...before, { text: `select ('${token}' || n)::int from generate_series(1, 1) n` }, ...after]
  return failing(query(text.map((statement) => statement.text).join('; ')), [
    ...before.flatMap(({ replies }) => replies),
    rowDescription(1),
    error('22P02', token),
  ])
}

const failingParse: Build = (client) => {
  const token = client.token()
  const parts = [parse('', `select '${token}'::int`), bind('', '', []), execute(''), sync]
  return failing(Buffer.concat(parts), [error('22P02', token)])
}

const failingExecute: Build = (client) => {
  const token = client.token()
  const parts = [
    parse('', 'select ($1 || n)::int from generate_series(1, 1) n'),
    bind('', '', [token]),
    describe('P', ''),
    execute(''),
    sync,
  ]
  return failing(Buffer.concat(parts), [parseComplete, bindComplete, rowDescription(1), error('22P02', token)])
}

const failures: readonly Build[] = [
  failingAtOnce,
  failingLate,
  failingCopyOut,
  failingInTheMiddle,
  failingParse,
  failingExecute,
]

/** Any single request for a client outside a transaction block. */
export const anything: Build = (client: CanaryClient) =>
  client.random.pick(client.random.chance(0.8) ? succeeding : failures)(client)
