import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fitText, textWidth, wrapText } from './text-width.ts'

describe('fitText', () => {
  it('keeps a text that fits and cuts one that does not', () => {
    assert.equal(fitText('waiting', 10, 100), 'waiting')
    const cut = fitText('waiting for a server', 10, 60)
    assert.match(cut, /^waiting.*…$/)
    assert.ok(textWidth(cut, 10) <= 60)
  })

  it('does not cut a character in two', () => {
    assert.ok(fitText('😀😀😀😀', 10, 30).isWellFormed())
  })
})

describe('wrapText', () => {
  it('breaks between words, and cuts a word that is longer than a line', () => {
    assert.deepEqual(wrapText('a pool  of\nservers', 10, 60), ['a pool of', 'servers'])
    assert.deepEqual(wrapText('', 10, 60), [])
    assert.match(wrapText('x'.repeat(50), 10, 60).join('|'), /^x+…$/)
  })
})
