import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { message } from './build.ts'
import { readBind, readExecute, readParse, readTarget } from './read-extended.ts'
import type { MessageBytes } from './read.ts'

/** The message in the middle of a buffer that has NULs everywhere else. */
function embedded(body: string): MessageBytes {
  const bytes = message('x', Buffer.from(body, 'latin1'))
  return { bytes: Buffer.concat([Buffer.alloc(3), bytes, Buffer.alloc(9)]), start: 3, end: 3 + bytes.length }
}

describe('a message of the extended protocol', () => {
  it('is read field by field', () => {
    assert.deepEqual(readParse(embedded('s\0SHOW \xc3\xa9\0\0\x02\0\0\0\x17\0\0\0\x19')), {
      statement: 's',
      text: 'SHOW é',
      parameterTypes: 2,
    })
    assert.deepEqual(readBind(embedded('p\0s\0\0\x01\0\x01\0\x02\xff\xff\xff\xff\0\0\0\x01a\0\x02\0\0\0\x01')), {
      portal: 'p',
      statement: 's',
      values: 2,
      resultFormats: [0, 1],
    })
    assert.deepEqual(readTarget(embedded('Ss\0')), { kind: 'statement', name: 's' })
    assert.deepEqual(readTarget(embedded('P\0')), { kind: 'portal', name: '' })
    assert.deepEqual(readExecute(embedded('p\0\0\0\x01\0')), { portal: 'p', maxRows: 256 })
    assert.deepEqual(readExecute(embedded('p\0\xff\xff\xff\xff')), { portal: 'p', maxRows: 0 })
  })

  it('is refused when it ends early, at whatever byte, or goes on behind its end', () => {
    const bodies: [(message: MessageBytes) => unknown, string][] = [
      [readParse, 's\0SHOW\0\0\x01\0\0\0\x17'],
      [readBind, 'p\0s\0\0\x01\0\x01\0\x01\0\0\0\x01a\0\x01\0\0'],
      [readTarget, 'Ss\0'],
      [readExecute, 'p\0\0\0\0\0'],
    ]
    for (const [read, body] of bodies) {
      assert.doesNotThrow(() => read(embedded(body)))
      for (let end = 0; end < body.length; end++) {
        assert.throws(() => read(embedded(body.slice(0, end))), { code: 'protocol_violation' }, `${end} of ${body}`)
      }
      assert.throws(() => read(embedded(`${body}\0`)), { code: 'protocol_violation' })
    }
    assert.throws(() => readTarget(embedded('Xs\0')), { message: 'malformed Describe or Close' })
  })

  it('that promises more than it has is refused', () => {
    const lies = ['p\0s\0\xff\xff', 'p\0s\0\0\0\0\x01\x7f\xff\xff\xff', 'p\0s\0\0\0\0\0\xff\xff']
    for (const lie of lies) assert.throws(() => readBind(embedded(lie)), { message: 'malformed Bind' })
  })
})
