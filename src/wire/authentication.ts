/**
 * The messages of a login, in both directions: what PostgreSQL asks for and what a client answers. The answers share one
 * type byte, `p`: only the question says which of them it is.
 */

import { TaxirankError } from '../errors.ts'
import { message } from './build.ts'
import type { MessageBytes } from './read.ts'

/** What an Authentication message asks for. Buffers are copies. */
export type AuthenticationRequest =
  | { readonly name: 'ok' }
  | { readonly name: 'cleartext-password' }
  | { readonly name: 'md5-password'; readonly salt: Buffer }
  | { readonly name: 'sasl'; readonly mechanisms: readonly string[] }
  | { readonly name: 'sasl-continue'; readonly data: Buffer }
  | { readonly name: 'sasl-final'; readonly data: Buffer }
  /** A kind that isn't spoken here, by PostgreSQL's name for it. */
  | { readonly name: 'unsupported'; readonly kind: string }

const codes = { ok: 0, cleartextPassword: 3, md5Password: 5, sasl: 10, saslContinue: 11, saslFinal: 12 } as const
const unsupportedKinds: ReadonlyMap<number, string> = new Map([
  [2, 'KerberosV5'],
  [4, 'crypt'],
  [6, 'SCM credentials'],
  [7, 'GSS'],
  [8, 'GSS (continued)'],
  [9, 'SSPI'],
])
const body = 5
const bodyAfterCode = body + 4
const md5SaltBytes = 4

// What is asked for.

export const authenticationCleartextPassword = authentication(codes.cleartextPassword)

/** `salt` has 4 bytes. */
export function authenticationMd5Password(salt: Buffer): Buffer {
  return authentication(codes.md5Password, salt)
}

export function authenticationSasl(mechanisms: readonly string[]): Buffer {
  return authentication(codes.sasl, Buffer.from([...mechanisms, ''].map((name) => `${name}\0`).join(''), 'latin1'))
}

export function authenticationSaslContinue(data: Buffer): Buffer {
  return authentication(codes.saslContinue, data)
}

export function authenticationSaslFinal(data: Buffer): Buffer {
  return authentication(codes.saslFinal, data)
}

function authentication(code: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const prefix = Buffer.alloc(4)
  prefix.writeUInt32BE(code)
  return message('R', Buffer.concat([prefix, data]))
}

/** Throws `protocol_violation` for a message that is not exactly what its code announces. */
export function readAuthenticationRequest({ bytes, start, end }: MessageBytes): AuthenticationRequest {
  if (end - start < bodyAfterCode) throw malformed('Authentication')
  const code = bytes.readUInt32BE(start + body)
  const data = Buffer.from(bytes.subarray(start + bodyAfterCode, end))
  switch (code) {
    case codes.ok:
      return requireLength(data, 0, { name: 'ok' })
    case codes.cleartextPassword:
      return requireLength(data, 0, { name: 'cleartext-password' })
    case codes.md5Password:
      return requireLength(data, md5SaltBytes, { name: 'md5-password', salt: data })
    case codes.sasl:
      return { name: 'sasl', mechanisms: readMechanisms(data) }
    case codes.saslContinue:
      return { name: 'sasl-continue', data }
    case codes.saslFinal:
      return { name: 'sasl-final', data }
    default:
      return { name: 'unsupported', kind: unsupportedKinds.get(code) ?? `kind ${code}` }
  }
}

function requireLength(data: Buffer, length: number, request: AuthenticationRequest): AuthenticationRequest {
  if (data.length !== length) throw malformed('Authentication')
  return request
}

/** Names that each end in NUL, then one NUL more. */
function readMechanisms(data: Buffer): string[] {
  const text = data.toString('latin1')
  if (!text.endsWith('\0\0')) throw malformed('AuthenticationSASL')
  const names = text.slice(0, -2).split('\0')
  if (names.includes('')) throw malformed('AuthenticationSASL')
  return names
}

// What is answered.

/** `password` without its terminator. */
export function passwordMessage(password: Buffer): Buffer {
  return message('p', Buffer.concat([password, Buffer.from([0])]))
}

export function saslInitialResponse(mechanism: string, data: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  return message('p', Buffer.concat([Buffer.from(`${mechanism}\0`, 'latin1'), length, data]))
}

export function saslResponse(data: Buffer): Buffer {
  return message('p', data)
}

/** A copy of the password. Throws `protocol_violation` unless its only NUL is the last byte. */
export function readPassword({ bytes, start, end }: MessageBytes): Buffer {
  if (end <= start + body || bytes.indexOf(0, start + body) !== end - 1) throw malformed('PasswordMessage')
  return Buffer.from(bytes.subarray(start + body, end - 1))
}

/** Mechanism and a copy of the data. Throws `protocol_violation`, also if there is no data: SCRAM begins with some. */
export function readSaslInitialResponse({ bytes, start, end }: MessageBytes): { mechanism: string; data: Buffer } {
  const nameEnd = bytes.indexOf(0, start + body)
  const dataStart = nameEnd + 5
  if (nameEnd < 0 || dataStart > end || bytes.readUInt32BE(nameEnd + 1) !== end - dataStart) {
    throw malformed('SASLInitialResponse')
  }
  return {
    mechanism: bytes.toString('latin1', start + body, nameEnd),
    data: Buffer.from(bytes.subarray(dataStart, end)),
  }
}

/** A copy of the data. */
export function readSaslResponse({ bytes, start, end }: MessageBytes): Buffer {
  return Buffer.from(bytes.subarray(start + body, end))
}

function malformed(what: string): TaxirankError {
  return new TaxirankError('protocol_violation', `malformed ${what}`)
}
