import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { everySplit } from '../../test/support/splits.ts'
import { TaxirankError } from '../errors.ts'
import { message } from './build.ts'
import { Framer, type FramingRules } from './framer.ts'
import { backendLoginRules, backendRules, consoleRules, frontendRules } from './messages.ts'

/** A: allowed up to 40 bytes and handed out whole. B: up to 40, 12 bytes first. C: up to 2^30, by header. Nothing else. */
const rules: FramingRules = { need: new Uint32Array(256).fill(5), longest: new Uint32Array(256) }
const limits = { A: [40, 40], B: [40, 12], C: [2 ** 30, 5] } as const
for (const [letter, [longest, need]] of Object.entries(limits)) {
  rules.longest[letter.charCodeAt(0)] = longest
  rules.need[letter.charCodeAt(0)] = need
}

interface Piece {
  readonly type: string
  readonly length: number
  readonly text: string
  readonly isHead: boolean
  readonly isTail: boolean
}

function pieceOf(framer: Framer): Piece {
  const { bytes, start, end, type, length, isHead, isTail } = framer
  return { type: String.fromCharCode(type), length, text: bytes.toString('latin1', start, end), isHead, isTail }
}

function piecesOf(framer: Framer, chunks: readonly Buffer[]): Piece[] {
  const pieces: Piece[] = []
  for (const chunk of chunks) {
    framer.push(chunk)
    while (framer.next()) pieces.push(pieceOf(framer))
  }
  return pieces
}

/** As `piecesOf`, in the way of a reader that tries first whether a chunk is a message. */
function piecesOfReader(framer: Framer, chunks: readonly Buffer[]): Piece[] {
  return chunks.flatMap((chunk) => (framer.pushWhole(chunk) ? [pieceOf(framer)] : piecesOf(framer, [chunk])))
}

/** The messages that pieces make up, each with how many bytes stood together at its head. */
function messagesOf(pieces: readonly Piece[]): { text: string; headBytes: number }[] {
  const messages: { text: string; headBytes: number }[] = []
  for (const { isHead, text } of pieces) {
    if (isHead) messages.push({ text, headBytes: text.length })
    else (messages.at(-1) as { text: string }).text += text
  }
  return messages
}

const lettersOf = (text: string): string[] => text.split('')

const withBody = (letter: string, bodyBytes: number): Buffer =>
  message(letter, Buffer.alloc(bodyBytes, letter.toLowerCase()))

/** A header that claims a length. */
function header(type: number, length: number): Buffer {
  const bytes = Buffer.alloc(5)
  bytes[0] = type
  bytes.writeUInt32BE(length, 1)
  return bytes
}

