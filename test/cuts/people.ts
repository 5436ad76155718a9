/** Who speaks through the pooler: the one whose conversation is cut, and whoever comes next. */

import { Client as PgClient, type QueryArrayResult } from 'pg'
import { RawClient } from '../support/raw-client.ts'
import { type Message, say } from '../support/raw-messages.ts'
import * as raw from '../support/raw-messages.ts'
import { SecretSearch } from '../support/secret-search.ts'
import type { Step } from '../support/step.ts'
import { headerLength } from './cut.ts'
import type { Access } from './transcripts.ts'

export interface Door {
  readonly port: number
  readonly database: string
  readonly access: Access
}

export const secrets = new SecretSearch()
export const password = secrets.canaries.make('the password')
/** What the query behind a login says. */
const loginQuery = 'select 7 as seven'

/** Somebody logged in, or about to. */
export interface Speaker {
  /** Plays it to its end or to the end of the connection; one line for each message, the rows of a login's query. */
  play(steps: readonly Step[]): Promise<string[]>
  /** Lengths of the messages that it has got, a login's left out. */
  readonly received: readonly number[]
  gone(): void
}

/** For a login that is to be cut nothing has been sent when this resolves. */
export async function speakerAt(door: Door): Promise<Speaker> {
  return door.access === 'trust'
    ? rawSpeaker(await RawClient.login(door.port, { database: door.database }))
    : driverSpeaker(door)
}

function rawSpeaker(client: RawClient): Speaker {
  const got: string[] = []
  const received: number[] = []
  return {
    received,
    play: async (steps) => {
      for (const [bytes, until = 'Z', count = 1] of steps) {
        client.send(bytes)
        for (let n = 0; n < count; n++) if (!(await hear(client, until, got, received))) return got
      }
      client.leave()
      await client.closed()
      return got
    },
    gone: () => client.reset(),
  }
}

/** False at the end of the connection. */
async function hear(client: RawClient, until: string, got: string[], received: number[] = []): Promise<boolean> {
  for (;;) {
    const message = await client.message()
    if (!message) return false
    received.push(headerLength + message.body.length)
    if (message.type !== 'S') got.push(line(message))
    if (message.type === until) return true
  }
}

/** The process id of whoever notifies is another each time. */
function line(message: Message): string {
  return message.type === 'A' ? `A ${message.body.toString('latin1', 4)}` : say(message)
}

function driverSpeaker(door: Door): Speaker {
  const client = driver(door)
  return {
    received: [],
    play: async () => {
      try {
        await client.connect()
        const { rows } = await client.query(loginQuery)
        await client.end()
        return rows.map((row) => JSON.stringify(row))
      } catch (error) {
        secrets.error(JSON.stringify(error, Object.getOwnPropertyNames(error)))
        return [`E FATAL ${(error as Error).message}`]
      }
    },
    gone: () => void client.end().catch(() => undefined),
  }
}

function driver({ port, database, access }: Door): PgClient {
  const ssl = access === 'tls' ? { rejectUnauthorized: false } : false
  const client = new PgClient({ host: '127.0.0.1', port, user: 'ann', password, database, ssl })
  return client.on('error', () => undefined)
}

const locks = 'begin; lock table item; rollback'
const state =
  "current_setting('TimeZone'), current_setting('client_encoding'), pg_current_xact_id_if_assigned() is null"

/** Comes next: asks for an answer that is nobody else's, on a session that must be clean, and for every lock. Says the backend. */
export async function askNext(door: Door, token: string): Promise<number> {
  const sql = `select '${token}', ${state}, pg_backend_pid(); ${locks}`
  const answer = door.access === 'trust' ? await askRaw(door, sql) : await askDriver(door, sql)
  const pid = Number(/\|(\d+),/.exec(answer)?.[1])
  const expected = `${token}|Etc/UTC|UTF8|t|${pid},BEGIN,LOCK,ROLLBACK`
  if (answer !== expected) throw new Error(`the next client got ${answer}`)
  return pid
}

async function askRaw({ port, database }: Door, sql: string): Promise<string> {
  const client = await RawClient.login(port, { database })
  client.send(raw.query(sql))
  const got: string[] = []
  const isAnswered = await hear(client, 'Z', got)
  client.leave()
  await client.closed()
  const isWhole = isAnswered && got.length === 7 && got[0]?.startsWith('T ') && got[6] === 'Z I'
  if (!isWhole) return `${got.join(', ')}${isAnswered ? '' : ', then the end'}`
  return `${got[1]?.slice(2)},${got
    .slice(3, 6)
    .map((text) => text.split(' ')[1])
    .join()}`
}

async function askDriver(door: Door, sql: string): Promise<string> {
  const client = driver(door)
  await client.connect()
  try {
    const results = (await client.query({ text: sql, rowMode: 'array' })) as unknown as QueryArrayResult<unknown[]>[]
    return `${results[0]?.rows[0]?.map((value) => (value === true ? 't' : String(value))).join('|')},${results
      .slice(1)
      .map(({ command }) => command)
      .join()}`
  } finally {
    await client.end()
  }
}
