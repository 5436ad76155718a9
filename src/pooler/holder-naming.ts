/**
 * `SET taxirank.holder = 'src/orders.ts:42'`: a client says which line of its code holds the server. That is for SHOW HOLDERS, and none of
 * PostgreSQL's business: the pooler answers it.
 *
 * It is understood alone in a Query, with `=` or TO, a string in single quotes or DEFAULT, or as RESET. Whatever is written otherwise (other quotes,
 * LOCAL, another statement beside it, the extended protocol) sets a custom parameter in the session, as it would anywhere.
 */

import { Frontend } from '../wire/messages.ts'
import type { RequestHead } from './request-reader.ts'

export interface HolderNaming {
  /** Of CommandComplete. */
  readonly tag: 'SET' | 'RESET'
  /** A text for people, in one line; empty: it has no name any more. */
  readonly name: string
}

/** So many bytes of a name are kept. */
const mostBytes = 256
const header = 5
/** Ends a name that was cut in the middle of a character. */
const cutCharacter = /\ufffd$/u
/** Whatever would leave its line, or can't be seen. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu

const blank = '[ \\t\\n\\v\\f\\r]'
/** Of a text with the NUL behind it. No two parts of it match the same bytes, so it takes no longer than one look at each. */
const form = new RegExp(
  `^${blank}*(?:(?<reset>reset)${blank}+taxirank\\.holder|set${blank}+taxirank\\.holder(?:${blank}*=${blank}*|${blank}+to(?:${blank}+|(?=')))` +
    `(?:'(?<quoted>[^'\\0]*(?:''[^'\\0]*)*)'|default))${blank}*(?:;${blank}*)?\\0$`,
  'i',
)

/** Hot path. What the message says of its sender; undefined, as for nearly all: nothing. */
export function holderNamingOf(message: RequestHead): HolderNaming | undefined {
  return message.type === Frontend.query && mayNameHolder(message) ? readNaming(message) : undefined
}

/** Hot path. By the first and the third letter of SET and RESET, in any case. */
function mayNameHolder({ bytes, start, end }: RequestHead): boolean {
  let at = start + header
  while (at < end && isBlank(bytes[at] as number)) at++
  const third = (bytes[at + 2] as number) | 0x20
  if (third === 0x74) return ((bytes[at] as number) | 0x20) === 0x73
  return third === 0x73 && ((bytes[at] as number) | 0x20) === 0x72
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}

function readNaming({ bytes, start, end, isTail }: RequestHead): HolderNaming | undefined {
  const groups = isTail ? form.exec(bytes.toString('latin1', start + header, end))?.groups : undefined
  if (!groups) return undefined
  const { reset, quoted = '' } = groups
  return { tag: reset === undefined ? 'SET' : 'RESET', name: shown(quoted.replaceAll("''", "'")) }
}

/** `name` is a byte string, in whatever encoding the client has: taken for UTF-8, as all names are. */
function shown(name: string): string {
  const bytes = Buffer.from(name, 'latin1')
  const text = bytes.toString('utf8', 0, mostBytes)
  return (bytes.length > mostBytes ? text.replace(cutCharacter, '') : text).replace(unprintable, '?')
}
