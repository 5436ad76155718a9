import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Random } from '../../test/support/console-fakes.ts'
import { TaxirankError } from '../errors.ts'
import { readStatement, type Statement } from './statement.ts'

const words = (...texts: string[]): Statement => ({
  name: 'words',
  words: texts.map((text) => ({ text, isQuoted: false })),
})
const set = (key: string, value: string): Statement => ({ name: 'set', key, value })

describe('a console statement', () => {
  const readings: Record<string, Statement> = {
    '': { name: 'empty' },
    ' \t\n': { name: 'empty' },
    ';': { name: 'empty' },
    'SHOW POOLS': words('SHOW', 'POOLS'),
    '  show\n\tpools ; ': words('show', 'pools'),
    'pause my-db.1;': words('pause', 'my-db.1'),
    'RESUME bücher': words('RESUME', 'bücher'),
    'SET a=1': set('a', '1'),
    "set A = 'x y';": set('a', 'x y'),
    'SET a TO b': set('a', 'b'),
    "SET a to ''": set('a', ''),
    "SET a = 'it''s'": set('a', "it's"),
    'SET session a = 1': set('a', '1'),
    'SET LOCAL a = 1': set('a', '1'),
    'SET session = 1': set('session', '1'),
    'SET a = x, "y", \'z\'': set('a', 'x, y, z'),
    'SET listen_addr = 127.0.0.1': set('listen_addr', '127.0.0.1'),
    'SET session characteristics as transaction read only': words(
      'SET',
      'session',
      'characteristics',
      'as',
      'transaction',
      'read',
      'only',
    ),
  }
  for (const [text, statement] of Object.entries(readings)) {
    it(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(readStatement(text), statement))
  }

  it('keeps what stands in double quotes as it is', () => {
    assert.deepEqual(readStatement('PAUSE "My ""odd""; db"'), {
      name: 'words',
      words: [
        { text: 'PAUSE', isQuoted: false },
        { text: 'My "odd"; db', isQuoted: true },
      ],
    })
  })

  const refusals: Record<string, RegExp> = {
    'PAUSE; PAUSE': /^one command at a time: something stands behind the semicolon$/,
    ';;': /^one command at a time/,
    'PAUSE "x': /^a quote is opened and not closed$/,
    "SET a = 'x": /^a quote is opened and not closed$/,
    'SET a =': /^SET "a" has no value$/,
    'SET a = b c': /^a SET has one value/,
    'SET a = b,': /^a SET has one value/,
    'PAUSE = x': /^"=" does not belong into a command$/,
    "PAUSE 'x'": /^"x" does not belong into a command$/,
    'KILL_CLIENT $1': /^the console takes no parameters: write the value into the command$/,
    [`${'x'.repeat(16)} y`]: /^a command has at most 15 characters, this one 16$/,
    [`PAUSE ${'x'.repeat(64)}`]: /^an argument has at most 63 characters, this one 64$/,
    [`SET ${'x'.repeat(64)} = 1`]: /^a setting name has at most 63 characters, this one 64$/,
    [`SET x = '${'x'.repeat(256)}'`]: /^a value has at most 255 characters, this one 256$/,
    [`BEGIN ${'x '.repeat(20)}`]: /^a command has at most 16 words$/,
  }
  for (const [text, message] of Object.entries(refusals)) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}`, () => {
      assert.throws(() => readStatement(text), { code: 'console_refused', message })
    })
  }

  it('takes a command, an argument and a value of the longest length, counted in characters', () => {
    const long = ['x'.repeat(15), `PAUSE ${'ü'.repeat(63)}`, `PAUSE "${'""'.repeat(63)}"`, `SET x = ${'y'.repeat(255)}`]
    for (const text of long) assert.doesNotThrow(() => readStatement(text))
  })

  it('refuses with a short sentence, and nothing else, whatever comes', () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const random = new Random(seed)
    const bits = ['set', 'show', ' ', ' ', '"', "'", ';', '=', ',', 'to', '$1', '\0', 'ü', '\u{1f600}', 'x'.repeat(300)]
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: random.integer(0, 12) }, () => bits[random.integer(0, bits.length - 1)]).join(
        '',
      )
      try {
        readStatement(text)
      } catch (error) {
        assert.ok(error instanceof TaxirankError, `seed ${seed}: ${JSON.stringify(text)}: ${String(error)}`)
        assert.ok(error.message.length < 250, `seed ${seed}: ${error.message}`)
      }
    }
  })
})
