/** Bodies that are none, which the pooler leaves to PostgreSQL. Lengths and types that are none it refuses itself: see bad-input.test.ts. */

import * as raw from '../../support/raw-messages.ts'
import { q } from '../../support/step.ts'
import { family, g, pipeline, upTo } from '../transcript.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

export const malformedMessages = family('malformed messages', {
  'a Parse without an end': [g(raw.message('P', bytes('x'))), q('select 1')],
  'a Query without an end': [[raw.message('Q', bytes('select 1'))], q('select 1')],
  'a Query without anything': [[raw.message('Q')], q('select 1')],
  'a Query that goes on behind its end': [[raw.message('Q', bytes('select 1\0x'))], q('select 2')],
  'a Parse that goes on behind its end': [
    g(raw.message('P', bytes('\0select 1\0\0\0x'))),
    g(raw.parse('select 2'), raw.bind(), raw.execute()),
  ],
  'a Parse that lacks its types': [
    g(raw.message('P', bytes('\0select 1\0'))),
    g(raw.message('P', bytes('\0select 1\0\0\x02\0\0\0\x17'))),
    q('select 1'),
  ],
  'a Bind without an end': [
    g(raw.parse('select 1'), raw.message('B', bytes('\0\0'))),
    g(raw.message('B', bytes('\0'))),
    g(raw.message('B', bytes('\0\0\0\0\0\x01\0\0'))),
    q('select 1'),
  ],
  'a Bind with a length that is none': [
    g(raw.parse('select $1'), raw.message('B', bytes('\0\0\0\0\0\x01\x7f\xff\xff\xff'))),
    g(raw.parse('select $1'), raw.message('B', bytes('\0\0\0\0\0\x01\xff\xff\xff\x00'))),
    q('select 1'),
  ],
  'a Bind that goes on behind its end': [
    g(raw.parse('select 1'), raw.message('B', bytes('\0\0\0\0\0\0\0\0x'))),
    q('select 1'),
  ],
  'a Describe and a Close of what is none': [
    g(raw.message('D', bytes('Z\0'))),
    g(raw.message('C', bytes('Z\0'))),
    g(raw.message('D', bytes('S'))),
    g(raw.message('C', bytes('P'))),
    q('select 1'),
  ],
  'an Execute without an end': [
    g(raw.parse('select 1'), raw.bind(), raw.message('E', bytes('\0'))),
    g(raw.message('E', bytes('\0\0\0'))),
    q('select 1'),
  ],
  'a FunctionCall without an end': [
    [raw.message('F', bytes('x'))],
    [raw.message('F', bytes('\0\0\0\xb1\0\0\0\x02\0\0'))],
    q('select 1'),
  ],
  'a CopyFail without an end': [
    upTo('G', raw.query('copy item from stdin')),
    [raw.message('f', bytes('no'))],
    q('select count(*) from item'),
  ],
  'one of them in the middle of a pipeline': [
    pipeline(
      3,
      raw.query('select 1'),
      raw.parse('select 2'),
      raw.message('B', bytes('\0')),
      raw.execute(),
      raw.sync,
      raw.query('select 3'),
    ),
  ],
  'one of them in a transaction': [q('begin'), g(raw.message('D', bytes('Z\0'))), q('select 1'), q('rollback')],
  'one of them behind an error, where it is skipped': [
    g(raw.parse('selec'), raw.message('B', bytes('\0')), raw.message('D', bytes('Z\0'))),
    q('select 1'),
  ],
  'a Terminate in the middle of a pipeline': [
    [raw.all(raw.query('select 1'), raw.query('select 2'), raw.terminate), 'end'],
  ],
})
