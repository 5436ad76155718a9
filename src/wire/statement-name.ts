/** Where the messages of the extended protocol name a prepared statement, and how to give it another name. */

import type { MessageBytes } from './read.ts'
import { Frontend } from './messages.ts'

const body = 5
const letterS = 0x53

/**
 * Hot path. Where the name begins in a Parse, Bind, Describe or Close; it ends with a NUL. -1: the message is about a portal, or about
 * nothing that has one. -2: the name of the portal in front of it doesn't end within these bytes.
 */
export function statementNameAt({ bytes, start, end }: MessageBytes): number {
  switch (bytes[start]) {
    case Frontend.parse:
      return start + body
    case Frontend.bind:
      return behindPortal(bytes, start + body, end)
    case Frontend.describe:
    case Frontend.close:
      return bytes[start + body] === letterS ? start + body + 1 : -1
    default:
      return -1
  }
}

function behindPortal(bytes: Buffer, from: number, end: number): number {
  if (bytes[from] === 0) return from + 1
  const terminator = bytes.indexOf(0, from)
  return terminator < 0 || terminator + 1 >= end ? -2 : terminator + 1
}

/** Where the NUL behind the name stands; -1: not within these bytes. */
export function nameEnd({ bytes, end }: MessageBytes, from: number): number {
  const at = bytes.indexOf(0, from)
  return at >= end ? -1 : at
}

/**
 * Hot path. What the message begins with, up to the NUL behind the name, if what stands from `from` to `to` were `name` (ASCII). Its
 * length is that of the whole message with the other name.
 */
export function renamedHead({ bytes, start }: MessageBytes, from: number, to: number, name: string): Buffer {
  const before = from - start
  const head = Buffer.allocUnsafe(before + name.length + 1)
  bytes.copy(head, 0, start, from)
  head.write(name, before, 'latin1')
  head[before + name.length] = 0
  head.writeUInt32BE(bytes.readUInt32BE(start + 1) + name.length - (to - from), 1)
  return head
}

/** Close of a prepared statement; `name` is ASCII. PostgreSQL confirms it also where there is none. */
export function closeStatement(name: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(body + 2 + name.length)
  bytes[0] = Frontend.close
  bytes.writeUInt32BE(bytes.length - 1, 1)
  bytes[body] = letterS
  bytes.write(name, body + 1, 'latin1')
  bytes[bytes.length - 1] = 0
  return bytes
}

/** Parse of a statement of that name (ASCII). `rest`: its text, NUL and parameter types, as a byte string. */
export function parseStatement(name: string, rest: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(body + name.length + 1 + rest.length)
  bytes[0] = Frontend.parse
  bytes.writeUInt32BE(bytes.length - 1, 1)
  bytes.write(name, body, 'latin1')
  bytes[body + name.length] = 0
  bytes.write(rest, body + name.length + 1, 'latin1')
  return bytes
}
