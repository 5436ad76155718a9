/** COPY in both directions, by both protocols. */

import * as raw from '../../support/raw-messages.ts'
import { q, x } from '../../support/step.ts'
import { bindAs, family, g, pipeline, run, upTo } from '../transcript.ts'

const copyIn = 'copy item from stdin'
const rows = raw.copyData('1\ta\n2\tb\n')
const count = q('select count(*) from item')
const signature = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const binaryRow = Buffer.from('0002000000040000000500000001610002', 'hex').subarray(0, 15)
const binaryEnd = Buffer.from('ffff', 'hex')

export const copies = family('COPY', {
  'copy from': [upTo('G', raw.query(copyIn)), [raw.all(rows, raw.copyDone)], q('select * from item order by id')],
  'copy from in one write': [pipeline(2, raw.query(copyIn), rows, raw.copyDone, raw.query('select 1'))],
  'copy from in a transaction': [
    q('begin'),
    upTo('G', raw.query(copyIn)),
    [raw.all(rows, raw.copyDone)],
    q('rollback'),
    count,
  ],
  'copy from without any data': [
    pipeline(1, raw.query(copyIn), raw.copyDone),
    pipeline(1, raw.query(copyIn), raw.copyData(''), raw.copyDone),
    count,
  ],
  'copy from, a row in pieces': [
    upTo('G', raw.query(copyIn)),
    [raw.all(...'1,\t,a,b,\n,2,\t,c,d,\n,3'.split(',').map((one) => raw.copyData(one)), raw.copyDone)],
    q('table item'),
  ],
  'copy from, the old end of data': [
    pipeline(2, raw.query(copyIn), raw.copyData('1\ta\n\\.\n'), raw.copyDone, raw.query('table item')),
    pipeline(1, raw.query(copyIn), raw.copyData('7\ta\n\\.\n8\tb\n'), raw.copyDone),
  ],
  'copy from, in all formats': [
    [
      raw.all(
        raw.query('copy item from stdin (format csv, header, quote $$"$$)'),
        raw.copyData('id,name\n1,"a, ""b"""\n2,\n'),
        raw.copyDone,
      ),
    ],
    [
      raw.all(
        raw.query("copy item (name, id) from stdin (delimiter '|', null 'none')"),
        raw.copyData('x|3\nnone|4\n'),
        raw.copyDone,
      ),
    ],
    q('select id, name, name is null from item order by id'),
  ],
  'copy from, binary': [
    upTo('G', raw.query('copy item from stdin (format binary)')),
    [raw.all(raw.copyData(Buffer.concat([signature, binaryRow, binaryEnd])), raw.copyDone)],
    q('table item'),
  ],
  'copy from, binary, in single bytes': [
    upTo('G', raw.query('copy item from stdin (format binary)')),
    [
      raw.all(
        ...Array.from(Buffer.concat([signature, binaryRow, binaryEnd])).map((byte) =>
          raw.copyData(Buffer.from([byte])),
        ),
        raw.copyDone,
      ),
    ],
    q('table item'),
  ],
  'copy from, binary, that is none': [
    pipeline(1, raw.query('copy item from stdin (format binary)'), raw.copyData('1\ta\n'), raw.copyDone),
    count,
  ],
  'copy from, escapes and encodings': [
    pipeline(1, raw.query(copyIn), raw.copyData('1\tä€𝄞\n2\t\\N\n3\ta\\tb\\\\c\\x41\n'), raw.copyDone),
    q('select * from item order by id'),
  ],
  'copy from, failed by its client': [pipeline(1, raw.query(copyIn), rows, raw.copyFail('no')), count],
  'copy from, failed by its client without a reason, and with a long one': [
    pipeline(1, raw.query(copyIn), raw.copyFail('')),
    pipeline(1, raw.query(copyIn), raw.copyFail('n'.repeat(5_000))),
  ],
  'copy from, bad data': [
    pipeline(1, raw.query(copyIn), raw.copyData('x\n'), raw.copyDone),
    pipeline(1, raw.query(copyIn), raw.copyData('1\ta\tb\n'), raw.copyDone),
    pipeline(1, raw.query(copyIn), raw.copyData('1\n'), raw.copyDone),
    count,
  ],
  'copy from, bad data in the last row': [
    pipeline(1, raw.query(copyIn), rows, raw.copyData('1\tagain\n'), raw.copyDone),
    count,
  ],
  'copy from, bad data and much more of it': [
    pipeline(
      2,
      raw.query(copyIn),
      raw.copyData('x\n'),
      ...Array.from({ length: 50 }, () => rows),
      raw.copyDone,
      raw.query('select 1'),
    ),
  ],
  'copy from, errors that are passed over': [
    pipeline(1, raw.query('copy item from stdin (on_error ignore)'), raw.copyData('1\ta\nx\tb\n2\tc\n'), raw.copyDone),
    q('table item'),
  ],
  'copy from, a table that is not there': [
    pipeline(2, raw.query('copy nowhere from stdin'), rows, raw.copyDone, raw.query('select 1')),
  ],
  'copy from, much data': [
    upTo('G', raw.query(copyIn)),
    [raw.all(...Array.from({ length: 200 }, (_, n) => raw.copyData(`${n}\t${'x'.repeat(1_000)}\n`)), raw.copyDone)],
    q('select count(*), sum(length(name)) from item'),
  ],
  'copy from, one message of much data': [
    upTo('G', raw.query(copyIn)),
    [
      raw.all(
        raw.copyData(Array.from({ length: 3_000 }, (_, n) => `${n}\t${'y'.repeat(50)}\n`).join('')),
        raw.copyDone,
      ),
    ],
    count,
  ],
  'copy from, a failed transaction': [
    q('begin'),
    q('selec'),
    pipeline(1, raw.query(copyIn), rows, raw.copyDone),
    q('rollback'),
  ],
  'copy from, with a flush and a sync among the data': [
    upTo('G', raw.query(copyIn)),
    [raw.all(raw.copyData('1\ta\n'), raw.flush, raw.copyData('2\tb\n'), raw.sync, raw.copyDone)],
    count,
  ],
  'copy from, extended': [upTo('G', raw.statement(copyIn), raw.flush), [raw.all(rows, raw.copyDone, raw.sync)], count],
  'copy from, extended, with an early Sync': [
    upTo('G', raw.statement(copyIn), raw.sync),
    [raw.all(rows, raw.copyDone, raw.sync)],
    count,
  ],
  'copy from, extended, in one write': [
    [raw.all(raw.statement(copyIn), raw.sync, rows, raw.copyDone, raw.sync)],
    count,
  ],
  'copy from, extended, failing': [
    upTo('G', raw.statement(copyIn), raw.flush),
    [raw.all(rows, raw.copyFail('no'), raw.sync)],
    q('select 1'),
  ],
  'copy from, extended, bad data behind an early Sync': [
    upTo('G', raw.statement(copyIn), raw.sync),
    [raw.all(raw.copyData('x\n'), raw.copyDone, raw.sync)],
    q('select 1'),
  ],
  'copy from, extended, described': [
    g(raw.parse(copyIn), raw.describeStatement()),
    upTo('G', raw.bind(), raw.describePortal(), raw.execute(), raw.flush),
    g(rows, raw.copyDone),
    count,
  ],
  'copy from, extended, and more in the same group': [
    upTo('G', raw.statement('insert into item values (9)'), raw.statement(copyIn), raw.flush),
    g(rows, raw.copyDone, raw.statement('select count(*) from item')),
  ],
  'copy from, extended, in a transaction that fails': [
    q('begin'),
    upTo('G', raw.statement(copyIn), raw.flush),
    g(raw.copyData('x\n'), raw.copyDone),
    [x('select 1')],
    q('rollback'),
  ],
  'copy from by a statement with a name': [
    g(raw.parse(copyIn, 's')),
    upTo('G', run('s'), raw.flush),
    g(raw.copyData('1\ta\n'), raw.copyDone),
    upTo('G', run('s'), raw.flush),
    g(raw.copyData('1\ta\n'), raw.copyDone),
    count,
  ],
  'two copies in one query': [
    [
      raw.all(
        raw.query(`${copyIn}; ${copyIn}; select 1`),
        raw.copyData('1\ta\n'),
        raw.copyDone,
        raw.copyData('2\tb\n'),
        raw.copyDone,
      ),
    ],
    count,
  ],
  'two copies in one query, the first failing': [
    pipeline(
      1,
      raw.query(`${copyIn}; ${copyIn}; select 1`),
      raw.copyData('x\n'),
      raw.copyDone,
      raw.copyData('2\tb\n'),
      raw.copyDone,
    ),
    count,
  ],
  'a copy in each direction in one query': [
    pipeline(
      1,
      raw.query(`${copyIn}; copy item to stdout; ${copyIn}`),
      rows,
      raw.copyDone,
      raw.copyData('3\tc\n'),
      raw.copyDone,
    ),
    count,
  ],
  'several copies in a pipeline': [
    pipeline(
      4,
      raw.query(copyIn),
      raw.copyData('1\ta\n'),
      raw.copyDone,
      raw.query(copyIn),
      raw.copyData('1\ta\n'),
      raw.copyDone,
      raw.query(copyIn),
      raw.copyData('2\ta\n'),
      raw.copyDone,
      raw.query('table item'),
    ),
  ],
  'copy messages out of place': [[raw.all(raw.copyData('x'), raw.copyDone, raw.copyFail('x'), raw.query('select 1'))]],
  'copy messages out of place, in groups': [
    g(raw.copyData('x'), raw.parse('select 1'), raw.copyDone, raw.bind(), raw.copyFail('x'), raw.execute()),
    g(raw.copyDone),
  ],
  'copy messages out of place, in a transaction': [
    q('begin'),
    pipeline(1, raw.copyDone, raw.copyData('x'), raw.query('select 1')),
    q('commit'),
  ],
  'copy to': [
    q('copy (select generate_series(1, 3)) to stdout'),
    q('copy (select 1/0) to stdout'),
    [x('copy (select 7) to stdout')],
  ],
  'copy to, in all formats': [
    q("insert into item values (1, 'a\tb'), (2, null), (3, 'c\"d,e')"),
    q('copy item to stdout'),
    q('copy item to stdout (format csv, header, force_quote *)'),
    q("copy item (name) to stdout (delimiter ';', null '-')"),
    q('copy item to stdout (format binary)'),
    q('copy (select) to stdout'),
  ],
  'copy to, an error behind some rows': [
    q('copy (select 10 / (5 - n) from generate_series(1, 9) n) to stdout'),
    q('select 1'),
  ],
  'copy to, much data': [q("copy (select n, repeat('z', 200) from generate_series(1, 3000) n) to stdout")],
  'copy to, one long row': [q("copy (select repeat('z', 300000)) to stdout")],
  'copy to, extended': [
    g(raw.parse('copy item to stdout'), raw.describeStatement(), raw.bind(), raw.describePortal(), raw.execute()),
    g(raw.parse('copy (select 1/0) to stdout'), raw.bind(), raw.execute(), raw.statement('select 1')),
  ],
  'copy to with a limit, and with formats': [
    g(raw.parse('copy (select generate_series(1, 5)) to stdout'), raw.bind(), raw.execute(2)),
    g(raw.parse('copy (select 1) to stdout (format binary)'), bindAs({ results: [1] }), raw.execute()),
  ],
  'copy to in a pipeline': [
    pipeline(
      4,
      raw.query('copy (select 1) to stdout'),
      x('copy (select 2) to stdout'),
      raw.query('copy nowhere to stdout'),
      x('select 3'),
    ),
  ],
  'copy to, in one query with others': [q('select 1; copy (select 2) to stdout; select 3')],
  'copy of files and programs': [q("copy item from '/nowhere/at/all'"), q("copy item from program 'exit 3'")],
})
