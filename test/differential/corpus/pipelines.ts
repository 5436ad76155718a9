/** Many requests in one write, and both protocols in turn. */

import * as raw from '../../support/raw-messages.ts'
import { q, x } from '../../support/step.ts'
import { family, g, pipeline, run } from '../transcript.ts'

const call = raw.functionCall(177, ['1', '2'])

export const pipelines = family('pipelines', {
  'groups, one of which fails': [pipeline(4, x('select 1'), x('select 2'), x('select 1/0'), x('select 4'))],
  'five hundred groups': [pipeline(500, ...Array.from({ length: 500 }, (_, n) => x('select $1::int', String(n))))],
  'more requests than are kept at once': [pipeline(6_000, ...Array.from({ length: 6_000 }, () => raw.query('')))],
  'every other group fails': [
    pipeline(40, ...Array.from({ length: 40 }, (_, n) => x('select 10 / $1::int', String(n % 2)))),
  ],
  'one group of a hundred statements': [
    g(...Array.from({ length: 100 }, (_, n) => raw.statement('select $1::int', [String(n)]))),
  ],
  'one group of a hundred statements, the last failing': [
    g(...Array.from({ length: 100 }, (_, n) => raw.statement('insert into item values ($1)', [String(n % 99)]))),
    q('select count(*) from item'),
  ],
  'both protocols': [pipeline(3, raw.query('select 1'), x('select 2'), raw.query('select 3'))],
  'both protocols and function calls': [
    pipeline(5, raw.query('select 1'), call, x('select 2'), call, raw.query('select 3')),
  ],
  'a Query in an unfinished group': [
    pipeline(2, raw.parse('select 1'), raw.bind(), raw.query('select 2'), raw.execute(), raw.sync),
  ],
  'a Query behind an Execute without a Sync': [pipeline(2, raw.statement('select 1'), raw.query('select 2'), raw.sync)],
  'a Query behind an Execute that writes, without a Sync': [
    pipeline(2, raw.statement('insert into item values (1)'), raw.query('select 1/0'), raw.sync),
    q('table item'),
  ],
  'a function call in an unfinished group': [
    pipeline(2, raw.parse('select 1'), call, raw.bind(), raw.execute(), raw.sync),
  ],
  'an empty query in every place': [pipeline(4, raw.query(''), x(''), raw.query(';'), x(';'))],
  'results of all sizes': [
    pipeline(
      5,
      raw.query("select repeat('x', 100000)"),
      raw.query('select 1'),
      x("select repeat('y', 20000) from generate_series(1, 10)"),
      raw.query('select generate_series(1, 2000)'),
      x('select 2'),
    ),
  ],
  'requests of all sizes': [
    pipeline(
      4,
      raw.query(`select length('${'x'.repeat(40_000)}')`),
      raw.query('select 1'),
      x('select length($1)', 'y'.repeat(40_000)),
      x('select 2'),
    ),
  ],
  'transactions, one behind the other': [
    pipeline(
      9,
      ...[
        'begin',
        'insert into item values (1)',
        'commit',
        'begin',
        'insert into item values (2)',
        'rollback',
        'begin',
        'selec',
        'end',
      ].map((sql) => x(sql)),
    ),
    q('table item'),
  ],
  'settings between requests': [
    pipeline(
      8,
      ...[
        "set time zone 'Asia/Tokyo'",
        'show time zone',
        'begin',
        "set time zone 'UTC'",
        'rollback',
        'show time zone',
        'reset time zone',
        'show time zone',
      ].map(raw.query),
    ),
  ],
  'notices between requests': [
    pipeline(3, raw.query("select complain('a')"), x('select complain($1)', 'b'), raw.query("select complain('c')")),
  ],
  'copies between requests': [
    pipeline(
      5,
      raw.query('select 1'),
      raw.query('copy item from stdin'),
      raw.copyData('1\ta\n'),
      raw.copyDone,
      x('select 2'),
      raw.query('copy item to stdout'),
      raw.query('select 3'),
    ),
  ],
  'flushes between requests': [
    pipeline(
      3,
      raw.flush,
      raw.query('select 1'),
      raw.flush,
      x('select 2'),
      raw.flush,
      raw.query('select 3'),
      raw.flush,
    ),
  ],
  'statements by name, closed and made anew': [
    pipeline(
      6,
      raw.all(raw.parse('select 1', 's'), raw.sync),
      raw.all(run('s'), raw.sync),
      raw.all(raw.closeStatement('s'), raw.parse('select 2', 's'), run('s'), raw.sync),
      raw.query('deallocate all'),
      raw.all(run('s'), raw.sync),
      raw.all(raw.parse('select 3', 's'), run('s'), raw.sync),
    ),
  ],
  'statements by name, DEALLOCATE of them in between': [
    pipeline(
      5,
      raw.all(raw.parse('select 1', 's'), raw.sync),
      raw.query('deallocate s'),
      raw.all(run('s'), raw.sync),
      raw.all(raw.parse('select 2', 's'), raw.sync),
      raw.all(run('s'), raw.sync),
    ),
  ],
  'statements by name, DEALLOCATE of them in between by the extended protocol': [
    pipeline(
      9,
      raw.all(raw.parse('select 1', 's'), raw.sync),
      x('deallocate s'),
      raw.all(run('s'), raw.sync),
      x('deallocate s'),
      raw.all(raw.parse('select 2', 's'), raw.sync),
      raw.all(run('s'), raw.sync),
      x('deallocate s'),
      raw.all(raw.parse('selec', 's'), raw.sync),
      x('deallocate s'),
    ),
  ],
  'DEALLOCATE by the extended protocol in transactions that fail': [
    pipeline(
      11,
      raw.all(raw.parse('select 1', 's'), raw.sync),
      raw.query('begin'),
      x('select 1/0'),
      x('deallocate s'),
      raw.query('rollback'),
      raw.all(run('s'), raw.sync),
      raw.query('begin'),
      x('deallocate s'),
      x('deallocate s'),
      raw.query('rollback'),
      raw.all(run('s'), raw.sync),
    ),
  ],
  'a DEALLOCATE that is kept, of what earlier groups have made': [
    pipeline(
      7,
      raw.all(raw.parse('select 1', 's'), raw.parse('deallocate s', 'd'), raw.sync),
      raw.all(run('d'), raw.sync),
      raw.all(run('d'), raw.sync),
      raw.all(raw.parse('selec'), raw.parse('select 2', 's'), raw.sync),
      raw.all(run('d'), raw.sync),
      raw.all(raw.parse('select 3', 's'), raw.sync),
      raw.all(run('d'), run('s'), raw.sync),
    ),
  ],
  'what a driver sends at its start': [
    pipeline(
      4,
      raw.query('select version() is not null'),
      raw.query('show transaction_read_only'),
      x('set extra_float_digits = 3'),
      x("set application_name = 'driver'"),
    ),
    q("select current_setting('extra_float_digits'), current_setting('application_name')"),
  ],
})
