/** The PostgreSQL of a run, and what lies in it for the kinds to use. */

import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { RawClient } from '../support/raw-client.ts'

/** What `fresh` of the kinds relies on, wherever the run is. */
const settings = { timezone: 'UTC', datestyle: 'ISO, MDY', work_mem: '4MB' }

/** `app` may become `app_other`. */
const roles = ['create role app login', 'create role app_other', 'grant app_other to app']

/** The sequences give 42 each time, so that answers can be compared. */
const objects = [
  'create schema other',
  'create sequence matrix_seq increment 2 minvalue 42 maxvalue 43 cycle',
  `create table matrix_shadow as select 'everybody' as who`,
  'create table matrix_entry (id int)',
  `create table matrix_numbered (id int default nextval('matrix_seq'))`,
  'create extension dblink',
  `select lo_from_bytea(424242, 'abc')`,
]

const body = (name: string, statement: string): string =>
  `create function ${name}() returns void language plpgsql as $$ begin ${statement}; end $$`

const functions = [
  body('matrix_tenant', `perform set_config('app.tenant', 'a', false)`),
  body('matrix_role', `perform set_config('role', 'app_other', false)`),
  body('matrix_lock', 'perform pg_advisory_lock(7)'),
  body('matrix_prepare', `execute 'prepare matrix as select ''A'''`),
  body('matrix_seed', 'perform setseed(0.25)'),
  body('matrix_hold', `execute 'declare matrix_c scroll cursor with hold for select 42'`),
  body('matrix_listen', `execute 'listen matrix'`),
  body('matrix_temporary', `create temp table matrix_t as select 'A' as note`),
  `create function matrix_with_clause() returns void language plpgsql set work_mem to '7MB' as $$ begin end $$`,
  `create procedure matrix_tenant_procedure() language plpgsql as $$ begin perform set_config('app.tenant', 'a', false); end $$`,
  `create function matrix_trigger() returns trigger language plpgsql as
     $$ begin perform set_config('app.tenant', 'a', false); return new; end $$`,
  'create trigger matrix_trigger before insert on matrix_entry for each row execute function matrix_trigger()',
]

const grants = [
  'grant usage on sequence matrix_seq to app',
  'grant select on matrix_shadow to public',
  'grant insert on matrix_entry, matrix_numbered to app',
  'grant select on large object 424242 to app',
]

export interface Ground {
  readonly postgres: TestPostgres
  /** Connected to PostgreSQL itself, as its superuser. */
  readonly outside: RawClient
  remove(): Promise<void>
}

export async function prepareGround(): Promise<Ground> {
  const postgres = await startTestPostgres(settings)
  const outside = await RawClient.login(postgres.port)
  for (const statement of [...roles, ...objects, ...functions, ...grants]) await outside.value(statement)
  return {
    postgres,
    outside,
    remove: async () => {
      outside.leave()
      await postgres.remove()
    },
  }
}
