/** Builds the messages of a result that is made up here: what the console answers, by either protocol. */

import { message } from './build.ts'

/** A column of such a result. `typeOid` as in pg_type; `typeSize` −1 for variable length. */
export interface Column {
  readonly name: string
  readonly typeOid: number
  readonly typeSize: number
}

/** 0: as text; 1: as binary. */
export type Format = 0 | 1

/** `formats`: one a column; absent: all are text. */
export function rowDescription(columns: readonly Column[], formats: readonly Format[] = []): Buffer {
  const described = columns.map((column, index) => {
    const tail = Buffer.alloc(18)
    tail.writeUInt32BE(column.typeOid, 6)
    tail.writeInt16BE(column.typeSize, 10)
    tail.writeInt32BE(-1, 12)
    tail.writeInt16BE(formats[index] ?? 0, 16)
    return Buffer.concat([cstring(column.name), tail])
  })
  return message('T', Buffer.concat([int16(columns.length), ...described]))
}

/** Values as they are sent; null for NULL. */
export function dataRow(values: readonly (Uint8Array | null)[]): Buffer {
  const fields = values.flatMap((value) => (value ? [int32(value.length), value] : [int32(-1)]))
  return message('D', Buffer.concat([int16(values.length), ...fields]))
}

export function commandComplete(tag: string): Buffer {
  return message('C', cstring(tag))
}

/** A NOTICE of ours. */
export function notice(text: string, detail?: string): Buffer {
  const fields = ['SNOTICE', 'VNOTICE', 'C00000', `M${text}`, ...(detail === undefined ? [] : [`D${detail}`])]
  return message('N', Buffer.concat([...fields.map(cstring), Buffer.from([0])]))
}

export const emptyQueryResponse = message('I')
export const parseComplete = message('1')
export const bindComplete = message('2')
export const closeComplete = message('3')
export const portalSuspended = message('s')
export const noData = message('n')
/** Of a statement without parameters. */
export const noParameters = message('t', Buffer.alloc(2))

function cstring(text: string): Buffer {
  return Buffer.from(`${text.replaceAll('\0', '')}\0`, 'utf8')
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
