import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { saslprep } from './saslprep.ts'

const prepared = (text: string): string => saslprep(Buffer.from(text)).toString()

describe('saslprep', () => {
  it('leaves ASCII as it is, control characters included', () => {
    for (const text of ['', 'pencil', ' a\tb\x01\x7f ']) assert.equal(prepared(text), text)
  })

  it('maps spaces to spaces, and what is mapped to nothing to nothing', () => {
    assert.equal(prepared('a\u00a0b\u3000c\u200bd'), 'a b c d')
    assert.equal(prepared('I\u00adX'), 'IX')
    assert.equal(prepared('\ufeffé'), 'é')
  })

  it('normalises what is only written in another way', () => {
    assert.equal(prepared('e\u0301'), 'é')
    assert.equal(prepared('\u00aa'), 'a')
    assert.equal(prepared('\u2168'), 'IX')
    assert.equal(prepared('ﬁ'), 'fi')
  })

  it('leaves a password as it is that may not be prepared', () => {
    const texts = {
      'nothing is left of it': '\u00ad',
      'a control character beside é': 'e\u0301\x07',
      'a private character': 'e\u0301\ue000',
      'a character newer than Unicode 3.2': 'e\u0301😀',
      'left to right within right to left': '\u0627e\u0301\u0628',
      'right to left that ends in a digit': '\u0627\ufb1d\u00b2',
    }
    for (const [why, text] of Object.entries(texts)) assert.equal(prepared(text), text, why)
  })

  it('takes what is written from right to left throughout', () => {
    assert.equal(prepared('\u0627\u00b2\u0628'), '\u06272\u0628')
  })

  it('leaves bytes that are no UTF-8 as they are', () => {
    const invalid = [
      [0xff],
      [0xc3],
      [0x65, 0xcc, 0x81, 0x80],
      [0xed, 0xa0, 0x80],
      [0xc0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
    ]
    for (const bytes of invalid) assert.deepEqual(saslprep(Buffer.from(bytes)), Buffer.from(bytes))
  })
})
