import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ByteQueue } from './byte-queue.ts'

function bytes(text: string): [Buffer, number, number] {
  const buffer = Buffer.from(`<${text}>`)
  return [buffer, 1, buffer.length - 1]
}

describe('ByteQueue', () => {
  it('gives bytes back in order, whatever the pieces, and counts what was used', () => {
    const queue = new ByteQueue()
    const stream = Array.from({ length: 5000 }, (_, i) => String.fromCharCode(97 + (i % 23))).join('')
    let used = 0
    for (let at = 0, piece = 1; at < stream.length; at += piece, piece = (piece * 7) % 101) {
      queue.append(...bytes(stream.slice(at, at + piece)))
      const take = Math.floor(queue.length * 0.7)
      assert.ok(queue.startsWith(...bytes(stream.slice(used, used + take))))
      queue.consume(take)
      used += take
    }
    assert.equal(queue.consumed, used)
  })

  it('tells where bytes differ, and that there are too few', () => {
    const queue = new ByteQueue()
    queue.append(...bytes('abcdef'))
    assert.equal(queue.startsWith(...bytes('abxdef')), false)
    assert.equal(queue.firstDifference(...bytes('abxdef')), 2)
    assert.equal(queue.startsWith(...bytes('abcdefg')), false)
    assert.equal(queue.firstDifference(...bytes('abcdefg')), 6)
  })

  it('remembers for a while what was used', () => {
    const queue = new ByteQueue()
    queue.append(...bytes('first second'))
    queue.consume(6)
    assert.ok(queue.wasConsumed(...bytes('first')))
    assert.equal(queue.wasConsumed(...bytes('second')), false)
    queue.consume(6)
    assert.ok(queue.wasConsumed(...bytes('second')))
  })

  it('accepts anything once it is abandoned', () => {
    const queue = new ByteQueue()
    queue.append(...bytes('abc'))
    queue.abandon()
    queue.append(...bytes('def'))
    assert.ok(queue.startsWith(...bytes('xyz')))
    assert.equal(queue.length, 0)
  })

  it('puts others in the place of the next bytes, and keeps to the offsets of the stream', () => {
    for (const used of [0, 3, 50]) {
      for (const other of ['', 'x', 'xyz', 'wxyz', 'longer than what it stands for']) {
        const queue = new ByteQueue()
        queue.append(...bytes(`${'.'.repeat(used)}abcrest`))
        queue.consume(used)
        queue.replace(3, ...bytes(other))
        assert.ok(queue.startsWith(...bytes(`${other}rest`)))
        assert.equal(queue.length, other.length + 4)
        assert.equal(queue.consumed, used)
        assert.equal(queue.isReplaced, other !== '')
        assert.equal(queue.base + other.length, used + 3)
        assert.equal(queue.offsetAfter(other.length + 2), used + 5)
        for (let i = 0; i < other.length; i++) {
          assert.equal(queue.consumed, used)
          assert.equal(queue.offsetAfter(1), used + 3)
          queue.consume(1)
        }
        queue.append(...bytes('more'))
        assert.ok(queue.startsWith(...bytes('restmore')))
        queue.consume(2)
        assert.equal(queue.consumed, used + 5)
        assert.equal(queue.isReplaced, false)
        assert.equal(queue.front(9).toString(), 'stmore')
      }
    }
  })
})
