/** The database that statements are run in, and what a session may have before they run. */

import { RawClient } from '../support/raw-client.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'

const schema = `
create extension dblink; create extension pg_trgm; create extension tablefunc;
create role plain; grant all on schema public to plain; create role other login;
create table item (id serial primary key, name text default 'a', price int default 1, body jsonb default '{}', at timestamptz default now());
insert into item (name) select 'item ' || n from generate_series(1, 20) n;
create table users (id bigserial primary key, email text unique, name text, is_active boolean default true, created_at timestamptz default now(), updated_at timestamptz);
create table orders (id bigserial primary key, user_id bigint, total numeric(10,2) default 0, status text default 'new', created_at timestamptz default now());
create table pgbench_accounts (aid int primary key, bid int, abalance int, filler char(84));
create table pgbench_branches (bid int primary key, bbalance int, filler char(88));
create table pgbench_tellers (tid int primary key, bid int, tbalance int, filler char(84));
create table pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
create table weather (temp int, hold int, city text);
create table schema_migrations (version varchar primary key);
insert into users (email, name) select n || '@example.org', 'user ' || n from generate_series(1, 20) n;
create sequence seq;
create view hidden_settings as select * from pg_settings;
create function hidden_set() returns text language sql as $f$ select set_config('work_mem', '9MB', false) $f$;
create function hidden_custom() returns text language sql as $f$ select set_config('app.hidden', 'x', false) $f$;
create function hidden_lock() returns void language sql as $f$ select pg_advisory_lock(9) $f$;
create function hidden_temp() returns void language plpgsql as $f$ begin create temp table hidden_temp_table (x int); end $f$;
create function hidden_seed() returns void language sql as $f$ select setseed(0.7) $f$;
create function plain_sum(a int, b int) returns int language sql as $f$ select a + b $f$;
create procedure hidden_procedure() language plpgsql as $f$ begin perform set_config('work_mem', '10MB', false); end $f$;
create procedure quiet_procedure() language plpgsql as $f$ begin perform 1; end $f$;
create view hidden_view as select hidden_set();
grant all on all tables in schema public to plain; grant all on all sequences in schema public to plain;
grant execute on all functions in schema pg_catalog to public`

/** Loaded beforehand, so that only LOAD loads one more. */
const settings = {
  shared_preload_libraries: 'plpgsql, dblink, pg_trgm, tablefunc, libpqwalreceiver, dict_snowball, pgoutput',
  wal_level: 'logical',
  max_prepared_transactions: '10',
  timezone: 'UTC',
}

export async function startFixture(): Promise<TestPostgres> {
  const fixture = await startTestPostgres(settings)
  const first = await RawClient.login(fixture.port)
  await first.query('create database oracle')
  first.leave()
  const client = await RawClient.login(fixture.port, { database: 'oracle' })
  const refused = (await client.query(schema)).filter((line) => line.startsWith('E'))
  client.leave()
  if (refused.length === 0) return fixture
  await fixture.remove()
  throw new Error(`the fixture was refused: ${refused.join(', ')}`)
}

/** Run in a new session. */
export const preludes = {
  plain: '',
  loaded: `prepare loaded as select 1;
listen loaded;
select pg_advisory_lock(77);
create temp table loaded_temp (id int);
begin; declare loaded_cursor cursor with hold for select 1; commit;
set work_mem = '7MB';
set statement_timeout = '2900ms';
set app.loaded = 'x'`,
  backslashes: 'set standard_conforming_strings = off; set escape_string_warning = off',
} as const

export type Circumstance = keyof typeof preludes
