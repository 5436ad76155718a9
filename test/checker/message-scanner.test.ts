import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cancelRequest, message, parse, query, sslRequest, startup, sync } from './build-trace.ts'
import { MessageScanner } from './message-scanner.ts'

/** What is heard of a stream fed in pieces. */
function heard(stream: Buffer, pieceBytes: number, isUntyped: boolean, rawReplies = 0): string[] {
  const events: string[] = []
  const scanner = new MessageScanner(
    {
      began: (type, offset) => events.push(`began ${type} at ${offset}`),
      ended: (type, bytes, start, end, offset) => {
        events.push(`ended ${type} ${bytes.toString('latin1', start, Math.min(end, start + 12))} at ${offset}`)
      },
      broke: (reason) => events.push(`broke: ${reason}`),
    },
    isUntyped,
  )
  for (let i = 0; i < rawReplies; i++) scanner.expectRawReply()
  for (let at = 0; at < stream.length; at += pieceBytes) {
    const piece = Buffer.concat([Buffer.from('<'), stream.subarray(at, at + pieceBytes), Buffer.from('>')])
    scanner.feed(piece, 1, piece.length - 1)
  }
  events.push(scanner.isAtBoundary ? 'at a boundary' : 'inside')
  return events
}

function inEverySplit(stream: Buffer, isUntyped: boolean, rawReplies = 0): string[] {
  const whole = heard(stream, stream.length, isUntyped, rawReplies)
  for (let pieceBytes = 1; pieceBytes < Math.min(stream.length, 40); pieceBytes++) {
    assert.deepEqual(heard(stream, pieceBytes, isUntyped, rawReplies), whole)
  }
  return whole
}

describe('MessageScanner', () => {
  it("walks a client's stream: packets, startup, messages", () => {
    assert.deepEqual(inEverySplit(Buffer.concat([sslRequest(), startup(), query('select 1'), sync()]), true), [
      'began 0 at 0',
      'ended 0 \u0004\u00d2\u0016/ at 8',
      'began 0 at 8',
      'ended 0 \u0000\u0003\u0000\u0000user\u0000use at 46',
      'began 81 at 46',
      'ended 81 select 1\u0000 at 60',
      'began 83 at 60',
      'ended 83  at 65',
      'at a boundary',
    ])
    assert.equal(inEverySplit(cancelRequest(1), true).length, 3)
  })

  it("walks a server's stream that begins with the answer to an SSLRequest", () => {
    const stream = Buffer.concat([Buffer.from('N'), message('N', 'notice'), message('Z', 'I')])
    assert.equal(inEverySplit(stream, false, 1).length, 7)
    assert.equal(inEverySplit(message('E', 'refused'), false, 1).at(-2), 'ended 69 refused at 12')
  })

  it('keeps no more than the beginning of a long message', () => {
    const long = query('x'.repeat(100_000))
    assert.deepEqual(heard(long, 1000, false), ['began 81 at 0', 'ended 81 xxxxxxxxxxxx at 100006', 'at a boundary'])
    assert.deepEqual(heard(long.subarray(0, 99_999), 1000, false), ['began 81 at 0', 'inside'])
  })

  it('keeps a Parse of a client whole, however long', () => {
    const long = parse('', 'x'.repeat(100_000))
    const bodies: string[] = []
    const ignore = (): void => undefined
    const ended = (type: number, bytes: Buffer, start: number, end: number): void => {
      if (type !== 0) bodies.push(bytes.toString('latin1', start, end))
    }
    const scanner = new MessageScanner({ began: ignore, ended, broke: ignore }, true)
    const stream = Buffer.concat([startup(), long, query('y'.repeat(5000))])
    for (let at = 0; at < stream.length; at += 999) scanner.feed(stream, at, Math.min(stream.length, at + 999))
    assert.equal(bodies[0], long.toString('latin1', 5))
    assert.equal(bodies[1]?.length, 2048)
  })

  it("breaks at lengths that can't be, and hears nothing after", () => {
    for (const length of [0, 1, 2, 3, 0x4000_0003, 0x8000_0000, 0xffff_ffff]) {
      const stream = Buffer.concat([Buffer.from('Q....'), sync()])
      stream.writeUInt32BE(length, 1)
      assert.deepEqual(inEverySplit(stream, false).slice(1), [
        `broke: a message says it is ${length} bytes long`,
        'inside',
      ])
    }
    assert.deepEqual(inEverySplit(Buffer.from([0, 0, 0, 7, 0, 3, 0]), true).length, 3)
  })
})
