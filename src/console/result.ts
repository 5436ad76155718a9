/** What a command answers: rows under columns, each value in the type of its column. */

import type { Column } from '../wire/build-result.ts'

/** Numbers in columns of integers are whole; bigint where they may be larger than a number can be. */
export type Value = string | number | bigint | Buffer | null
export type Row = readonly Value[]

/** OIDs of pg_type. */
export const Type = { bytea: 17, int8: 20, int4: 23, text: 25, numeric: 1700 } as const

export function text(name: string): Column {
  return { name, typeOid: Type.text, typeSize: -1 }
}

export function int4(name: string): Column {
  return { name, typeOid: Type.int4, typeSize: 4 }
}

export function int8(name: string): Column {
  return { name, typeOid: Type.int8, typeSize: 8 }
}

export function numeric(name: string): Column {
  return { name, typeOid: Type.numeric, typeSize: -1 }
}

export function bytea(name: string): Column {
  return { name, typeOid: Type.bytea, typeSize: -1 }
}
