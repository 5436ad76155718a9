/** LISTEN and NOTIFY. Who listens keeps its server. */

import * as raw from '../../support/raw-messages.ts'
import { q, x } from '../../support/step.ts'
import { family, g, pipeline } from '../transcript.ts'

const many = Array.from({ length: 50 }, (_, n) => `notify news, '${n}'`).join('; ')

export const notifications = [
  ...family('notifications', {
    'to nobody': [
      q('notify nobody'),
      q("notify nobody, 'payload'"),
      q("select pg_notify('nobody', 'x')"),
      [x('notify nobody')],
    ],
    'to nobody, in a transaction': [q('begin; notify nobody; commit'), q('begin'), q('notify nobody'), q('rollback')],
    'that are refused': [q(`notify nobody, '${'x'.repeat(9_000)}'`), q("select pg_notify('', 'x')"), q('select 1')],
    'listening that is rolled back': [q('unlisten *'), q('unlisten nothing')],
    'what listens': [q('select * from pg_listening_channels()'), q('select pg_notification_queue_usage()')],
  }),
  ...family(
    'notifications',
    {
      'to oneself': [
        q('listen news'),
        q('notify news'),
        q("notify news, 'payload'"),
        q('unlisten news'),
        q('notify news'),
      ],
      'to oneself, in one query': [q("listen news; notify news, 'a'; select 1"), q('unlisten *')],
      'to oneself, at the end of a transaction': [
        q('listen news'),
        q('begin'),
        q("notify news, 'a'"),
        q('select 1'),
        q('commit'),
        q('select 2'),
      ],
      'to oneself, in a transaction that is rolled back': [
        q('listen news'),
        q('begin'),
        q('notify news'),
        q('rollback'),
        q('select 1'),
      ],
      'to oneself, behind a savepoint': [
        q('listen news'),
        q('begin'),
        q("notify news, 'a'"),
        q('savepoint s'),
        q("notify news, 'b'"),
        q('rollback to s'),
        q('commit'),
      ],
      'to oneself, twice the same': [
        q('listen news'),
        q("begin; notify news, 'a'; notify news, 'a'; notify news, 'b'; commit"),
      ],
      'to oneself, many': [q('listen news'), q(many)],
      'to oneself, by the extended protocol': [
        [x('listen news')],
        [x('select pg_notify($1, $2)', 'news', 'ä€')],
        g(raw.statement("notify news, 'a'"), raw.statement("notify news, 'b'")),
      ],
      'to oneself, in a pipeline': [
        pipeline(
          4,
          raw.query('listen news'),
          raw.query("notify news, 'a'"),
          x("notify news, 'b'"),
          raw.query('unlisten news'),
        ),
      ],
      'on several channels': [
        q('listen a; listen b; listen "C d"'),
        q("notify b, 'b'; notify a, 'a'; notify \"C d\""),
        q('select * from pg_listening_channels() order by 1'),
        q('unlisten a'),
        q('notify a; notify b'),
      ],
      'on a channel that is listened to twice': [
        q('listen news'),
        q('listen news'),
        q('notify news'),
        q('unlisten news'),
        q('notify news'),
      ],
      'listening in a transaction': [q('begin'), q('listen news'), q('notify news'), q('commit'), q('notify news')],
      'listening in a transaction that is rolled back': [q('begin'), q('listen news'), q('rollback'), q('notify news')],
      'no listening any more, in a transaction that is rolled back': [
        q('listen news'),
        q('begin'),
        q('unlisten news'),
        q('rollback'),
        q('notify news'),
      ],
      'no listening any more, by DISCARD ALL': [q('listen news'), q('discard all'), q('notify news')],
    },
    { isPinning: true },
  ),
]
