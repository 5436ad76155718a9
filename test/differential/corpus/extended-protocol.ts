/** Conversations by the extended protocol, with the unnamed statement and portal. */

import * as raw from '../../support/raw-messages.ts'
import { q, x } from '../../support/step.ts'
import { bindAs, family, g, parseTyped, pipeline, run, upTo } from '../transcript.ts'

const text = 'select $1::text'

export const extendedProtocol = family('extended protocol', {
  'a group': [g(raw.parse(text), raw.bind(['v']), raw.describePortal(), raw.execute())],
  'a group that describes everything': [
    g(
      raw.parse(text),
      raw.describeStatement(),
      raw.bind(['v']),
      raw.describePortal(),
      raw.execute(),
      raw.closePortal(),
    ),
  ],
  'a described statement': [g(raw.parse('select id, name from item where id = $1'), raw.describeStatement())],
  'no data': [
    g(raw.parse('delete from item'), raw.describeStatement(), raw.bind(), raw.describePortal(), raw.execute()),
  ],
  'an empty statement': [
    [x('')],
    g(raw.parse(';'), raw.describeStatement(), raw.bind(), raw.describePortal(), raw.execute()),
  ],
  'several statements in one Parse': [[x('select 1; select 2')], [x('select 1;')]],
  'errors at Parse, Bind and Execute': [
    [x('select nothing')],
    [x('select $1::int', 'x')],
    [x('select 1/$1::int', '0')],
  ],
  'an error at Describe': [
    g(raw.describeStatement()),
    g(raw.describePortal()),
    g(raw.describePortal('nowhere')),
    g(raw.describeStatement('nowhere')),
  ],
  'an error at Execute of no portal': [g(raw.execute()), g(raw.execute(0, 'nowhere'))],
  'too few values and too many': [
    g(raw.parse('select $1::int, $2::int'), raw.bind(['1'])),
    g(raw.parse('select 1'), raw.bind(['1'])),
    g(raw.parse('select $2::int'), raw.bind(['1'])),
  ],
  'values that are null': [
    g(...['a', null, ''].map((value) => raw.statement('select $1::text is null, $1::text', [value]))),
  ],
  'many values': [
    [
      x(
        `select ${Array.from({ length: 400 }, (_, n) => `$${n + 1}::int`).join(' + ')}`,
        ...Array.from({ length: 400 }, String),
      ),
    ],
  ],
  'a long value': [[x('select length($1), md5($1)', 'y'.repeat(60_000))]],
  'a value that has several messages in it': [[x(text, 'Q\0\0\0\u0004X'.replaceAll('\0', ' '))]],
  'values of all the types that are guessed': [
    g(raw.parse('select $1 + 1, $2 || $3, $4 is null, $5::jsonb'), raw.describeStatement()),
    g(raw.parse('insert into item values ($1, $2) returning id'), raw.describeStatement()),
    g(raw.parse('select $1'), raw.describeStatement(), raw.bind(['unknown']), raw.describePortal(), raw.execute()),
  ],
  'types that are said': [
    g(parseTyped('select $1, $2', [23, 1043]), raw.describeStatement(), raw.bind(['1', 'a']), raw.execute()),
    g(parseTyped('select $1', [0]), raw.describeStatement()),
    g(parseTyped('select pg_typeof($1), pg_typeof($2)', [701]), raw.bind(['1', '2']), raw.execute()),
    g(parseTyped('select $1', [1_000_000])),
    g(parseTyped('select 1', [23, 23]), raw.describeStatement()),
  ],
  'a type that can not be guessed': [
    g(raw.parse('select $1 = $2'), raw.describeStatement()),
    g(raw.parse('select $1 + $2')),
  ],
  'binary values': [
    g(
      raw.parse('select $1::int4, $2::text'),
      bindAs({ formats: [1, 0], values: [Buffer.from([0, 0, 1, 0]), 'a'] }),
      raw.execute(),
    ),
    g(
      raw.parse('select $1::int8'),
      bindAs({ formats: [1], values: [Buffer.from([0, 0, 0, 0, 0, 0, 0, 9])] }),
      raw.execute(),
    ),
    g(raw.parse('select $1::int4'), bindAs({ formats: [1], values: [Buffer.from([9])] }), raw.execute()),
    g(raw.parse('select $1::bytea'), bindAs({ formats: [1], values: [Buffer.from([0, 255, 0, 10])] }), raw.execute()),
  ],
  'one format for all values': [
    g(raw.parse('select $1::int4 + $2::int4'), bindAs({ formats: [1], values: [int4(5), int4(6)] }), raw.execute()),
  ],
  'formats that are none': [
    g(raw.parse('select $1::int4'), bindAs({ formats: [2], values: ['1'] }), raw.execute()),
    g(raw.parse('select $1::int4'), bindAs({ formats: [0, 0], values: ['1'] }), raw.execute()),
    g(raw.parse('select 1'), bindAs({ results: [7] }), raw.describePortal(), raw.execute()),
  ],
  'binary results': [
    g(
      raw.parse("select 1, 'a'::text, 2::int8, true, null::int"),
      bindAs({ results: [1] }),
      raw.describePortal(),
      raw.execute(),
    ),
    g(raw.parse("select 1, 'a'::text"), bindAs({ results: [1, 0] }), raw.describePortal(), raw.execute()),
    g(raw.parse('select 1, 2, 3'), bindAs({ results: [0, 1] }), raw.describePortal(), raw.execute()),
  ],
  'writes of all sorts': [
    [x('insert into item values ($1, $2)', '1', 'a')],
    [x('insert into item values ($1, $2) returning id, name', '2', 'b')],
    [x('update item set name = $1 where id > $2', 'c', '0')],
    [x('delete from item')],
  ],
  'definitions and settings': [
    [x('create table made (id int)')],
    [x('insert into made values (1)')],
    [x('drop table made')],
    [x('show work_mem')],
    [x('explain (costs off) select 1')],
  ],
  'a definition in the middle of a group': [
    g(
      raw.statement('create table made (id int)'),
      raw.statement('insert into made values (1)'),
      raw.statement('table made'),
    ),
    [x('drop table made')],
  ],
  'a procedure': [[x('call add_twice($1)', '5')], q('select * from item')],
  notices: [[x('select complain($1)', 'n')], [x("do $$ begin raise warning 'w'; end $$")]],
  'a transaction': [
    [x('begin')],
    [x('insert into item values (1)')],
    [x('select * from item')],
    [x('commit')],
    [x('select * from item')],
  ],
  'a transaction in one group': [
    g(
      raw.statement('begin'),
      raw.statement('insert into item values (1)'),
      raw.statement('commit'),
      raw.statement('table item'),
    ),
  ],
  'a transaction that fails in one group': [
    g(
      raw.statement('begin'),
      raw.statement('insert into item values (1)'),
      raw.statement('select 1/0'),
      raw.statement('commit'),
    ),
    [x('commit')],
    q('select * from item'),
  ],
  'a failed transaction': [
    [x('begin')],
    [x('select 1/0')],
    [x('select 1')],
    g(raw.parse('rollback'), raw.describeStatement()),
    g(raw.parse('select 1')),
    [x('rollback')],
    [x('select 1')],
  ],
  'a group that is one transaction': [
    g(
      raw.statement('insert into item values (1)'),
      raw.statement('insert into item values (1)'),
      raw.statement('select 1'),
    ),
    q('select * from item'),
  ],
  'the unnamed statement in a later group': [
    g(raw.parse(text)),
    g(raw.bind(['a']), raw.execute()),
    g(raw.describeStatement()),
    g(raw.bind(['b']), raw.execute()),
  ],
  'the unnamed statement in a later group, and another in its place': [
    g(raw.parse('select 1')),
    g(raw.parse('select 2')),
    g(raw.bind(), raw.execute()),
  ],
  'the unnamed statement that a Query drops': [
    g(raw.parse('select 1')),
    q('select 2'),
    g(raw.bind(), raw.execute()),
    g(raw.describeStatement()),
  ],
  'the unnamed statement that an empty Query drops': [g(raw.parse('select 1')), q(''), g(raw.bind(), raw.execute())],
  'the unnamed statement that a failed Query drops': [
    g(raw.parse('select 1')),
    q('selec'),
    g(raw.bind(), raw.execute()),
  ],
  'the unnamed statement that a failed Parse drops': [
    g(raw.parse('select 1')),
    g(raw.parse('selec')),
    g(raw.bind(), raw.execute()),
  ],
  'the unnamed statement that a Close drops': [
    g(raw.parse('select 1')),
    g(raw.closeStatement('')),
    g(raw.bind(), raw.execute()),
  ],
  'the unnamed statement behind others that are skipped once the error is known': [
    g(raw.parse(text)),
    upTo('E', raw.describeStatement('nowhere'), raw.flush),
    g(raw.parse('select 3'), raw.closeStatement(''), raw.query('select 4')),
    g(raw.bind(['still']), raw.execute()),
    g(raw.bind(['still']), raw.execute()),
  ],
  'the unnamed statement behind one that fails in an earlier group': [
    pipeline(2, raw.parse('selec'), raw.sync, raw.parse('select 2'), raw.sync),
    g(raw.bind(), raw.execute()),
    g(raw.bind(), raw.execute()),
  ],
  'the unnamed statement that is made again and again': [
    pipeline(
      4,
      raw.parse('select 1'),
      raw.sync,
      raw.query('select 2'),
      raw.parse('select 3'),
      raw.sync,
      raw.parse('selec'),
      raw.sync,
    ),
    g(raw.bind(), raw.execute()),
    g(raw.parse('select 5')),
    g(raw.bind(), raw.execute()),
  ],
  'the unnamed statement behind an error at its Bind': [
    g(raw.parse('select 1/$1::int')),
    g(raw.bind(['x']), raw.execute()),
    g(raw.bind(['0']), raw.execute()),
    g(raw.bind(['1']), raw.execute()),
  ],
  'the unnamed statement over the end of a transaction': [
    q('begin'),
    g(raw.parse('select 5')),
    [x('commit')],
    g(raw.bind(), raw.execute()),
  ],
  'the unnamed statement that a COMMIT by Parse replaces': [
    [x('begin')],
    g(raw.parse('commit')),
    g(raw.bind(), raw.execute()),
    g(raw.bind(), raw.execute()),
  ],
  'the unnamed statement whose table is gone': [
    q('create table made (id int)'),
    g(raw.parse('select * from made')),
    [raw.all(raw.parse('drop table made', 'drop'), run('drop'), raw.sync)],
    g(raw.parse('select 1 from made', 'again')),
    g(raw.closeStatement('drop')),
  ],
  flushes: [upTo('1', raw.parse('select 1'), raw.flush), upTo('C', raw.bind(), raw.execute(), raw.flush), [raw.sync]],
  'a flush behind each message': [
    upTo('1', raw.parse(text), raw.flush),
    upTo('T', raw.describeStatement(), raw.flush),
    upTo('2', raw.bind(['v']), raw.flush),
    upTo('T', raw.describePortal(), raw.flush),
    upTo('C', raw.execute(), raw.flush),
    upTo('3', raw.closePortal(), raw.flush),
    [raw.sync],
  ],
  'flushes without anything': [g(raw.flush, raw.flush), g(raw.parse('select 1'), raw.flush, raw.flush)],
  'a flush alone, and a query behind it': [pipeline(1, raw.flush, raw.query('select 1'))],
  'an error at a flush': [upTo('E', raw.parse('oops'), raw.flush), g(raw.parse('select 1'))],
  'a flush behind an error': [
    g(raw.parse('oops'), raw.flush, raw.parse('select 1'), raw.flush),
    g(raw.parse('select 1')),
  ],
  'a transaction that flushes': [
    upTo('C', raw.statement('begin'), raw.flush),
    upTo('C', raw.statement('insert into item values (1)'), raw.flush),
    upTo('C', raw.statement('commit'), raw.flush),
    g(raw.statement('select * from item')),
  ],
  syncs: [pipeline(3, raw.sync, raw.sync, raw.sync)],
  'a sync in a transaction, and in a failed one': [
    q('begin'),
    [raw.sync],
    q('selec'),
    [raw.sync],
    q('end'),
    [raw.sync],
  ],
  'a Close of what is not there': [g(raw.closeStatement('none'), raw.closePortal('none'), raw.closePortal())],
})

function int4(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
