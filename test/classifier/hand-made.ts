/** What has once been missed, or looked as if it might be. */

import { type Circumstance, preludes } from './fixture.ts'
import type { Statement } from './oracle.ts'

const texts = [
  '',
  ';',
  ' -- nothing',
  '/* nothing */ ; /* at all */',
  'set local.x = 1',
  'set transaction.x = 1',
  'set constraints.x = 1',
  'set role.x = 1',
  'set names.x = 1',
  'set schema.x = 1',
  'set time.x = 1',
  'set session.x = 1',
  'set session local.x = 1',
  'set session session.x = 1',
  'set xml.option = 1',
  'reset schema.x',
  "set sort_mem = '9MB'",
  "set vacuum_mem = '90MB'",
  "select set_config('sort_mem', '9MB', false)",
  'reset sort_mem',
  'set app.tenant from current',
  "with a as (insert into item (name) values ('a') returning id) select * into temp made from a",
  'select 1 as into, 2 as y into temp made',
  'select 1 as x into table pg_temp.made',
  'select 1 as x into oracle.pg_temp.made',
  'explain analyze (select 1 as x into temp made)',
  'begin; set local search_path = pg_temp; create table made (x int); commit',
  "select set_config('search_path', 'pg_temp', false)",
  "select set_config('seed', '0.5', false)",
  'do $$ begin set seed = 0.5; end $$',
  "do E'begin perform setseed(0.5); end'",
  'do $$ begin set session authorization plain; end $$',
  "select query_to_xml('select set_config(''app.tenant'', ''x'', false)', true, false, '')",
  "select query_to_xml(E'select pg_advisory\\x5flock(1)', true, false, '')",
  "select * from ts_stat($$select to_tsvector(set_config('work_mem', '9MB', false))$$)",
  "select set_config(E'app.tenant', 'x', false)",
  "select set_config('app.'\n'tenant', 'x', false)",
  "select U&\"set\\005Fconfig\"('app.tenant', 'x', false)",
  'select U&"setseed"(0.5)',
  "select n'a\\''; set work_mem = '9MB'; --'",
  "select pg_create_physical_replication_slot('by_hand', false, true)",
  "do $$ begin perform pg_create_physical_replication_slot('in_do', false, true); end $$",
  "select pg_create_physical_replication_slot('unread', false, true), U&'a'",
  'close loaded_cursor',
  'close all',
  'drop table loaded_temp',
  'drop schema if exists nothing cascade; drop table if exists loaded_temp',
  'select 1into temp made',
  "set search_path = E'pg_temp'; create table made (x int)",
  "select set_config('search_path', 'pg_temp', true); create table made (x int)",
]

/** Each in every kind of session. */
export function handMade(): Statement[] {
  const circumstances = Object.keys(preludes) as Circumstance[]
  return circumstances.flatMap((circumstance) =>
    texts.map((text) => ({ text, origin: 'hand-made', circumstance }) as const),
  )
}
