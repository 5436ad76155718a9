/** Builds the messages that the pooler itself sends, to either side. Every function returns one whole message. */

import type { TaxirankError } from '../errors.ts'

/** A message of `type` around a body. */
export function message(type: string, body: Buffer = noBody): Buffer {
  const bytes = Buffer.allocUnsafeSlow(5 + body.length)
  bytes[0] = type.charCodeAt(0)
  bytes.writeUInt32BE(4 + body.length, 1)
  body.copy(bytes, 5)
  return bytes
}

const noBody = Buffer.alloc(0)

/** NUL-terminated. Parameters and names are byte strings (latin1), texts of ours are UTF-8. */
function cstring(text: string, encoding: 'latin1' | 'utf8'): Buffer {
  return Buffer.from(`${text}\0`, encoding)
}

// To clients.

const authenticationOk = message('R', Buffer.from([0, 0, 0, 0]))
export const sslRefused = Buffer.from('N')
export const sslAccepted = Buffer.from('S')
const idle = message('Z', Buffer.from('I'))
const keyAndReady = Buffer.concat([message('K', Buffer.alloc(8)), idle])

export function readyForQuery(status: number): Buffer {
  return message('Z', Buffer.from([status]))
}

export function parameterStatus(name: string, value: string): Buffer {
  return message('S', Buffer.concat([cstring(name, 'latin1'), cstring(value, 'latin1')]))
}

/**
 * What ends a login well: AuthenticationOk, `report` (a ParameterStatus each), BackendKeyData without a key and
 * ReadyForQuery. `withKey` makes of it what a client gets: clients that connect for every query make that a hot path.
 */
export function loginEnd(report: Buffer): Buffer {
  return Buffer.concat([authenticationOk, report, keyAndReady])
}

/** A `loginEnd` with a message of ours directly behind AuthenticationOk. */
export function withMessage(end: Buffer, added: Buffer): Buffer {
  return Buffer.concat([authenticationOk, added, end.subarray(authenticationOk.length)])
}

/** A copy of a `loginEnd` with this key. */
export function withKey(end: Buffer, processId: number, secret: Buffer): Buffer {
  if (secret.length !== 4) return withLongKey(end, processId, secret)
  const bytes = Buffer.from(end)
  const key = bytes.length - keyAndReady.length + 5
  for (let index = 0; index < 4; index++) {
    bytes[key + index] = processId >>> (24 - 8 * index)
    bytes[key + 4 + index] = secret[index] as number
  }
  return bytes
}

/** The longer secrets of protocol 3.2. */
function withLongKey(end: Buffer, processId: number, secret: Buffer): Buffer {
  const key = Buffer.alloc(4 + secret.length)
  key.writeUInt32BE(processId)
  secret.copy(key, 4)
  return Buffer.concat([end.subarray(0, end.length - keyAndReady.length), message('K', key), idle])
}

/** Says that 3.`minor` will be spoken, and which protocol options are not known. */
export function negotiateProtocolVersion(minor: number, unknownOptions: readonly string[]): Buffer {
  const numbers = Buffer.alloc(8)
  numbers.writeUInt32BE((3 << 16) | minor, 0)
  numbers.writeUInt32BE(unknownOptions.length, 4)
  return message('v', Buffer.concat([numbers, ...unknownOptions.map((name) => cstring(name, 'latin1'))]))
}

/** An error of ours. */
export function errorResponse(error: TaxirankError): Buffer {
  return errorFields(error.severity, error.sqlState, error.message)
}

export function notice(text: string): Buffer {
  return told('N', 'NOTICE', '00000', text)
}

export function errorFields(severity: string, sqlState: string, text: string): Buffer {
  return told('E', severity, sqlState, text)
}

function told(type: 'E' | 'N', severity: string, sqlState: string, text: string): Buffer {
  const field = (letter: string, value: string): Buffer => cstring(letter + value.replaceAll('\0', ''), 'utf8')
  const fields = [field('S', severity), field('V', severity), field('C', sqlState), field('M', text)]
  return message(type, Buffer.concat([...fields, Buffer.from([0])]))
}

// To PostgreSQL.

export const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])

/** Asks for protocol 3.`minor`. `parameters` are byte strings. */
export function startupMessage(parameters: Iterable<readonly [string, string]>, minor: number): Buffer {
  const pairs: Buffer[] = []
  for (const [name, value] of parameters) pairs.push(cstring(name, 'latin1'), cstring(value, 'latin1'))
  const body = Buffer.concat([...pairs, Buffer.from([0])])
  const bytes = Buffer.alloc(8 + body.length)
  bytes.writeUInt32BE(bytes.length, 0)
  bytes.writeUInt32BE((3 << 16) | minor, 4)
  body.copy(bytes, 8)
  return bytes
}

/** `text` is a byte string. */
export function query(text: string): Buffer {
  return message('Q', cstring(text, 'latin1'))
}

/** Parse of the unnamed statement, without parameter types. `text` is a byte string. */
export function parse(text: string): Buffer {
  return message('P', Buffer.concat([cstring('', 'latin1'), cstring(text, 'latin1'), Buffer.alloc(2)]))
}

/** Bind of the unnamed statement to the unnamed portal, with values and results in text form. Values are byte strings. */
export function bind(values: readonly string[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeUInt16BE(values.length)
  const fields = values.map((value) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(value.length)
    return Buffer.concat([length, Buffer.from(value, 'latin1')])
  })
  return message('B', Buffer.concat([Buffer.alloc(4), count, ...fields, Buffer.alloc(2)]))
}

/** Execute of the unnamed portal, to its end. */
export const execute = message('E', Buffer.alloc(5))

export function copyFail(reason: string): Buffer {
  return message('f', cstring(reason, 'utf8'))
}

export const sync = message('S')
export const terminate = message('X')

/** `key` is the body of the BackendKeyData that PostgreSQL sent: process id and secret. */
export function cancelRequest(key: Buffer): Buffer {
  const bytes = Buffer.alloc(8 + key.length)
  bytes.writeUInt32BE(bytes.length, 0)
  bytes.writeUInt32BE(80_877_102, 4)
  key.copy(bytes, 8)
  return bytes
}
