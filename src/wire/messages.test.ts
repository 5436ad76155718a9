import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TaxirankError } from '../errors.ts'
import * as build from './build.ts'
import type { FramingRules } from './framer.ts'
import { Backend, backendLoginRules, backendRules, consoleRules, Frontend, frontendRules, limited } from './messages.ts'
import {
  isNamedParse,
  type MessageBytes,
  readAuthentication,
  readBackendKey,
  readErrorFields,
  readParameterStatus,
  readQuery,
} from './read.ts'

/** The message in the middle of a buffer that has NULs everywhere else. */
function embedded(message: Buffer): MessageBytes {
  return { bytes: Buffer.concat([Buffer.alloc(3), message, Buffer.alloc(9)]), start: 3, end: 3 + message.length }
}

const keyData = (body: string): Buffer => build.message('K', Buffer.from(body, 'latin1'))
const hex = (bytes: Buffer): string => bytes.toString('hex')
const bytesOf = (text: string): string => hex(Buffer.from(text, 'latin1'))

/** A refusal of `read` for each of the bodies, wherever in a buffer the message stands. */
function refuses(read: (message: MessageBytes) => unknown, type: string, bodies: string[], what: string): void {
  for (const body of bodies) {
    const message = embedded(build.message(type, Buffer.from(body, 'latin1')))
    assert.throws(
      () => read(message),
      { code: 'protocol_violation', message: `malformed ${what}` },
      JSON.stringify(body),
    )
  }
}

describe('limited rules', () => {
  it('allow no more than the others, nothing longer, and nothing that is refused', () => {
    const rules = limited(frontendRules, { longest: 1_000, refused: [Frontend.query] })
    const longest = (type: number): readonly number[] => [frontendRules.longest[type] ?? -1, rules.longest[type] ?? -1]
    assert.deepEqual(longest(Frontend.query), [0x3fff_ffff, 0])
    assert.deepEqual(longest(Frontend.parse), [0x3fff_ffff, 1_000])
    assert.deepEqual(longest(Frontend.sync), [5, 5])
    assert.deepEqual(longest(Frontend.password), [0, 0])
    assert.equal(rules.need, frontendRules.need)
    const open = limited(backendRules, { longest: Infinity, refused: [] })
    assert.deepEqual(open.longest, backendRules.longest)
  })
})

describe('what the pooler sends', () => {
  it('is what the manual says, byte for byte', () => {
    const error = new TaxirankError('query_canceled', 'na so was\0!')
    const built: [Buffer, string][] = [
      [build.sslRefused, 'N'],
      [build.readyForQuery(0x49), 'Z\0\0\0\x05I'],
      [build.parameterStatus('a', '\xff'), 'S\0\0\0\x08a\0\xff\0'],
      [
        build.withKey(build.loginEnd(build.parameterStatus('a', '1')), 0x7f000102, Buffer.from('abcd')),
        'R\0\0\0\x08\0\0\0\0S\0\0\0\x08a\x001\0K\0\0\0\x0c\x7f\0\x01\x02abcdZ\0\0\0\x05I',
      ],
      [
        build.withKey(build.loginEnd(Buffer.alloc(0)), 0x7f000102, Buffer.from('abcdefgh')),
        'R\0\0\0\x08\0\0\0\0K\0\0\0\x10\x7f\0\x01\x02abcdefghZ\0\0\0\x05I',
      ],
      [build.negotiateProtocolVersion(0, ['_pq_.x']), 'v\0\0\0\x13\0\x03\0\0\0\0\0\x01_pq_.x\0'],
      [build.negotiateProtocolVersion(2, []), 'v\0\0\0\x0c\0\x03\0\x02\0\0\0\0'],
      [build.errorResponse(error), 'E\0\0\0\x26SERROR\0VERROR\0C57014\0Mna so was!\0\0'],
      [build.query('select \xff'), 'Q\0\0\0\x0dselect \xff\0'],
      [build.parse('x'), 'P\0\0\0\x09\0x\0\0\0'],
      [build.copyFail('no'), 'f\0\0\0\x07no\0'],
      [build.sync, 'S\0\0\0\x04'],
      [build.terminate, 'X\0\0\0\x04'],
      [build.startupMessage([['user', 'me']], 2), '\0\0\0\x11\0\x03\0\x02user\0me\0\0'],
      [build.cancelRequest(Buffer.from('12345678')), '\0\0\0\x10\x04\xd2\x16\x2e12345678'],
    ]
    for (const [bytes, text] of built) assert.equal(hex(bytes), bytesOf(text))
  })
})

