import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BreachError } from './breach.ts'
import { Conversation, type Cancellation, type Owed, type Refusal } from './conversation.ts'
import { commandComplete, error, ready, row, rowDescription, type Reply } from './replies.ts'

const token = 'c1:1:00000001'
const foreign = 'c2:1:00000002'

function message(type: string, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body)
  const header = Buffer.alloc(5)
  header.write(type)
  header.writeInt32BE(bytes.length + 4, 1)
  return Buffer.concat([header, bytes])
}

function dataRow(...fields: readonly string[]): Buffer {
  const count = Buffer.from([0, fields.length])
  return message('D', Buffer.concat([count, ...fields.flatMap((text) => [length(text), Buffer.from(text)])]))
}

function length(text: string): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(text.length)
  return bytes
}

const errorResponse = (severity: string, sqlState: string, text: string): Buffer =>
  message('E', `S${severity}\0V${severity}\0C${sqlState}\0M${text}\0\0`)

const description = message('T', Buffer.from([0, 1]))
const complete = message('C', 'SELECT 1\0')
const readyIdle = message('Z', 'I')
const goodReply = [description, dataRow(token), complete, readyIdle]
const expected = [rowDescription(1), row([token]), commandComplete('SELECT 1'), ready('I')]

/** Feeds chunks to a client that is owed `requests`, and tells what came of it. */
function outcome(
  chunks: readonly Buffer[],
  requests: readonly (readonly Reply[])[],
  may: Pick<Owed, 'cancellation' | 'refusal'> = {},
) {
  const conversation = new Conversation(1)
  const done: boolean[] = []
  for (const replies of requests) {
    conversation.expect({ replies, ...may, done: (wasCanceled) => void done.push(wasCanceled) })
  }
  try {
    for (const chunk of chunks) conversation.feed(chunk)
  } catch (thrown) {
    assert.ok(thrown instanceof BreachError, String(thrown))
    return thrown.kind
  }
  return done
}

describe('a conversation', () => {
  it('accepts the owed replies in every split, and in single bytes', () => {
    const bytes = Buffer.concat([...goodReply, ...goodReply])
    for (let at = 1; at < bytes.length; at++) {
      assert.deepEqual(outcome([bytes.subarray(0, at), bytes.subarray(at)], [expected, expected]), [false, false])
    }
    const single = Array.from(bytes, (byte) => Buffer.from([byte]))
    assert.deepEqual(outcome(single, [expected, expected]), [false, false])
  })

  it('waits while a reply is missing', () => {
    assert.deepEqual(outcome(goodReply.slice(0, 3), [expected]), [])
  })

  const breaches: readonly (readonly [what: string, kind: string, chunks: Buffer[], requests?: Reply[][]])[] = [
    ['a foreign token', 'foreign token', [description, dataRow(foreign)]],
    ['a foreign token in an error', 'foreign token', [errorResponse('ERROR', '22P02', foreign)]],
    ['a foreign token in a FATAL error', 'foreign token', [errorResponse('FATAL', '57P01', foreign)]],
    ['a foreign token in a surplus reply', 'foreign token', [...goodReply, dataRow(foreign)]],
    ['an older token of its own', 'wrong content', [description, dataRow('c1:0:00000001')]],
    ['two replies in the wrong order', 'wrong content', [description, dataRow('c1:2:00000002')]],
    ['a missing row', 'unexpected message', [description, complete]],
    ['a row twice', 'unexpected message', [description, dataRow(token), dataRow(token)]],
    ['another number of fields', 'wrong content', [description, dataRow(token, token)]],
    ['a field longer than its row', 'wrong content', [description, message('D', Buffer.from([0, 1, 0, 0, 0, 9, 1]))]],
    ['surplus bytes in a row', 'wrong content', [description, message('D', Buffer.from([0, 0, 1]))]],
    ['another tag', 'wrong content', [description, dataRow(token), message('C', 'SELECT 2\0')]],
    ['another transaction status', 'wrong content', [...goodReply.slice(0, 3), message('Z', 'T')]],
    ['a surplus ReadyForQuery', 'unexpected message', [...goodReply, readyIdle]],
    ['an early ReadyForQuery', 'unexpected message', [description, readyIdle]],
    ['an unexpected error', 'unexpected message', [errorResponse('ERROR', '42601', 'syntax error')]],
    ['a cancel that nobody sent', 'unexpected message', [errorResponse('ERROR', '57014', 'canceled')]],
    [
      'another error than the owed one',
      'wrong content',
      [errorResponse('ERROR', '42601', token)],
      [[error('22P02', token)]],
    ],
    ['a notification', 'unexpected message', [message('A', 'somebody')]],
    ['a message after a FATAL error', 'unexpected message', [errorResponse('FATAL', '57P01', 'stop'), readyIdle]],
    ['a second BackendKeyData', 'unexpected message', [message('K', '12345678'), message('K', '12345678')]],
    ['a length that cannot be', 'unexpected message', [Buffer.from('Z\0\0\0\u0003I')]],
  ]
  for (const [what, kind, chunks, requests] of breaches) {
    it(`reports ${what}`, () => {
      assert.equal(outcome([Buffer.concat(chunks)], requests ?? [expected]), kind)
    })
  }

  it('takes a 57014 for as many of the requests that a cancel names as it may hit, whichever they are', () => {
    const canceled = [errorResponse('ERROR', '57014', 'canceled'), readyIdle]
    const sent = (): { cancellation: Cancellation } => ({ cancellation: { isSent: true, mostHits: 1, hits: [] } })
    assert.deepEqual(outcome([...canceled, ...goodReply], [expected, expected], sent()), [true, false])
    assert.deepEqual(outcome([...goodReply, description, ...canceled], [expected, expected], sent()), [false, true])
    assert.equal(outcome([...canceled, ...canceled], [expected, expected], sent()), 'unexpected message')
    assert.deepEqual(
      outcome([...canceled, ...canceled], [expected, expected], {
        cancellation: { ...sent().cancellation, mostHits: 2 },
      }),
      [true, true],
    )
  })

  it('takes an error that a request may be refused with, once, and then the status that goes with it', () => {
    const refusal = (): Refusal => ({ sqlState: '53300', status: 'E', isRefused: false })
    const told = [errorResponse('ERROR', '53300', 'too many'), message('Z', 'E')]
    assert.deepEqual(outcome(told, [expected], { refusal: refusal() }), [false])
    assert.equal(outcome([...told.slice(0, 1), readyIdle], [expected], { refusal: refusal() }), 'wrong content')
    assert.equal(outcome(told, [expected]), 'unexpected message')
  })

  it("takes a pooler's own notice, but none of PostgreSQL's", () => {
    const notice = (more: string): Buffer => message('N', `SNOTICE\0VNOTICE\0C00000\0Mkeeps a server\0${more}\0`)
    assert.deepEqual(outcome([notice(''), ...goodReply], [expected]), [false])
    assert.equal(outcome([notice('Rexec_stmt_raise\0'), ...goodReply], [expected]), 'unexpected message')
  })

  it('takes parameters and shutdown warnings at any time', () => {
    const parameter = message('S', 'TimeZone\0UTC\0')
    const warning = message('N', 'SWARNING\0VWARNING\0C57P02\0Mcrash of another server process\0\0')
    const chunks = goodReply.flatMap((chunk) => [parameter, warning, chunk])
    assert.deepEqual(outcome(chunks, [expected]), [false])
  })
})
