/** Reads the few messages that the pooler acts on. Every read is bounded by its own message. */

import { TaxirankError } from '../errors.ts'

/** A whole message: `bytes[start]` is its type byte, `end` is where it ends. */
export interface MessageBytes {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
}

const body = 5

/** Name and value as byte strings. */
export function readParameterStatus({ bytes, start, end }: MessageBytes): { name: string; value: string } {
  const nameEnd = terminator(bytes, start + body, end)
  const valueEnd = terminator(bytes, nameEnd + 1, end)
  return {
    name: bytes.toString('latin1', start + body, nameEnd),
    value: bytes.toString('latin1', nameEnd + 1, valueEnd),
  }
}

/** Process id and secret together, as a cancel request repeats them: a copy. */
export function readBackendKey({ bytes, start, end }: MessageBytes): { processId: number; key: Buffer } {
  if (end - start < body + 8) throw malformed('BackendKeyData')
  return { processId: bytes.readUInt32BE(start + body), key: Buffer.from(bytes.subarray(start + body, end)) }
}

/** The request code of an Authentication message; 0 is AuthenticationOk. */
export function readAuthentication({ bytes, start, end }: MessageBytes): number {
  if (end - start < body + 4) throw malformed('Authentication')
  return bytes.readUInt32BE(start + body)
}

/** Fields of an ErrorResponse or NoticeResponse by their letter: `V` severity, `C` SQLSTATE, `M` message. */
export function readErrorFields({ bytes, start, end }: MessageBytes): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  let at = start + body
  while (at < end && bytes[at] !== 0) {
    const valueEnd = terminator(bytes, at + 1, end)
    fields.set(String.fromCharCode(bytes[at] as number), bytes.toString('utf8', at + 1, valueEnd))
    at = valueEnd + 1
  }
  return fields
}

/** Of a NotificationResponse: byte strings. */
export function readNotification({ bytes, start, end }: MessageBytes): { channel: string; payload: string } {
  const from = start + body + 4
  const channelEnd = terminator(bytes, from, end)
  const payloadEnd = terminator(bytes, channelEnd + 1, end)
  return {
    channel: bytes.toString('latin1', from, channelEnd),
    payload: bytes.toString('latin1', channelEnd + 1, payloadEnd),
  }
}

/** The values of a DataRow, in text form: byte strings, null for NULL. */
export function readDataRow({ bytes, start, end }: MessageBytes): (string | null)[] {
  if (end - start < body + 2) throw malformed('DataRow')
  const values: (string | null)[] = []
  let at = start + body + 2
  for (let left = bytes.readUInt16BE(start + body); left > 0; left--) {
    if (at + 4 > end) throw malformed('DataRow')
    const length = bytes.readInt32BE(at)
    at += 4
    if (length > end - at) throw malformed('DataRow')
    values.push(length < 0 ? null : bytes.toString('latin1', at, at + length))
    at += Math.max(0, length)
  }
  return values
}

/** A Parse of a named statement. The message's beginning is enough. */
export function isNamedParse({ bytes, start }: MessageBytes): boolean {
  return bytes[start + body] !== 0
}

/** The text of a Query, without its terminator. Throws `protocol_violation` if it is not terminated exactly once. */
export function readQuery({ bytes, start, end }: MessageBytes): string {
  if (terminator(bytes, start + body, end) !== end - 1) throw malformed('Query')
  return bytes.toString('utf8', start + body, end - 1)
}

function terminator(bytes: Buffer, from: number, end: number): number {
  const at = bytes.indexOf(0, from)
  if (at < 0 || at >= end) throw malformed('string')
  return at
}

function malformed(what: string): TaxirankError {
  return new TaxirankError('protocol_violation', `malformed ${what}`)
}
