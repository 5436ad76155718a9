/** The parameters that follow a client from server to server, and what canary clients set them to. */

import type { CanaryClient, Step } from './client.ts'
import { nothing } from './exchanges.ts'
import { bind, execute, parse, query, sync } from './messages.ts'
import { bindComplete, commandComplete, parseComplete, ready, row, rowDescription, type Reply } from './replies.ts'

/** As PostgreSQL spells them when it reports them. search_path is reported since PostgreSQL 18. */
export const reportedSettings = ['application_name', 'TimeZone', 'DateStyle', 'IntervalStyle', 'search_path'] as const

/** What both of the canary's users may SET ROLE to. */
export const canaryRole = 'canary_r'

/** Given to the canary's databases, whatever the server has. */
export const databaseDefaults: ReadonlyMap<string, string> = new Map([
  ['work_mem', '4MB'],
  ['statement_timeout', '0'],
])

/** What PostgreSQL does not report, and what it is where nothing is set; empty: NULL as well. */
export const unreportedDefaults: ReadonlyMap<string, string> = new Map([
  ...databaseDefaults,
  ['app.canary', ''],
  ['role', 'none'],
])

const values: Readonly<Record<string, readonly string[]>> = {
  TimeZone: ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Tokyo'],
  DateStyle: ['ISO, MDY', 'SQL, DMY', 'German, DMY', 'Postgres, YMD'],
  IntervalStyle: ['postgres', 'sql_standard', 'iso_8601'],
  search_path: ['public', 'public, pg_catalog', 'pg_catalog, public'],
  work_mem: ['1MB', '2MB', '4MB', '8MB'],
  statement_timeout: ['30min', '1h', '2h'],
  role: ['none', canaryRole],
}
/** Whose value is a list of names rather than one text. */
const lists = new Set(['search_path'])

/** What the startup packet asks for: always a name of its own, sometimes more. */
export function startupSettings(client: CanaryClient): Map<string, string> {
  const wanted = new Map([['application_name', ownName(client)]])
  for (const name of ['TimeZone', 'DateStyle'] as const) {
    if (client.random.chance(0.3)) wanted.set(name, client.random.pick(values[name] ?? []))
  }
  for (const name of ['work_mem', 'app.canary'])
    if (client.random.chance(0.15)) wanted.set(name, newValue(client, name))
  return wanted
}

/** A SET of some parameter. From the moment it is built the client expects the new value. */
export function setSomething(client: CanaryClient, local = false): Step {
  const name = client.random.pick([...client.settings.keys()])
  const usual = unreportedDefaults.get(name)
  client.canary.countStatement()
  if (usual !== undefined && !local && !client.startupSettings.has(name) && client.random.chance(0.25)) {
    client.settings.set(name, usual)
    return command(client, `reset ${name}`, commandComplete('RESET'))
  }
  const value = newValue(client, name)
  client.settings.set(name, value)
  if (usual !== undefined && client.random.chance(0.4)) return setOtherwise(client, name, value, local)
  const text = `set ${local ? 'local ' : ''}${name} = ${lists.has(name) ? value : `'${value}'`}`
  return command(client, text, commandComplete('SET'))
}

/** By a function, with values or parameters, or in a block of code. */
function setOtherwise(client: CanaryClient, name: string, value: string, local: boolean): Step {
  const done = [row([value]), commandComplete('SELECT 1'), ready(client.status)]
  switch (client.random.integer(1, 3)) {
    case 1: {
      const bytes = query(`select set_config('${name}', '${value}', ${local})`)
      return { bytes, replies: [rowDescription(1), ...done], lines: [], outcome: 'committed' }
    }
    case 2: {
      const text = `select set_config($1, $2, ${local})`
      const bytes = Buffer.concat([parse('', text), bind('', '', [name, value]), execute(''), sync])
      return { bytes, replies: [parseComplete, bindComplete, ...done], lines: [], outcome: 'committed' }
    }
    default: {
      const text = `do $$begin perform set_config('${name}', '${value}', ${local}); end$$`
      return command(client, text, commandComplete('DO'))
    }
  }
}

/** A command without a result, in either protocol. */
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

function newValue(client: CanaryClient, name: string): string {
  if (name === 'application_name') return ownName(client)
  return name === 'app.canary' ? client.token() : client.random.pick(values[name] ?? [])
}

function ownName(client: CanaryClient): string {
  return `canary ${client.id} ${client.random.uint32().toString(16)}`
}

/** RESET ALL, or DISCARD ALL, which drops prepared statements, too. */
export async function resetAll(client: CanaryClient): Promise<void> {
  if ([...client.startupSettings].some((name) => unreportedDefaults.has(name))) return
  client.canary.countStatement()
  const how = client.random.pick(['RESET ALL', 'DISCARD ALL'])
  const tag = how === 'RESET ALL' ? 'RESET' : how
  const role = client.settings.get('role') ?? ''
  if (how === 'DISCARD ALL') client.prepared.clear()
  await client.ask(command(client, how, commandComplete(tag)))
  // What the startup packet has set comes back right behind the answer, and is told before the next one.
  if (client.startupSettings.size > 0) await client.ask(nothing(client))
  client.settingsReset()
  if (how === 'RESET ALL') client.settings.set('role', role)
}
