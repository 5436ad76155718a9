/** The replies a client waits for: one object for each message, in the order in which they must come. */

import { readRow, readServerMessage } from './messages.ts'

export interface Reply {
  /** The type byte. */
  readonly type: number
  readonly what: string
  /** A sentence about what is wrong with the message's body, if something is. */
  readonly complaint: (body: Buffer) => string | undefined
}

/** The value of a field: a text, NULL, or something that looks for itself. */
export type Field = string | null | ((value: string | null) => string | undefined)
export type TransactionStatus = 'I' | 'T' | 'E'

function reply(letter: string, what: string, complaint: (body: Buffer) => string | undefined): Reply {
  return { type: letter.charCodeAt(0), what, complaint }
}

/** A message that has nothing in it. */
const bare = (letter: string, what: string): Reply =>
  reply(letter, what, (body) => (body.length === 0 ? undefined : `${body.length} surplus bytes`))

export const parseComplete = bare('1', 'ParseComplete')
export const bindComplete = bare('2', 'BindComplete')
export const closeComplete = bare('3', 'CloseComplete')
export const portalSuspended = bare('s', 'PortalSuspended')
export const emptyQuery = bare('I', 'EmptyQueryResponse')
export const copyOutDone = bare('c', 'CopyDone')
export const authenticated = reply('R', 'AuthenticationOk', (body) =>
  body.length === 4 && body.readInt32BE(0) === 0 ? undefined : 'another authentication request',
)

const columnsAt = (letter: string, what: string, offset: number, columns: number): Reply =>
  reply(letter, `${what} of ${columns} columns`, (body) =>
    body.length >= offset + 2 && body.readInt16BE(offset) === columns ? undefined : 'another number of columns',
  )

export const rowDescription = (columns: number): Reply => columnsAt('T', 'RowDescription', 0, columns)
export const parameterDescription = (count: number): Reply => columnsAt('t', 'ParameterDescription', 0, count)
export const copyInResponse = (columns: number): Reply => columnsAt('G', 'CopyInResponse', 1, columns)
export const copyOutResponse = (columns: number): Reply => columnsAt('H', 'CopyOutResponse', 1, columns)

export function row(fields: readonly Field[]): Reply {
  return reply('D', `a row ${shown(fields)}`, (body) => {
    const values = readRow(body)
    if (typeof values === 'string') return values
    if (values.length !== fields.length) return `${values.length} fields`
    for (const [index, field] of fields.entries()) {
      const complaint = fieldComplaint(field, values[index] as string | null)
      if (complaint) return `field ${index + 1}: ${complaint}`
    }
    return undefined
  })
}

export const commandComplete = (tag: string): Reply =>
  reply('C', `CommandComplete ${tag}`, (body) => textComplaint(tag, body.toString('utf8', 0, body.length - 1)))

export const copyRow = (text: string): Reply =>
  reply('d', `a copy row ${text}`, (body) => textComplaint(text, body.toString()))

export const functionResult = (value: string): Reply =>
  reply('V', `FunctionCallResponse ${value}`, (body) => {
    if (body.length < 4 || body.readInt32BE(0) !== body.length - 4) return 'a wrong length'
    return textComplaint(value, body.toString('utf8', 4))
  })

export const ready = (status: TransactionStatus): Reply =>
  reply('Z', `ReadyForQuery ${status}`, (body) => textComplaint(status, body.toString('latin1')))

/** An ERROR with this SQLSTATE, and this token anywhere in it. */
export const error = (sqlState: string, token?: string): Reply =>
  reply('E', `ERROR ${sqlState} ${token ?? ''}`, (body) => {
    const got = readServerMessage(body).sqlState
    if (got !== sqlState) return `SQLSTATE ${got}`
    return token === undefined || body.includes(token) ? undefined : 'not the token'
  })

export const notice = (token: string): Reply =>
  reply('N', `a notice ${token}`, (body) => textComplaint(token, readServerMessage(body).text))

function textComplaint(expected: string, got: string): string | undefined {
  return got === expected ? undefined : `"${clip(got)}"`
}

function fieldComplaint(field: Field, value: string | null): string | undefined {
  if (typeof field === 'function') return field(value)
  return value === field ? undefined : `"${clip(String(value))}" instead of "${clip(String(field))}"`
}

const shown = (fields: readonly Field[]): string =>
  fields.map((field) => (typeof field === 'function' ? '?' : clip(String(field)))).join('|')

function clip(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}… (${text.length} characters)` : text
}
