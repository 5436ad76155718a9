import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { everySplit } from '../../test/support/splits.ts'
import { message } from '../wire/build.ts'
import { type Fate, type ReaderDesk, type RequestHead, RequestReader } from './request-reader.ts'

const noTraffic = { read: () => undefined, wrote: () => undefined, replaced: () => undefined, usedUp: () => undefined }

/** Notes what the reader does, and stops it where it is told to. */
class Desk implements ReaderDesk {
  readonly admitted: string[] = []
  readonly discardedTypes: string[] = []
  readonly writes: Buffer[] = []
  isOver = false
  isStopped = false
  saidGoodbyeAt: number | undefined
  fateOf: (type: string) => Fate = () => 'forward'

  admit(head: RequestHead): Fate {
    const type = String.fromCharCode(head.type)
    const fate = this.fateOf(type)
    this.isStopped = fate === 'stop'
    if (fate !== 'stop') this.admitted.push(type)
    return fate
  }

  replace(): undefined {
    throw new Error('nothing is replaced here')
  }

  forward(bytes: Uint8Array): void {
    this.writes.push(Buffer.from(bytes))
  }

  goesOn(): void {}

  completed(): void {}

  discarded(type: number): void {
    this.discardedTypes.push(String.fromCharCode(type))
  }

  saidGoodbye(): void {
    this.isStopped = true
    this.saidGoodbyeAt = this.forwarded.length
  }

  get forwarded(): Buffer {
    return Buffer.concat(this.writes)
  }
}

function query(text: string): Buffer {
  return message('Q', Buffer.from(`${text}\0`))
}

/** Their bodies are messages themselves. */
const deceptive = [message('P', query('inner')), message('B', Buffer.concat([query(''), message('S')])), message('S')]
const terminate = message('X')

describe('RequestReader', () => {
  it('forwards every byte once and sees each message once, in every split', () => {
    const stream = Buffer.concat([query('one'), ...deceptive, query('two')])
    for (const chunks of everySplit(stream)) {
      const desk = new Desk()
      const reader = new RequestReader(desk, noTraffic)
      for (const chunk of chunks) reader.read(chunk)
      assert.deepEqual(desk.admitted.join(''), 'QPBSQ')
      assert.ok(desk.forwarded.equals(stream))
      assert.equal(reader.isMidMessage, false)
    }
  })

  it('takes no part of a long message for one of its own', () => {
    const inner = query('inner')
    for (const length of [16_000, 16_384, 20_000]) {
      const body = Buffer.concat([Buffer.alloc(length, 'x'), inner, Buffer.alloc(500, 'y')])
      const stream = Buffer.concat([message('B', body), query('next')])
      const at = length + 5
      for (const cuts of [
        [at, at + inner.length],
        [at, at + inner.length, body.length + 5],
        [3, at, at + inner.length],
      ]) {
        const desk = new Desk()
        const reader = new RequestReader(desk, noTraffic)
        const bounds = [0, ...cuts, stream.length]
        for (const [index, end] of bounds.slice(1).entries()) reader.read(stream.subarray(bounds[index], end))
        assert.deepEqual(desk.admitted, ['B', 'Q'])
        assert.ok(desk.forwarded.equals(stream))
      }
    }
  })

  it('stops at any message, keeps what comes meanwhile, and goes on with that message: in every split', () => {
    const stream = Buffer.concat([query('one'), ...deceptive, query('two')])
    for (const stopAt of 'PBS') {
      for (const chunks of everySplit(stream)) {
        const desk = new Desk()
        desk.fateOf = (type) => (type === stopAt ? 'stop' : 'forward')
        const reader = new RequestReader(desk, noTraffic)
        for (const chunk of chunks) reader.read(chunk)
        assert.equal(desk.admitted.join(''), 'QPBSQ'.slice(0, 'QPBSQ'.indexOf(stopAt)))
        desk.fateOf = () => 'forward'
        desk.isStopped = false
        reader.resume()
        assert.deepEqual([desk.admitted.join(''), reader.backlogBytes], ['QPBSQ', 0])
        assert.ok(desk.forwarded.equals(stream))
      }
    }
  })

  it('resumes harmlessly where nothing had stopped', () => {
    const stream = Buffer.concat([query('one'), ...deceptive])
    for (let cut = 1; cut < stream.length; cut++) {
      const desk = new Desk()
      const reader = new RequestReader(desk, noTraffic)
      reader.resume()
      reader.read(stream.subarray(0, cut))
      reader.resume()
      reader.read(stream.subarray(cut))
      reader.resume()
      assert.deepEqual(desk.admitted.join(''), 'QPBS')
      assert.ok(desk.forwarded.equals(stream))
    }
  })

  it('discards what its desk does not want, and only that: in every split', () => {
    const stream = Buffer.concat([query('one'), ...deceptive, query('two')])
    for (const chunks of everySplit(stream)) {
      const desk = new Desk()
      desk.fateOf = (type) => (type === 'B' ? 1 : 'forward')
      const reader = new RequestReader(desk, noTraffic)
      for (const chunk of chunks) reader.read(chunk)
      assert.deepEqual([desk.admitted.join(''), desk.discardedTypes], ['QPBSQ', ['B']])
      assert.ok(desk.forwarded.equals(Buffer.concat([query('one'), deceptive[0]!, deceptive[2]!, query('two')])))
    }
  })

  it('reads nothing behind a Terminate, and has forwarded all in front of it: in every split', () => {
    const before = Buffer.concat([query('one'), query('two')])
    for (const chunks of everySplit(Buffer.concat([before, terminate, query('late')]))) {
      const desk = new Desk()
      const reader = new RequestReader(desk, noTraffic)
      for (const chunk of chunks) reader.read(chunk)
      assert.deepEqual([desk.admitted.join(''), desk.saidGoodbyeAt], ['QQ', before.length])
      assert.ok(desk.forwarded.equals(before))
    }
  })

  it('refuses what is not allowed after it has forwarded what stood in front', () => {
    const desk = new Desk()
    const reader = new RequestReader(desk, noTraffic)
    assert.throws(
      () => reader.read(Buffer.concat([query('one'), message('?')])),
      /message type '\?' is not allowed here/,
    )
    assert.ok(desk.forwarded.equals(query('one')))
  })
})
