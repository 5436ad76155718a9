/** Parameters: those PostgreSQL reports, those it does not, and the ways to set them. */

import { type Kind, themed } from '../kind.ts'
import * as raw from '../../support/raw-messages.ts'

function parameter(name: string, value: string, fresh: string): Kind {
  return { name: `SET ${name}`, make: [`set ${name} to ${value}`], show: `show ${name}`, fresh }
}

/** Which of them are reported depends on the version: `search_path` is from PostgreSQL 18. */
export const reported: readonly Kind[] = [
  parameter('TimeZone', `'Asia/Tokyo'`, 'UTC'),
  parameter('DateStyle', `'German, DMY'`, 'ISO, MDY'),
  parameter('IntervalStyle', 'iso_8601', 'postgres'),
  parameter('client_encoding', 'LATIN1', 'UTF8'),
  parameter('application_name', `'matrix'`, ''),
  parameter('standard_conforming_strings', 'off', 'on'),
  parameter('default_transaction_read_only', 'on', 'off'),
  parameter('search_path', 'other', '"$user", public'),
  ...themed(
    { show: 'show TimeZone', fresh: 'UTC' },
    {
      'SET TIME ZONE': [`set time zone 'Asia/Tokyo'`],
      'set_config of TimeZone': [`select set_config('TimeZone', 'Asia/Tokyo', false)`],
      'SET LOCAL TimeZone': [`set local timezone to 'Asia/Tokyo'`],
      'SET TimeZone, then RESET': [`set timezone to 'Asia/Tokyo'`, 'reset timezone'],
      'SET TimeZone, then RESET ALL': [`set timezone to 'Asia/Tokyo'`, 'reset all'],
      'SET TimeZone, then DISCARD ALL': [`set timezone to 'Asia/Tokyo'`, 'discard all'],
    },
  ),
  { name: 'SET NAMES', make: [`set names 'LATIN1'`], show: 'show client_encoding', fresh: 'UTF8' },
  { name: 'SET SCHEMA', make: [`set schema 'other'`], show: 'show search_path', fresh: '"$user", public' },
]

const tokyo = { TimeZone: 'Asia/Tokyo' }
const ofLogin = { isOfLogin: true } as const

/** Where one of the clients has named a parameter when it logged in. */
export const fromStartup: readonly Kind[] = [
  { name: 'TimeZone in the startup packet', make: ['select 1'] },
  { name: 'RESET of a TimeZone from the startup packet', make: ['reset timezone'], ...ofLogin },
  { name: 'RESET ALL with a TimeZone from the startup packet', make: ['reset all'], ...ofLogin },
].map((kind) => ({ ...kind, parametersOfA: tokyo, show: 'show TimeZone', fresh: 'UTC' }))

/** What one does to the other's. */
export const overAnother: readonly Kind[] = [
  { name: 'RESET ALL beside another’s TimeZone', make: ['reset all'] },
  { name: 'DISCARD ALL beside another’s TimeZone', make: ['discard all'] },
  { name: 'SET TimeZone beside another’s', make: [`set timezone to 'Europe/Lisbon'`] },
].map((kind) => ({ ...kind, parametersOfB: tokyo, show: 'show TimeZone', fresh: 'Asia/Tokyo' }))

export const unreported: readonly Kind[] = [
  parameter('work_mem', `'7MB'`, '4MB'),
  parameter('statement_timeout', `'71s'`, '0'),
  parameter('lock_timeout', `'72s'`, '0'),
  parameter('enable_seqscan', 'off', 'on'),
  parameter('extra_float_digits', '3', '1'),
  parameter('row_security', 'off', 'on'),
  ...themed(
    { show: 'show work_mem', fresh: '4MB' },
    {
      'SET SESSION work_mem': [`set session work_mem to '7MB'`],
      'two SETs of work_mem': [`set work_mem to '6MB'`, `set work_mem to '7MB'`],
      'set_config of work_mem': [`select set_config('work_mem', '7MB', false)`],
      'set_config of work_mem, local': [`select set_config('work_mem', '7MB', true)`],
      'UPDATE pg_settings': [`update pg_settings set setting = '7168' where name = 'work_mem'`],
      'SET LOCAL work_mem': [`set local work_mem to '7MB'`],
      'SET work_mem, then RESET': [`set work_mem to '7MB'`, 'reset work_mem'],
      'SET work_mem, then RESET ALL': [`set work_mem to '7MB'`, 'reset all'],
      'SET work_mem, then DISCARD ALL': [`set work_mem to '7MB'`, 'discard all'],
      'SET and SET LOCAL of work_mem': [`set work_mem to '7MB'`, `set local work_mem to '8MB'`],
      'a function with a SET clause': ['select matrix_with_clause()'],
    },
  ),
  {
    name: 'SET SESSION CHARACTERISTICS',
    make: ['set session characteristics as transaction isolation level serializable'],
    show: 'show default_transaction_isolation',
    fresh: 'read committed',
  },
  {
    name: 'SET SESSION CHARACTERISTICS, read only',
    make: ['set session characteristics as transaction read only'],
    show: 'show default_transaction_read_only',
    fresh: 'off',
  },
  { name: 'SET TRANSACTION', make: ['set transaction read only'], show: 'show transaction_read_only', fresh: 'off' },
]

const byParameters = raw.statement('select set_config($1, $2, false)', ['app.tenant', 'a'])

/** `app.tenant`, which nobody has declared. A rollback leaves it empty, where a fresh session has none. */
const tenant = { show: `select coalesce(current_setting('app.tenant', true), '')`, fresh: '' }

export const custom: readonly Kind[] = themed(tenant, {
  'SET app.tenant': [`set app.tenant = 'a'`],
  'SET app.tenant, then RESET': [`set app.tenant = 'a'`, 'reset app.tenant'],
  'set_config of app.tenant': [`select set_config('app.tenant', 'a', false)`],
  'set_config of app.tenant, local': [`select set_config('app.tenant', 'a', true)`],
  'set_config with a computed name': [`select set_config('app.' || lower('TENANT'), 'a', false)`],
  'set_config with its name as a parameter': [{ extended: byParameters }],
  'set_config in a DO': [`do $$ begin perform set_config('app.tenant', 'a', false); end $$`],
  'set_config in a procedure': ['call matrix_tenant_procedure()'],
})

export const customInside: readonly Kind[] = themed(tenant, {
  'set_config in a function': ['select matrix_tenant()'],
  'set_config in a trigger': ['insert into matrix_entry values (1)'],
})
