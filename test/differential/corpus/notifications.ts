/** LISTEN and NOTIFY, as far as nobody is notified. */

import { q, x } from '../../support/step.ts'
import { family } from '../transcript.ts'

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
    'listening that was never committed': [q('begin'), q('listen news'), q('rollback'), q('notify news')],
    'what listens': [q('select * from pg_listening_channels()'), q('select pg_notification_queue_usage()')],
  }),
]
