import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { wrapped } from './wrapped.ts'

describe('wrapped', () => {
  it('has lines of whole words, indented, none longer than there is room for', () => {
    assert.equal(wrapped('one two three four', 10, '  '), '  one two\n  three\n  four\n')
  })

  it('leaves a word whole that is longer than a line, and nothing of nothing', () => {
    assert.deepEqual(
      [wrapped('a incomprehensible b', 6, '  '), wrapped(' ', 6, '  ')],
      ['  a\n  incomprehensible\n  b\n', ''],
    )
  })
})
