/** What drawn conversations say in SQL: what a session keeps, and what undoes it; and what shows it. */

import type { Random } from '../../src/random.ts'

export const state = `select current_setting('work_mem'), current_setting('TimeZone'), current_setting('DateStyle'),
  current_setting('statement_timeout'), current_setting('search_path'), current_user,
  coalesce(current_setting('app.tenant', true), '')`

/** What a name in it means depends on the search_path. */
export const place = 'select place()'

/** More rows than are fetched at once. */
export const rows = 'select generate_series(1, 5)'

export const copyIn = 'copy drawn from stdin'

const settings: Readonly<Record<string, readonly string[]>> = {
  work_mem: ['1MB', '2MB', '3MB'],
  timezone: ['UTC', 'Asia/Tokyo', 'Europe/Berlin'],
  datestyle: ['ISO, MDY', 'SQL, DMY', 'German, DMY'],
  bytea_output: ['hex', 'escape'],
  extra_float_digits: ['-10', '1'],
  statement_timeout: ['30min', '1h'],
  search_path: ['public', 'other, public'],
  role: ['plain', 'none'],
  'app.tenant': ['one', 'two', ''],
}

/** What a startup packet may say. */
export const startups: readonly Readonly<Record<string, string>>[] = [
  { options: '-c work_mem=5MB' },
  { TimeZone: 'Asia/Tokyo', options: '-c statement_timeout=2h' },
  { options: '-c app.tenant=three -c search_path=other,public', DateStyle: 'German, DMY' },
]

/** What keeps the server, and what gives it back. Some of it can't be said in a transaction, or would be of the transaction. */
export const pins = [
  'create temp table if not exists scratch (id int)',
  'select pg_advisory_lock(1)',
  'select pg_advisory_unlock_all()',
  'close all; declare held cursor with hold for select generate_series(1, 3)',
  'close all',
  'discard temp',
]
export const pinsInTransaction = pins.slice(0, 3)

export const kept = `select (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
  (select count(*) from pg_cursors where is_holdable), to_regclass('pg_temp.scratch')::text,
  (select count(*) from pg_prepared_statements where from_sql)`

/** Nobody notifies. */
export const listenings = ['listen news', 'unlisten news', 'unlisten *', 'notify nobody']

export function drawSetting(random: Random): readonly [name: string, value: string] {
  const [name, values] = random.pick(Object.entries(settings))
  return [name, random.pick(values)]
}

/** `mayReset`: false where a reset would be answered otherwise, since the startup packet has said something. */
export function drawSet(random: Random, mayReset: boolean): string {
  const [name, value] = drawSetting(random)
  switch (random.integer(mayReset ? 1 : 2, 6)) {
    case 1:
      return `reset ${name}`
    case 2:
      return `set local ${name} = ${quoted(name, value)}`
    case 3:
      return `select set_config('${name}', '${value}', ${random.pick(['true', 'false'])})`
    case 4:
      return block(name, value, random.pick(['true', 'false']))
    default:
      return `set ${name} = ${quoted(name, value)}`
  }
}

/** It sets something, and fails. */
export function drawBlockInVain(random: Random): string {
  const [name, value] = drawSetting(random)
  return block(name, value, 'false', "raise exception 'in vain'; ")
}

export function drawSetInVain(random: Random): string {
  if (random.chance(0.5)) return drawBlockInVain(random)
  const [name, value] = drawSetting(random)
  return `set ${name} = ${quoted(name, value)}; select fail('m')`
}

function block(name: string, value: string, isLocal: string, more = ''): string {
  return `do $$ begin perform set_config('${name}', '${value}', ${isLocal}); ${more}end $$`
}

/** Names of schemas are a list, not one. */
function quoted(name: string, value: string): string {
  return name === 'search_path' ? value : `'${value}'`
}

/** A portal of it can be run once only. */
export function isCommand(text: string): boolean {
  return !text.startsWith('select')
}
