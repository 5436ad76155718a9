import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { kilobytes } from '../../bench/load/memory.ts'
import { cancelRequest, errorText, Messages, query, startup } from '../../bench/load/messages.ts'
import * as raw from '../support/raw-messages.ts'

describe('Messages', () => {
  const key = Buffer.from('0000002a0badcafe', 'hex')
  const bytes = Buffer.concat([
    raw.message('R', Buffer.alloc(4)),
    raw.message('K', key),
    raw.sync,
    raw.message('Z', Buffer.from('I')),
  ])
  const expected = [
    ['R', ''],
    ['K', key.toString('hex')],
    ['S', ''],
    ['Z', ''],
  ]

  it('cuts a stream in every split, and in single bytes, and hands out the bodies that are wanted', () => {
    const splits = Array.from({ length: bytes.length + 1 }, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)])
    const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
    for (const chunks of [...splits, single]) {
      const got: string[][] = []
      const messages = new Messages('K', (type, body) => got.push([type, body.toString('hex')]))
      for (const chunk of chunks) messages.push(chunk)
      assert.deepEqual(got, expected)
    }
  })
})

describe('what the load generator sends', () => {
  it('is what the tests send', () => {
    const names = { user: 'postgres', database: 'postgres', application_name: 'one' }
    assert.deepEqual(startup({ application_name: 'one' }), raw.startup(names))
    assert.deepEqual(query("select 'ä'"), raw.query("select 'ä'"))
    assert.deepEqual(cancelRequest(Buffer.alloc(8, 7)), raw.cancelRequest(Buffer.alloc(8, 7)))
  })
})

describe('errorText', () => {
  it('gives code and text', () => {
    assert.equal(errorText(Buffer.from('SERROR\0C57014\0Mcanceling statement\0\0')), '57014 canceling statement')
  })
})

describe('kilobytes', () => {
  const text = 'Rss:               95640 kB\nPss:               61234 kB\nPss_Dirty:         41 kB\n'

  it('reads one line of many', () => {
    assert.equal(kilobytes(text, 'Pss'), 61_234)
  })

  it('rejects what the kernel does not tell', () => {
    assert.throws(() => kilobytes(text, 'VmHWM'), /does not tell VmHWM/)
  })
})