describe('Framer', () => {
  it('hands out whole messages of a chunk in place, without copying', () => {
    const chunk = Buffer.concat([withBody('A', 3), withBody('B', 0), withBody('C', 20)])
    const framer = new Framer(rules)
    framer.push(chunk)
    const found: [Buffer, number, number][] = []
    while (framer.next()) found.push([framer.bytes, framer.start, framer.end])
    assert.ok(found.every(([bytes]) => bytes === chunk))
    assert.deepEqual(
      found.map(([, start, end]) => [start, end]),
      [
        [0, 8],
        [8, 13],
        [13, 38],
      ],
    )
  })

  it('hands out a longer message in pieces, from the bytes that its type needs together on', () => {
    const bytes = withBody('B', 20)
    const pieces = piecesOf(new Framer(rules), [bytes.subarray(0, 14), bytes.subarray(14, 20), bytes.subarray(20)])
    const text = bytes.toString('latin1')
    assert.deepEqual(pieces, [
      { type: 'B', length: 25, text: text.slice(0, 14), isHead: true, isTail: false },
      { type: 'B', length: 25, text: text.slice(14, 20), isHead: false, isTail: false },
      { type: 'B', length: 25, text: text.slice(20), isHead: false, isTail: true },
    ])
  })

  it('hands out nothing of a message until those bytes are there', () => {
    const bytes = withBody('B', 20)
    const framer = new Framer(rules)
    assert.deepEqual(piecesOf(framer, [bytes.subarray(0, 3), bytes.subarray(3, 7), bytes.subarray(7, 11)]), [])
    const pieces = piecesOf(framer, [bytes.subarray(11)])
    assert.deepEqual(
      pieces.map(({ text, isHead, isTail }) => [text.length, isHead, isTail]),
      [
        [12, true, false],
        [13, false, true],
      ],
    )
  })

  it('finds the same messages in every split', () => {
    const transcripts = [
      [withBody('A', 35), withBody('A', 0), withBody('A', 34)],
      [withBody('B', 0), withBody('B', 6), withBody('B', 7), withBody('B', 8), withBody('B', 35)],
      [withBody('C', 0), withBody('C', 1), withBody('C', 60), withBody('A', 1), withBody('B', 20), withBody('C', 5)],
      ['A', 'B', 'C'].map((letter) => message(letter, Buffer.concat([withBody('A', 2), withBody('C', 9)]))),
    ]
    for (const [transcript, readPieces] of transcripts.flatMap((each) => [
      [each, piecesOf] as const,
      [each, piecesOfReader] as const,
    ])) {
      for (const chunks of everySplit(Buffer.concat(transcript))) {
        const framer = new Framer(rules)
        const pieces = readPieces(framer, chunks)
        const found = messagesOf(pieces)
        assert.deepEqual(
          found.map(({ text }) => text),
          transcript.map((bytes) => bytes.toString('latin1')),
        )
        for (const { isHead, type, length, text } of pieces) {
          const [, need] = limits[type as keyof typeof limits]
          if (isHead) assert.ok(text.length >= Math.min(length, need), 'what the type needs stands together')
        }
        assert.deepEqual([framer.isMidMessage, framer.isTailOutstanding, framer.unreadBytes], [false, false, 0])
      }
    }
  })

  it('takes a chunk for a message only where a message may begin, and only if it is one, whole and allowed', () => {
    const whole = withBody('A', 3)
    const framer = new Framer(rules)
    for (const chunk of [whole.subarray(0, 7), Buffer.concat([whole, whole]), withBody('X', 3), withBody('A', 36)]) {
      assert.equal(framer.pushWhole(chunk), false)
    }
    assert.equal(framer.pushWhole(whole), true)
    assert.deepEqual([pieceOf(framer).text, framer.isWholeChunk], [whole.toString('latin1'), true])
    for (const begun of [whole.subarray(0, 2), whole.subarray(0, 6), withBody('B', 20).subarray(0, 13)]) {
      const inside = new Framer(rules)
      piecesOf(inside, [begun])
      assert.equal(inside.pushWhole(whole), false)
    }
  })

  it('takes in whatever the real rules allow, in every split', () => {
    const transcripts: [FramingRules, Buffer[]][] = [
      [
        frontendRules,
        lettersOf('QPBFd')
          .map((letter) => withBody(letter, 12))
          .concat(lettersOf('SHXc').map((one) => message(one))),
      ],
      [frontendRules, lettersOf('DECf').map((letter) => withBody(letter, 30))],
      [
        backendRules,
        lettersOf('123snIC')
          .map((letter) => withBody(letter, 8))
          .concat(withBody('Z', 1), withBody('S', 20)),
      ],
      [
        backendRules,
        lettersOf('EDTdNAVt')
          .map((letter) => withBody(letter, 10))
          .concat(withBody('G', 3), withBody('H', 3)),
      ],
      [
        backendLoginRules,
        lettersOf('RKSNEv')
          .map((letter) => withBody(letter, 12))
          .concat(withBody('Z', 1)),
      ],
      [consoleRules, [withBody('Q', 30), message('X')]],
    ]
    for (const [realRules, transcript] of transcripts) {
      const expected = transcript.map((bytes) => bytes.toString('latin1'))
      for (const chunks of everySplit(Buffer.concat(transcript))) {
        const found = messagesOf(piecesOf(new Framer(realRules), chunks))
        assert.deepEqual(
          found.map(({ text }) => text),
          expected,
        )
      }
    }
  })

  describe('limits', () => {
    const lengths = [0, 1, 2, 3, 4, 5, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]

    for (const [name, real] of Object.entries({
      rules,
      frontendRules,
      backendRules,
      backendLoginRules,
      consoleRules,
    })) {
      it(`are checked on the header for every type of ${name}, whole or byte by byte`, () => {
        for (let type = 0; type < 256; type++) {
          const longest = real.longest[type] as number
          for (const length of [...lengths, longest - 2, longest - 1, longest]) {
            if (length < 0) continue
            const bytes = header(type, length)
            const isAllowed = length >= 4 && length + 1 <= longest
            for (const chunks of [[bytes], [...bytes].map((byte) => Buffer.from([byte]))]) {
              const read = (): Piece[] => piecesOf(new Framer(real), chunks)
              if (isAllowed) assert.doesNotThrow(read, `${type} ${length}`)
              else assert.throws(read, { code: 'protocol_violation' }, `${type} ${length}`)
            }
          }
        }
      })
    }

    it('allow a message as long as its type may be, and not a byte more', () => {
      assert.deepEqual(messagesOf(piecesOf(new Framer(rules), [withBody('A', 35)])).length, 1)
      assert.throws(() => piecesOf(new Framer(rules), [withBody('A', 36)]), {
        message: "message 'A' has length 40; allowed here: 4 to 39",
      })
    })

    it('say what is wrong', () => {
      const complaint = (type: number, length: number): string => {
        try {
          piecesOf(new Framer(rules), [header(type, length)])
        } catch (error) {
          if (error instanceof TaxirankError) return error.message
        }
        return 'nothing'
      }
      assert.deepEqual(
        [complaint(0x58, 4), complaint(0, 4), complaint(0x43, 3), complaint(0x43, 2 ** 31)],
        [
          "message type 'X' is not allowed here",
          'message type 0x00 is not allowed here',
          "message 'C' has length 3; allowed here: 4 to 1073741823",
          "message 'C' has length 2147483648; allowed here: 4 to 1073741823",
        ],
      )
    })

    it('are checked before anything but the header is kept', (t: TestContext) => {
      const sizes: number[] = []
      const real = Buffer.allocUnsafeSlow.bind(Buffer)
      t.mock.method(Buffer, 'allocUnsafeSlow', (size: number) => {
        sizes.push(size)
        return real(size)
      })
      for (const length of [3, 41, 2 ** 31, 2 ** 32 - 1]) {
        for (const chunks of everySplit(header(0x41, length))) {
          assert.throws(() => piecesOf(new Framer(rules), chunks), { code: 'protocol_violation' })
        }
      }
      assert.deepEqual(new Set(sizes), new Set([5]))
    })

    it('keep no more of a message than its type needs together', (t: TestContext) => {
      const sizes: number[] = []
      const real = Buffer.allocUnsafeSlow.bind(Buffer)
      t.mock.method(Buffer, 'allocUnsafeSlow', (size: number) => {
        sizes.push(size)
        return real(size)
      })
      const framer = new Framer(rules)
      assert.deepEqual(piecesOf(framer, [header(0x43, 2 ** 30 - 1)]).length, 1)
      assert.deepEqual(piecesOf(new Framer(rules), [header(0x42, 39)]).length, 0)
      assert.deepEqual(sizes, [12])
    })

    it('stay in force: a stream that was refused is refused again', () => {
      const framer = new Framer(rules)
      framer.push(header(0x58, 4))
      for (let tries = 0; tries < 3; tries++) assert.throws(() => framer.next(), { code: 'protocol_violation' })
    })
  })

  describe('stopping on the way', () => {
    it('hands out the current piece once more after again', () => {
      const framer = new Framer(rules)
      framer.push(Buffer.concat([withBody('A', 1), withBody('B', 2)]))
      framer.next()
      const first = pieceOf(framer)
      framer.again()
      assert.deepEqual([framer.next(), pieceOf(framer)], [true, first])
      assert.deepEqual([framer.next(), pieceOf(framer).type, framer.next()], [true, 'B', false])
    })

    it('hands out a piece put together from several chunks once more after again', () => {
      const framer = new Framer(rules)
      const bytes = withBody('A', 10)
      const [first] = piecesOf(framer, [bytes.subarray(0, 4), bytes.subarray(4)])
      framer.again()
      assert.deepEqual([framer.next(), pieceOf(framer), framer.next()], [true, first, false])
    })

    it('gives the rest of the chunk to somebody else', () => {
      const framer = new Framer(rules)
      framer.push(Buffer.concat([withBody('A', 1), Buffer.from('something else')]))
      framer.next()
      assert.deepEqual([framer.unreadBytes, framer.takeRest().toString()], [14, 'something else'])
      assert.deepEqual([framer.unreadBytes, framer.takeRest().length, framer.next()], [0, 0, false])
    })
  })

  describe('what is outstanding', () => {
    it('is told apart: held bytes of a message, and the tail of one that was begun', () => {
      const framer = new Framer(rules)
      const bytes = withBody('B', 20)
      const states = [bytes.subarray(0, 2), bytes.subarray(2, 8), bytes.subarray(8, 13), bytes.subarray(13)].map(
        (chunk) => {
          piecesOf(framer, [chunk])
          const { isMidMessage, isTailOutstanding, unreadBytes } = framer
          return { isMidMessage, isTailOutstanding, unreadBytes }
        },
      )
      assert.deepEqual(states, [
        { isMidMessage: true, isTailOutstanding: false, unreadBytes: 2 },
        { isMidMessage: true, isTailOutstanding: false, unreadBytes: 8 },
        { isMidMessage: true, isTailOutstanding: true, unreadBytes: 0 },
        { isMidMessage: false, isTailOutstanding: false, unreadBytes: 0 },
      ])
    })

    it('counts what no next has reached yet', () => {
      const framer = new Framer(rules)
      framer.push(Buffer.concat([withBody('A', 1), withBody('B', 2)]))
      const counts = [framer.unreadBytes]
      while (framer.next()) counts.push(framer.unreadBytes)
      assert.deepEqual(counts, [13, 7, 0])
    })

    it('is nothing for an empty chunk', () => {
      const framer = new Framer(rules)
      assert.deepEqual(piecesOf(framer, [Buffer.alloc(0)]), [])
      assert.deepEqual([framer.isMidMessage, framer.unreadBytes], [false, 0])
    })
  })
})
