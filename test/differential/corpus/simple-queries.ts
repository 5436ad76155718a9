/** Conversations by the simple protocol. */

import * as raw from '../../support/raw-messages.ts'
import { q } from '../../support/step.ts'
import { family, pipeline } from '../transcript.ts'

export const simpleQueries = family('simple queries', {
  'a query': [q('select 1 as one, null as two, repeat($$x$$, 100) as three')],
  'an empty query': [q(''), q(';'), q('-- nothing')],
  'nothing but white space and comments': [q(' \n\t '), q('/* a /* nested */ comment */'), q(';;; ;')],
  'an empty statement between others': [q('select 1;;select 2'), q(';select 3;')],
  'several statements': [
    q('select 1; insert into item values (1); update item set name = $$x$$; delete from item; select 2'),
  ],
  'several statements, the last but one failing': [
    q("insert into item values (1, 'a'); select 2; select 1/0; select 3"),
    q('select * from item'),
  ],
  'several statements, the last of which does not parse': [
    q('insert into item values (1); selec 1'),
    q('select * from item'),
  ],
  'every tag of a row command': [
    q('insert into item select n from generate_series(1, 5) n'),
    q("update item set name = 'x' where id > 2"),
    q('delete from item where id > 4'),
    q(
      'merge into item using (values (1), (9)) v (id) on item.id = v.id when matched then delete when not matched then insert values (v.id)',
    ),
    q('select * from item order by id'),
    q('table item'),
    q('values (1, 2), (3, 4)'),
  ],
  'what inserts, updates and deletes return': [
    q("insert into item values (1, 'a'), (2, 'b') returning *"),
    q('update item set name = upper(name) returning id, name'),
    q('delete from item returning name'),
  ],
  'a conflict that is handled': [
    q("insert into item values (1, 'a')"),
    q("insert into item values (1, 'b') on conflict do nothing"),
    q("insert into item values (1, 'c') on conflict (id) do update set name = excluded.name returning name"),
  ],
  'no rows': [q('select * from item'), q('select 1 where false'), q('update item set id = 1 returning *')],
  'no columns': [q('select'), q('select from generate_series(1, 3)'), q('select from item')],
  'many columns': [q(`select ${Array.from({ length: 300 }, (_, n) => `${n} as c${n}`).join(', ')}`)],
  'column names of all sorts': [q('select 1 as "", 2 as "a b", 3 as "ä€𝄞", 4 as "select", 5, 6 as a, 7 as a')],
  'a long name that is cut': [q(`select 1 as ${'n'.repeat(100)}`)],
  definitions: [
    q('create table made (id int primary key, name text)'),
    q('create index on made (name)'),
    q("comment on table made is 'x'"),
    q('alter table made add column more int default 3'),
    q('select * from made'),
    q('create view seen as select * from made'),
    q('drop table made'),
    q('drop table made cascade'),
    q('drop table if exists made'),
  ],
  'a table from a query': [
    q("create table copied as select 1 as id, 'a' as name"),
    q('select * from copied'),
    q('drop table copied'),
  ],
  'select into': [
    q('select 1 as id into made from generate_series(1, 2)'),
    q('select * from made'),
    q('drop table made'),
  ],
  'rights that are given and taken': [q('grant select on item to plain'), q('revoke select on item from plain')],
  explain: [
    q('explain (costs off) select * from item where id = 1'),
    q('explain (costs off, verbose, format json) select 1'),
  ],
  'explain of what it runs': [
    q('explain (analyze, costs off, timing off, summary off, buffers off) insert into item values (1)'),
    q('select * from item'),
  ],
  show: [q('show work_mem'), q('show server_version'), q('show nothing.there'), q('show nowhere')],
  'a wide row and many rows': [
    q("select repeat('x', 300000) from generate_series(1, 5)"),
    q('select generate_series(1, 20000)'),
  ],
  'a row of two megabytes': [q("select repeat('abcdefgh', 262144)")],
  'a long text of a query': [q(`select length('${'y'.repeat(100_000)}')`)],
  'a query of thousands of statements': [q('select 1;'.repeat(2_000))],
  'a query with values in all quotes': [
    q(`select 'it''s', E'\\\\n\\'', $$a'b$$, $q$a$$b$q$, U&'\\00e4', B'101', X'1F', "id" from item`),
  ],
  'strings without standard conformance': [
    q('set standard_conforming_strings = off'),
    q("select 'a\\'b; select 2', 'c\\\\d'"),
    q('reset standard_conforming_strings'),
    q("select 'a\\'"),
  ],
  'comments that hide statements': [q('select 1 -- ; begin\n; select 2 /* ; begin */; select 3')],
  notices: [
    q("do $$ begin raise notice 'a'; raise info 'b'; raise warning 'c' using hint = 'd', detail = 'e'; end $$"),
  ],
  'notices between results': [
    q("select complain('a'); select complain('b'); select complain(name) from (values ('c'), ('d')) v (name)"),
  ],
  'messages that nobody is to see, and those that all are': [
    q('set client_min_messages = error'),
    q("select complain('a')"),
    q('set client_min_messages = debug1'),
    q("do $$ begin raise debug 'b'; end $$"),
    q('reset client_min_messages'),
  ],
  'a block that does nothing': [q('do $$ begin end $$'), q('do $$ begin perform 1; end $$; select 1')],
  'a block that writes': [
    q('do $$ begin insert into item values (1); insert into item values (2); end $$'),
    q('select * from item'),
  ],
  'a block that commits': [
    q('do $$ begin insert into item values (1); commit; insert into item values (2); rollback; end $$'),
    q('select * from item'),
  ],
  'a procedure that commits': [q('call add_twice(1)'), q('select * from item')],
  'a procedure that may not commit': [q('begin'), q('call add_twice(1)'), q('rollback'), q('select * from item')],
  'a function with several rows and columns': [
    q('select * from generate_series(1, 3) with ordinality'),
    q('select * from json_each_text(\'{"a":1,"b":null}\')'),
  ],
  'maintenance that may be in no transaction': [
    q('vacuum item'),
    q('begin; vacuum item'),
    q('rollback'),
    q('analyze item'),
  ],
  'a lock that lasts for a transaction': [
    q('begin'),
    q('lock table item in share mode'),
    q('select pg_advisory_xact_lock(1)'),
    q('commit'),
  ],
  'a pipeline of queries': [
    pipeline(4, raw.query('select 1'), raw.query('select 2'), raw.query('selec'), raw.query('select 4')),
  ],
  'a pipeline of queries that are empty': [pipeline(3, raw.query(''), raw.query(';'), raw.query(''))],
  'a pipeline of a thousand queries': [
    pipeline(1_000, ...Array.from({ length: 1_000 }, (_, n) => raw.query(`select ${n}`))),
  ],
  'two transactions in a pipeline of queries': [
    pipeline(
      8,
      ...[
        'begin',
        'insert into item values (1)',
        'commit',
        'begin',
        'insert into item values (1)',
        'select 1',
        'commit',
        'table item',
      ].map(raw.query),
    ),
  ],
})
