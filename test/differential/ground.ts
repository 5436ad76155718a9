/** The PostgreSQL that conversations are played on: a database for each stage, all alike. */

import { startTestPostgres } from '../support/postgres.ts'
import { RawClient } from '../support/raw-client.ts'

export interface Ground {
  readonly port: number
  readonly databases: readonly string[]
  remove(): Promise<void>
}

/** What conversations find. `clean` brings it back to that. */
const made = `
  create role plain;
  create table item (id int primary key, name text);
  create table part (id int primary key, item int references item deferrable initially deferred);
  create table drawn (id int);
  grant all on drawn to plain;
  grant insert on part to plain;
  create sequence numbers;
  create type mood as enum ('sad', 'glad');
  create type pair as (x int, y text);
  create domain positive as int check (value > 0);
  create schema other;
  grant usage on schema other to plain;
  create function place() returns text language sql as $$ select 'public' $$;
  create function other.place() returns text language sql as $$ select 'other' $$;
  create function hide(text) returns void language plpgsql as $$ begin perform set_config('app.tenant', $1, true); end $$;
  create function complain(text) returns int language plpgsql as $$ begin raise notice '%', $1; return 7; end $$;
  create function fail(text) returns int language plpgsql as $$ begin raise exception '%', $1 using hint = 'h', detail = 'd'; end $$;
  create procedure add_twice(int) language plpgsql as $$ begin
    insert into item values ($1); commit; insert into item values ($1 + 1); rollback; end $$;
  create function clean() returns void language plpgsql set client_min_messages = warning as $$ begin
    if pg_relation_size('item') + pg_relation_size('part') > 0 then truncate item, part; end if;
    if pg_relation_size('drawn') > 0 then truncate drawn; end if;
    perform setval('numbers', 1, false); end $$`

export async function prepareGround(stages: number): Promise<Ground> {
  const postgres = await startTestPostgres()
  try {
    const { port } = postgres
    const maker = await RawClient.login(port, { database: 'template1' })
    await maker.value(made)
    const databases = Array.from({ length: stages }, (_, n) => `stage_${n + 1}`)
    for (const name of databases) await maker.value(`create database ${name}`)
    maker.leave()
    return { port, databases, remove: () => postgres.remove() }
  } catch (error) {
    await postgres.remove()
    throw error
  }
}
