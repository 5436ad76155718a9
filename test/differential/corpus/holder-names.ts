/** What the pooler answers in PostgreSQL's place: it must stand where PostgreSQL's own answer would. */

import * as raw from '../../support/raw-messages.ts'
import { q, x } from '../../support/step.ts'
import { family, pipeline } from '../transcript.ts'

const name = "set taxirank.holder = 'src/orders.ts:42'"
const naming = raw.query(name)
const reset = raw.query('RESET taxirank.holder;')

const answeredHere = family('holder names', {
  'alone, and every spelling': [
    q(name),
    q(" SET TaxiRank.Holder\tTO 'it''s here' ; "),
    q('set taxirank.holder to default'),
    q('reset taxirank.holder'),
    q('select 1'),
  ],
  'ahead of a request, in one write': [
    pipeline(2, naming, raw.query('select 1')),
    pipeline(2, naming, x('select 2')),
    pipeline(3, reset, raw.query('select 1/0'), naming),
  ],
  'between requests, in one write': [
    pipeline(7, naming, raw.query('select 1'), naming, x('select 2'), x('select 1/0'), reset, raw.query('select 3')),
    pipeline(12, ...Array.from({ length: 6 }, () => raw.all(naming, raw.query('select pg_sleep(0.001)')))),
  ],
  'in a transaction': [
    pipeline(5, raw.query('begin'), naming, raw.query('insert into item values (1)'), reset, raw.query('commit')),
    q('begin'),
    q(name),
    pipeline(3, raw.query('table item'), naming, raw.query('rollback')),
    pipeline(2, naming, raw.query('table item')),
  ],
  'behind messages that owe nothing': [
    pipeline(3, raw.flush, naming, raw.flush, naming, raw.query('select 1')),
    pipeline(2, raw.sync, naming),
  ],
  'in a text with others': [q(`${name}; select 1`), q(`select 1; ${name}`), q(`/* a comment */ ${name}`)],
  'by the extended protocol': [pipeline(2, x(name), x('reset taxirank.holder'))],
  'behind copy data': [
    pipeline(
      3,
      raw.query('copy item from stdin'),
      raw.copyData('7\n'),
      raw.copyDone,
      naming,
      raw.query('select count(*) from item'),
    ),
  ],
})

/** Those are PostgreSQL's to answer, as a parameter of its own. */
const answeredThere = family(
  'holder names',
  {
    'in a group that no Sync has ended': [pipeline(2, raw.statement('select 1'), naming, raw.sync)],
    'in a group that has failed': [pipeline(2, raw.statement('select 1/0'), naming, raw.sync, raw.query('select 2'))],
  },
  { isPinning: true },
)

export const holderNames = [...answeredHere, ...answeredThere]
