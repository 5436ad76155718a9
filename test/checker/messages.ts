import { createHash } from 'node:crypto'

/** PostgreSQL's message types as bytes, and what the checker reads from bodies. Written from the manual, chapter 55. */

function codeOf(letter: string): number {
  return letter.charCodeAt(0)
}

/** In place of a type: a startup, SSLRequest, GSSENCRequest or CancelRequest packet. */
export const untypedPacket = 0
/** In place of a type: the single byte that answers SSLRequest and GSSENCRequest. */
export const rawReply = 1

export const frontend = {
  query: codeOf('Q'),
  functionCall: codeOf('F'),
  sync: codeOf('S'),
  flush: codeOf('H'),
  parse: codeOf('P'),
  bind: codeOf('B'),
  describe: codeOf('D'),
  execute: codeOf('E'),
  close: codeOf('C'),
  copyData: codeOf('d'),
  copyDone: codeOf('c'),
  copyFail: codeOf('f'),
  password: codeOf('p'),
  terminate: codeOf('X'),
} as const

export const backend = {
  authentication: codeOf('R'),
  keyData: codeOf('K'),
  negotiate: codeOf('v'),
  ready: codeOf('Z'),
  error: codeOf('E'),
  notice: codeOf('N'),
  parameterStatus: codeOf('S'),
  notification: codeOf('A'),
  parseComplete: codeOf('1'),
  bindComplete: codeOf('2'),
  closeComplete: codeOf('3'),
  parameterDescription: codeOf('t'),
  rowDescription: codeOf('T'),
  noData: codeOf('n'),
  commandComplete: codeOf('C'),
  emptyQuery: codeOf('I'),
  portalSuspended: codeOf('s'),
  functionResult: codeOf('V'),
  dataRow: codeOf('D'),
  copyIn: codeOf('G'),
  copyOut: codeOf('H'),
  copyData: codeOf('d'),
  copyDone: codeOf('c'),
} as const

export const packetCodes = { cancel: 80_877_102, ssl: 80_877_103, gss: 80_877_104 } as const

/** Messages that may come at any time and answer nothing. */
export function isAsynchronous(type: number): boolean {
  return type === backend.notice || type === backend.parameterStatus || type === backend.notification
}

/** The statement a Parse, Bind, Describe or Close names; undefined if it names a portal, or the name doesn't end. */
export function statementName(type: number, bytes: Buffer, start: number, end: number): string | undefined {
  const from = statementNameStart(type, bytes, start, end)
  const nul = from < 0 ? -1 : bytes.indexOf(0, from)
  return nul < 0 || nul >= end ? undefined : bytes.toString('latin1', from, nul)
}

/** Where the statement's name begins in a body; negative where there is none. */
export function statementNameStart(type: number, bytes: Buffer, start: number, end: number): number {
  if (type === frontend.parse) return start
  if (type === frontend.describe || type === frontend.close) return bytes[start] === codeOf('S') ? start + 1 : -1
  const portalEnd = type === frontend.bind ? bytes.indexOf(0, start) : -1
  return portalEnd >= 0 && portalEnd < end ? portalEnd + 1 : -1
}

const longestShown = 256

/** The text and parameter types of a Parse, to compare: short ones as they are, long ones as a digest. */
export function definitionOf(bytes: Buffer, start: number, end: number): string | undefined {
  const nameEnd = bytes.indexOf(0, start)
  if (nameEnd < 0 || nameEnd >= end) return undefined
  if (end - nameEnd <= longestShown) return bytes.toString('latin1', nameEnd + 1, end)
  return createHash('sha256')
    .update(bytes.subarray(nameEnd + 1, end))
    .digest('base64')
}

/** Whether an ErrorResponse ends the session. Field V is the severity that is never translated. */
export function isFatal(bytes: Buffer, start: number, end: number): boolean {
  const fields = bytes.toString('latin1', start, end).split('\0')
  const severity = fields.find((field) => field.startsWith('V')) ?? fields.find((field) => field.startsWith('S')) ?? ''
  return severity.endsWith('FATAL') || severity.endsWith('PANIC')
}

/** The tag of a CommandComplete that ends statements, all or one of them; undefined for any other. */
export function dropTag(bytes: Buffer, start: number, end: number): 'all' | 'one' | undefined {
  if (bytes[start] !== codeOf('D')) return undefined
  const tag = bytes.toString('latin1', start, Math.max(start, end - 1))
  if (tag === 'DISCARD ALL' || tag === 'DEALLOCATE ALL') return 'all'
  return tag === 'DEALLOCATE' ? 'one' : undefined
}

/** Whether a CommandComplete, or the text of a Query, is of a command that drops all prepared statements. */
export function dropsStatements(bytes: Buffer, start: number, end: number): boolean {
  return /\b(DISCARD|DEALLOCATE)\s+ALL\b/i.test(bytes.toString('latin1', start, end))
}

const authorization = Buffer.from('session_authorization\0')

/** The value of a ParameterStatus if it is session_authorization's. */
export function sessionAuthorization(bytes: Buffer, start: number, end: number): string | undefined {
  const valueAt = start + authorization.length
  if (valueAt > end || bytes.compare(authorization, 0, authorization.length, start, valueAt) !== 0) return undefined
  const nul = bytes.indexOf(0, valueAt)
  return bytes.toString('utf8', valueAt, nul < 0 || nul > end ? end : nul)
}

export function printable(type: number): string {
  return type > 32 && type < 127 ? `'${String.fromCharCode(type)}'` : `0x${type.toString(16).padStart(2, '0')}`
}
