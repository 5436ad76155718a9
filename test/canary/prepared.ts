/**
 * Prepared statements that outlive transactions. All clients give the same few names, to texts of their own and to texts
 * that others have as well; each knows at all times what its names stand for, and what PostgreSQL must answer to them.
 */

import type { CanaryClient, Step } from './client.ts'
import { written, type Build } from './exchanges.ts'
import type { Line } from './ledger.ts'
import { bind, close, describe, execute, parse, query, sync } from './messages.ts'
import {
  bindComplete,
  closeComplete,
  commandComplete,
  error,
  parameterDescription,
  parseComplete,
  ready,
  row,
  rowDescription,
  type Field,
  type Reply,
} from './replies.ts'

/** What a name stands for. Its parameter is a token. */
export interface Text {
  readonly sql: string
  /** What its row shows behind the token. */
  readonly shows: (client: CanaryClient) => Field
  readonly writes: boolean
}

/** A part of a Sync group. */
export interface Part {
  readonly bytes: Buffer
  readonly replies: readonly Reply[]
}

const sharedNames = ['canary_a', 'canary_b', 'canary_c', 'S_1']

const names = (client: CanaryClient): string[] => [...sharedNames, `canary_own_${client.id}`]

// Texts.

export function newText(client: CanaryClient): Text {
  const kind = client.random.integer(1, 10)
  if (kind <= 3) return sharedText(client.random.integer(1, 3))
  if (kind <= 6) return datedText(client)
  const constant = client.token()
  const shows = (): Field => constant
  if (kind <= 8) return { sql: `select $1::text, '${constant}'::text`, shows, writes: false }
  return { sql: `insert into public.ledger values ($1) returning token, '${constant}'::text`, shows, writes: true }
}

/** The same for all clients. */
function sharedText(number: number): Text {
  return { sql: `select $1::text, 'shared ${number}'::text`, shows: () => `shared ${number}`, writes: false }
}

const dated = `select $1::text, extract(day from '01/02/03'::date) || ' ' || extract(epoch from '2026-01-01'::timestamptz)::int8`

/**
 * The same for all clients, but PostgreSQL reads its dates when it analyses the statement: at Parse, and anew if a use finds
 * another search_path. A pooler that has to parse it anew does so under what is set by then.
 */
function datedText(client: CanaryClient): Text {
  const analysed = new Set([dates(client)])
  const shows = (user: CanaryClient): Field => {
    const possible = [...analysed.add(dates(user))]
    const complaint = `none of ${possible.join(', ')}`
    return (value) => (possible.some((each) => each === undefined || each === value) ? undefined : complaint)
  }
  return { sql: dated, shows, writes: false }
}

const midnights: Readonly<Record<string, number>> = {
  UTC: 1767225600,
  'Europe/Berlin': 1767222000,
  'America/New_York': 1767243600,
  'Asia/Tokyo': 1767193200,
}
const days: Readonly<Record<string, number>> = { MDY: 2, DMY: 1, YMD: 3 }

function dates({ settings }: CanaryClient): string | undefined {
  const midnight = midnights[settings.get('TimeZone') ?? '']
  const day = days[settings.get('DateStyle')?.slice(-3) ?? '']
  return midnight === undefined || day === undefined ? undefined : `${day} ${midnight}`
}

// What can be done with them. The client knows the outcome from the moment that a part is built.

function parsing(client: CanaryClient, name: string): Part {
  const text = newText(client)
  client.canary.countStatement()
  client.prepared.set(name, text)
  return { bytes: parse(name, text.sql), replies: [parseComplete] }
}

function closing(client: CanaryClient, name: string): Part {
  client.canary.countStatement()
  client.prepared.delete(name)
  return { bytes: close('S', name), replies: [closeComplete] }
}

export function describing(client: CanaryClient, name: string, text: Text): Part {
  text.shows(client)
  return { bytes: describe('S', name), replies: [parameterDescription(1), rowDescription(2)] }
}

export function running(client: CanaryClient, name: string, text: Text, lines: Line[]): Part {
  const token = client.token()
  if (text.writes) lines.push(...written(client, token))
  const portal = client.random.pick(['', '', 'canary'])
  const isDescribed = client.random.chance(0.3)
  const described = isDescribed ? [rowDescription(2)] : []
  const tag = text.writes ? 'INSERT 0 1' : 'SELECT 1'
  return {
    bytes: Buffer.concat([
      bind(portal, name, [token]),
      ...(isDescribed ? [describe('P', portal)] : []),
      execute(portal),
      ...(portal === '' ? [] : [close('P', portal)]),
    ]),
    replies: [
      bindComplete,
      ...described,
      row([token, text.shows(client)]),
      commandComplete(tag),
      ...(portal === '' ? [] : [closeComplete]),
    ],
  }
}