describe('what the pooler reads', () => {
  it('is what was built, wherever in a buffer it stands', () => {
    const pair = { name: 'application_name', value: 'caf\xe9' }
    const fields = { S: 'FATAL', V: 'FATAL', C: '57P01', M: 'schön' }
    assert.deepEqual(readParameterStatus(embedded(build.parameterStatus(pair.name, pair.value))), pair)
    assert.deepEqual(readParameterStatus(embedded(build.parameterStatus('', ''))), { name: '', value: '' })
    assert.deepEqual(readBackendKey(embedded(keyData('\xff\xff\xff\xffabcd'))), {
      processId: 2 ** 32 - 1,
      key: Buffer.from('\xff\xff\xff\xffabcd', 'latin1'),
    })
    assert.equal(readAuthentication(embedded(build.message('R', Buffer.alloc(4)))), 0)
    assert.deepEqual(
      readErrorFields(embedded(build.errorFields('FATAL', '57P01', 'schön'))),
      new Map(Object.entries(fields)),
    )
    assert.equal(readQuery(embedded(build.query(Buffer.from('select é').toString('latin1')))), 'select é')
    assert.equal(readQuery(embedded(build.query(''))), '')
  })

  it('keeps a copy of a key, which does not change with the chunk', () => {
    const message = embedded(keyData('\0\0\0\x01abcd'))
    const { key } = readBackendKey(message)
    message.bytes.fill(0)
    assert.equal(key.toString('latin1'), '\0\0\0\x01abcd')
  })

  it('takes an error without fields, or without the last NUL, as it is', () => {
    const read = (body: string) => [...readErrorFields(embedded(build.message('E', Buffer.from(body, 'latin1'))))]
    assert.deepEqual(read(''), [])
    assert.deepEqual(read('\0'), [])
    assert.deepEqual(read('Mtext\0'), [['M', 'text']])
    assert.deepEqual(read('Mtext\0\0Cignored\0'), [['M', 'text']])
  })

  it('tells a Parse of a named statement from one of the unnamed', () => {
    assert.equal(isNamedParse(embedded(build.parse('select 1'))), false)
    assert.equal(isNamedParse(embedded(build.message('P', Buffer.from('name\0select 1\0\0\0')))), true)
  })

  it('never goes beyond its own message', () => {
    refuses(readParameterStatus, 'S', ['', 'name', 'name\0', 'name\0value'], 'string')
    refuses(readBackendKey, 'K', ['', '\0\0\0\x01', '\0\0\0\x01abc'], 'BackendKeyData')
    refuses(readAuthentication, 'R', ['', '\0\0\0'], 'Authentication')
    refuses(readErrorFields, 'E', ['S', 'Stext', 'SERROR\0Mtext'], 'string')
    refuses(readQuery, 'Q', ['', 'select 1'], 'string')
  })

  it('refuses a Query whose text goes on behind a NUL', () => {
    refuses(readQuery, 'Q', ['select 1\0\0', 'select 1\0; drop table x\0', '\0\0'], 'Query')
  })
})

describe('which messages pass', () => {
  const lettersOf = ({ longest }: FramingRules): string =>
    [...longest.entries()]
      .filter(([, length]) => length > 0)
      .map(([type]) => String.fromCharCode(type))
      .join('')

  it('is decided by type, for each side and state', () => {
    assert.deepEqual([frontendRules, consoleRules, backendRules, backendLoginRules].map(lettersOf), [
      'BCDEFHPQSXcdf',
      'BCDEHPQSX',
      '123ACDEGHINSTVZcdnst',
      'EKNRSZv',
    ])
  })

  it('leaves out a password, which has no place behind the login, and replication', () => {
    assert.deepEqual([frontendRules.longest[Frontend.password], backendRules.longest[Backend.copyBothResponse]], [0, 0])
  })

  it('hands out whole whatever is acted on', () => {
    for (const { need, longest } of [frontendRules, backendRules, backendLoginRules, consoleRules]) {
      for (const [type, length] of longest.entries()) {
        assert.ok((need[type] as number) >= 5 && (length === 0 || (need[type] as number) <= Math.max(length, 5)))
      }
    }
    const whole = [Backend.parameterStatus, Backend.readyForQuery]
    for (const type of whole) assert.equal(backendRules.need[type], backendRules.longest[type])
    for (const [type, length] of backendLoginRules.longest.entries()) {
      if (length > 0) assert.equal(backendLoginRules.need[type], length)
    }
  })
})
