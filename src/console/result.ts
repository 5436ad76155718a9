import type { Column } from '../wire/build.ts'

/** What a command answers: rows under columns. */
export interface Result {
  readonly tag: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly (string | null)[])[]
}

export function textColumn(name: string): Column {
  return { name, typeOid: 25, typeSize: -1 }
}

/** int4 */
export function integerColumn(name: string): Column {
  return { name, typeOid: 23, typeSize: 4 }
}
