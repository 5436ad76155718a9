import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { everySplit } from '../../test/support/splits.ts'
import * as wire from './authentication.ts'
import { message } from './build.ts'
import { Framer } from './framer.ts'
import { frontendLoginRules } from './messages.ts'
import type { MessageBytes } from './read.ts'

/** The message in the middle of a buffer that has NULs everywhere else. */
function embedded(message: Buffer): MessageBytes {
  return { bytes: Buffer.concat([Buffer.alloc(3), message, Buffer.alloc(9)]), start: 3, end: 3 + message.length }
}

const text = (value: string): Buffer => Buffer.from(value, 'latin1')

function refuses(read: (message: MessageBytes) => unknown, type: string, bodies: string[], what: string): void {
  for (const body of bodies) {
    const expected = { code: 'protocol_violation', message: `malformed ${what}` }
    assert.throws(() => read(embedded(message(type, text(body)))), expected, JSON.stringify(body))
  }
}

describe('authentication requests', () => {
  it('are what the manual says, byte for byte, and are read back', () => {
    const requests: [Buffer, string, wire.AuthenticationRequest][] = [
      [wire.authenticationCleartextPassword, 'R\0\0\0\x08\0\0\0\x03', { name: 'cleartext-password' }],
      [
        wire.authenticationMd5Password(text('abcd')),
        'R\0\0\0\x0c\0\0\0\x05abcd',
        { name: 'md5-password', salt: text('abcd') },
      ],
      [
        wire.authenticationSasl(['SCRAM-SHA-256']),
        'R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0',
        { name: 'sasl', mechanisms: ['SCRAM-SHA-256'] },
      ],
      [wire.authenticationSasl(['A', 'B']), 'R\0\0\0\x0d\0\0\0\x0aA\0B\0\0', { name: 'sasl', mechanisms: ['A', 'B'] }],
      [
        wire.authenticationSaslContinue(text('r=x')),
        'R\0\0\0\x0b\0\0\0\x0br=x',
        { name: 'sasl-continue', data: text('r=x') },
      ],
      [
        wire.authenticationSaslFinal(text('v=x')),
        'R\0\0\0\x0b\0\0\0\x0cv=x',
        { name: 'sasl-final', data: text('v=x') },
      ],
    ]
    for (const [bytes, expected, request] of requests) {
      assert.deepEqual(bytes, text(expected))
      assert.deepEqual(wire.readAuthenticationRequest(embedded(bytes)), request)
    }
    assert.deepEqual(wire.readAuthenticationRequest(embedded(message('R', Buffer.alloc(4)))), { name: 'ok' })
  })

  it('of kinds that are not spoken here are read by their name', () => {
    const kindOf = (code: number): unknown =>
      wire.readAuthenticationRequest(embedded(message('R', Buffer.from([0, 0, 0, code, 1, 2]))))
    assert.deepEqual(
      [2, 7, 9, 1, 200].map(kindOf),
      ['KerberosV5', 'GSS', 'SSPI', 'kind 1', 'kind 200'].map((kind) => ({ name: 'unsupported', kind })),
    )
  })

  it('are refused when they are not exactly what their code announces', () => {
    const read = wire.readAuthenticationRequest
    refuses(read, 'R', ['', '\0\0\0', '\0\0\0\0x', '\0\0\0\x03x', '\0\0\0\x05abc', '\0\0\0\x05abcde'], 'Authentication')
    const lists = ['', '\0', '\0\0', 'A', 'A\0', '\0A\0\0', 'A\0\0\0', 'A\0\0B\0\0', 'A\0\0x']
    refuses(
      read,
      'R',
      lists.map((list) => `\0\0\0\x0a${list}`),
      'AuthenticationSASL',
    )
  })
})

describe('answers', () => {
  it('are what the manual says, byte for byte, and are read back', () => {
    const password = wire.passwordMessage(text('pa\xff'))
    assert.deepEqual(password, text('p\0\0\0\x08pa\xff\0'))
    assert.deepEqual(wire.readPassword(embedded(password)), text('pa\xff'))
    assert.deepEqual(wire.readPassword(embedded(wire.passwordMessage(text('')))), text(''))
    const initial = wire.saslInitialResponse('M', text('n,,'))
    assert.deepEqual(initial, text('p\0\0\0\x0dM\0\0\0\0\x03n,,'))
    assert.deepEqual(wire.readSaslInitialResponse(embedded(initial)), { mechanism: 'M', data: text('n,,') })
    assert.deepEqual(wire.saslResponse(text('c=')), text('p\0\0\0\x06c='))
    assert.deepEqual(wire.readSaslResponse(embedded(wire.saslResponse(text('c=')))), text('c='))
  })

  it('are copies, whatever becomes of the chunk that they came in', () => {
    const { bytes, start, end } = embedded(wire.passwordMessage(text('secret')))
    const password = wire.readPassword({ bytes, start, end })
    bytes.fill(0)
    assert.deepEqual(password, text('secret'))
  })

  it('with a password are refused unless their only NUL is the last byte', () => {
    refuses(wire.readPassword, 'p', ['', 'secret', 'se\0cret\0', 'secret\0\0', '\0secret', '\0\0'], 'PasswordMessage')
  })

  it('that open SASL are refused when their length field is not the length (CVE-2026-6664)', () => {
    const lengths = ['\0\0\0\0', '\0\0\0\x02', '\0\0\0\x04', '\x7f\xff\xff\xff', '\x80\0\0\0', '\xff\xff\xff\xff']
    const bodies = [...lengths.map((length) => `M\0${length}n,,`), 'M\0\xff\xff\xff\xff', 'M\0\xff\xff\xff\xfc']
    const short = ['', 'M', 'M\0', 'M\0\0', 'M\0\0\0\0', '\0', '\0\0\0\0']
    refuses(wire.readSaslInitialResponse, 'p', [...bodies, ...short], 'SASLInitialResponse')
  })

  it('are framed whole, up to the length that PostgreSQL takes, and nothing else is allowed', () => {
    const longest = wire.saslResponse(Buffer.alloc(65_535))
    const framer = new Framer(frontendLoginRules)
    framer.push(longest.subarray(0, 60_000))
    assert.equal(framer.next(), false)
    framer.push(longest.subarray(60_000))
    assert.ok(framer.next())
    assert.equal(framer.end - framer.start, longest.length)
    for (const bytes of [wire.saslResponse(Buffer.alloc(65_536)), message('Q', text('x\0')), message('X')]) {
      const refusing = new Framer(frontendLoginRules)
      refusing.push(bytes)
      assert.throws(() => refusing.next(), { code: 'protocol_violation' })
    }
  })

  it('are the same in every split', () => {
    const bytes = wire.passwordMessage(text('secret'))
    for (const chunks of everySplit(bytes)) {
      const framer = new Framer(frontendLoginRules)
      const passwords: Buffer[] = []
      for (const chunk of chunks) {
        framer.push(chunk)
        while (framer.next()) passwords.push(wire.readPassword(framer))
      }
      assert.deepEqual(passwords, [text('secret')])
    }
  })
})
