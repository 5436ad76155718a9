/** Errors: their fields, and what goes on behind them. */

import * as raw from '../../support/raw-messages.ts'
import { q, x } from '../../support/step.ts'
import { bindAs, family, g, pipeline, upTo } from '../transcript.ts'

export const errors = family('errors', {
  'a syntax error': [q('selec 1'), q('select 1')],
  'a syntax error at the end, and one in a comment': [
    q('select 1 +'),
    q('select 1 /* never'),
    q("select 'never"),
    q('select $$never'),
  ],
  'all fields': [q('insert into item values (1); insert into item values (1)'), q('select count(*) from item')],
  'position and hint': [q('select nme from item'), q('select lenght(name) from item'), q('select * from itm')],
  'a position behind characters of several bytes': [q("select 'ä€𝄞', nothing"), [x("select 'ä€𝄞', nothing")]],
  'an internal query': [
    q("do $$ begin execute 'selec 1'; end $$"),
    q('do $$ begin perform nothing; end $$'),
    q('do $$ oops $$'),
  ],
  'a context of several functions': [
    q("select fail('x') from generate_series(1, 3)"),
    q("do $$ begin perform fail('y'); end $$"),
  ],
  'fields of its own': [
    q("do $$ begin raise exception 'a' using errcode = 'P7777', column = 'c', table = 't'; end $$"),
  ],
  'a message of several lines': [
    q("do $$ begin raise exception E'a\\nb\\n%', repeat('c', 3) using hint = E'\\n'; end $$"),
  ],
  'a long message': [q("select fail(repeat('x', 20000))"), q(`select "${'n'.repeat(60)}"`)],
  'a message of characters of several bytes': [q("select fail('ä€𝄞')")],
  'a warning before an error': [q("do $$ begin raise warning 'w'; raise exception 'e'; end $$")],
  'rows before an error': [
    q('select 10 / (5 - n) from generate_series(1, 9) n'),
    [x('select 10 / (5 - n) from generate_series(1, 9) n')],
  ],
  constraints: [
    q('insert into item values (null)'),
    q('insert into item values (1), (1)'),
    q('insert into part values (1, 7)'),
    q("insert into item values ('x')"),
    q('select (-1)::positive'),
    q("select 'bad'::mood"),
  ],
  'values out of range': [
    q('select 2147483647 + 1'),
    q('select 1e400::float8'),
    q("select '2024-02-30'::date"),
    q("select 'x'::int"),
    q("select 'x'::uuid"),
    q("select '{'::jsonb"),
  ],
  'rights that are missing': [
    q('begin'),
    q('set local role plain'),
    q('select * from item'),
    q('rollback'),
    q('select 1'),
  ],
  'things that are there already, or not': [
    q('create table item ()'),
    q('drop table nowhere'),
    q('create role plain'),
    q('create schema public'),
    q('drop function nowhere()'),
  ],
  'what a transaction does not allow': [
    q('begin'),
    q('create database x'),
    q('rollback'),
    q('begin'),
    q('vacuum'),
    q('rollback'),
    q('create database x; select 1'),
  ],
  'a statement that takes too long': [
    q("begin; set local statement_timeout = '20ms'"),
    q('select pg_sleep(10)'),
    q('rollback'),
  ],
  'a cancel of its own': [q('select pg_cancel_backend(pg_backend_pid())'), q('select 1')],
  'an assertion': [q("do $$ begin assert false, 'no'; end $$")],
  'an error that is caught': [
    q("do $$ begin perform 1/0; exception when others then raise notice '% %', sqlstate, sqlerrm; end $$"),
  ],
  'an error in each group of a pipeline': [
    pipeline(4, x('selec'), x('select $1::int', 'x'), x('select 1/0'), x('select 1')),
  ],
  'an error at each stage of a group, and groups behind it': [
    pipeline(
      2,
      raw.parse('selec'),
      raw.describeStatement(),
      raw.bind(),
      raw.describePortal(),
      raw.execute(),
      raw.sync,
      x('select 1'),
    ),
    pipeline(
      2,
      raw.parse('select 1'),
      raw.describeStatement('nowhere'),
      raw.bind(),
      raw.describePortal(),
      raw.execute(),
      raw.sync,
      x('select 2'),
    ),
    pipeline(
      2,
      raw.parse('select 1'),
      raw.describeStatement(),
      raw.bind(['1']),
      raw.describePortal(),
      raw.execute(),
      raw.sync,
      x('select 3'),
    ),
    pipeline(
      2,
      raw.parse('select 1'),
      raw.bind(),
      raw.describePortal('nowhere'),
      raw.execute(),
      raw.sync,
      x('select 4'),
    ),
    pipeline(
      2,
      raw.parse('select fail($1)'),
      raw.bind(['x']),
      raw.execute(),
      raw.closePortal(),
      raw.sync,
      x('select 5'),
    ),
    pipeline(2, raw.parse('select 1'), raw.bind(), raw.execute(), raw.execute(0, 'nowhere'), raw.sync, x('select 6')),
  ],
  'an error in the middle of a group, and what it skips': [
    g(
      raw.statement('insert into item values (1)'),
      raw.parse('selec'),
      raw.bind(),
      raw.execute(),
      raw.statement('insert into item values (2)'),
      raw.closeStatement(''),
      raw.flush,
    ),
    q('table item'),
  ],
  'an error, and two groups of queries behind it': [
    pipeline(3, raw.parse('oops'), raw.query('select 1'), raw.sync, raw.query('select 2'), raw.query('select 3')),
  ],
  'a Query behind an error in a group': [
    g(raw.parse('oops'), raw.query('select 2'), raw.functionCall(177, ['1', '2'])),
    q('select 3'),
  ],
  'an error that is waited for, and what is sent behind it': [
    upTo('E', raw.parse('oops'), raw.flush),
    pipeline(1, raw.query('select 1'), raw.statement('select 2'), raw.flush, raw.sync),
    q('select 3'),
  ],
  'errors in a transaction that goes on in a pipeline': [
    pipeline(
      6,
      raw.query('begin'),
      x('select 1/0'),
      x('select 1'),
      raw.query('select 2'),
      x('rollback'),
      x('select 3'),
    ),
  ],
  'values that do not fit their formats': [
    g(raw.parse('select $1::int8'), bindAs({ formats: [1], values: [Buffer.alloc(3)] }), raw.execute()),
    g(raw.parse('select $1::text'), bindAs({ formats: [1], values: [Buffer.from([0xff, 0xfe])] }), raw.execute()),
    g(raw.parse('select $1::jsonb'), bindAs({ formats: [1], values: [Buffer.from('{}')] }), raw.execute()),
  ],
  'an encoding that is broken': [
    [raw.message('Q', Buffer.from([...Buffer.from("select '"), 0xff, ...Buffer.from("'\0")]))],
    g(raw.message('P', Buffer.from('\0select \xc3\x28\0\0\0', 'latin1'))),
    q('select 1'),
  ],
  'a stack that is too deep': [q(`select ${'('.repeat(20_000)}1${')'.repeat(20_000)}`), q('select 1')],
  'a name that is too long for PostgreSQL': [q(`select * from ${'t'.repeat(200)}`)],
  'verbosity that a client may not choose': [
    q('set client_min_messages = notice'),
    q("select complain('x')"),
    q('reset client_min_messages'),
  ],
  'its own end': [
    [raw.query('select 1'), 'Z'],
    [raw.query('do $$ begin perform pg_terminate_backend(pg_backend_pid()); end $$'), 'end'],
  ],
  'its own end, in a transaction': [
    q('begin'),
    q('insert into item values (1)'),
    [x('select pg_terminate_backend(pg_backend_pid())'), 'end'],
  ],
  exit_on_error: [q('set exit_on_error = on'), [raw.query('select 1/0'), 'end']],
  'exit_on_error, in a pipeline': [
    q('set exit_on_error = on'),
    [raw.all(x('select 1'), x('select 1/0'), x('select 2')), 'end'],
  ],
})