/** Something with one of the names that succeeds. */
function something(client: CanaryClient, lines: Line[]): Part[] {
  const name = client.random.pick(names(client))
  const text = client.prepared.get(name)
  const kind = client.random.integer(1, 10)
  if (!text) return kind === 1 ? [closing(client, name)] : [parsing(client, name)]
  if (kind === 1) return [closing(client, name)]
  if (kind === 2) return [closing(client, name), parsing(client, name)]
  if (kind === 3) return [describing(client, name, text)]
  return [running(client, name, text, lines)]
}

/** Something that fails. */
function failure(client: CanaryClient): Part {
  const name = client.random.pick(names(client))
  const token = client.token()
  switch (client.random.integer(1, 5)) {
    case 1:
      return { bytes: parse(unknownName(client), `select '${token}' from`), replies: [error('42601')] }
    case 2:
      return { bytes: parse('', `select '${token}'::int`), replies: [error('22P02', token)] }
    default:
  }
  const known = client.prepared.get(name)
  if (known) {
    known.shows(client)
    return { bytes: parse(name, `select '${token}'`), replies: [error('42P05', `"${name}"`)] }
  }
  const bytes = client.random.chance(0.5) ? bind('', name, [token]) : describe('S', name)
  return { bytes, replies: [error('26000', `"${name}"`)] }
}

/** One that stands for nothing, then or afterwards. */
export function unknownName(client: CanaryClient): string {
  return names(client).find((name) => !client.prepared.has(name)) ?? 'canary_none'
}

/** Builds parts that are skipped: the client learns nothing of them. */
function skippedParts(client: CanaryClient): Buffer {
  const parts: Buffer[] = []
  for (let n = client.random.integer(0, 3); n > 0; n--) {
    const name = client.random.pick(names(client))
    const token = client.token()
    parts.push(
      client.random.pick([
        parse(name, `select $1::text, '${token}'::text`),
        bind('', name, [token]),
        describe('S', name),
        close('S', name),
      ]),
    )
  }
  return Buffer.concat(parts)
}

/** Several with one Sync. What was parsed or closed ahead of a failure has happened. */
export function group(client: CanaryClient, fails: boolean): Step {
  const lines: Line[] = []
  const parts = Array.from({ length: client.random.integer(fails ? 0 : 1, 4) }, () => something(client, lines)).flat()
  if (fails) parts.push(failure(client))
  const isInBlock = client.transaction !== undefined
  return {
    bytes: Buffer.concat([...parts.map(({ bytes }) => bytes), ...(fails ? [skippedParts(client)] : []), sync]),
    replies: [...parts.flatMap(({ replies }) => replies), ready(fails && isInBlock ? 'E' : client.status)],
    lines,
    outcome: fails ? 'absent' : 'committed',
  }
}

/** By SQL: DEALLOCATE of one that it has or has not, or of all. */
export function deallocating(client: CanaryClient): Step {
  client.canary.countStatement()
  if (client.random.chance(0.2)) {
    client.prepared.clear()
    return command(client, 'deallocate all', commandComplete('DEALLOCATE ALL'))
  }
  const name = client.random.pick(names(client))
  const bytes = query(`deallocate "${name}"`)
  if (client.prepared.delete(name)) {
    return { bytes, replies: [commandComplete('DEALLOCATE'), ready('I')], lines: [], outcome: 'committed' }
  }
  return { bytes, replies: [error('26000', name), ready('I')], lines: [], outcome: 'absent' }
}

function command(client: CanaryClient, text: string, done: Reply): Step {
  const last = ready(client.status)
  if (client.random.chance(0.6)) return { bytes: query(text), replies: [done, last], lines: [], outcome: 'committed' }
  return {
    bytes: Buffer.concat([parse('', text), bind('', '', []), execute(''), sync]),
    replies: [parseComplete, bindComplete, done, last],
    lines: [],
    outcome: 'committed',
  }
}

/** One of the client's statements, or a new one. Inside a block or outside. */
export const usePrepared: Build = (client) => group(client, false)
