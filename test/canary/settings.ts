/** The parameters that follow a client from server to server, and what canary clients set them to. */

import type { CanaryClient, Step } from './client.ts'
import { bind, execute, parse, query, sync } from './messages.ts'
import { bindComplete, commandComplete, parseComplete, ready } from './replies.ts'

/** As PostgreSQL spells them when it reports them. search_path is reported since PostgreSQL 18. */
export const trackedSettings = ['application_name', 'TimeZone', 'DateStyle', 'IntervalStyle', 'search_path'] as const

const values: Readonly<Record<string, readonly string[]>> = {
  TimeZone: ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Tokyo'],
  DateStyle: ['ISO, MDY', 'SQL, DMY', 'German, DMY', 'Postgres, YMD'],
  IntervalStyle: ['postgres', 'sql_standard', 'iso_8601'],
  search_path: ['public', 'public, pg_temp', 'pg_catalog, public'],
}
/** Whose value is a list of names rather than one text. */
const lists = new Set(['search_path'])

/** What the startup packet asks for: always a name of its own, sometimes more. */
export function startupSettings(client: CanaryClient): Map<string, string> {
  const wanted = new Map([['application_name', ownName(client)]])
  for (const name of ['TimeZone', 'DateStyle'] as const) {
    if (client.random.chance(0.3)) wanted.set(name, client.random.pick(values[name] ?? []))
  }
  return wanted
}

/** A SET of some parameter. From the moment it is built the client expects the new value. */
export function setSomething(client: CanaryClient, local = false): Step {
  const name = client.random.pick([...client.settings.keys()])
  const value = name === 'application_name' ? ownName(client) : client.random.pick(values[name] ?? [])
  client.canary.countStatement()
  client.settings.set(name, value)
  const text = `set ${local ? 'local ' : ''}${name} = ${lists.has(name) ? value : `'${value}'`}`
  const last = ready(client.status)
  if (client.random.chance(0.6)) {
    return { bytes: query(text), replies: [commandComplete('SET'), last], lines: [], outcome: 'committed' }
  }
  return {
    bytes: Buffer.concat([parse('', text), bind('', '', []), execute(''), sync]),
    replies: [parseComplete, bindComplete, commandComplete('SET'), last],
    lines: [],
    outcome: 'committed',
  }
}

function ownName(client: CanaryClient): string {
  return `canary ${client.id} ${client.random.uint32().toString(16)}`
}
